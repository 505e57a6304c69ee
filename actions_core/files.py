"""Reading JSON that people write: every fault is a `DefinitionError` that says where it is.

Python's own reader takes more than JSON has (NaN, keys given twice, half a surrogate pair) and falls
over what is merely deep or long. All of that is refused here, so that nothing behind this door has
to expect it.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import DefinitionError, Problem, child_path
from actions_core.names import shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from actions_core.types import Json

#: Deeper than any sensible file, and far from where recursion would end.
MAX_DEPTH: Final = 100
#: More values than this are no file that somebody wrote; they may be one list that holds itself twice.
_MOST_VALUES: Final = 5_000_000
#: Python refuses to write longer integers as text, so no sentence could name them.
_LONGEST_INTEGER: Final = 4000
_MOST_SHOWN: Final = 20

_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"]+)""", re.DOTALL
)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
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
    if reader.suspicious or _LONE_SURROGATE.search(text) or r"\ud" in text.lower() or _too_deep(value):
        problems = _faults(text)
        if problems:
            raise DefinitionError(f"{name} is not plain JSON:", problems=problems)
    return value


def json_problems(data: Json) -> list[Problem]:
    """What in a value made by Python is no JSON, or more than a file of ours may hold.

    The walk keeps a list of its own: what is checked may be deeper than Python can recurse, or hold
    itself.
    """
    problems: list[Problem] = []
    waiting: list[tuple[str, int, Json]] = [("$", 0, data)]
    seen = 0
    while waiting and len(problems) < _MOST_SHOWN:
        path, depth, value = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH:
            return [Problem(path, f"lies deeper than {MAX_DEPTH} levels, or holds itself")]
        if seen > _MOST_VALUES:
            return [Problem("$", f"holds more than {_MOST_VALUES:,} values, or holds itself")]
        if isinstance(value, dict):
            problems += [
                Problem(path, f"the key {shown(key)} is no text") for key in value if not _is_text(key)
            ]
            inside = [
                (child_path(path, key), depth + 1, item) for key, item in value.items() if _is_text(key)
            ]
            waiting += reversed(inside)
        elif isinstance(value, list):
            inside = [(f"{path}[{index}]", depth + 1, item) for index, item in enumerate(value)]
            waiting += reversed(inside)
        elif (fault := _scalar_fault(value)) is not None:
            problems.append(Problem(path, fault))
    return problems


def _is_text(key: object) -> bool:
    return isinstance(key, str)


def _scalar_fault(value: object) -> str | None:
    if value is None or isinstance(value, (str, bool)):
        return None
    if isinstance(value, int):
        # A digit takes a little more than three bits.
        return "is a number of too many digits" if value.bit_length() > 3 * _LONGEST_INTEGER else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, a number that JSON does not have"
    return f"is of type {type(value).__name__}, which JSON does not have"


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
        if len(digits) > _LONGEST_INTEGER:
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


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _place(name: str, text: str, position: int) -> str:
    line, column = _line_and_column(text, position)
    return f"{name}:{line}:{column}"


def _too_deep(value: Json) -> bool:
    """Whether anything lies deeper than it may; level by level, so that depth costs no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for holder in level
            if isinstance(holder, (dict, list))
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return False
    return True


@attrs.define
class _Frame:
    """An object or a list that the walk over the tokens is in."""

    is_object: bool
    keys: set[str] = attrs.field(factory=set)
    key: str | int = 0
    wants_key: bool = False


def _faults(text: str) -> list[Problem]:
    """Where and what: a second walk over text that is known to hold something that JSON has not."""
    problems = []
    for position, path, message in _walk(text):
        line, column = _line_and_column(text, position)
        problems.append(Problem(path, f"{message} (line {line}, column {column})"))
        if len(problems) == _MOST_SHOWN:
            break
    return problems


def _walk(text: str) -> Iterator[tuple[int, str, str]]:
    frames: list[_Frame] = []
    for token in _TOKEN.finditer(text):
        word, kind = token.group(), token.lastgroup
        if kind == "mark":
            if word in "{[" and len(frames) == MAX_DEPTH:
                yield token.start(), "$", f"nothing may lie deeper than {MAX_DEPTH} levels"
                return
            _step(frames, word)
            continue
        is_key = bool(frames) and frames[-1].wants_key
        message = _word_fault(word) if kind == "word" else _text_fault(word, frames[-1] if is_key else None)
        if message:
            yield token.start(), _path(frames), message


def _step(frames: list[_Frame], mark: str) -> None:
    """Follow a brace, bracket, colon or comma."""
    if mark in "{[":
        frames.append(_Frame(mark == "{", wants_key=mark == "{"))
    elif not frames:
        return
    elif mark in "}]":
        frames.pop()
    elif mark == ":":
        frames[-1].wants_key = False
    elif frames[-1].is_object:
        frames[-1].wants_key = True
    elif isinstance(frames[-1].key, int):
        frames[-1].key += 1


def _text_fault(token: str, holder: _Frame | None) -> str:
    """What is wrong with a text; `holder` is the object whose key it is, None for a value."""
    try:
        text = json.loads(token, strict=False)
    except ValueError:
        return ""
    twice = holder is not None and text in holder.keys
    if holder is not None:
        holder.keys.add(text)
        holder.key = text.encode("utf-8", "backslashreplace").decode()
    if _LONE_SURROGATE.search(text):
        return "half of a surrogate pair is no character"
    return f"the key {shown(text)} is given twice" if twice else ""


def _word_fault(word: str) -> str:
    """What is wrong with a number or a bare word."""
    if word in ("NaN", "Infinity", "-Infinity"):
        return f"{word} is no JSON"
    if len(word) > _LONGEST_INTEGER and word.lstrip("-").isdecimal():
        return f"a number of {len(word):,} digits is too long"
    if word[0] in "-0123456789" and _is_infinite(word):
        return f"the number {shown(word)} is too large"
    return ""


def _is_infinite(word: str) -> bool:
    try:
        return math.isinf(float(word))
    except ValueError:
        return False


def _path(frames: list[_Frame]) -> str:
    path = "$"
    for frame in frames:
        path = child_path(path, frame.key)
    return path
