"""Columns of objects: made key by key, or of objects of the scope merged with such a one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.port.columns import FAILED, same
from actions_core.authoring.port.evaluation import gives
from actions_core.authoring.port.merging import FEWEST_ALONE, merged
from actions_core.authoring.port.turns import path
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.authoring.port.columns import Column, Infer
    from actions_core.values.types import Json

_DEEPEST_BY_KIND: Final = 8
#: Where what is made of the values of an object reads each.
VALUE: Final = "$.value"


def parts(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer an object key by key, or as objects of the scope merged with such a one."""
    if not all(isinstance(value, dict) for value in column.values):
        return FAILED
    written: dict[str, Any] = {}
    passed: dict[str, Any] = {}
    failed: list[str] = []
    # The longest first: they say most of the order in which keys are written.
    longest = sorted(column.values, key=lambda value: -len(value))
    for key in dict.fromkeys(key for value in longest for key in value):
        below = column.key(key)
        if key.startswith("@"):
            failed.append(key)
        elif _is_of_an_open_object(below, key):
            passed[key] = None
        else:
            few = below.there.bit_count() < FEWEST_ALONE <= len(column) // 2
            found = path(below, infer, text, depth) if few else infer(below, text=text, depth=depth + 1)
            if found is FAILED:
                failed.append(key)
            elif found is not MISSING:
                written[key] = found
    if not failed and not passed:
        return written
    found = merged(column, infer, written, [*passed, *failed], depth)
    if found is not FAILED or failed:
        return found
    for key in passed:
        written[key] = infer(column.key(key), text=text, depth=depth + 1)
    return FAILED if any(value is FAILED for value in written.values()) else written


def _is_of_an_open_object(column: Column, key: str) -> bool:
    """Return whether a key is always one that an object has which may have any."""
    there = [
        (scope, value)
        for scope, value in zip(column.scopes, column.values, strict=True)
        if value is not MISSING
    ]
    for where, declared in column.table.open.items():
        if key not in declared and all(
            isinstance(one := scope.get(where), dict) and key in one for scope, _ in there
        ):
            return True
    return False


def unless_empty(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer objects that are left out where they would be empty."""
    there = [value for value in column.values if value is not MISSING]
    if len(there) == len(column) or not all(isinstance(value, dict) and value for value in there):
        return FAILED
    filled = column.with_values({} if value is MISSING else value for value in column.values)
    found = parts(filled, infer, text, depth + 1)
    if found is FAILED:
        return FAILED
    omitted = {"@omit": {"value": {"made": found}, "values": [{}]}}
    written = {"@transform": {"apply": omitted, "mapping": {"@path": "$.made"}}}
    return written if gives(written, column) else FAILED


def by_kind(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer what is made of each value of an object by the kind of that value."""
    if VALUE not in column.table.present or depth > _DEEPEST_BY_KIND:
        return FAILED
    groups: dict[str, int] = {}
    for row, scope in zip(column.rows, column.scopes, strict=True):
        kind = kind_of(scope.get(VALUE))
        groups[kind] = groups.get(kind, 0) | 1 << row
    if len(groups) < 2:  # noqa: PLR2004  # one kind is no choice
        return FAILED
    of: dict[str, Any] = {}
    for kind, rows in groups.items():
        found = infer(column.where(rows), text=text, depth=depth + 4)
        if found is FAILED:
            return FAILED
        if found is not MISSING:
            of[kind] = found
    written: dict[str, Any] = {"by": {"@jmespath": "type(value)"}, "of": of}
    if len(of) == len(groups):
        often = max(of, key=lambda kind: (sum(same(of[kind], one) for one in of.values()), kind == "string"))
        written["of"] = {kind: value for kind, value in of.items() if not same(value, of[often])}
        written["else"] = of[often]
    return {"@choose": written}


def kind_of(value: Json) -> str:
    """Return the kind of a value as JMESPath names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
