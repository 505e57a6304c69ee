"""What a comparison asks of the value it finds: the one place where FQL's verdicts are written.

A comparison resolves to a check: a kind and an operand. Each kind is a Python expression over the
value, so the compiler (which joins them to one function) and the trace (which runs them one by one)
cannot disagree. Which kind it is depends on the field on the left: `event` and `type` know text only,
`name` knows null besides, `userId` compares numbers as text.

In a check a missing value is None: no comparison tells the two apart.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.values.codegen import Source
from actions_core.values.javascript import to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.subscriptions.terms import Comparison, Value
    from actions_core.values.types import Json

#: What the expressions below may name beside the value and the operand.
NAMES: Final[dict[str, Any]] = {"NUMBER": (int, float)}

# `{v}` is the value where it is read first, `{w}` where it is read again, `{x}` the operand.
# `True` is an int in Python and equals 1, hence the last question wherever numbers are meant.
_NUMBER = "isinstance({v}, NUMBER) and {w} %s {x} and type({w}) is not bool"
_TEXT = "isinstance({v}, str) and %s"
EXPRESSIONS: Final = {
    "never": "False",
    "absent": "{v} is None",
    "present": "{v} is not None",
    "is": "{v} is {x}",
    "is_not": "{v} is not {x}",
    "text": "{v} == {x}",
    "other_text": "{v} != {x}",
    "one_of": "{v} in {x}",
    "none_of": "{v} not in {x}",
    "number": "{v} == {x} and type({w}) is not bool",
    "other_number": _NUMBER % "!=",
    "<": _NUMBER % "<",
    "<=": _NUMBER % "<=",
    ">": _NUMBER % ">",
    ">=": _NUMBER % ">=",
    "contains": _TEXT % "{x} in {w}",
    "not_contains": _TEXT % "{x} not in {w}",
    "starts_with": _TEXT % "{w}.startswith({x})",
    "not_starts_with": _TEXT % "not {w}.startswith({x})",
    "ends_with": _TEXT % "{w}.endswith({x})",
    "not_ends_with": _TEXT % "not {w}.endswith({x})",
}


@attrs.frozen
class Check:
    """A kind out of `EXPRESSIONS`, and what the value is held against."""

    kind: str
    operand: Value | tuple[Value, ...] = None

    def holds(self, value: Json) -> bool:
        """The verdict on one value; a missing one is given as None."""
        return _function(self.kind)(value, self.operand)


def check_of(comparison: Comparison) -> Check:
    """What a comparison asks, by the field on its left."""
    operator, value, field = comparison.operator, comparison.value, comparison.path[0]
    if operator in ("=", "!="):
        return _equality(field, value, equal=operator == "=")
    if operator in ("<", "<=", ">", ">=") and (isinstance(value, (bool, str)) or value is None):
        return Check("never")
    return Check(operator, value)


def _equality(field: str, value: Value, *, equal: bool) -> Check:
    only_text = field in ("event", "type")
    if value is None and not only_text:
        return Check("absent" if equal else "present")
    if isinstance(value, bool) and field not in ("event", "type", "name"):
        return Check("is" if equal else "is_not", value)
    if isinstance(value, (int, float)) and field not in ("event", "type", "name", "userId"):
        return Check("number" if equal else "other_number", value)
    return Check("text" if equal else "other_text", to_text(value))


@cache
def _function(kind: str) -> Callable[[Json, Any], bool]:
    source = Source("comparison", **NAMES)
    with source.function("value, operand", "holds"):
        source.put(f"return {EXPRESSIONS[kind].format(v='value', w='value', x='operand')}")
    holds: Callable[[Json, Any], bool] = source.build()["holds"]
    return holds
