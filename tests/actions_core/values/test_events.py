"""What may come in as an event."""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from typing import Any

import attrs
import pytest

from actions_core.errors import EventError
from actions_core.values.events import ADDED_BYTES, EVENT_TYPES, MAX_EVENT_BYTES, check_event, message_id_of

TIMES = {"timestamp": "2026-01-02T03:04:05.000Z", "receivedAt": "2026-01-02T03:04:06.000Z"}


def nested(depth: int, step: str = "list") -> Any:
    """A value nested so deep."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if step == "list" else {"a": value}
    return value


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_type_of_event_is_taken(kind: str) -> None:
    """An object with one of the seven types, a messageId and times is taken as it is, as a copy."""
    event = {"type": kind, "messageId": "m", "context": {}, **TIMES}
    taken = check_event(event)
    assert taken == event
    assert taken is not event
    assert taken["context"] is not event["context"]


@pytest.mark.parametrize("given", [{}, {"timestamp": None}, {"timestamp": ""}, {"receivedAt": None}])
def test_times_are_made_where_there_are_none(given: dict[str, Any]) -> None:
    """`timestamp` and `receivedAt` are the moment at which the event came in, if it has none: null and ""."""
    before = dt.datetime.now(dt.UTC)
    taken = check_event({"type": "track", **given})
    after = dt.datetime.now(dt.UTC)
    for key in ("timestamp", "receivedAt"):
        made = dt.datetime.fromisoformat(taken[key])
        assert before - dt.timedelta(milliseconds=1) <= made <= after
        assert taken[key].endswith("Z")


@pytest.mark.parametrize("missing", TIMES)
@pytest.mark.parametrize("given", [{}, {"missing": None}, {"missing": ""}])
def test_one_time_is_made_where_the_other_is_there(missing: str, given: dict[str, Any]) -> None:
    """Only the time that is missing is made, whichever it is."""
    event = {"type": "track", **TIMES, **dict.fromkeys([missing], *given.values())}
    if not given:
        del event[missing]
    taken = check_event(event)
    (other,) = TIMES.keys() - {missing}
    assert taken[other] == TIMES[other]
    assert abs(dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(taken[missing])).total_seconds() < 60


@pytest.mark.parametrize("key", ["timestamp", "receivedAt", "messageId"])
@pytest.mark.parametrize("value", ["2020-01-01", "not a time", 1577836800, 0, False])
def test_what_an_event_brings_is_kept(key: str, value: Any) -> None:
    """An id or a time that the event has stays as it is, whatever it is: validation has its say later."""
    assert check_event({"type": "track", key: value})[key] == value


def test_only_what_is_wrong_is_said() -> None:
    """An event whose type is known has the faults of its values alone, as a dict or as something else."""
    for event in ({"type": "track", "a": dt.time(3)}, [dt.time(3)]):
        with pytest.raises(EventError) as caught:
            check_event(event)
        (problem,) = caught.value.problems
        assert problem.message.startswith("is a Python time")
    with pytest.raises(EventError) as caught:
        check_event({"a": "x" * MAX_EVENT_BYTES})
    assert (caught.value.code, caught.value.problems) == ("EVENT_TOO_LARGE", ())


def test_an_event_without_an_id_has_none_to_tell() -> None:
    """A missing messageId, or null, is None: not the word for it."""
    assert message_id_of({"type": "track"}) is None
    assert message_id_of({"type": "track", "messageId": None}) is None


def test_an_event_has_at_most_32_kb() -> None:
    """The limit is that of Segment's API, and what the engine adds stays within `ADDED_BYTES`."""
    assert MAX_EVENT_BYTES == 32 * 1024 == 32_768
    event = {"type": "track", "a": "x" * (MAX_EVENT_BYTES - len('{"type":"track","a":""}'))}
    taken = check_event(event)
    assert MAX_EVENT_BYTES < len(json.dumps(taken, separators=(",", ":"))) <= MAX_EVENT_BYTES + ADDED_BYTES
    with pytest.raises(EventError, match="has 32,769 bytes of JSON; at most 32,768 are allowed"):
        check_event({**event, "a": event["a"] + "x"})


def test_every_event_has_an_id_of_its_own() -> None:
    """The same object, given twice without a messageId, is two events."""
    event = {"type": "track", "messageId": None}
    assert check_event(event)["messageId"] != check_event(event)["messageId"]
    assert event == {"type": "track", "messageId": None}


@pytest.mark.parametrize(
    ("given", "told"),
    [("m", "m"), (42, "42"), (42.0, "42"), (True, "true"), ({"a": [1]}, '{"a":[1]}'), (2**70, str(2**70))],
)
def test_a_message_id_is_told_as_a_str(given: Any, told: str) -> None:
    """Results and reports name the event by its messageId as a str, whatever it is."""
    assert message_id_of(check_event({"type": "track", "messageId": given})) == told


class Kind(enum.Enum):
    """What programs have for the types of their events."""

    TRACK = "track"


@attrs.frozen
class Order:
    """What programs have for an event as a whole."""

    type: Kind
    at: dt.datetime


def test_an_event_may_be_made_of_what_python_programs_hold() -> None:
    """A class's instance with an Enum as its type and a datetime in it is an event."""
    taken = check_event(Order(Kind.TRACK, dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)))
    assert (taken["type"], taken["at"]) == ("track", "2026-01-02T03:04:05.000Z")


def test_a_missing_type_is_said_with_the_rest() -> None:
    """Every fault of an event is told at once, each with its path."""
    with pytest.raises(EventError) as caught:
        check_event({"properties": {"a": object(), "b": [dt.timedelta(1)]}})
    assert [problem.path for problem in caught.value.problems] == [
        "$.type",
        "$.properties.a",
        "$.properties.b[0]",
    ]


def test_a_message_id_is_made_where_there_is_none() -> None:
    """An event without messageId gets one; the event that was given is not changed."""
    event = {"type": "track"}
    checked = check_event(event)
    assert uuid.UUID(checked["messageId"])
    assert event == {"type": "track"}
    assert uuid.UUID(check_event({"type": "track", "messageId": ""})["messageId"])


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (None, "null"),
        ([], "a list"),
        ("track", "a string"),
        ({}, "needs a type"),
        ({"type": "Track"}, "'Track'"),
        ({"type": None}, "null"),
        ({"type": ["track"]}, "a list"),
        ({"type": "x" * 10_000}, "must be one of"),
        ({"type": "track", "properties": {"at": dt.time(3)}}, r"\$\.properties\.at: is a Python time"),
        ({"type": "track", "properties": {(1, 2): 2}}, "keys are strings"),
        ({"type": "track", "n": 10**4001}, r"\$\.n: is a number with more than 4,000 digits"),
        ({"type": "track", "messageId": 10**4301}, r"\$\.messageId: is a number with more than"),
        ({"type": "track", "n": nested(101)}, "nested deeper"),
        ({"type": "track", "n": nested(200, "dict")}, "nested deeper"),
        ({"type": "track", "n": nested(100_000)}, "nested deeper"),
        ({"type": "track", "n": "x" * 40_000}, "bytes of JSON"),
        ({"type": "track", "n": "x" * 10_000_000}, "bytes of JSON"),
        ({"type": "track", "n": dict.fromkeys(map(str, range(100_000)), 1)}, "bytes of JSON"),
    ],
)
def test_what_is_no_event_is_refused_plainly(event: Any, said: str) -> None:
    """Anything that is no event, or too large or too deep, is an EventError that says why."""
    with pytest.raises(EventError, match=said):
        check_event(event)


@pytest.mark.parametrize(
    "extra",
    [
        {"n": "\ud800"},
        {"n": "\0"},
        {"__proto__": {"a": 1}},
        {"n": nested(90)},
        {"n": nested(90, "dict")},
        {"n": "x" * 30_000},
        {"n": 10**400},
        {"n": "ø\xf8\x7f"},
        {"n": [[1], [2]] * 100},
    ],
)
def test_odd_but_plain_events_are_taken(extra: dict[str, Any]) -> None:
    """Lone surrogates, NUL, `__proto__`, large integers and what is within the limits pass unharmed."""
    event = {"type": "track", "messageId": "m", **TIMES, **extra}
    assert check_event(event) == event


def test_an_integer_too_long_to_write_is_refused() -> None:
    """A number with more digits than can be written is an EventError in a large event too."""
    with pytest.raises(EventError, match="digits"):
        check_event({"type": "track", "n": 10**5000, "pad": "x" * 6000})


def test_the_limit_can_be_set() -> None:
    """`max_bytes` bounds the event's JSON exactly, without what the engine adds to it."""
    event = {"type": "track", "messageId": "m", "a": "b"}
    size = len('{"type":"track","messageId":"m","a":"b"}')
    assert check_event(event, max_bytes=size).keys() - event.keys() == TIMES.keys()
    with pytest.raises(EventError, match="bytes"):
        check_event(event, max_bytes=size - 1)
