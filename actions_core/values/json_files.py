"""The one strict reader of JSON that users write: files, and lines of events.

Python's own reader takes more than JSON has: NaN, duplicate keys, half a surrogate pair. All of that is
refused here, and so is what is too deep or too long. Text that is in order is read once; only where
something may be wrong with it does a second walk find out what, and where.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actions_core.errors import DefinitionError, EventError, Problem
from actions_core.values.json_faults import (
    LONE_SURROGATE,
    LONGEST_INTEGER,
    MAX_DEPTH,
    line_and_column,
    text_faults,
    too_deep,
)
from actions_core.values.wording import shown

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from actions_core.values.types import Json

_ENDS: Final = {"}": "object", "]": "array"}
#: Python's words for bad syntax, in ours.
_SYNTAX: Final = {
    "Expecting value": "a value is expected here",
    "Expecting ',' delimiter": "a comma or the end of the object or list is expected here",
    "Expecting ':' delimiter": "a colon is expected here",
    "Expecting property name enclosed in double quotes": "a key in double quotes is expected here",
    "Illegal trailing comma before end of object": "no comma may stand before the end of an object",
    "Illegal trailing comma before end of array": "no comma may stand before the end of a list",
    "Unterminated string starting at": "the string that begins here has no end",
    "Invalid control character at": "a control character must be written as an escape",
    "Invalid \\escape": "there is no such escape",
    "Invalid \\uXXXX escape": "four hexadecimal digits are expected here",
    "Extra data": "the JSON ends before this, but the {noun} goes on",
}
#: The look behind keeps the search linear: a run of digits is tried once, not from each of its digits.
_ENDLESS_INTEGER: Final = re.compile(rf"(?<![0-9])[0-9]{{{LONGEST_INTEGER + 1}}}")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
#: The stack of the program itself may be so deep that nothing can be read any more.
_UNREADABLE: Final = Problem("$", "is nested too deeply to be read here")


def read_json(path: str | os.PathLike[str]) -> Json:
    """Read the JSON in a file; raises `DefinitionError` with file, line and column of what is wrong."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DefinitionError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise DefinitionError(f"{path}: this is a folder, not a file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DefinitionError(f"{shown(path)} cannot be read: {reason}") from None
    return parse_json(_decode(data, str(path)), str(path))


def parse_json(text: str, name: str) -> Json:
    """Read the JSON in a text; `name` is what the text is called in the `DefinitionError`."""
    try:
        return _parse(text, _file_place)
    except json.JSONDecodeError as error:
        error = _as_newer(error)
        line, column = line_and_column(text, error.pos)
        raise DefinitionError(f"{name}:{line}:{column}: {_syntax(text, error, 'file')}") from None
    except _NotPlainError as error:
        raise DefinitionError(f"{name} is not plain JSON:", problems=error.problems) from None


def parse_events(data: bytes) -> Json:
    """Read a line of events, or many lines at once; raises `EventError` with the place of what is wrong.

    A byte order mark is skipped, since some shells write one into each pipe.
    """
    try:
        text = data.removeprefix(_BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        raise EventError(f"not JSON: byte {error.start + 1} is not UTF-8") from None
    try:
        return _parse(text, _event_place)
    except json.JSONDecodeError as error:
        error = _as_newer(error)
        place = _event_place(text, error.pos)
        raise EventError(f"not JSON: {_syntax(text, error, 'text')} ({place})") from None
    except _NotPlainError as error:
        raise EventError("not plain JSON:", problems=error.problems) from None


class _NotPlainError(ValueError):
    """Text that contains what JSON does not have, although Python reads it."""

    def __init__(self, problems: list[Problem] | None = None) -> None:
        super().__init__()
        self.problems = problems or []


def _parse(text: str, place: Callable[[str, int], str]) -> Json:
    """Read strictly; raises `JSONDecodeError` for bad syntax, else `_NotPlainError` with every problem."""
    try:
        value = _DECODER.decode(text)
        if not _is_suspicious(text, value):
            return value
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):  # refused by one of our hooks; too many digits; too deep
        _check_syntax(text)
        raise _NotPlainError(text_faults(text, place) or [_UNREADABLE]) from None
    problems = text_faults(text, place)
    if problems:
        raise _NotPlainError(problems)
    return value


def _check_syntax(text: str) -> None:
    """Raise `JSONDecodeError` for bad syntax behind the place where reading was given up."""
    with contextlib.suppress(RecursionError):
        _LENIENT_DECODER.decode(text)


def _is_suspicious(text: str, value: Json) -> bool:
    """Return whether text that was read may still contain what our hooks do not see."""
    if text.count("{") + text.count("[") > MAX_DEPTH and too_deep(value):
        return True
    if len(text) > LONGEST_INTEGER and _ENDLESS_INTEGER.search(text):
        return True
    if not text.isascii() and LONE_SURROGATE.search(text):
        return True
    return ("\\ud" in text or "\\uD" in text) and not _is_well_formed(value)


def _is_well_formed(value: Json) -> bool:
    """Return whether the value can be written as UTF-8: escapes of surrogates came in pairs."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _NotPlainError
    return made


def _float(digits: str) -> float:
    number = float(digits)
    if number - number != 0:
        raise _NotPlainError
    return number


def _constant(_: str) -> None:
    raise _NotPlainError


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
_LENIENT_DECODER: Final = json.JSONDecoder(parse_int=len)


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DefinitionError(f"{name}:1:1: the file is UTF-16; save it as UTF-8")
    if data.startswith(_BYTE_ORDER_MARK):
        raise DefinitionError(
            f"{name}:1:1: the file begins with a byte order mark; save it as UTF-8 without one"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line, column = line_and_column(before, len(before))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise DefinitionError(f"{name}:{line}:{column}: {message}") from None


def _as_newer(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Return the error as Python 3.13 and later word it: a comma too many is named as such."""
    before = error.doc[: error.pos].rstrip(" \t\n\r")
    end = error.doc[error.pos : error.pos + 1]
    if before.endswith(",") and end in _ENDS and not error.msg.startswith("Illegal"):
        message = f"Illegal trailing comma before end of {_ENDS[end]}"
        return json.JSONDecodeError(message, error.doc, len(before) - 1)
    return error


def _syntax(text: str, error: json.JSONDecodeError, noun: str) -> str:
    if not text.strip():
        return f"the {noun} is empty"
    said = _SYNTAX.get(error.msg) or _SYNTAX.get(error.msg.partition(": ")[0], error.msg)
    if not text[error.pos :].strip():
        return f"the {noun} ends too early: {said}"
    return said.format(noun=noun)


def _file_place(text: str, position: int) -> str:
    line, column = line_and_column(text, position)
    return f"line {line}, column {column}"


def _event_place(text: str, position: int) -> str:
    """Word a place in events, which mostly are one line each, of a file that has other lines."""
    return _file_place(text, position) if "\n" in text.rstrip() else f"character {position + 1}"
