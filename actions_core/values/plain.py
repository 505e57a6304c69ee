"""What a program gives becomes plain JSON, in one place: written by orjson, and read back.

So the copy is the caller's no more, and its size is known. orjson reads only what it has just written, which
spares it what it would get wrong: keys given twice, and 2**64, which it takes for a float. What it cannot
write (integers beyond 64 bits, half a surrogate pair, keys that are not strings) is converted by `_Walk`,
with the same result; so is whatever has no JSON form, since only the walk can tell every path.
"""

from __future__ import annotations

import json
import marshal
import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from actions_core.errors import EventError, Problem, child_path
from actions_core.values.json_bytes import json_bytes
from actions_core.values.json_faults import MAX_DEPTH, too_deep
from actions_core.values.python_values import MOST_STEPS, UnfitError, checked_integer, key_text, simplify
from actions_core.values.wording import kind, raised, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.values.types import Json

# Subclasses come to us as well: a dict's may have an `items` of its own.
_OPTIONS: Final = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
)

#: The format of marshal in which a list that stands twice is two lists when it is read.
_WITHOUT_REFERENCES: Final = 2

_CONTAINERS: Final = frozenset({dict, list, tuple})
_PLAIN: Final = _CONTAINERS | {str, int, float, bool}


def plain_copy(value: object, *, max_bytes: int) -> tuple[Json, int]:
    """Return a copy of the value as plain JSON, and how many bytes that takes in UTF-8.

    - A datetime is text in UTC with `Z` and milliseconds (without a zone, UTC is meant).
    - A date is text like `2026-01-02`.
    - A `Decimal` is a number, a whole one exactly; NaN, infinities, pandas' NaT and NA are null.
    - A UUID is text, an Enum its value, bytes are UTF-8 text.
    - Tuples, sets, arrays of numpy and other sequences are lists; a set is sorted where it can be.
    - Mappings, data classes, attrs classes and pydantic models are objects.
    - Keys that are not strings are spelled as JavaScript does (`1`, `true`, `null`) or as such values are.

    Raises `EventError` with the path of everything that has no JSON form, that contains itself or is nested
    deeper than 100 levels, and of keys that become the same; `EVENT_TOO_LARGE` for more than `max_bytes`.
    """
    try:
        written = orjson.dumps(value, simplify, _OPTIONS)
    except TypeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt | SystemExit):
            raise error.__cause__ from None  # it came while a value was converted
        return _walk(value, max_bytes)
    size = len(written)
    if size > max_bytes:
        raise _too_large(f"{size:,}", max_bytes)
    copied = orjson.loads(written)
    # `count` looks at every byte by itself, `replace` searches: that is four times as fast.
    rest = len(written.replace(b"{", b"")) + len(written.replace(b"[", b""))
    if 2 * size - rest > MAX_DEPTH and too_deep(copied):
        return _walk(value, max_bytes)
    return copied, size


def plain_json(value: Any, *, max_bytes: int) -> Any:
    """Return a value just read from JSON, as `plain_copy` does: itself, if it is within all limits."""
    try:
        written = orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, half a surrogate pair
        return _walk(value, max_bytes)[0]
    if len(written) > max_bytes:
        raise _too_large(f"{len(written):,}", max_bytes)
    if written.count(b"{") + written.count(b"[") > MAX_DEPTH and too_deep(value):
        return _walk(value, max_bytes)[0]
    return value


def as_json(value: object) -> Json:
    """Return any value as plain JSON, for people and logs: as it goes over the wire, where it can.

    What has no JSON form is described by a string.
    """
    try:
        read: Json = json.loads(json_bytes(value))
    except (TypeError, ValueError, RecursionError):
        try:
            read = plain_copy(value, max_bytes=sys.maxsize)[0]
        except EventError:
            return f"({kind(value)} that is not JSON)"
    return read


def copier(value: Json) -> Callable[[], Json]:
    """Write plain JSON once, and return the function that reads it back: each call gives a new copy."""
    try:
        return partial(orjson.loads, orjson.dumps(value))
    except TypeError:  # an integer beyond 64 bits, half a surrogate pair
        return partial(marshal.loads, marshal.dumps(value, _WITHOUT_REFERENCES))


def _walk(value: object, max_bytes: int) -> tuple[Json, int]:
    """Do what orjson does, without its limits, and tell every problem."""
    walk = _Walk(max_bytes)
    try:
        copied = walk.copy(value, "$", 0)
    except RecursionError:
        walk.problems.append(Problem("$", "is nested too deeply for the stack of the calling function"))
    if walk.problems:
        raise EventError("an event consists of JSON values:", problems=walk.problems)
    size = _size(copied)
    if size > max_bytes:
        raise _too_large(f"{size:,}", max_bytes)
    return copied, size


def _size(copied: Json) -> int:
    try:
        return len(orjson.dumps(copied))
    except TypeError:
        text = json.dumps(copied, ensure_ascii=False, separators=(",", ":"))
        return len(text.encode("utf-8", "surrogatepass"))


def _too_large(size: str, max_bytes: int) -> EventError:
    return EventError(
        f"the event has {size} bytes of JSON; at most {max_bytes:,} are allowed", code="EVENT_TOO_LARGE"
    )


class _Walk:
    """A copy made value by value, which notes what cannot be copied."""

    def __init__(self, max_bytes: int) -> None:
        self.problems: list[Problem] = []
        self._max_bytes = max_bytes
        self._seen = 0
        #: The objects that the walk is inside of, by their ids.
        self._around: set[int] = set()

    def copy(self, value: object, path: str, depth: int) -> Json:
        """Return the copy of a value; where there is a problem, something that stands for it."""
        self._seen += 1
        if self._seen > self._max_bytes:  # each value takes a byte at least
            raise _too_large(f"more than {self._max_bytes:,}", self._max_bytes)
        kind = type(value)
        if value is None or kind is bool:
            return value
        if isinstance(value, str) and kind is str:
            return value if value.isascii() else _joined(value)
        if isinstance(value, float) and kind is float:
            return value if math.isfinite(value) else None
        if isinstance(value, int) and kind is int and value.bit_length() <= 64:  # noqa: PLR2004 - the common case
            return value
        if id(value) in self._around:
            return self._note(path, "contains itself")
        self._around.add(id(value))
        try:
            return self._copy_deeper(value, path, depth)
        finally:
            self._around.discard(id(value))

    def _copy_deeper(self, value: object, path: str, depth: int) -> Json:
        if type(value) in _CONTAINERS:
            if depth >= MAX_DEPTH:
                return self._note(path, f"is nested deeper than {MAX_DEPTH} levels")
            if isinstance(value, dict):
                return self._copy_object(list(value.items()), path, depth)
            items = list(value)  # type: ignore[call-overload]  # a list or a tuple
            return [self.copy(item, child_path(path, place), depth + 1) for place, item in enumerate(items)]
        return self._copy_converted(value, path, depth)

    def _copy_converted(self, value: object, path: str, depth: int) -> Json:
        simpler = value
        try:
            for _ in range(MOST_STEPS):
                simpler = checked_integer(simpler) if type(simpler) is int else simplify(simpler)
                if simpler is None or type(simpler) in _PLAIN:
                    return simpler if simpler is value else self.copy(simpler, path, depth)
        except UnfitError as error:
            return self._note(path, str(error))
        except Exception as error:  # noqa: BLE001 - the value's own methods may raise anything
            return self._note(path, f"cannot be read: {_said(error)}")
        return self._note(path, f"is a Python {type(value).__name__} that never becomes plain JSON")

    def _copy_object(self, items: list[tuple[object, object]], path: str, depth: int) -> Json:
        copied: dict[str, Json] = {}
        for key, item in items:
            try:
                text = _joined(key if type(key) is str else key_text(key))
            except UnfitError as error:
                self._note(path, str(error))
                continue
            except Exception as error:  # noqa: BLE001 - the key's own methods may raise anything
                self._note(path, f"has a key that cannot be read: {_said(error)}")
                continue
            if text in copied:
                self._note(path, f"has two keys that both become {shown(text)}")
            place = child_path(path, text if text.isprintable() else shown(text)[1:-1])
            copied[text] = self.copy(item, place, depth + 1)
        return copied

    def _note(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


def _joined(text: str) -> str:
    """Join surrogates that stand side by side into the one character that they mean, as JSON does."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def _said(error: Exception) -> str:
    return shown(raised(error))[1:-1]
