"""What is warned of in a workspace that works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.authoring.advice import advise
from actions_core.authoring.sample_keys import SampleKeys
from actions_core.destination import load_destination
from actions_core.engine.workspace import Workspace

if TYPE_CHECKING:
    from actions_core.errors import Problem

TRACK = 'type = "track"'
REPEATED = "has the condition, the action and the mapping of subscription"
NAME = {"label": "Name", "type": "string", "default": {"@path": "$.properties.name"}}
SHOP = load_destination(
    {
        "slug": "shop",
        "name": "Shop",
        "authentication": {
            "scheme": "custom",
            "fields": {
                "key": {"label": "Key", "type": "password"},
                "region": {"label": "Region", "type": "string"},
            },
        },
        "actions": {
            "old": {"title": "Old", "supersededBy": "new", "fields": {"name": NAME}},
            "new": {"title": "New", "fields": {"name": NAME}},
        },
        "presets": [{"name": "All", "type": "automatic", "partnerAction": "new", "subscribe": TRACK}],
    }
)


def advice(*, samples: list[Any] | None = None, **instance: Any) -> list[Problem]:
    """The warnings of a workspace with one instance of the shop."""
    workspace = Workspace.from_dict({"destinations": [{"id": "my-shop", "destination": "shop", **instance}]})
    return advise(workspace, {"shop": SHOP}, None if samples is None else SampleKeys(samples))


def subscription(**changes: Any) -> dict[str, Any]:
    """A subscription of which there is nothing to say."""
    return {"partnerAction": "new", "subscribe": TRACK, "mapping": {"name": {"@path": "$.event"}}, **changes}


def test_a_good_workspace_has_no_warnings() -> None:
    """Secrets from the environment, presets, and an unknown destination, which is an error elsewhere."""
    settings = {"key": {"$env": "SHOP_KEY"}, "region": "eu", "oauth": {"access_token": {"$env": "T"}}}
    assert (
        advice(settings=settings, subscriptions=[subscription()], samples=[{"type": "track", "event": "A"}])
        == []
    )
    assert advice(subscriptions="presets") == []
    workspace = Workspace.from_dict({"destinations": [{"destination": "unknown", "settings": {"key": "k"}}]})
    assert advise(workspace, {"shop": SHOP}) == []


def test_a_secret_in_clear_is_told_and_not_shown() -> None:
    """With the line that takes it from the environment instead."""
    found = advice(settings={"key": "s3cret", "oauth": {"access_token": "t0ken", "clientId": "id"}})
    assert [problem.path for problem in found] == [
        "$.destinations[0].settings.key",
        "$.destinations[0].settings.oauth.access_token",
    ]
    assert '{"$env": "MY_SHOP_KEY"}' in found[0].message
    assert not any("s3cret" in problem.message or "t0ken" in problem.message for problem in found)


def test_subscriptions_that_cannot_be_meant_are_told() -> None:
    """Superseded actions, conditions that never hold, and the same once more in other words."""
    both = 'type = "track" and event = "A"'
    found = advice(
        subscriptions=[
            subscription(partnerAction="old"),
            subscription(subscribe='type = "track" and type = "page"'),
            subscription(subscribe=both),
            subscription(subscribe='event = "A" and (type = "track")'),
            subscription(subscribe=both, enabled=False),
            subscription(subscribe=both, mapping={"name": "other"}),
        ]
    )
    start = "$.destinations[0].subscriptions"
    assert [(problem.path.removeprefix(start), problem.message) for problem in found] == [
        ("[0].partnerAction", "old is superseded by new"),
        ("[1].subscribe", "no event can match this condition"),
        (
            "[3]",
            f"{REPEATED} 2: each event that matches is delivered twice",
        ),
    ]


def test_keys_that_no_sample_has_are_told_where_they_are_read() -> None:
    """In conditions, in each field of a mapping, in filters, in defaults and in presets."""
    samples = [{"type": "track", "event": "A", "properties": {"title": "x"}}]
    filters = [{"if": 'properties.titel = "x"', "actions": [{"type": "DROP"}]}]
    defaults = {"partnerAction": "new", "subscribe": 'type = "track" and traits.plan = "x"'}
    whole = {"@merge": {"objects": [{"name": {"@path": "$.traits.name"}}], "direction": "right"}}
    found = advice(
        samples=samples,
        filters=filters,
        subscriptions=[
            defaults,
            subscription(mapping={"name": {"@path": "$.evnt"}}),
            subscription(mapping=whole),
        ],
    )
    start = "$.destinations[0]."
    assert [problem.path.removeprefix(start) for problem in found] == [
        "filters[0].if",
        "subscriptions[0].subscribe",
        "subscriptions[0].name",
        "subscriptions[1].mapping.name",
        "subscriptions[2].mapping",
    ]
    (preset,) = advice(samples=samples, subscriptions="presets")
    assert preset.message.startswith("the preset 'All': the sample has no 'properties.name'")


def test_what_does_not_compile_is_left_to_the_engine() -> None:
    """A faulty condition or mapping is an error already."""
    faulty = [
        subscription(subscribe="type ="),
        subscription(mapping={"name": {"@nope": 1}}),
        subscription(partnerAction="x"),
    ]
    assert advice(subscriptions=faulty, samples=[{"type": "track", "event": "A"}]) == []


def test_directives_that_segment_does_not_know_are_told() -> None:
    """A mapping with one of ours cannot be taken back to Segment; the warning has the field's path."""
    mapping = {"name": {"@path": "$.event"}, "userId": {"@if": {"exists": 1, "then": {"@hash": "x"}}}}
    found = advice(subscriptions=[subscription(mapping=mapping)])
    assert [
        (problem.path, problem.message.partition(":")[0]) for problem in found if "@" in problem.message
    ] == [("$.destinations[0].subscriptions[0].mapping.userId", "@hash is not known to Segment")]
