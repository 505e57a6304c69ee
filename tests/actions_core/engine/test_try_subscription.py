"""A subscription that is tried: one event goes through it, whether the workspace has it or not."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from actions_core import (
    DefinitionError,
    Engine,
    EventError,
    Response,
    Result,
    Status,
    Workspace,
    WorkspaceError,
)
from actions_core.engine.instances import with_subscription
from actions_core.engine.workspace import SubscriptionSpec
from actions_core.testing import RecordingTransport, make_event

WORKSPACE = {
    "destinations": [
        {
            "id": "fullstory",
            "destination": "actions-fullstory-cloud",
            "enabled": False,
            "settings": {"apiKey": "na1.key"},
            "subscriptions": [
                {
                    "name": "Saved",
                    "partnerAction": "trackEventV2",
                    "subscribe": 'type = "track"',
                    "mapping": {},
                }
            ],
        }
    ]
}
TRIED = SubscriptionSpec(
    "Tried",
    "trackEventV2",
    'type = "track"',
    {"name": {"@template": "Shop {{event}}"}, "userId": {"@path": "$.userId"}},
    enabled=False,
)


def attempt(
    subscription: SubscriptionSpec, event: Any, instance: str = "fullstory"
) -> tuple[Any, Result, list[Result]]:
    """Return what was sent, the result, and the results that a listener was told."""
    told: list[Result] = []
    transport = RecordingTransport()

    async def work() -> Result:
        workspace = Workspace.from_dict(WORKSPACE)
        async with Engine(workspace, transport=transport, on_result=told.append) as engine:
            return await engine.try_subscription(instance, subscription, event)

    result = asyncio.run(work())
    return transport.requests, result, told


def test_an_event_goes_through_the_tried_subscription_alone() -> None:
    """It is sent by the mapping that is tried, though instance and subscription are disabled, and is told."""
    requests, result, told = attempt(TRIED, make_event())
    assert [request.json["name"] for request in requests] == ["Shop Test Event"]
    assert result.status is Status.SENT
    assert result.subscription == "Tried"
    assert [one.subscription for one in told] == ["Tried"]


@pytest.mark.parametrize("status", [429, 503])
def test_there_is_one_try(status: int) -> None:
    """Who tries something wants to see the first outcome, not that of the last of five tries."""
    transport = RecordingTransport([Response(status)])

    async def work() -> Result:
        async with Engine(Workspace.from_dict(WORKSPACE), transport=transport) as engine:
            return await engine.try_subscription("fullstory", TRIED, make_event())

    result = asyncio.run(work())
    assert result.status is Status.FAILED
    assert len(transport.requests) == 1


def test_an_event_that_does_not_match_is_skipped() -> None:
    """The condition counts: what does not match is not sent."""
    requests, result, _ = attempt(attrs.evolve(TRIED, subscribe='type = "page"'), make_event())
    assert requests == []
    assert result.status is Status.SKIPPED
    assert "does not match" in result.reason


def test_what_cannot_be_tried_raises() -> None:
    """A faulty subscription tells everything at once; so is what cannot be sent at all."""
    faulty = attrs.evolve(TRIED, subscribe="type =", mapping={"name": {"@pth": ""}})
    with pytest.raises(DefinitionError) as raised:
        attempt(faulty, make_event())
    assert [problem.path for problem in raised.value.problems] == ["$.subscribe", "$.mapping.name"]
    with pytest.raises(WorkspaceError, match="no instance 'gone'"):
        attempt(TRIED, make_event(), "gone")
    with pytest.raises(EventError):
        attempt(TRIED, {"type": "nothing"})


def test_only_the_subscription_is_compiled() -> None:
    """Everything else is shared with the instance, which stays as it is."""
    engine = Engine(Workspace.from_dict(WORKSPACE))
    instance = engine.instances["fullstory"]
    made, problems = with_subscription(instance, TRIED)
    assert made is not None
    assert problems == []
    assert made.lane is instance.lane
    assert [pipeline.name for pipeline in made.pipelines] == ["Tried"]
    assert [pipeline.name for pipeline in instance.pipelines] == ["Saved"]
    missing, problems = with_subscription(instance, attrs.evolve(TRIED, partner_action="gone"), "$.x")
    assert missing is None
    assert [problem.path for problem in problems] == ["$.x.partnerAction"]
