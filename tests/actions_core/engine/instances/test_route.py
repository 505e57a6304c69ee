"""Routing: one step for each subscription that an event could be for, before anything is mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Engine, PayloadError, Registry, Request, Workspace, load_destination
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Step

FIELD = {
    "label": "L",
    "description": "D",
    "type": "string",
    "required": True,
    "default": {"@path": "$.event"},
}


def make_instance(*, enabled: bool = True, filters: list[Any] | None = None) -> Instance:
    """An instance with a subscription for tracks, one for pages, and deletion."""
    destination = load_destination(
        {
            "slug": "routed",
            "name": "Routed",
            "mode": "cloud",
            "actions": {"add": {"title": "Add", "description": "D", "fields": {"name": FIELD}}},
        }
    )

    @destination.action("add")
    def add(name: str) -> Request:
        return Request("POST", "https://api.test", json={"name": name})

    @destination.on_delete
    def delete(user_id: str | None) -> Request:
        return Request("DELETE", f"https://api.test/{user_id}")

    registry = Registry()
    registry.register(destination)
    subscriptions = [
        {"name": kind, "partnerAction": "add", "subscribe": f'type = "{kind}"'} for kind in ("track", "page")
    ]
    instance = {
        "id": "one",
        "destination": "routed",
        "enabled": enabled,
        "subscriptions": subscriptions,
        "filters": filters or [],
    }
    engine = Engine(
        Workspace.from_dict({"destinations": [instance]}), registry=registry, transport=RecordingTransport()
    )
    return engine.instances["one"]


def reasons(steps: list[Step]) -> list[str | None]:
    """Why each step is skipped; None where it matched."""
    return [None if step.skipped is None else step.skipped.reason for step in steps]


def test_each_subscription_has_a_step() -> None:
    """A subscription that matches gets a step with the payload, another one a step with the reason."""
    steps = make_instance().route({"type": "track", "event": "Sold"})
    assert [step.pipeline.name for step in steps] == ["track", "page"]
    assert reasons(steps) == [None, 'the subscription type = "page" does not match']
    assert steps[0].payload() == {"name": "Sold"}


def test_one_subscription_can_be_asked_for() -> None:
    """With `only` there is a step for that subscription alone, matched or skipped."""
    instance = make_instance()
    track, page = instance.pipelines
    assert reasons(instance.route({"type": "track"}, only=track)) == [None]
    assert reasons(instance.route({"type": "track"}, only=page)) == [page.reason]
    assert instance.deletion is not None
    assert reasons(instance.route({"type": "track"}, only=instance.deletion)) == ["the event is not for it"]


def test_an_event_that_cannot_be_mapped_has_its_step_all_the_same() -> None:
    """Routing maps nothing: an error of the payload comes from the step, when it is asked for one."""
    (step,) = make_instance().route({"type": "track"}, only=make_instance().pipelines[0])
    with pytest.raises(PayloadError):
        step.payload()


def test_only_delete_events_have_a_step_for_the_deletion() -> None:
    """A `delete` event has one step more, by the same function as the others."""
    steps = make_instance().route({"type": "delete", "userId": 7})
    assert reasons(steps)[2] is None
    assert steps[2].payload() == {"user_id": "7", "anonymous_id": None}
    assert len(make_instance().route({"type": "track"})) == 2


def test_filters_come_first() -> None:
    """A dropped event is skipped everywhere for that reason; steps see the event as filters left it."""
    drop = [{"if": 'event = "Secret"', "actions": [{"type": "DROP"}], "name": "No secrets"}]
    instance = make_instance(filters=drop)
    assert (
        reasons(instance.route({"type": "track", "event": "Secret"}))
        == ["the filter No secrets drops the event"] * 2
    )
    removing = [{"if": 'type = "track"', "actions": [{"type": "DROP_PROPERTIES", "fields": {"": ["event"]}}]}]
    event = {"type": "track", "event": "Sold"}
    (step, _) = make_instance(filters=removing).route(event)
    assert (step.event, event) == ({"type": "track"}, {"type": "track", "event": "Sold"})


def test_a_disabled_instance_skips_everything() -> None:
    """Each step of a disabled instance is skipped, with that as the reason."""
    assert reasons(make_instance(enabled=False).route({"type": "track"})) == ["the instance is disabled"] * 2
