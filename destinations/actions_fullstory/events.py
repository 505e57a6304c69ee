"""The time, session and context of an event in FullStory's form."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from actions_core import ActionsError, format_time, read_time

if TYPE_CHECKING:
    from actions_core import Json, JsonObject

_LENGTH: Final = len("2026-01-02T03:04:05.000Z")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

#: Where FullStory's context has what an event's context has: section, name, path in the event, types.
_CONTEXT: Final[tuple[tuple[str, str, tuple[str, ...], tuple[type, ...]], ...]] = (
    ("browser", "url", ("page", "url"), (str,)),
    ("browser", "initial_referrer", ("page", "referrer"), (str,)),
    ("browser", "user_agent", ("userAgent",), (str,)),
    ("mobile", "app_id", ("app", "namespace"), (str,)),
    ("mobile", "app_name", ("app", "name"), (str,)),
    ("mobile", "app_version", ("app", "version"), (str,)),
    ("device", "manufacturer", ("device", "manufacturer"), (str,)),
    ("device", "model", ("device", "model"), (str,)),
    ("device", "screen_width", ("screen", "width"), (int,)),
    ("device", "screen_height", ("screen", "height"), (int,)),
    ("location", "country", ("location", "country"), (str,)),
    ("location", "region", ("location", "region"), (str,)),
    ("location", "city", ("location", "city"), (str,)),
    ("location", "latitude", ("location", "latitude"), (int, float)),
    ("location", "longitude", ("location", "longitude"), (int, float)),
    ("location", "ip_address", ("ip",), (str,)),
)


def event_time(timestamp: Json) -> str | None:
    """Return a time in UTC with milliseconds; None for an unreadable one, which the field's check refuses."""
    try:
        # Nearly all have the form of `2026-01-02T03:04:05.000Z`, and go out as they are; but one with a leap
        # second is written as the next one.
        if (
            type(timestamp) is str
            and len(timestamp) == _LENGTH
            and timestamp[4:17:3] == "--T::"
            and timestamp[19:24:4] == ".Z"
            and timestamp[17] != "6"
        ):
            datetime.fromisoformat(timestamp)
            return timestamp
        return format_time(read_time(timestamp))
    except (ActionsError, ValueError):
        return None


def session_id(url: str) -> str:
    """Return the session of a session URL: the last segment of its path, decoded once; "" without one."""
    path = url.partition("?")[0]
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    segment = path.rstrip("/").rpartition("/")[2]
    if "%" not in segment or _BAD_ESCAPE.search(segment):
        return segment
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return segment


def event_context(event: JsonObject) -> JsonObject:
    """Return FullStory's context of an event from its own; values of the wrong type are left out."""
    context: dict[str, dict[str, Any]] = {}
    source = event.get("context")
    for section, name, path, types in _CONTEXT:
        value = source
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        # The type itself, because a boolean passes for an integer otherwise.
        if type(value) in types and value != "":
            context.setdefault(section, {})[name] = value
    return context
