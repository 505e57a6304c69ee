"""What may come in as an event."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from actions_core.errors import EventError
from actions_core.values.events import EVENT_TYPES, check_event


def nested(depth: int, step: str = "list") -> Any:
    """A value nested so deep."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if step == "list" else {"a": value}
    return value


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_type_of_event_is_taken(kind: str) -> None:
    """An object with one of the seven types and a messageId is taken as it is."""
    event = {"type": kind, "messageId": "m"}
    assert check_event(event) is event


def test_a_message_id_is_made_where_there_is_none() -> None:
    """An event without messageId gets one; the event that was given is not changed."""
    event = {"type": "track"}
    checked = check_event(event)
    assert uuid.UUID(checked["messageId"])
    assert event == {"type": "track"}


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
        ({"type": "track", "properties": {"at": dt.datetime(2026, 1, 2)}}, "ISO 8601"),  # noqa: DTZ001 - no zone needed
        ({"type": "track", "properties": {1: 2}, "pad": "x" * 6000}, "keys are strings"),
        ({"type": "track", "p": {"n": float("nan")}}, r"\$\.p\.n: is not a finite number"),
        ({"type": "track", "n": float("inf")}, "finite"),
        ({"type": "track", "n": float("-inf")}, "finite"),
        ({"type": "track", "n": -float("nan")}, "finite"),
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
    event = {"type": "track", "messageId": "m", **extra}
    assert check_event(event) is event


def test_an_integer_too_long_to_write_is_refused() -> None:
    """A number with more digits than can be written as JSON is an EventError in a large event."""
    with pytest.raises(EventError, match="JSON"):
        check_event({"type": "track", "n": 10**5000, "pad": "x" * 6000})


def test_the_limit_can_be_set() -> None:
    """`max_bytes` bounds the event's JSON exactly."""
    event = {"type": "track", "messageId": "m", "a": "b"}
    size = len('{"type":"track","messageId":"m","a":"b"}')
    assert check_event(event, max_bytes=size) is event
    with pytest.raises(EventError, match="bytes"):
        check_event(event, max_bytes=size - 1)
