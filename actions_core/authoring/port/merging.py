"""Objects of the scope that are passed on as a whole, merged with what an action itself writes.

What may have any keys, such as an event's properties, shows as keys that come and go, and whose values stand
in an object of the scope, as they are or each turned in the same way.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from actions_core.authoring.port.columns import FAILED, Column, bits, same
from actions_core.authoring.port.evaluation import gives
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from actions_core.authoring.port.columns import Infer
    from actions_core.values.types import Json, JsonObject

#: A place of an object: its row, and a key of it.
Place = tuple[int, str]
_MOST_LAYERS: Final = 4
#: How many rows say something of a key that is missing in all others.
FEWEST_ALONE: Final = 3
#: How many keys of an object may be left out where it is passed on.
_MOST_EXCEPTIONS: Final = 16
_EMPTY: Final[Sequence[Json]] = (None, "", [], {})


@attrs.frozen(eq=False)
class _Layer:
    """An object of the scope as an expression, with the places of the column that it gives."""

    written: Json
    covered: frozenset[Place]


@attrs.frozen(eq=False)
class _Source:
    """An object of the scope in each row, beside that of the column; `shared` are the places to be given."""

    where: str
    declared: frozenset[str]
    given: Mapping[int, Mapping[str, Json]]
    whole: Mapping[int, Mapping[str, Json]]
    shared: tuple[Place, ...]

    @classmethod
    def at(cls, column: Column, where: str, todo: Iterable[Place]) -> Self:
        """Return what there is at a path."""
        given: dict[int, Mapping[str, Json]] = {}
        for row, scope in zip(column.rows, column.scopes, strict=True):
            one = scope.get(where)
            given[row] = one if isinstance(one, dict) else {}
        whole = dict(zip(column.rows, column.values, strict=True))
        shared = tuple((row, key) for row, key in todo if key in given[row])
        return cls(where, column.table.open.get(where, frozenset()), given, whole, shared)

    def value(self, place: Place) -> Json:
        """Return the value that the object has at a place."""
        row, key = place
        return self.given[row][key]

    def gone(self) -> list[Place]:
        """Return the places that the object has and the column has not."""
        return [(row, key) for row, one in self.given.items() for key in one if key not in self.whole[row]]

    def without(self, keys: Iterable[str] = (), values: Sequence[Json] = ()) -> Self:
        """Return the object without certain keys, or those of certain values."""
        given = {
            row: {key: one for key, one in each.items() if key not in keys and not _is_one(one, values)}
            for row, each in self.given.items()
        }
        shared = tuple((row, key) for row, key in self.shared if key in given[row])
        return attrs.evolve(self, given=given, shared=shared)


def merged(column: Column, infer: Infer, written: dict[str, Any], left: list[str], depth: int) -> Any:
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
        found = _own(column, infer, key, own, depth) if own else MISSING
        if found is FAILED:
            return FAILED
        if found is not MISSING:
            known[key] = found
    return _in_an_order(column, [layer.written for layer in layers], known) if layers else FAILED


def _own(column: Column, infer: Infer, key: str, own: int, depth: int) -> Any:
    """Infer a key of the action's own, which it writes in some rows at least."""
    below = column.key(key)
    # Where the key is missing, it may be left out of what is passed on, or not be there at all.
    masks = [own | below.mask & ~below.there, below.mask]
    if own.bit_count() >= FEWEST_ALONE:
        masks.insert(1, own)
    for rows in masks if not key.startswith("@") else ():
        found = infer(below.where(rows), depth=depth + 4)
        if found is not FAILED:
            return FAILED if found is MISSING else found
    return FAILED


def _in_an_order(column: Column, objects: Sequence[Json], known: Mapping[str, Any]) -> Any:
    """Return the objects merged in an order in which they give the column."""
    everything = [*objects, known] if known else list(objects)
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


# -- layers -------------------------------------------------------------------------------------


def _layers(column: Column, infer: Infer, left: Iterable[str], depth: int) -> Iterator[_Layer]:
    """Yield objects of the scope that give places of the keys that are left, those of any keys first."""
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
        layer = _layer(column, infer, _Source.at(column, where, todo), depth)
        if layer is not None:
            todo -= layer.covered
            number += 1
            yield layer


def _layer(column: Column, infer: Infer, source: _Source, depth: int) -> _Layer | None:
    """Return an object of the scope as a layer, its values as they are or turned, if it gives any."""
    shared = source.shared
    if not shared:
        return None
    equal = [(row, key) for row, key in shared if same(source.given[row][key], source.whole[row][key])]
    plain = _as_it_is(source, frozenset(equal)) if len(equal) * 2 >= len(shared) else None
    if plain is not None and len(equal) == len(shared):
        return plain
    turned = _turned(column, infer, source, depth)
    return plain if turned is None else turned


def _as_it_is(source: _Source, covered: frozenset[Place]) -> _Layer | None:
    """Return the layer without what the column lacks: empty values, or certain keys."""
    gone = source.gone()
    options: dict[str, Any] = {}
    empty = [value for value in _EMPTY if sum(same(source.value(place), value) for place in gone) > 1]
    stays = (
        one for row, each in source.given.items() for key, one in each.items() if key in source.whole[row]
    )
    if empty and not any(_is_one(one, empty) for one in stays):
        options["values"] = empty
        gone = [place for place in gone if not _is_one(source.value(place), empty)]
    keys = dict.fromkeys(key for _, key in gone)
    given = {key for _, key in covered}
    if source.declared and not source.declared & given and keys.keys() <= source.declared:
        keys = dict.fromkeys(sorted(source.declared))
    elif len(keys) > min(_MOST_EXCEPTIONS, len(given) + 1):
        return None
    if keys:
        options["keys"] = list(keys)
    inner = {"@path": source.where}
    return _Layer({"@omit": {"value": inner, **options}} if options else inner, covered)


def _turned(column: Column, infer: Infer, source: _Source, depth: int) -> _Layer | None:
    """Return the layer with each of its values turned, with the empty ones or without."""
    options: dict[str, Any] = {}
    declared = source.declared
    if declared and not any(
        declared & source.whole[row].keys() & one.keys() for row, one in source.given.items()
    ):
        options["keys"] = sorted(declared)
        source = source.without(keys=declared)
    gone = source.gone()
    empty = [value for value in _EMPTY if any(same(source.value(place), value) for place in gone)]
    for values in ([], empty) if empty else ([],):
        if values:
            options["values"] = values
            source = source.without(values=values)
        each = _each(column, infer, source, depth)
        if each is not FAILED and len(source.shared) >= FEWEST_ALONE:
            inner: JsonObject = {"@path": source.where}
            value = {"@omit": {"value": inner, **options}} if options else inner
            return _Layer({"@values": {"value": value, **each}}, frozenset(source.shared))
    return None


def _each(column: Column, infer: Infer, source: _Source, depth: int) -> Any:
    """Return the options of `@values` that turn each value as the column has it; FAILED if none do."""
    places = (*source.shared, *source.gone())
    scopes = [{"$.key": place[1], "$.value": source.value(place)} for place in places]
    values = [source.whole[row].get(key, MISSING) for row, key in places]
    found = infer(Column.of(scopes, values, column.budget), depth=depth + 4)
    if found is FAILED or found is MISSING:
        return FAILED
    return {"as": "text"} if found == {"@template": "{{value}}"} else {"each": found}


def _is_one(value: Json, values: Sequence[Json]) -> bool:
    return any(same(value, one) for one in values)
