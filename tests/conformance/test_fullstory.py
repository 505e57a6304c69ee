"""The vectors of FullStory: 300 events with a mapping each, and the request that has to come out."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory import destination

from actions_core import Engine, PayloadError, Registry, Workspace
from actions_core.engine.results import Status
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from actions_core import Request
    from actions_core.engine.results import Result

CASES = json.loads(Path(__file__).with_name("fullstory.json").read_text(encoding="utf-8"))["fullstory"]
HEADERS = ("authorization", "content-type", "integration-source")


def deliver(case: dict[str, Any]) -> tuple[Result, list[Request]]:
    """The result of the case's one subscription, and the requests that were made."""
    registry = Registry()
    registry.register(destination)
    subscription = {
        "partnerAction": case["action"],
        "subscribe": f'type = "{case["event"]["type"]}"',
        "mapping": case["mapping"],
    }
    workspace = Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": "fullstory",
                    "destination": destination.slug,
                    "settings": case["settings"],
                    "subscriptions": [subscription],
                }
            ]
        }
    )

    async def main() -> tuple[Result, list[Request]]:
        transport = RecordingTransport()
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            (result,) = (await engine.send(case["event"])).results
        return result, transport.requests

    return asyncio.run(main())


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON, where `1` is `1.0` but `True` is no `1`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def without_the_made_time(body: Any, started: datetime) -> Any:
    """The body without its event's time, which must be one between `started` and now.

    An event without a time happened when it came in; the vectors come from a framework without such a rule.
    """
    if "timestamp" not in body and isinstance(body.get("event"), dict):
        return {**body, "event": without_the_made_time(body["event"], started)}
    if "timestamp" in body:
        assert started <= datetime.fromisoformat(body["timestamp"]) <= datetime.now(UTC)
    return {key: value for key, value in body.items() if key != "timestamp"}


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_request(case: dict[str, Any]) -> None:
    """The event gives exactly this request, or is refused for its payload before any request."""
    started = datetime.now(UTC) - timedelta(milliseconds=1)
    result, requests = deliver(case)
    if "error" in case:
        assert result.status is Status.FAILED
        assert isinstance(result.error, PayloadError)
        assert requests == []
        return
    assert result.status is Status.SENT, result.error
    (request,) = requests
    expected = case["request"]
    body = request.json
    if not case["event"].get("timestamp") and "$.timestamp" in json.dumps(case["mapping"]):
        body = without_the_made_time(body, started)
    assert (request.method, request.url) == (expected["method"], expected["url"])
    assert same(body, expected["json"])
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("content-type", request.content()[1] or "")
    assert {name: headers[name] for name in HEADERS} == {name: expected["headers"][name] for name in HEADERS}
