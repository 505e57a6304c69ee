"""The check of an event that comes in.

It runs for every event, so it has a fast path: `marshal`, the fastest walk over plain data that Python
has, refuses what is not plain data and bounds size and depth at once. Only where that does not settle
the matter (a large event, a NaN in sight) is JSON written out to know exactly.
"""

from __future__ import annotations

import json
import marshal
from typing import TYPE_CHECKING, Final

from actions_core.errors import EventError, Problem, child_path
from actions_core.values.json_faults import MAX_DEPTH, MOST_PROBLEMS
from actions_core.values.wording import kind, shown

if TYPE_CHECKING:
    from actions_core.values.types import Json, JsonObject

EVENT_TYPES: Final = ("track", "identify", "page", "screen", "group", "alias", "delete")
MAX_EVENT_BYTES: Final = 32 * 1024

_KNOWN_TYPES = frozenset(EVENT_TYPES)
# A format without object references: what stands twice counts twice, as it does in JSON.
_MARSHAL_VERSION = 2
# How the last bytes of NaN and of the infinities look in a marshalled double. Their first bytes are rare,
# and to look for a single byte costs next to nothing.
_MARK_NAN, _MARK_INFINITE = 0xF8, 0xF0
_NOT_FINITE = (b"\xf8\x7f", b"\xf8\xff", b"\xf0\x7f", b"\xf0\xff")
# One byte of marshalled text is at most 6 of JSON (a control character), a level of nesting at least 5.
_JSON_PER_MARSHAL = 6
_MARSHAL_PER_LEVEL = 5
_FEW_BYTES = _MARSHAL_PER_LEVEL * MAX_DEPTH


def check_event(event: Json, *, max_bytes: int = MAX_EVENT_BYTES) -> JsonObject:
    """Return the event, with a new messageId where it has none; the event given is not changed.

    Raises `EventError` for anything that is not an event: not an object, an unknown type, not plain
    JSON, nested too deeply, larger than `max_bytes` of JSON.
    """
    if not isinstance(event, dict):
        raise EventError(f"an event is a JSON object, but this is {kind(event)}")
    event_type = event.get("type")
    if not isinstance(event_type, str) or event_type not in _KNOWN_TYPES:
        raise EventError(problems=[Problem("$.type", _type_message(event))])
    try:
        dumped = marshal.dumps(event, _MARSHAL_VERSION)
    except (ValueError, TypeError, OverflowError):
        _check_exactly(event, max_bytes)
        dumped = b""
    size = len(dumped)
    if (
        size * _JSON_PER_MARSHAL > max_bytes
        or ((_MARK_NAN in dumped or _MARK_INFINITE in dumped) and _may_not_be_finite(dumped))
        or (size > _FEW_BYTES and _depth_may_exceed(dumped))
    ):
        _check_exactly(event, max_bytes)
    message_id = event.get("messageId")
    if message_id is None or message_id == "":
        from uuid import uuid4  # most events bring theirs

        return {**event, "messageId": str(uuid4())}
    return event


def _may_not_be_finite(dumped: bytes) -> bool:
    return any(pattern in dumped for pattern in _NOT_FINITE)


def _depth_may_exceed(dumped: bytes) -> bool:
    # What `replace` takes out is counted sooner so than by `count`.
    opened = 2 * len(dumped) - len(dumped.replace(b"{", b"")) - len(dumped.replace(b"[", b""))
    return opened > MAX_DEPTH


def _type_message(event: JsonObject) -> str:
    known = ", ".join(EVENT_TYPES)
    if "type" not in event:
        return f"an event needs a type, one of {known}"
    given = event["type"]
    found = shown(given) if isinstance(given, str) else kind(given)
    return f"an event's type must be one of {known}, but it is {found}"


def _check_exactly(event: JsonObject, max_bytes: int) -> None:
    problems = _plain_problems(event)
    if problems:
        raise EventError("an event must be plain JSON:", problems=problems)
    try:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    except ValueError as error:  # an integer with more digits than Python writes
        raise EventError(f"the event cannot be written as JSON: {error}") from None
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise EventError(
            f"the event has {size:,} bytes of JSON; at most {max_bytes:,} are allowed", code="EVENT_TOO_LARGE"
        )


def _plain_problems(event: JsonObject) -> list[Problem]:
    """Return the first problems of an event that is not JSON, walked without recursion."""
    problems: list[Problem] = []
    stack: list[tuple[str, Json, int]] = [("$", event, 0)]
    while stack and len(problems) < MOST_PROBLEMS:
        path, value, depth = stack.pop()
        if depth > MAX_DEPTH:
            return [*problems, Problem(path[:200], f"is nested deeper than {MAX_DEPTH} levels")]
        if isinstance(value, dict):
            for key, item in value.items():
                if isinstance(key, str):
                    stack.append((child_path(path, key), item, depth + 1))
                else:
                    problems.append(Problem(path, f"has a key that is {kind(key)}; keys are strings"))
        elif isinstance(value, list):
            stack.extend((child_path(path, index), item, depth + 1) for index, item in enumerate(value))
        elif isinstance(value, float):
            if value - value != 0:
                problems.append(Problem(path, "is not a finite number, which JSON cannot hold"))
        elif value is not None and not isinstance(value, (str, bool, int)):
            hint = "; write times as ISO 8601 strings" if hasattr(value, "isoformat") else ""
            problems.append(Problem(path, f"is {kind(value)}, which is not a JSON value{hint}"))
    return problems
