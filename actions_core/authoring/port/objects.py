"""Columns of objects: made key by key, or of objects of the scope merged with such a one.

What may have any keys, such as an event's properties, is passed on as a whole. It shows as keys that come and
go, and whose values stand in an object of the scope, as they are or each turned in the same way.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.authoring.port.columns import FAILED, Column, bits, same
from actions_core.authoring.port.evaluation import gives
from actions_core.authoring.port.turns import path
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from actions_core.authoring.port.columns import Infer
    from actions_core.values.types import Json, JsonObject

_MOST_LAYERS: Final = 4
#: How many rows say something of a key that is missing in all others.
_FEWEST_ALONE: Final = 3
#: How many keys of an object may be left out or written anew where it is passed on.
_MOST_EXCEPTIONS: Final = 16
_DEEPEST_BY_KIND: Final = 8
#: Where what is made of the values of an object reads each.
VALUE: Final = "$.value"
_EMPTY: Final[Sequence[Json]] = (None, "", [], {})
#: A place of an object: its row, and a key of it.
Place = tuple[int, str]


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
            few = below.there.bit_count() < _FEWEST_ALONE <= len(column) // 2
            found = path(below, infer, text, depth) if few else infer(below, text=text, depth=depth + 1)
            if found is FAILED:
                failed.append(key)
            elif found is not MISSING:
                written[key] = found
    if not failed and not passed:
        return written
    merged = _merged(column, infer, written, [*passed, *failed], depth)
    if merged is not FAILED or failed:
        return merged
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


# -- objects of the scope that are passed on ----------------------------------------------------


@attrs.frozen(eq=False)
class _Layer:
    """An object of the scope that gives some places of the column, with the keys that it gives otherwise."""

    written: Json
    covered: frozenset[Place]
    dropped: frozenset[str]


def _merged(column: Column, infer: Infer, written: dict[str, Any], left: list[str], depth: int) -> Any:
    """Return known keys merged with objects of the scope that have those that are left."""
    layers = list(_layers(column, infer, left, depth))
    covered = frozenset[Place]().union(*(layer.covered for layer in layers))
    known = dict(written)
    for key in left:
        own = bits(
            row
            for row, value in zip(column.rows, column.values, strict=True)
            if key in value and (row, key) not in covered
        )
        if not own:
            continue
        found: Any = FAILED
        below = column.key(key)
        # Where the key is missing, it may be left out of what is passed on, or not be there at all.
        missing = below.mask & ~below.there
        masks = [own | missing, below.mask]
        if own.bit_count() >= _FEWEST_ALONE:
            masks.insert(1, own)
        for rows in masks if not key.startswith("@") else ():
            found = infer(below.where(rows), depth=depth + 4)
            if found is not FAILED:
                break
        if found is FAILED or found is MISSING:
            return FAILED
        known[key] = found
    if not layers:
        return FAILED
    return _in_an_order(column, layers, known)


def _in_an_order(column: Column, layers: Sequence[_Layer], known: Mapping[str, Any]) -> Any:
    """Return the objects merged in an order in which they give the column."""
    objects = [layer.written for layer in layers]
    everything = [*objects, known] if known else objects
    if len(everything) == 1 and gives(everything[0], column):
        return everything[0]
    for order in permutations(everything):
        found = {"@merge": {"objects": [_or_empty(one) for one in order], "direction": "right"}}
        if gives(found, column):
            return found
    return FAILED


def _or_empty(written: Json) -> Json:
    """Return an expression for a merge, which takes nothing that is missing."""
    where = _read_by(written)
    if where is None:
        return written
    return {"@if": {"exists": {"@path": where}, "then": written, "else": {}}}


def _read_by(written: Json) -> str | None:
    """Return the path that a layer reads; None where it is an object of known keys."""
    if not isinstance(written, dict) or len(written) != 1:
        return None
    ((name, option),) = written.items()
    if name == "@path":
        return str(option)
    return _read_by(option["value"]) if name in ("@omit", "@values") else None


def _layers(column: Column, infer: Infer, left: Iterable[str], depth: int) -> Iterator[_Layer]:
    wanted = set(left)
    todo = {
        (row, key)
        for row, value in zip(column.rows, column.values, strict=True)
        for key in value
        if key in wanted
    }
    number = 0
    opened = column.table.open
    for where in sorted(column.table.objects, key=lambda where: (where not in opened, where == "$.payload")):
        if not todo or number == _MOST_LAYERS:
            return
        layer = _layer(column, infer, where, todo, depth)
        if layer is not None:
            todo -= layer.covered
            number += 1
            yield layer


def _layer(column: Column, infer: Infer, where: str, todo: set[Place], depth: int) -> _Layer | None:
    """Return an object of the scope as a layer, its values as they are or turned, if it gives any."""
    given: dict[int, Mapping[str, Json]] = {}
    for row, scope in zip(column.rows, column.scopes, strict=True):
        one = scope.get(where)
        given[row] = one if isinstance(one, dict) else {}
    whole = dict(zip(column.rows, column.values, strict=True))
    shared = [(row, key) for row, key in todo if key in given[row]]
    if not shared:
        return None
    equal = {(row, key) for row, key in shared if same(given[row][key], whole[row][key])}
    inner: JsonObject = {"@path": where}
    declared = column.table.open.get(where, frozenset())
    plain = _with_exceptions(inner, given, whole, equal, declared) if len(equal) * 2 >= len(shared) else None
    if plain is not None and len(equal) == len(shared):
        return plain
    turned = _turned(infer, inner, given, whole, shared, column, depth)
    return plain if turned is None else turned


def _turned(
    infer: Infer,
    inner: JsonObject,
    given: Mapping[int, Mapping[str, Json]],
    whole: Mapping[int, Mapping[str, Json]],
    shared: Sequence[Place],
    column: Column,
    depth: int,
) -> _Layer | None:
    """Return an object of the scope as a layer with each of its values turned, without empty ones or with."""
    options: dict[str, Any] = {}
    declared = column.table.open.get(inner["@path"], frozenset())
    if declared and not any(declared & whole[row].keys() & one.keys() for row, one in given.items()):
        options["keys"] = sorted(declared)
        given = {row: {key: one[key] for key in one if key not in declared} for row, one in given.items()}
    gone = [one[key] for row, one in given.items() for key in one if key not in whole[row]]
    empty = [value for value in _EMPTY if any(same(one, value) for one in gone)]
    for values in ([], empty) if empty else ([],):
        if values:
            options["values"] = values
        rows = {row: _without(one, values) for row, one in given.items()}
        places = [(row, key) for row, key in shared if key in rows[row]]
        each = _each(infer, rows, whole, places, column, depth)
        if each is not FAILED and len(places) >= _FEWEST_ALONE:
            value = {"@omit": {"value": inner, **options}} if options else inner
            return _Layer({"@values": {"value": value, **each}}, frozenset(places), frozenset())
    return None


def _without(given: Mapping[str, Json], values: Sequence[Json]) -> Mapping[str, Json]:
    return {key: one for key, one in given.items() if not _is_one(one, values)}


def _is_one(value: Json, values: Sequence[Json]) -> bool:
    return any(same(value, one) for one in values)


def _with_exceptions(
    inner: Json,
    given: Mapping[int, Mapping[str, Json]],
    whole: Mapping[int, Mapping[str, Json]],
    covered: Iterable[Place],
    declared: frozenset[str],
) -> _Layer | None:
    """Return the layer without what the column lacks: empty values, or certain keys."""
    gone = [(row, key) for row, one in given.items() for key in one if key not in whole[row]]
    covered = frozenset(covered)
    options: dict[str, Any] = {}
    empty = [value for value in _EMPTY if sum(same(given[row][key], value) for row, key in gone) > 1]
    stays = (one for row, values in given.items() for key, one in values.items() if key in whole[row])
    if empty and not any(_is_one(one, empty) for one in stays):
        options["values"] = empty
        gone = [(row, key) for row, key in gone if not _is_one(given[row][key], empty)]
    keys = dict.fromkeys(key for _, key in gone)
    if declared and not declared & {key for _, key in covered} and keys.keys() <= declared:
        keys = dict.fromkeys(sorted(declared))
    elif len(keys) > min(_MOST_EXCEPTIONS, len({key for _, key in covered}) + 1):
        return None
    if keys:
        options["keys"] = list(keys)
    written = {"@omit": {"value": inner, **options}} if options else inner
    return _Layer(written, covered, frozenset(keys))


def _each(
    infer: Infer,
    given: Mapping[int, Mapping[str, Json]],
    whole: Mapping[int, Mapping[str, Json]],
    shared: Sequence[Place],
    column: Column,
    depth: int,
) -> Any:
    """Return the options of `@values` that turn each value as the column has it; FAILED if none do."""
    gone = [(row, key) for row, one in given.items() for key in one if key not in whole[row]]
    made = [(row, key, given[row][key], whole[row].get(key, MISSING)) for row, key in (*shared, *gone)]
    scopes = [{"$.key": key, "$.value": value} for _, key, value, _ in made]
    pairs = Column.of(scopes, [value for *_, value in made], column.budget)
    found = infer(pairs, depth=depth + 4)
    if found is FAILED or found is MISSING:
        return FAILED
    if found == {"@template": "{{value}}"}:
        return {"as": "text"}
    return {"each": found}


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
