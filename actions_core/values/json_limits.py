"""What a value must be so that JSON can say it, and so that nothing behind this door falls over it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from actions_core.errors import Problem, child_path
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from actions_core.values.types import Json

#: Deeper than any sensible file, and far from where recursion would end.
MAX_DEPTH: Final = 100
#: Python refuses to write much longer integers as text, so no sentence could name them.
LONGEST_INTEGER: Final = 4000
#: More values than this are no file that somebody wrote; they may be one list that holds itself twice.
_MOST_VALUES: Final = 1_000_000
_MOST_SHOWN: Final = 20


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
        if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
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
        return "is a number of too many digits" if value.bit_length() > 3 * LONGEST_INTEGER else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, a number that JSON does not have"
    return f"is of type {type(value).__name__}, which JSON does not have"


def too_deep(value: Json) -> bool:
    """Whether anything lies deeper than it may; level by level, so that depth costs no recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for holder in level
            if isinstance(holder, (dict, list))
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(item, (dict, list)) for item in level)
