"""Columns of lists: made item by item, or of the items of a list or of the keys of an object in the scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.authoring.port.columns import FAILED, Column
from actions_core.authoring.port.evaluation import gives
from actions_core.authoring.port.samples import flat_values
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.authoring.port.columns import Infer
    from actions_core.values.types import Json, JsonObject


def items(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer lists of one length item by item."""
    if not all(isinstance(value, list) for value in column.values):
        return FAILED
    if len({len(value) for value in column.values}) != 1:
        return FAILED
    found = [infer(column.item(index), text=text, depth=depth + 1) for index in range(len(column.values[0]))]
    return FAILED if any(item is FAILED or item is MISSING for item in found) else found


def listed(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer lists whose items are made of those of a list in the scope, one by one."""
    if not all(value is MISSING or isinstance(value, list) for value in column.values):
        return FAILED
    for where in column.table.lists:
        pairs = list(_pairs(column, where, list))
        if not pairs or not all(isinstance(given, dict) for given, _ in pairs):
            continue
        found = infer(_column_of(pairs, column), text=text, depth=depth + 1)
        if not isinstance(found, dict):
            continue
        for written in _with_and_without({"@arrayPath": [where, found]}, where):
            if gives(written, column):
                return written
    return FAILED


def entries(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer lists that have an item for each key of an object in the scope."""
    if not all(value is MISSING or isinstance(value, list) for value in column.values):
        return FAILED
    opened = column.table.open
    for where in column.table.objects:
        value: Json = {"@path": where}
        pairs = list(_pairs(column, where, dict))
        if not pairs and opened.get(where):
            value = {"@omit": {"value": value, "keys": sorted(opened[where])}}
            pairs = list(_pairs(column, where, dict, opened[where]))
        if not pairs:
            continue
        found = infer(_column_of(pairs, column), text=text, depth=depth + 1)
        if found is FAILED or found is MISSING:
            continue
        for written in _with_and_without({"@values": {"value": value, "each": found, "list": True}}, where):
            if gives(written, column):
                return written
    return FAILED


def _column_of(pairs: Sequence[tuple[Json, Json]], column: Column) -> Column:
    """Return the column of the items, each in the scope of the entry that is beside it."""
    scopes = [dict(flat_values(given, "$", 1)) for given, _ in pairs]
    return Column.of(scopes, [value for _, value in pairs], column.budget, [one for one, _ in pairs])


def _with_and_without(written: JsonObject, where: str) -> tuple[JsonObject, JsonObject]:
    """Return a list as it is written, and as it is where nothing at a path makes an empty one."""
    return written, {"@if": {"exists": {"@path": where}, "then": written, "else": {"@literal": []}}}


def _pairs(
    column: Column,
    where: str,
    kind: type[list[Any] | dict[str, Any]],
    without: frozenset[str] = frozenset(),
) -> Iterator[tuple[Json, Json]]:
    """Yield what there is at a path, entry by entry, each beside an item of the column.

    Yields nothing where the two are not equally long; nothing at a path may be an empty list in the column.
    """
    rows = []
    for scope, value in zip(column.scopes, column.values, strict=True):
        given = scope.get(where, MISSING)
        if given is MISSING and value in (MISSING, []):
            continue
        if not isinstance(given, kind) or value is MISSING:
            return
        if isinstance(given, dict):
            given = [{"key": key, "value": item} for key, item in given.items() if key not in without]
        if len(given) != len(value):
            return
        rows.append((given, value))
    for given, value in rows:
        yield from zip(given, value, strict=True)
