"""The calls of Segment's Python client, in its spelling and order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from actions_core import EventError
from actions_core.delivery.segment_calls import SegmentCalls

if TYPE_CHECKING:
    from collections.abc import Mapping


class Calls(SegmentCalls):
    """Notes what would be posted."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    def post(self, event: Mapping[str, Any]) -> str:
        self.events.append(event)
        return "m"


NOW = datetime(2026, 1, 2, tzinfo=UTC)
ID = UUID("12345678-1234-5678-1234-567812345678")
COMMON: dict[str, Any] = {
    "context": {"ip": "203.0.113.7"},
    "timestamp": NOW,
    "integrations": {"All": False},
    "message_id": "m-1",
}
COMMON_JSON = {
    "context": {"ip": "203.0.113.7"},
    "timestamp": NOW,
    "integrations": {"All": False},
    "messageId": "m-1",
}

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    ("track", ("u", "Bought", {"n": 1}), {}, {"userId": "u", "event": "Bought", "properties": {"n": 1}}),
    ("track", (), {"anonymous_id": "a", "event": "E"}, {"anonymousId": "a", "event": "E", "properties": {}}),
    ("track", (7, "E"), COMMON, {"userId": "7", "event": "E", "properties": {}, **COMMON_JSON}),
    ("identify", (ID, {"plan": "pro"}), {}, {"userId": str(ID), "traits": {"plan": "pro"}}),
    ("identify", (), {"anonymous_id": 0, **COMMON}, {"anonymousId": "0", "traits": {}, **COMMON_JSON}),
    ("group", ("u", "g", {"size": 3}), {}, {"userId": "u", "groupId": "g", "traits": {"size": 3}}),
    (
        "page",
        ("u", "Docs", "Start", {"url": "/"}),
        {},
        {"userId": "u", "category": "Docs", "name": "Start", "properties": {"url": "/"}},
    ),
    ("screen", (), {"user_id": "u", "name": "Home"}, {"userId": "u", "name": "Home", "properties": {}}),
    ("alias", ("old", "new"), COMMON, {"previousId": "old", "userId": "new", **COMMON_JSON}),
]


@pytest.mark.parametrize(("call", "positional", "named", "expected"), CASES)
def test_each_call_makes_its_event(
    call: str, positional: tuple[Any, ...], named: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Arguments have the names and the order of Segment's client, ids become strings, None is left out."""
    calls = Calls()
    assert getattr(calls, call)(*positional, **named) == "m"
    assert calls.events == [{"type": call, **expected}]


@pytest.mark.parametrize(
    ("call", "named", "messages"),
    [
        ("track", {}, ["needs user_id or anonymous_id", "needs event"]),
        ("track", {"user_id": "u", "event": ""}, ["needs event"]),
        ("identify", {"traits": {"a": 1}}, ["needs user_id or anonymous_id"]),
        ("group", {"user_id": "u"}, ["needs group_id"]),
        ("page", {"name": "Home"}, ["needs user_id or anonymous_id"]),
        ("screen", {}, ["needs user_id or anonymous_id"]),
        ("alias", {}, ["needs user_id", "needs previous_id"]),
    ],
)
def test_what_is_needed_and_missing_is_named(call: str, named: dict[str, Any], messages: list[str]) -> None:
    """A call without what it needs raises, with everything that is missing, and posts nothing."""
    calls = Calls()
    with pytest.raises(EventError, match=f"this {call} call is incomplete") as raised:
        getattr(calls, call)(**named)
    assert [problem.message for problem in raised.value.problems] == messages
    assert not calls.events
