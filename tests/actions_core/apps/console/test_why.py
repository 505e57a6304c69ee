"""Why an event is sent or not, in words with the values found, and how many dead letters would pass now."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import EventError, Workspace, WorkspaceError
from actions_core.apps.console.feed import Ring
from actions_core.apps.console.samples import made_sample, read_pasted, recent_samples
from actions_core.apps.console.why import Explainer, Passing, event_title, shown, verdict_on
from actions_core.delivery.letters import DeadLetter
from tests.actions_core.apps.console.support import INSTANCE, SOLD, TRACK, changed, registry

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject


def workspace(*subscriptions: JsonObject, **parts: Any) -> Workspace:
    """Return a workspace with an instance of FullStory whose key is not in the environment."""
    given = changed(INSTANCE, subscriptions=list(subscriptions) or [TRACK], **parts)
    return Workspace.from_dict({"destinations": [given]})


def verdict(event: Any = SOLD, **parts: Any) -> tuple[str, str, tuple[str, ...]]:
    """Return the verdict on an event in the first subscription."""
    subscribe = parts.pop("subscribe", TRACK["subscribe"])
    mapping = parts.pop("mapping", TRACK["mapping"])
    made = workspace(changed(TRACK, subscribe=subscribe, mapping=mapping), **parts)
    explanation = asyncio.run(Explainer(registry(), {}).explain(made, event))
    found = verdict_on(explanation.deliveries[0])
    return found.tone, found.word, found.reasons


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ("good", "Would be sent", ())),
        (
            {"subscribe": 'type = "track" and event = "Signed Up"'},
            (
                "neutral",
                "Not for it",
                ('It wants event = "Signed Up", and the event has "Order Completed".',),
            ),
        ),
        (
            {"subscribe": 'type = "identify" or properties.plan = "pro"'},
            (
                "neutral",
                "Not for it",
                (
                    'It wants type = "identify", and the event has "track".',
                    'It wants properties.plan = "pro", and the event has no such value.',
                ),
            ),
        ),
        (
            {"subscribe": '!(event = "Order Completed")'},
            (
                "neutral",
                "Not for it",
                ('It wants !(event = "Order Completed"), and the event has "Order Completed".',),
            ),
        ),
        (
            {"enabled": False},
            ("neutral", "Not sent", ("The instance is disabled.",)),
        ),
        (
            {"filters": [{"if": 'event = "Order Completed"', "actions": [{"type": "DROP"}]}]},
            ("neutral", "Filtered out", ('The filter event = "Order Completed" drops it.',)),
        ),
        (
            {"event": {**SOLD, "integrations": {"All": False}}},
            ("neutral", "Not sent", ("The event's integrations have 'All' false.",)),
        ),
    ],
)
def test_each_reason_is_said_in_words(
    parts: dict[str, Any], expected: tuple[str, str, tuple[str, ...]]
) -> None:
    """Sent, filtered, disabled, not permitted, or a condition with what it wants and what it found."""
    assert verdict(**parts) == expected


def test_what_would_fail_says_which_field() -> None:
    """A payload that is not valid is a failure, with the field and what is wrong with it."""
    tone, word, reasons = verdict(mapping={"userId": {"@path": "$.userId"}})
    assert (tone, word) == ("bad", "Would fail")
    assert any("name" in reason for reason in reasons)


def letter(number: int, event: Any, subscription: str = "Track") -> DeadLetter:
    """Return a dead letter of the instance."""
    body = event if isinstance(event, str) else json.dumps(event)
    return DeadLetter(number, "fullstory", subscription, "m", "X", None, "r", "", 1, 1, 1, 1, body)


def test_how_many_dead_letters_would_pass_now() -> None:
    """By the subscriptions that gave them up, as the workspace has them now; one that would not says why."""
    explainer = Explainer(registry(), {})
    nameless = {key: value for key, value in SOLD.items() if key != "event"}
    letters = [letter(1, SOLD), letter(2, nameless), letter(3, SOLD)]
    before = asyncio.run(explainer.passing(workspace(), letters))
    assert (before.passing, before.looked_at) == (2, 3)
    assert "name" in before.reason
    mended = workspace(changed(TRACK, mapping={**TRACK["mapping"], "name": "Order"}))
    assert asyncio.run(explainer.passing(mended, letters)) == Passing(3, 3)
    gone = asyncio.run(explainer.passing(mended, [letter(1, SOLD, "Gone")]))
    assert gone == Passing(0, 1, "the workspace no longer has this subscription")
    for body in ("{oops", "[]", '{"type": "nothing"}'):
        assert asyncio.run(explainer.passing(mended, [letter(1, body)])).passing == 0


def test_a_workspace_is_compiled_once() -> None:
    """The same workspace has the same engine, another one its own, and a faulty one is refused in words."""
    explainer = Explainer(registry(), {})
    first = workspace()
    assert explainer.engine(first) is explainer.engine(first)
    assert explainer.engine(workspace()) is not explainer.engine(first)
    with pytest.raises(WorkspaceError, match="partnerAction"):
        explainer.engine(workspace(changed(TRACK, partnerAction="nothing")))


def test_pasted_events() -> None:
    """JSON of one event, or of a list of one; what is wrong with it is said."""
    assert read_pasted(json.dumps(SOLD)) == SOLD
    assert read_pasted(f" [{json.dumps(SOLD)}] ") == SOLD
    assert read_pasted('{"type": "page"}')["messageId"]
    for text, said in (
        ("", "paste an event"),
        ("{oops", "not JSON"),
        ("[{}, {}]", "these are 2 events"),
        ("[]", "these are 0 events"),
        ("3", "an event is a JSON object"),
        ('{"type": "other"}', "must be one of"),
        ('"\ud800"', "UTF-8"),
    ):
        with pytest.raises(EventError, match=said):
            read_pasted(text)


@pytest.mark.parametrize(
    "subscribe", ['type = "identify"', 'event = "Order Completed" and properties.total > 10', "(oops"]
)
def test_an_event_is_made_for_a_subscription(subscribe: str) -> None:
    """It is one that the condition takes, where that can be read, with what the mapping reads."""
    destination = registry().get("actions-fullstory-cloud")
    sample = made_sample(destination, "trackEventV2", subscribe, {"name": {"@path": "$.properties.label"}})
    assert sample.event["properties"]["label"]
    if "oops" not in subscribe:
        found = verdict(sample.event, subscribe=subscribe, mapping={"name": "x", "userId": "u"})
        assert found[:2] == ("good", "Would be sent")


def test_events_that_came_through() -> None:
    """They are listed by what they are, the newest first, each once, with where they come from."""
    ring = Ring()
    ring.remember(SOLD)
    ring.remember({"type": "page", "name": "Home", "messageId": "m-2"})
    samples = asyncio.run(recent_samples([ring, ring]))
    assert [(sample.title, sample.origin) for sample in samples] == [
        ("page · Home", "this process"),
        ("track · Order Completed", "this process"),
    ]
    assert event_title({}) == "event"
    assert shown("x" * 500).endswith("…")
