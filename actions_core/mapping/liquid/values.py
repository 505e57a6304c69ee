"""Values as Segment's Liquid spells, compares and indexes them.

Only this module knows how JavaScript's rules show in a template: which values are equal, what number
a value is read as, and what text stands for a list.
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
    from collections.abc import Callable, Iterator

#: The most characters or items in an operand or a result of a filter.
MAX_OPERAND: Final = 1_000_000
_LONGEST_EXACT: Final = 2**53
#: Values that are compared as Python compares them.
_PLAIN: Final = frozenset((int, float, str))
_ITEMS_PER_TICK: Final = 1_000


def plain(value: object) -> Any:
    """Return a JSON value for one of the Liquid library: None for undefined, a list for a range."""
    if isinstance(value, Undefined):
        return None
    if isinstance(value, range):
        return list(value)
    if isinstance(value, str) and type(value) is not str:
        return str(value)
    return value


def text(value: Any) -> str:
    """Return the text of a value: empty for null, a list's items joined without a separator."""
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
    """Return a value as the number that filters take: 0 for what is not one, also a list or an object."""
    if isinstance(value, list):
        return 0.0
    read = read_number(value)
    return 0.0 if math.isnan(read) else read


def read_number(value: Any) -> float:
    """Return the number that JavaScript reads in a value; NaN where it reads none."""
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
    """Return a number as a double, which it is in JavaScript."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole_as_int(value: float) -> float | int:
    """Return a double, as an `int` where it is a whole number."""
    if math.isfinite(value) and value == int(value) and abs(value) < _LONGEST_EXACT:
        return int(value)
    return value


def refuse_growth(times: int, new: str) -> None:
    """Raise an error where so many copies of a text are too long, before they are made."""
    if times * len(new) > MAX_OPERAND:
        raise ResourceLimitError(f"a value has more than {MAX_OPERAND:,} characters", token=None)


def truthy(value: Any) -> bool:
    """Tell whether a value is true in a condition: all are but null and false."""
    return value is not None and value is not False


def items(value: Any) -> list[Any]:
    """Return a value as a list: null as an empty one, a single value as a list of one."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return [value]


def item(value: Any, key: Any) -> Any:
    """Return the value under a key or an index, or None."""
    if isinstance(value, dict):
        return _property(value, key)
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


def _property(value: dict[str, Any], key: Any) -> Any:
    name = text(key)
    if name in value:
        return value[name]
    return len(value) if name == "size" else None


def operand(value: object) -> Any:
    """Return a value for a comparison, in which what is missing is not null."""
    return MISSING if isinstance(value, Undefined) else plain(value)


def _no_clock() -> None:
    """Let the time pass: for what is compared outside of a rendering."""


def equal(  # noqa: PLR0911  # one for each kind of value
    left: Any, right: Any, tick: Callable[[], None] = _no_clock
) -> bool:
    """Tell whether two values are equal in a condition; `tick` is called now and then, and may raise."""
    if type(left) in _PLAIN and type(right) in _PLAIN:
        return bool(left == right)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Nil):
            return other is None or other is MISSING or isinstance(other, Nil | Blank)
        if isinstance(one, Blank) and (other is None or other is False or other is MISSING):
            return True
        if isinstance(one, Empty | Blank):
            return bool(one == other) and type(one) is not type(other)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            equal(one, right[index], tick) for index, one in _ticking(left, tick)
        )
    if isinstance(left, bool | dict) or isinstance(right, bool | dict):
        return left is right
    return bool(left == right)


def _ticking(values: list[Any], tick: Callable[[], None]) -> Iterator[tuple[int, Any]]:
    """Yield the items with their places, and look at the clock before the first and now and then."""
    for index, one in enumerate(values):
        if not index % _ITEMS_PER_TICK:
            tick()
        yield index, one


def ordered(left: Any, right: Any, order: Callable[[Any, Any], bool]) -> bool:
    """Tell whether two values are in an order: two texts by their characters, others as numbers.

    A list or an object is a text here, as in JavaScript; what is missing is in no order.
    """
    for value in (left, right):
        if value is MISSING or isinstance(value, Nil | Empty | Blank):
            return False
    left, right = (to_text(value) if isinstance(value, list | dict) else value for value in (left, right))
    if isinstance(left, str) and isinstance(right, str):
        return order(left, right)
    return order(read_number(left), read_number(right))


def contains(left: Any, right: Any, tick: Callable[[], None] = _no_clock) -> bool:
    """Tell whether a text contains another one, or a list an item."""
    if isinstance(left, Empty | Blank):
        left = ""
    if isinstance(left, str):
        return ("" if isinstance(right, Empty | Blank) else to_text(right)) in left
    return isinstance(left, list) and any(equal(one, right, tick) for _, one in _ticking(left, tick))
