"""The places of a request through all recorded calls, beside the scopes of these calls.

Rules are looked for in hundreds of columns, each against every path of the scopes. What that asks of the
scopes over and over is found once: in which calls a path has a value, which paths have a given one. A set of
calls is an integer, with a bit for each.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.authoring.port.samples import is_free
from actions_core.mapping.runtime import is_filled
from actions_core.validation.coercion import same_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from typing import Protocol

    from actions_core.values.types import Json, JsonObject

    Turn = Callable[[Json], Json]

    class Infer(Protocol):
        """Returns the expression of a column, MISSING where it is always so, or FAILED."""

        def __call__(self, column: Column, *, text: bool = False, depth: int = 0) -> Any:
            """Infer a column; with `text`, values are written as text, as in a query or a form."""

    Attempt = Callable[["Column", Infer, bool, int], Any]

#: What stands for a column that nothing fits.
FAILED: Final[Any] = object()

#: Paths of the scope in the order of their likelihood: what the author maps comes before what else is known.
_ORDER: Final = (*("$.payload", "$.settings", "$.auth", "$.syncMode", "$.membership", "$.hooks", "$.event"),)


@attrs.define
class Budget:
    """How many columns may still be looked at: what follows no rule has too many that could be tried."""

    left: int = 1000

    def spend(self) -> bool:
        """Take one, and return whether there was one."""
        self.left -= 1
        return self.left >= 0


class Table:
    """The scopes of calls, each a row, with what is often asked of them."""

    def __init__(
        self,
        scopes: Iterable[Mapping[str, Json]],
        roots: Iterable[JsonObject] | None = None,
        open_objects: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.scopes = tuple(scopes)
        #: the scopes as the objects that expressions read
        self.roots = tuple(map(_unflattened, self.scopes) if roots is None else roots)
        #: the paths of objects that may have any keys, each with those that it is known to have
        self.open = dict(open_objects or {})
        #: the rows in which a path has a value, those in which it is not null, and not blank either
        self.present: dict[str, int] = {}
        self.given: dict[str, int] = {}
        self.filled: dict[str, int] = {}
        for row, scope in enumerate(self.scopes):
            for path, value in scope.items():
                self.present[path] = self.present.get(path, 0) | 1 << row
                self.given[path] = self.given.get(path, 0) | (value is not None) << row
                self.filled[path] = self.filled.get(path, 0) | is_filled(value) << row
        #: every path, those of fewer steps first
        self.paths = sorted(self.present, key=lambda path: (_rank(path), path.count("."), len(path)))
        self._turned: dict[tuple[int, Hashable], dict[Hashable, list[tuple[str, int]]]] = {}
        self._known_masks: dict[str, tuple[dict[Json, int], int]] = {}

    @cached_property
    def asked(self) -> list[str]:
        """The paths whose values conditions may ask for: not those that just happen to be in an object."""
        return [path for path in self.paths if not is_free(path, self.open)]

    def where(self, row: int, turns: Sequence[Turn], value: Json) -> list[tuple[str, int]]:
        """Return the paths whose value in a row may be this one once turned, each with the turn's number."""
        index = self._turned.get((row, id(turns)))
        if index is None:
            index = self._turned[row, id(turns)] = {}
            scope = self.scopes[row]
            for path in self.paths:
                if path not in scope:
                    continue
                for number, turn in enumerate(turns):
                    turned = turn(scope[path])
                    if turned is not MISSING:
                        index.setdefault(_key(turned), []).append((path, number))
        return index.get(_key(value), [])

    def groups(self, path: str, rows: int) -> dict[Json, int] | None:
        """Return rows by the text or boolean that a path has there, or MISSING.

        Returns None where some value is neither.
        """
        found: dict[Json, int] = {}
        masks, others = self._masks(path)
        if others & rows:
            return None
        for value, mask in masks.items():
            if mask & rows:
                found[value] = mask & rows
        absent = rows & ~self.present[path]
        return {**found, MISSING: absent} if absent else found

    def _masks(self, path: str) -> tuple[dict[Json, int], int]:
        known = self._known_masks.get(path)
        if known is None:
            masks: dict[Json, int] = {}
            others = 0
            for row, scope in enumerate(self.scopes):
                value = scope.get(path, MISSING)
                if isinstance(value, str | bool):
                    masks[value] = masks.get(value, 0) | 1 << row
                elif value is not MISSING:
                    others |= 1 << row
            known = self._known_masks[path] = masks, others
        return known

    @cached_property
    def objects(self) -> list[str]:
        """The paths that have an object with keys in some row."""
        return [path for path in self.paths if any(isinstance(one, dict) and one for one in self._at(path))]

    @cached_property
    def lists(self) -> list[str]:
        """The paths that have a list in some row."""
        return [path for path in self.paths if any(isinstance(one, list) for one in self._at(path))]

    def _at(self, path: str) -> Iterator[Json]:
        return (scope.get(path, MISSING) for scope in self.scopes)


def _rank(path: str) -> int:
    return next((place for place, start in enumerate(_ORDER) if path.startswith(start)), -1)


def _key(value: Json) -> Hashable:
    """Return what equal values have in common, and few others."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return type(value), len(value)
    return type(value) is bool, value


@attrs.frozen(eq=False)
class Column:
    """One place of a request in some rows of a table: the rows, and the value in each."""

    table: Table
    rows: tuple[int, ...]
    values: tuple[Json, ...]
    budget: Budget = attrs.field(factory=Budget)
    mask: int = attrs.field(init=False, default=attrs.Factory(lambda self: bits(self.rows), takes_self=True))

    @classmethod
    def of(
        cls,
        scopes: Sequence[Mapping[str, Json]],
        values: Sequence[Json],
        budget: Budget | None = None,
        roots: Sequence[JsonObject] | None = None,
        open_objects: Mapping[str, frozenset[str]] | None = None,
    ) -> Column:
        """Return the column of values beside the scopes that they were made in."""
        table = Table(scopes, roots, open_objects)
        return cls(table, tuple(range(len(scopes))), tuple(values), budget or Budget())

    def __len__(self) -> int:
        return len(self.values)

    @property
    def scopes(self) -> list[Mapping[str, Json]]:
        """The scope of each row."""
        return [self.table.scopes[row] for row in self.rows]

    @property
    def there(self) -> int:
        """The rows that have a value."""
        return bits(row for row, value in zip(self.rows, self.values, strict=True) if value is not MISSING)

    def with_values(self, values: Iterable[Json]) -> Column:
        """Return the column with other values in the same rows."""
        return attrs.evolve(self, values=tuple(values))

    def key(self, key: str) -> Column:
        """Return the column of a key in the objects of this one."""
        return self.with_values(
            value.get(key, MISSING) if isinstance(value, dict) else MISSING for value in self.values
        )

    def item(self, index: int) -> Column:
        """Return the column of an item in the lists of this one."""
        return self.with_values(value[index] for value in self.values)

    def where(self, mask: int) -> Column:
        """Return the rows that a mask has."""
        rows = [(row, value) for row, value in zip(self.rows, self.values, strict=True) if mask >> row & 1]
        chosen, values = zip(*rows, strict=True) if rows else ((), ())
        return Column(self.table, chosen, values, self.budget)


def bits(rows: Iterable[int]) -> int:
    """Return the mask of rows."""
    mask = 0
    for row in rows:
        mask |= 1 << row
    return mask


def _unflattened(scope: Mapping[str, Json]) -> JsonObject:
    """Return the object that has the values of a scope at its first level."""
    return {path.removeprefix("$."): value for path, value in scope.items() if path.count(".") == 1}


def same(one: Json, other: Json) -> bool:
    """Return whether two values are equal as JSON; MISSING is equal to itself alone."""
    if one is MISSING or other is MISSING:
        return one is other
    return same_json(one, other)
