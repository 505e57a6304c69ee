"""An event to start a test from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject


def make_event(**changes: Any) -> JsonObject:
    """A track event as a library would send it, with `changes` in place of, or beside, its keys.

    A change to None takes the key out.
    """
    event: JsonObject = {
        "type": "track",
        "messageId": "message-1",
        "userId": "user-1",
        "anonymousId": "anonymous-1",
        "event": "Test Event",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "properties": {"plan": "free", "price": 12.5},
        "traits": {"email": "jane@example.com", "name": "Jane Doe"},
        "context": {
            "ip": "203.0.113.7",
            "page": {"url": "https://example.com/a?b=1", "path": "/a"},
            "library": {"name": "analytics-python", "version": "2.3.0"},
        },
    }
    event.update(changes)
    return {key: value for key, value in event.items() if value is not None}
