"""Over the vectors of FullStory: an explanation tells what delivery does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory import destination

from actions_core import Engine, Registry, SubscriptionExplanation, Workspace
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from actions_core import Result

CASES = json.loads(Path(__file__).with_name("fullstory.json").read_text(encoding="utf-8"))["fullstory"]


def explain_and_send(case: dict[str, Any]) -> tuple[SubscriptionExplanation, int, Result]:
    """What is explained, how many requests that made, and what then happens."""
    registry = Registry()
    registry.register(destination)
    subscription = {
        "partnerAction": case["action"],
        "subscribe": f'type = "{case["event"]["type"]}"',
        "mapping": case["mapping"],
    }
    instance = {
        "destination": destination.slug,
        "settings": case["settings"],
        "subscriptions": [subscription],
    }
    workspace = Workspace.from_dict({"destinations": [instance]})

    # Both ways make the times that are missing, each at its own moment.
    event = {
        "timestamp": "2026-01-02T03:04:05.000Z",
        "receivedAt": "2026-01-02T03:04:05.000Z",
        **case["event"],
    }

    async def main() -> tuple[SubscriptionExplanation, int, Result]:
        transport = RecordingTransport()
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            (explained,) = (await engine.explain(event)).deliveries
            before = len(transport.requests)
            (result,) = (await engine.send(event)).results
        return explained, before, result

    return asyncio.run(main())


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_explained_request_is_the_one_sent(case: dict[str, Any]) -> None:
    """Request, problems and warnings are those of the delivery, secrets masked; explaining sends nothing."""
    explained, before, result = explain_and_send(case)
    assert before == 0
    assert explained.request == result.request
    assert explained.warnings == result.warnings
    assert explained.problems == (() if result.error is None else result.error.problems)
    assert case["settings"]["apiKey"] not in explained.curl
    assert bool(explained.curl) is (result.error is None)
