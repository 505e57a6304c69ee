"""Reading JSON files: every fault is a `DefinitionError` that says where it is.

Python's own reader takes more than JSON has (NaN, keys given twice, half a surrogate pair) and falls
over what is merely deep or long. All of that is refused here.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import DefinitionError
from actions_core.values.json_errors import LONE_SURROGATE, faults, line_and_column
from actions_core.values.json_limits import LONGEST_INTEGER, too_deep
from actions_core.values.wording import shown

if TYPE_CHECKING:
    import os

    from actions_core.values.types import Json

#: Python's words for bad syntax, in ours.
_SYNTAX: Final = {
    "Expecting value": "a value is expected here",
    "Expecting ',' delimiter": "a comma or the end of the object or list is expected here",
    "Expecting ':' delimiter": "a colon is expected here",
    "Expecting property name enclosed in double quotes": "a key in double quotes is expected here",
    "Illegal trailing comma before end of object": "no comma may stand before the end of an object",
    "Illegal trailing comma before end of array": "no comma may stand before the end of a list",
    "Unterminated string starting at": "text that begins here has no end",
    "Invalid control character at": "a control character must be written as an escape",
    "Invalid \\escape": "there is no such escape",
    "Invalid \\uXXXX escape": "four hexadecimal digits are expected here",
    "Extra data": "the JSON ends before this, but the file goes on",
}


def read_json(path: str | os.PathLike[str]) -> Json:
    """The JSON in a file; raises `DefinitionError` with file, line and column of what is wrong."""
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
    """The JSON in a text; `name` is what the text is called in the `DefinitionError`."""
    reader = _Reader()
    try:
        value = reader.read(text)
    except json.JSONDecodeError as error:
        raise DefinitionError(f"{_place(name, text, error.pos)}: {_syntax(text, error)}") from None
    except RecursionError:
        value, reader.suspicious = None, True
    if reader.suspicious or LONE_SURROGATE.search(text) or r"\ud" in text.lower() or too_deep(value):
        problems = faults(text)
        if problems:
            raise DefinitionError(f"{name} is not plain JSON:", problems=problems)
    return value


@attrs.define
class _Reader:
    """Python's JSON reader, which notes that something is not as it should be, but not where."""

    suspicious: bool = False

    def read(self, text: str) -> Json:
        return json.loads(
            text,
            object_pairs_hook=self._object,
            parse_constant=self._word,
            parse_float=self._float,
            parse_int=self._integer,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.suspicious |= len(made) != len(pairs)
        return made

    def _word(self, _: str) -> None:
        self.suspicious = True

    def _float(self, digits: str) -> float:
        number = float(digits)
        self.suspicious |= math.isinf(number)
        return number

    def _integer(self, digits: str) -> int:
        if len(digits) > LONGEST_INTEGER:
            self.suspicious = True
            return 0
        return int(digits)


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DefinitionError(f"{name}:1:1: the file is UTF-16; save it as UTF-8")
    if data.startswith(b"\xef\xbb\xbf"):
        raise DefinitionError(
            f"{name}:1:1: the file begins with a byte order mark; save it as UTF-8 without one"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise DefinitionError(f"{_place(name, before, len(before))}: {message}") from None


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "the file is empty"
    said = _SYNTAX.get(error.msg) or _SYNTAX.get(error.msg.partition(": ")[0], error.msg)
    if not text[error.pos :].strip():
        return f"the file ends too early: {said}"
    return said


def _place(name: str, text: str, position: int) -> str:
    line, column = line_and_column(text, position)
    return f"{name}:{line}:{column}"
