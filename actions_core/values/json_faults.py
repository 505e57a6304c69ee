"""Faults that Python overlooks in JSON: in values that Python made, and in text that was read.

Python writes and reads more than JSON has (NaN, duplicate keys, half a surrogate pair), and falls over
what is merely deep or long. Its reader tells neither the place nor the key, so the text is walked a
second time, token by token, once something is known to be wrong with it.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import Problem, child_path
from actions_core.values.wording import kind, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.values.types import Json

#: Deeper than any sensible file or event, and far from where recursion would end.
MAX_DEPTH: Final = 100
#: Python refuses to write much longer integers as text, so no sentence could name them.
LONGEST_INTEGER: Final = 4000
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
#: As many problems as a reader takes in.
MOST_PROBLEMS: Final = 20

#: More values than this are not a file that somebody wrote; they may be one list that contains itself twice.
_MOST_VALUES: Final = 1_000_000
_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"\\]++|\\.)*+")|(?P<mark>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"]+)""", re.DOTALL
)


def json_problems(data: Json) -> list[Problem]:
    """Return what in a value made by Python is not JSON, or more than a file of ours may contain.

    The walk keeps a list of its own: what is checked may be deeper than Python can recurse, or contain
    itself.
    """
    problems: list[Problem] = []
    waiting: list[tuple[str, int, Json]] = [("$", 0, data)]
    seen = 0
    while waiting and len(problems) < MOST_PROBLEMS:
        path, depth, value = waiting.pop()
        seen += 1
        if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
            return [Problem(path, f"is nested deeper than {MAX_DEPTH} levels, or contains itself")]
        if seen > _MOST_VALUES:
            return [Problem("$", f"contains more than {_MOST_VALUES:,} values, or itself")]
        if isinstance(value, dict):
            problems += [
                Problem(path, f"the key {shown(key)} is not a string") for key in value if not _is_str(key)
            ]
            inside = [(child_path(path, key), depth + 1, item) for key, item in value.items() if _is_str(key)]
            waiting += reversed(inside)
        elif isinstance(value, list):
            inside = [(f"{path}[{index}]", depth + 1, item) for index, item in enumerate(value)]
            waiting += reversed(inside)
        elif (fault := _scalar_fault(value)) is not None:
            problems.append(Problem(path, fault))
    return problems


def _is_str(key: object) -> bool:
    return isinstance(key, str)


def _scalar_fault(value: object) -> str | None:
    if value is None or isinstance(value, (str, bool)):
        return None
    if isinstance(value, int):
        # A digit takes a little more than three bits.
        return "is a number with too many digits" if value.bit_length() > 3 * LONGEST_INTEGER else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, a number that JSON does not have"
    return f"is {kind(value)}, which JSON does not have"


def too_deep(value: Json) -> bool:
    """Return whether anything is nested too deeply; level by level, so that depth costs no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for holder in level
            if isinstance(holder, (dict, list))
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(item, (dict, list)) for item in level)


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Return the place of a character, both numbers counted from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def text_faults(text: str, place: Callable[[str, int], str]) -> list[Problem]:
    """Walk over text that may contain what JSON does not have; `place` words the place of a character."""
    problems = []
    for position, path, message in _walk(text):
        problems.append(Problem(path, f"{message} ({place(text, position)})"))
        if len(problems) == MOST_PROBLEMS:
            break
    return problems


@attrs.define
class _Frame:
    """An object or a list that the walk over the tokens is in."""

    is_object: bool
    keys: set[str] = attrs.field(factory=set)
    key: str | int = 0
    wants_key: bool = False


def _walk(text: str) -> Iterator[tuple[int, str, str]]:
    frames: list[_Frame] = []
    for token in _TOKEN.finditer(text):
        word, group = token.group(), token.lastgroup
        if group == "mark":
            if word in "{[" and len(frames) == MAX_DEPTH:
                yield token.start(), "$", f"nothing may be nested deeper than {MAX_DEPTH} levels"
                return
            _step(frames, word)
            continue
        is_key = bool(frames) and frames[-1].wants_key
        message = (
            _word_fault(word) if group == "word" else _string_fault(word, frames[-1] if is_key else None)
        )
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


def _string_fault(token: str, holder: _Frame | None) -> str:
    """Say what is wrong with a string; `holder` is the object whose key it is, None for a value."""
    try:
        text = json.loads(token, strict=False)
    except ValueError:
        return ""
    twice = holder is not None and text in holder.keys
    if holder is not None:
        holder.keys.add(text)
        holder.key = text.encode("utf-8", "backslashreplace").decode()
    if LONE_SURROGATE.search(text):
        return "half of a surrogate pair is not a character"
    return f"the key {shown(text)} is given twice" if twice else ""


def _word_fault(word: str) -> str:
    """Say what is wrong with a number or a bare word."""
    if word in ("NaN", "Infinity", "-Infinity"):
        return f"{word} is not JSON"
    if len(word) > LONGEST_INTEGER and word.lstrip("-").isdecimal():
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
