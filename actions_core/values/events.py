"""What comes in as an event: converted, copied, and completed.

`values.plain` makes plain JSON of what Python programs hold, as a copy that nobody else has. What every
event needs and this one does not bring is made at that moment: what is delivered hours later carries the
time at which it came in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.errors import EventError, Problem
from actions_core.values.javascript import stringify, to_text
from actions_core.values.plain import plain_copy, plain_json
from actions_core.values.times import present_time
from actions_core.values.wording import kind, shown

if TYPE_CHECKING:
    from actions_core.values.types import Json, JsonObject

EVENT_TYPES: Final = ("track", "identify", "page", "screen", "group", "alias", "delete")
MAX_EVENT_BYTES: Final = 32 * 1024
#: As many bytes of JSON, and some more, as an event may get that brings neither an id nor times.
ADDED_BYTES: Final = 200

_KNOWN_TYPES = frozenset(EVENT_TYPES)


def check_event(event: object, *, max_bytes: int = MAX_EVENT_BYTES) -> JsonObject:
    """Return the event as plain JSON, a copy, with a messageId and times of its own where it has none.

    `timestamp` and `receivedAt` are the present moment. Null and the empty str count as missing.
    Raises `EventError` for anything that is not an event: not an object, an unknown type, values that
    have no JSON form, nested too deeply, larger than `max_bytes` of JSON.
    """
    try:
        taken = plain_copy(event, max_bytes=max_bytes)[0]
    except EventError as error:
        # A missing type is said at once with the rest.
        if error.problems and type(event) is dict and "type" not in event:
            error.problems = (Problem("$.type", _type_message(event)), *error.problems)
        raise
    if type(taken) is not dict:
        raise EventError(f"an event is a JSON object, but this is {kind(taken)}")
    event_type = taken.get("type")
    if type(event_type) is not str or event_type not in _KNOWN_TYPES:
        raise EventError(problems=[Problem("$.type", _type_message(taken))])
    if not taken.get("messageId", ""):
        _give_id(taken)
    if not taken.get("timestamp") or not taken.get("receivedAt"):
        _give_times(taken)
    return taken


def complete_event(event: JsonObject, *, max_bytes: int = MAX_EVENT_BYTES) -> JsonObject:
    """Complete an event in place that was just read from JSON, and is nobody else's.

    Do what `check_event` does, without the copy that it makes. The type is the caller's matter.
    """
    event = plain_json(event, max_bytes=max_bytes)
    if not event.get("messageId", ""):
        _give_id(event)
    if not event.get("timestamp") or not event.get("receivedAt"):
        _give_times(event)
    return event


def message_id_of(event: JsonObject) -> str | None:
    """Return the event's messageId as a str: whatever else stands there, as JavaScript or JSON spells it."""
    given = event.get("messageId")
    if given is None or type(given) is str:
        return given
    if type(given) is int:
        return str(given)  # exactly: two ids must not become the same
    return stringify(given) if isinstance(given, dict | list) else to_text(given)


def _give_id(event: JsonObject) -> None:
    if _is_missing(event.get("messageId")):
        from uuid import uuid4  # most events bring theirs

        event["messageId"] = str(uuid4())


def _give_times(event: JsonObject) -> None:
    now = present_time()
    for key in ("timestamp", "receivedAt"):
        if _is_missing(event.get(key)):
            event[key] = now


def _is_missing(value: Json) -> bool:
    return value is None or value == ""


def _type_message(event: JsonObject) -> str:
    known = ", ".join(EVENT_TYPES)
    if "type" not in event:
        return f"an event needs a type, one of {known}"
    given = event["type"]
    found = shown(given) if isinstance(given, str) else kind(given)
    return f"an event's type must be one of {known}, but it is {found}"
