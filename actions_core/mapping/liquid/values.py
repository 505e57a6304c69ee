"""Values as Segment's Liquid spells, compares and opens them.

Only here is it known how JavaScript's rules show through in a template: which values are equal,
what a number is read from, what text stands for a list.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from liquid.builtin.expressions.primitive import Blank, Empty, Nil
from liquid.exceptions import ResourceLimitError
from liquid.undefined import Undefined

from actions_core.values.javascript import WHITESPACE, number_text, text_length, to_number, to_text
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

#: The most characters or items that a filter may take or give.
MAX_OPERAND: Final = 1_000_000
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
    """The number in a value as filters take it: what is none counts as 0, also a list or an object."""
    if isinstance(value, list):
        return 0.0
    read = read_number(value)
    return 0.0 if math.isnan(read) else read


def read_number(value: Any) -> float:
    """The number that JavaScript reads in a value; NaN where it reads none."""
    if isinstance(value, bool) or value is None:
        return float(value or 0)
    if isinstance(value, int | float):
        return to_double(value)
    if isinstance(value, list):
        value = to_text(value)
    if isinstance(value, str):
        read = to_number(value)
        return to_double(read) if read is not None else math.nan if value.strip(WHITESPACE) else 0.0
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


def refuse_growth(times: int, new: str) -> None:
    """Refuse to put a text in so many times before that takes its room."""
    if times * len(new) > MAX_OPERAND:
        raise ResourceLimitError(f"a value has more than {MAX_OPERAND:,} characters", token=None)


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
        return text_length(value) if isinstance(value, str) else len(value)
    if key in ("first", "last"):
        return value[0 if key == "first" else -1] if value and isinstance(value, list) else None
    index = to_number(key) if isinstance(key, str) and key.isdigit() else key
    if not isinstance(index, int) or isinstance(index, bool):
        return None
    if index < 0 and isinstance(value, list):
        index += len(value)
    return value[index] if 0 <= index < len(value) else None


def _of_object(value: dict[str, Any], key: Any) -> Any:
    name = text(key)
    if name in value:
        return value[name]
    return len(value) if name == "size" else None


def compared(value: object) -> Any:
    """A value on its way into a comparison: what is missing stays apart from null there."""
    return MISSING if isinstance(value, Undefined) else plain(value)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are equal in a condition."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Nil):
            return other is None or other is MISSING or isinstance(other, Nil | Blank)
        if isinstance(one, Blank) and (other is None or other is False or other is MISSING):
            return True
        if isinstance(one, Empty | Blank):
            return bool(one == other) and type(one) is not type(other)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, bool | dict) or isinstance(right, bool | dict):
        return left is right
    return bool(left == right)


def ordered(left: Any, right: Any, order: Callable[[Any, Any], bool]) -> bool:
    """Whether two values stand in an order: two texts by their characters, others as numbers.

    A list or an object is a text here, as in JavaScript; what is missing stands in no order.
    """
    for value in (left, right):
        if value is MISSING or isinstance(value, Nil | Empty | Blank):
            return False
    left, right = (to_text(value) if isinstance(value, list | dict) else value for value in (left, right))
    if isinstance(left, str) and isinstance(right, str):
        return order(left, right)
    return order(read_number(left), read_number(right))


def contains(left: Any, right: Any) -> bool:
    """Whether a text holds another one, or a list an item."""
    if isinstance(left, Empty | Blank):
        left = ""
    if isinstance(left, str):
        return ("" if isinstance(right, Empty | Blank) else to_text(right)) in left
    return isinstance(left, list) and any(equal(one, right) for one in left)
