"""Values as Segment's Liquid spells, compares and opens them.

Only here is it known how JavaScript's rules show through in a template: which values are equal,
what a number is read from, what text stands for a list.
"""

from __future__ import annotations

import math
from typing import Any, Final

from liquid.builtin.expressions.primitive import Blank, Empty
from liquid.undefined import Undefined

from actions_core.javascript import number_text, to_number

_LONGEST_EXACT: Final = 2**53


def plain(value: object) -> Any:
    """A value without what only the Liquid library knows: nothing is None, a range a list."""
    if isinstance(value, Undefined):
        return None
    if isinstance(value, range):
        return list(value)
    if isinstance(value, str) and type(value) is not str:
        return str(value)
    return value


def text(value: Any) -> str:
    """The text of a value: nothing for null, a list's items joined with nothing."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined | Empty | Blank):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list | range):
        return "".join(map(text, value))
    return "[object Object]"


def number(value: Any) -> float:
    """The number that JavaScript reads in a value; NaN where it reads none."""
    if isinstance(value, bool) or value is None:
        return float(value or 0)
    if isinstance(value, int | float):
        return to_double(value)
    if isinstance(value, list):
        value = ",".join(map(text, value))
    if isinstance(value, str):
        read = to_number(value)
        return to_double(read) if read is not None else math.nan if value.strip() else 0.0
    return math.nan


def to_double(value: float) -> float:
    """A number as JavaScript holds it."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def tidy(value: float) -> float | int:
    """A double, as an `int` where it is a whole number."""
    if math.isfinite(value) and value == int(value) and abs(value) < _LONGEST_EXACT:
        return int(value)
    return value


def truthy(value: Any) -> bool:
    """Whether a condition takes the value for true: all are but nothing and false."""
    return value is not None and value is not False


def items(value: Any) -> list[Any]:
    """A value as a list: nothing is empty, a lone value a list of one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return [value]


def item(value: Any, key: Any) -> Any:
    """What stands under a key or an index, None where nothing does."""
    if isinstance(value, dict):
        return _of_object(value, key)
    if not isinstance(value, list | str):
        return None
    if key in ("size", "length"):
        return len(value)
    if key == "first":
        return value[0] if value else None
    if key == "last":
        return value[-1] if value else None
    index = (
        key if isinstance(key, int) else to_number(key) if isinstance(key, str) and key.isdigit() else None
    )
    if not isinstance(index, int):
        return None
    if index < 0:
        index += len(value)
    return value[index] if 0 <= index < len(value) else None


def _of_object(value: dict[str, Any], key: Any) -> Any:
    name = text(key)
    if name in value:
        return value[name]
    return len(value) if name == "size" else None


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal in a condition."""
    if isinstance(right, Empty | Blank):
        left, right = right, left
    if isinstance(left, Empty | Blank):
        return left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) or isinstance(right, dict):
        return left is right
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """Whether one value comes before another: two texts by their characters, others as numbers."""
    if left is None or right is None:
        return False
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return number(left) < number(right)


def less_or_equal(left: Any, right: Any) -> bool:
    """As `less`, or the same."""
    if left is None or right is None:
        return False
    if isinstance(left, str) and isinstance(right, str):
        return left <= right
    return number(left) <= number(right)


def contains(left: Any, right: Any) -> bool:
    """Whether a text holds another one, or a list an item."""
    if isinstance(left, str):
        return text(right) in left
    if isinstance(left, list):
        return any(equal(one, right) for one in left)
    return False
