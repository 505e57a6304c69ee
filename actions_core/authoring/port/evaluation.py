"""What an expression gives in the scopes of a column: whether it is what was recorded there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.authoring.port.columns import FAILED, same
from actions_core.errors import ActionsError
from actions_core.mapping import compile_mapping
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.authoring.port.columns import Column
    from actions_core.values.types import Json


def gives(written: Json, column: Column) -> bool:
    """Return whether an expression gives the column in all rows."""
    return all(
        made is not FAILED and same(made, value)
        for made, value in zip(evaluated(written, column), column.values, strict=True)
    )


def evaluated(written: Json, column: Column) -> list[Any]:
    """Return what an expression gives in each row: a value, MISSING, or FAILED where it cannot be made."""
    try:
        mapping = compile_mapping({"value": written})
    except ActionsError:
        return [FAILED] * len(column)
    made = []
    for row in column.rows:
        try:
            found = mapping.resolve(column.table.roots[row])
            made.append(found.get("value", MISSING) if isinstance(found, dict) else FAILED)
        except ActionsError:
            made.append(FAILED)
    return made
