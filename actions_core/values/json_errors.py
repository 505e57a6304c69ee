"""Where in a text the thing is that JSON does not have: a second walk, made only when there is one.

Python's reader tells neither the place nor the key of what it takes although JSON has it not, so the
text is gone through again, token by token.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import Problem, child_path
from actions_core.values.json_limits import LONGEST_INTEGER, MAX_DEPTH
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"\\]++|\\.)*+")|(?P<mark>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"]+)""", re.DOTALL
)
_MOST_SHOWN: Final = 20


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """The place of a character, both numbers from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


@attrs.define
class _Frame:
    """An object or a list that the walk over the tokens is in."""

    is_object: bool
    keys: set[str] = attrs.field(factory=set)
    key: str | int = 0
    wants_key: bool = False


def faults(text: str) -> list[Problem]:
    """Where and what: a second walk over text that is known to hold something that JSON has not."""
    problems = []
    for position, path, message in _walk(text):
        line, column = line_and_column(text, position)
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
    if LONE_SURROGATE.search(text):
        return "half of a surrogate pair is no character"
    return f"the key {shown(text)} is given twice" if twice else ""


def _word_fault(word: str) -> str:
    """What is wrong with a number or a bare word."""
    if word in ("NaN", "Infinity", "-Infinity"):
        return f"{word} is no JSON"
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
