"""Filters on numbers: all are doubles, as in JavaScript, so none can grow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from actions_core.mapping.liquid.values import items, number, tidy

if TYPE_CHECKING:
    from collections.abc import Callable

_FARTHEST_PLACE: Final = 308


def _remainder(left: float, right: float) -> float:
    if math.isnan(left) or math.isnan(right) or math.isinf(left) or right == 0:
        return math.nan
    return math.fmod(left, right)


def _quotient(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


def divided_by(value: Any, divisor: Any = None, whole: Any = False) -> float:  # noqa: FBT002  # as Liquid has it
    """A quotient; with a true second argument the whole number below it."""
    result = _quotient(number(value), number(divisor))
    return tidy(math.floor(result) if whole and math.isfinite(result) else result)


def round_(value: Any, places: Any = 0) -> float:
    """Halves go up."""
    amount, digits = number(value), number(places)
    if not math.isfinite(amount):
        return amount
    factor = 10 ** int(max(-_FARTHEST_PLACE, min(_FARTHEST_PLACE, digits))) if math.isfinite(digits) else 1
    scaled = amount * factor
    return tidy(math.floor(scaled + 0.5) / factor if math.isfinite(scaled) else amount)


def _whole(function: Callable[[float], int]) -> Callable[[Any], float]:
    def apply(value: Any) -> float:
        amount = number(value)
        return function(amount) if math.isfinite(amount) else amount

    return apply


def _sum(value: Any, key: Any = None) -> float:
    found = [one if key is None else one.get(key) if isinstance(one, dict) else None for one in items(value)]
    return tidy(math.fsum(number(one) for one in found if not math.isnan(number(one))))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": lambda value: tidy(abs(number(value))),
    "at_least": lambda value, least=None: tidy(max(number(value), number(least))),
    "at_most": lambda value, most=None: tidy(min(number(value), number(most))),
    "ceil": _whole(math.ceil),
    "divided_by": divided_by,
    "floor": _whole(math.floor),
    "minus": lambda value, other=None: tidy(number(value) - number(other)),
    "modulo": lambda value, other=None: tidy(_remainder(number(value), number(other))),
    "plus": lambda value, other=None: tidy(number(value) + number(other)),
    "round": round_,
    "sum": _sum,
    "times": lambda value, other=None: tidy(number(value) * number(other)),
    "to_integer": lambda value: tidy(number(value)),
}
