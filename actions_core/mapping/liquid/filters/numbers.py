"""Filters on numbers: all are doubles, as in JavaScript, so none can grow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from actions_core.mapping.liquid.values import item, items, number, read_number, tidy
from actions_core.values.javascript import truthy

if TYPE_CHECKING:
    from collections.abc import Callable

#: An argument that is not given; one that is null counts as 0.
_NOTHING: Final = object()
_FARTHEST_PLACE: Final = 308
#: A double from here on has no fraction.
_ALL_WHOLE: Final = 2**53


def _remainder(left: float, right: float) -> float:
    """As Ruby has it: the sign is the divisor's."""
    return math.nan if right == 0 or math.isinf(left) else math.fmod(math.fmod(left, right) + right, right)


def _quotient(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left)
    return left / right


def _divided_by(value: Any, divisor: Any = _NOTHING, whole: Any = None) -> float:
    """A quotient; with a true second argument the whole number below it."""
    if divisor is _NOTHING:
        return math.nan
    result = _quotient(number(value), number(divisor))
    return tidy(math.floor(result) if number(whole) != 0 and math.isfinite(result) else result)


def _round(value: Any, places: Any = 0) -> float:
    """Halves go away from zero."""
    amount, digits = number(value), int(max(-_FARTHEST_PLACE, min(_FARTHEST_PLACE, number(places))))
    factor = 10.0 ** abs(digits)
    scaled = amount * factor if digits >= 0 else amount / factor
    if not abs(scaled) < _ALL_WHOLE:
        return tidy(amount)
    rounded = math.copysign(math.floor(abs(scaled) + 0.5), amount)
    return tidy(rounded / factor if digits >= 0 else rounded * factor)


def _binary(function: Callable[[float, float], float]) -> Callable[..., float]:
    def apply(value: Any, other: Any = _NOTHING) -> float:
        return math.nan if other is _NOTHING else tidy(function(number(value), number(other)))

    return apply


def _whole(function: Callable[[float], int]) -> Callable[[Any], float]:
    def apply(value: Any) -> float:
        amount = number(value)
        return function(amount) if math.isfinite(amount) else amount

    return apply


def _sum(value: Any, key: Any = None) -> float:
    found = [item(one, key) if truthy(key) else one for one in items(value)]
    return tidy(sum(map(number, found)))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": lambda value: tidy(abs(number(value))),
    "at_least": lambda value, *others: tidy(max(map(number, (value, *others)))),
    "at_most": lambda value, *others: tidy(min(map(number, (value, *others)))),
    "ceil": _whole(math.ceil),
    "divided_by": _divided_by,
    "floor": _whole(math.floor),
    "minus": _binary(lambda left, right: left - right),
    "modulo": _binary(_remainder),
    "plus": _binary(lambda left, right: left + right),
    "round": _round,
    "sum": _sum,
    "times": _binary(lambda left, right: left * right),
    "to_integer": lambda value: tidy(read_number(value)),
}
