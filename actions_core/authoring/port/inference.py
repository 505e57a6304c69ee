"""Expressions that give what a published destination wrote, inferred from recorded calls.

A column is one place of the request through all calls. It is a constant, a value of the scope, such a value
turned into something else, a text with values in it, the first of several, one of several by another value,
or an object or a list of such parts. What fits all calls is taken; fresh calls tell whether it is the rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.port.choices import (
    chosen,
    chosen_of_any,
    chosen_of_turned,
    divided,
    first_of_several,
    looked_up,
    present,
)
from actions_core.authoring.port.columns import FAILED, Column
from actions_core.authoring.port.lists import entries, items, listed
from actions_core.authoring.port.objects import by_kind, parts, unless_empty
from actions_core.authoring.port.texts import base64_text, digits, encoded, template
from actions_core.authoring.port.turns import constant, path, present_time, turned
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.authoring.port.columns import Attempt

_DEEPEST: Final = 12
_ATTEMPTS: Final[Sequence[Attempt]] = (
    constant,
    path,
    turned,
    parts,
    items,
    listed,
    entries,
    present_time,
    encoded,
    digits,
    template,
    base64_text,
    present,
    first_of_several,
    unless_empty,
    chosen,
    by_kind,
    looked_up,
    chosen_of_turned,
    divided,
    chosen_of_any,
)


def infer(column: Column, *, text: bool = False, depth: int = 0) -> Any:
    """Return the expression of a column, MISSING where it is always so, or FAILED.

    With `text`, values are written as text, as in a query or a form.
    """
    if all(value is MISSING for value in column.values):
        return MISSING
    if depth > _DEEPEST or not column.budget.spend():
        return FAILED
    for attempt in _ATTEMPTS:
        found = attempt(column, infer, text, depth)
        if found is not FAILED:
            return found
    return FAILED
