"""Coercion of one scalar to the type of its field, where JavaScript's reading of it leaves no doubt.

Each function returns the value that fits, or the value as it came when nothing fits; the check that
follows says what is wrong with it. A list of one stands for its item.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from actions_core.values.javascript import to_number, to_text
from actions_core.values.types import MISSING, Json, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.validation.fields import FieldSpec

#: JSON has no number beyond this that other programs read back; Python's integers go on.
LARGEST: Final = sys.float_info.max

#: Up to here each whole number is a float of its own.
_LARGEST_WHOLE: Final = 2**53


def is_number(value: Json) -> bool:
    """Return whether the value is a number that JSON can hold: no boolean, no NaN, not beyond a double."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def is_integer(value: Json) -> bool:
    """Return whether the value is an integer; `5.0` is one."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def same_json(one: Json, other: Json) -> bool:
    """Return whether two values are the same JSON: `1` is `1.0`, but no boolean is a number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    return bool(one == other)


def coerce_to(spec: FieldSpec, *, item: bool = False) -> Callable[[Json], Json]:
    """Build the function that gives a scalar the field's type; the items of a list are never null."""
    convert = _CONVERTERS[spec.type]
    null = spec.allow_null and not item

    def coerce(value: Json) -> Json:
        if value is None and null:
            return None
        fitting = convert(value)
        if fitting is not MISSING:
            return fitting
        if null and _is_nothing(value):
            return None
        return MISSING

    def coerce_or_leave(value: Json) -> Json:
        lone = isinstance(value, list) and len(value) == 1 and spec.type != "object"
        fitting = coerce(value[0] if lone else value)
        return value if fitting is MISSING else fitting

    return coerce_or_leave


def _is_nothing(value: Json) -> bool:
    return value is False or value == "" or (is_number(value) and value == 0)


def _to_text(value: Json) -> Json:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return to_text(value) if isinstance(value, bool) or is_number(value) else MISSING


def _to_number(value: Json) -> Json:
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return _read(value)
    return value if is_number(value) else MISSING


def _to_integer(value: Json) -> Json:
    number = _to_number(value)
    return number if is_integer(number) else MISSING


def _read(text: str) -> float | Missing:
    """Return the number in the text, integers as `int`; MISSING for infinity and what overflows to it."""
    number = to_number(text)
    if number is None or not is_number(number):
        return MISSING
    return int(number) if abs(number) <= _LARGEST_WHOLE and number == int(number) else number


def _to_boolean(value: Json) -> Json:
    if isinstance(value, bool):
        return value
    if value is None or value == "false":
        return False
    if value == "true":
        return True
    return value == 1 if is_number(value) and value in (0, 1) else MISSING


def _to_time(value: Json) -> Json:
    return value if is_number(value) else _to_text(value)


def _to_object(value: Json) -> Json:
    return value if isinstance(value, dict) else MISSING


_CONVERTERS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "string": _to_text,
    "text": _to_text,
    "password": _to_text,
    "datetime": _to_time,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "object": _to_object,
}
