"""What a subscription would do with an event while it is edited: verdict, faults by field, what changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core.apps.console.preview import Latest, Preview, Workbench, events_of, subscription_of
from actions_core.apps.console.radius import Radius, blast_radius
from actions_core.engine.workspace import InstanceSpec
from tests.actions_core.apps.console.support import SOLD, TRACK, changed, registry

SLUG = "actions-fullstory-cloud"


def make_bench(settings: dict[str, Any] | None = None, **parts: Any) -> Workbench:
    """Return a bench of a FullStory instance, whose key is not in the environment."""
    given = {"apiKey": {"$env": "FULLSTORY_API_KEY"}} if settings is None else settings
    return Workbench(
        InstanceSpec("fullstory", SLUG, settings=given, **parts), registry().get(SLUG), environ={}
    )


def preview(subscription: dict[str, Any], event: Any = SOLD, bench: Workbench | None = None) -> Preview:
    """Return the preview of a subscription on an event."""
    return asyncio.run((bench or make_bench()).preview(subscription, event))


def test_a_matching_event_shows_payload_and_request() -> None:
    """The verdict, the payload and the request are those of sending, with a placeholder for the secret."""
    found = preview(TRACK)
    assert found.verdict == "sent"
    explanation = found.explanation
    assert explanation is not None
    assert explanation.payload is not None
    assert explanation.payload["name"] == "Order Completed"
    assert explanation.request is not None
    assert explanation.request.url == "https://api.fullstory.com/v2/events"
    assert "FULLSTORY_API_KEY" not in explanation.curl
    assert found.by_field() == {}


def test_an_event_that_does_not_match_shows_what_was_found() -> None:
    """The trace has each comparison with the value of the event."""
    found = preview(changed(TRACK, subscribe='type = "track" and properties.total > 50'))
    assert found.verdict == "skipped"
    assert found.explanation is not None
    assert found.explanation.trace is not None
    assert [part.value for part in found.explanation.trace.parts] == ["track", 19.99]


def test_a_subscription_and_an_instance_that_are_disabled_are_tried_all_the_same() -> None:
    """Who edits a mapping sees what it does before it is switched on."""
    assert preview(changed(TRACK, enabled=False), bench=make_bench(enabled=False)).verdict == "sent"


def test_faults_stand_at_their_fields() -> None:
    """Faults of the mapping, missing fields and values of the wrong kind are told by field, all at once."""
    mapping = {
        "userId": {"@pth": "$.userId"},
        "name": {"@path": "$.event"},
        "properties": {"@jmespath": "properties["},
    }
    found = preview(changed(TRACK, mapping=mapping))
    assert found.verdict == "faulty"
    assert found.explanation is None
    assert sorted(found.by_field()) == ["properties", "userId"]

    mapping = {"properties": {"@path": "$.event"}, "timestamp": "yesterday"}
    found = preview(changed(TRACK, mapping=mapping))
    assert found.verdict == "refused"
    assert sorted(found.by_field()) == ["name", "properties", "timestamp"]
    assert "missing" in found.by_field()["name"][0].message


def test_faults_of_the_trigger_and_of_the_action_stand_there() -> None:
    """What is wrong beside the mapping is found by its part."""
    found = preview(changed(TRACK, subscribe="type =", partnerAction="gone"))
    assert found.verdict == "faulty"
    assert len(found.of_part("subscribe")) == 1
    assert "no action 'gone'" in found.of_part("partnerAction")[0].message


def test_a_key_with_a_dot_is_one_field() -> None:
    """The dot of a key is no end of it."""
    found = preview(changed(TRACK, mapping={"a.b": {"@pth": ""}}))
    assert list(found.by_field()) == ["a.b"]


@pytest.mark.parametrize("event", [{"type": "nothing"}, [], None, {"event": "x"}])
def test_what_is_no_event_says_so(event: Any) -> None:
    """A sample that is not an event gives a sentence, and the faults of the subscription all the same."""
    found = preview(changed(TRACK, mapping={"name": {"@pth": ""}}), event)
    assert found.error
    assert list(found.by_field()) == ["name"]
    assert preview(TRACK, event).verdict == "no event"


def test_settings_that_are_missing_have_placeholders() -> None:
    """A mapping can be tried before the settings are there, and it is said what stands in for them."""
    assert "FULLSTORY_API_KEY is not set here" in make_bench().notes[0].message
    bench = make_bench({"baseUrl": "nonsense"})
    assert {problem.path for problem in bench.notes} == {"$.settings", "$.settings.baseUrl"}
    assert preview(TRACK, bench=bench).verdict == "sent"
    assert make_bench({"apiKey": "plain"}).notes == ()


def test_a_variable_of_a_mapping_has_a_placeholder() -> None:
    """A mapping with a variable that is not set here can be tried, and it is said what stands in for it."""
    found = preview(changed(TRACK, mapping={"name": {"$env": "EVENT_NAME"}, "userId": "u-1"}))
    assert found.verdict == "sent"
    assert [problem.message for problem in found.problems if not problem.is_error] == [
        "EVENT_NAME is not set here: a placeholder stands for it"
    ]


def test_filters_and_consent_of_the_instance_count() -> None:
    """An event that the instance would not get is skipped with that reason."""
    filters = ({"if": 'event = "Order Completed"', "actions": [{"type": "DROP"}]},)
    found = preview(TRACK, bench=make_bench(filters=filters))
    assert found.verdict == "skipped"
    refused = preview(TRACK, changed(SOLD, integrations={"All": False}))
    assert refused.explanation is not None
    assert "integrations" in refused.explanation.reason


def test_an_event_is_not_changed_by_its_preview() -> None:
    """A sample stays as it is, however often it is tried."""
    event = changed(SOLD)
    preview(TRACK, event)
    assert event == SOLD


def test_the_latest_wins() -> None:
    """One runs, one is wanted: what was asked for in between is never made."""
    made: list[int] = []
    release = asyncio.Event()

    async def run(value: int) -> None:
        made.append(value)
        await release.wait()

    async def work() -> None:
        latest = Latest(run)
        latest.ask(1)
        await asyncio.sleep(0)
        for value in (2, 3, 4):
            latest.ask(value)
        release.set()
        await latest.settle()
        latest.ask(5)
        await latest.settle()

    asyncio.run(work())
    assert made == [1, 4, 5]


def test_a_preview_that_cannot_be_shown_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong in one is logged, and what was asked for after it is made."""
    made: list[int] = []

    async def run(value: int) -> None:
        if value == 1:
            raise RuntimeError("broken")
        made.append(value)

    async def work() -> None:
        latest = Latest(run)
        latest.ask(1)
        await asyncio.sleep(0)
        latest.ask(2)
        await latest.settle()

    asyncio.run(work())
    assert made == [2]
    assert "a preview could not be shown" in caplog.text


# -- blast radius ------------------------------------------------------------------------------------


EVENTS = events_of(
    [
        changed(SOLD, messageId=f"m-{number}", event=f"E{number % 4}", properties={"n": number})
        for number in range(20)
    ]
)


def radius(saved: dict[str, Any] | None, edited: dict[str, Any]) -> Radius:
    """Return what an edit changes for the events."""
    bench = make_bench()
    before = None if saved is None else bench.compile(subscription_of(saved))[0]
    after = bench.compile(subscription_of(edited))[0]
    assert after is not None
    return asyncio.run(blast_radius(before, after, EVENTS))


def test_an_edit_that_changes_nothing_has_no_radius() -> None:
    """Another spelling of the same thing touches no event."""
    edited = changed(TRACK, name="Renamed", mapping={**TRACK["mapping"], "name": {"@template": "{{event}}"}})
    assert radius(TRACK, edited) == Radius(20, ())
    assert str(radius(TRACK, edited)) == "changes none of the last 20 events"
    assert str(Radius()) == "there are no recent events to compare with"


def test_each_event_that_is_touched_is_counted_by_what_becomes_of_it() -> None:
    """Sent before and not any more, sent in another way, and refused are told apart, each with its reason."""
    edited = changed(
        TRACK,
        subscribe='type = "track" and event != "E1"',
        mapping={
            **TRACK["mapping"],
            "name": {"@if": {"exists": {"@path": "$.none"}, "then": "x", "else": {"@path": "$.event"}}},
            "timestamp": {"@replace": {"pattern": "E2", "replacement": "x", "value": {"@path": "$.event"}}},
        },
    )
    found = radius(TRACK, edited)
    assert found.counts() == {"no longer sent": 5, "now refused": 15}
    assert str(found) == "changes 20 of the last 20 events: 5 no longer sent, 15 now refused"
    assert all(change.reason and not change.lines for change in found.changes)


def test_another_request_has_its_difference() -> None:
    """The lines show what goes out differently, without the key that every edit changes."""
    edited = changed(TRACK, mapping={**TRACK["mapping"], "name": {"@template": "Shop {{event}}"}})
    found = radius(TRACK, edited)
    assert found.counts() == {"another request": 20}
    lines = found.changes[0].lines
    assert [line.strip(" +-,") for line in lines if line[0] in "+-"] == ['"name": "E0"', '"name": "Shop E0"']


def test_a_new_subscription_sends_what_it_matches() -> None:
    """Beside nothing, each event that matches is sent now; one that would be refused says so."""
    assert radius(None, TRACK).counts() == {"now sent": 20}
    refused = changed(TRACK, mapping={})
    assert radius(None, refused).counts() == {"now refused": 20}
    assert radius(refused, TRACK).counts() == {"no longer refused": 20}
    assert radius(TRACK, changed(TRACK, subscribe='type = "page"')).counts() == {"no longer sent": 20}
    assert radius(refused, changed(TRACK, subscribe='type = "page"')) == Radius(20, ())


def test_what_is_no_event_is_left_out() -> None:
    """Samples that are not events are not counted."""
    assert [event["messageId"] for event in events_of([SOLD, {}, None, {"type": "x"}])] == ["m-1"]
