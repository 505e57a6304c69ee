"""Columns that are one of several: what is there with a value, the first of some, one by another value."""

from __future__ import annotations

from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.port.columns import FAILED, same
from actions_core.authoring.port.samples import is_made_up
from actions_core.authoring.port.texts import template
from actions_core.authoring.port.turns import as_text, constant, fits, plain, plain_turns, turned, turnings
from actions_core.authoring.port.turns import path as path_of
from actions_core.values.javascript import truthy
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from actions_core.authoring.port.columns import Attempt, Column, Infer, Turn
    from actions_core.values.types import Json

_MOST_ALTERNATIVES: Final = 3
_MOST_CHOICES: Final = 12
_FEWEST_OF_A_CHOICE: Final = 2
#: How many of the choices may come up once, where there are many rows.
_MOST_RARE_CHOICES: Final = 2
_MANY_ROWS: Final = 20
#: Choices between what is inferred are looked for in what is not too deep, and where many calls show them.
_DEEPEST_CHOICE: Final = 7
_FEWEST_OF_A_DEEP_CHOICE: Final = 4
_FEWEST_LOOKED_UP: Final = 6
_MOST_LOOKED_UP: Final = 8
_DEEPEST_DIVISION: Final = 4
#: A path, and what `@if` asks of it: whether it `exists`, or is not `blank`.
Condition = tuple[str, str]


def present(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer what is there exactly where some value of the scope is, or where two are."""
    there = column.there
    if there == column.mask or there.bit_count() < 2:  # noqa: PLR2004  # one row fits anything
        return FAILED
    for conditions, word in _conditions(column, there):
        found = infer(column.where(there), text=text, depth=depth + 1)
        if found is FAILED or found is MISSING:
            return FAILED
        for path, test in reversed(conditions):
            found = {"@if": {test: {"@path": path}, word: taken(found) if word == "else" else found}}
        return found
    return FAILED


def _tests(column: Column) -> Iterator[tuple[Condition, int]]:
    """Yield what `@if` may ask of each path, with the rows in which it holds."""
    table = column.table
    for path in table.asked:
        given = table.given[path] & column.mask
        yield (path, "exists"), given
        if table.filled[path] & column.mask != given:
            yield (path, "blank"), table.filled[path] & column.mask


def _conditions(column: Column, there: int) -> Iterator[tuple[tuple[Condition, ...], str]]:
    """Yield the values whose presence, or absence, goes with that of the column."""
    tests = list(_tests(column))
    for test, rows in tests:
        if rows in (there, column.mask ^ there):
            yield (test,), "then" if rows == there else "else"
    wider = [(test, rows) for test, rows in tests if rows & there == there and rows != column.mask]
    for (one, holds), (other, holds_too) in combinations(wider, 2):
        if holds & holds_too == there:
            yield (one, other), "then"


def taken(written: Json) -> Json:
    """Return an expression for an `else`, which takes no constant that is false, 0, null or empty."""
    return written if truthy(written) else {"@literal": written}


def first_of_several(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer the first of several values that is there."""
    if depth > _MOST_ALTERNATIVES + 4 or any(isinstance(value, dict) for value in column.values):
        return FAILED
    ranked = []
    for condition, has in _tests(column):
        path, _ = condition
        if has not in (0, column.mask) and fits(column.where(has), path, plain_turns(text=text)[0]):
            ranked.append((has.bit_count(), condition, has))
    options: list[tuple[Condition, Json]] = [
        (condition, {"@path": condition[0]})
        for _, condition, _ in sorted(ranked, key=lambda one: -one[0])[:_MOST_ALTERNATIVES]
    ]
    options += [
        ((path, "exists"), then) for path, then in islice(turnings(column, text=text), _MOST_ALTERNATIVES)
    ]
    masks = {"exists": column.table.given, "blank": column.table.filled}
    for (path, test), then in options:
        has = masks[test][path] & column.mask
        rest = infer(column.where(column.mask & ~has), text=text, depth=depth + 2)
        if rest is FAILED:
            continue
        written = {test: {"@path": path}, "then": then}
        return {"@if": written if rest is MISSING else {**written, "else": taken(rest)}}
    return FAILED


def divided(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer one thing where some value of the scope is there, and another where it is not."""
    if depth > _DEEPEST_CHOICE:
        return FAILED
    tried: set[int] = set()
    for (path, test), has in _tests(column):
        rest = column.mask & ~has
        if has in tried or min(has.bit_count(), rest.bit_count()) < _FEWEST_OF_A_DEEP_CHOICE:
            continue
        tried.add(has)
        then = _simple(column.where(has), infer, text, depth)
        if then is FAILED and depth < _DEEPEST_DIVISION:
            then = infer(column.where(has), text=text, depth=depth + 4)
        if then is FAILED:
            continue
        other = infer(column.where(rest), text=text, depth=depth + 3)
        if other is FAILED or then is MISSING:
            continue
        written = {test: {"@path": path}, "then": then}
        return {"@if": written if other is MISSING else {**written, "else": taken(other)}}
    return FAILED


def _simple(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer what is one value, or a text with values in it."""
    if all(value is MISSING for value in column.values):
        return FAILED
    for attempt in (constant, path_of, turned, template):
        found = attempt(column, infer, text, depth)
        if found is not FAILED:
            return found
    return FAILED


def chosen(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer one of several constants and values as they are, by the text of a value that takes few."""
    return _choose(column, infer, text, depth, plain, _FEWEST_OF_A_CHOICE)


def chosen_of_turned(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer one of several values that may be turned, by the text of a value that takes few."""
    return _choose(column, infer, text, depth, _simple_or_nothing, _FEWEST_OF_A_DEEP_CHOICE)


def chosen_of_any(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer one of several by the text of a value that takes few."""
    if depth > _DEEPEST_CHOICE:
        return FAILED
    return _choose(column, infer, text, depth, _deep, _FEWEST_OF_A_DEEP_CHOICE)


def _deep(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    return infer(column, text=text, depth=depth + 4)


def _simple_or_nothing(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    if all(value is MISSING for value in column.values):
        return MISSING
    return _simple(column, infer, text, depth)


def _choose(  # as all attempts, with what is chosen between
    column: Column,
    infer: Infer,
    text: bool,  # noqa: FBT001  # as all attempts
    depth: int,
    attempt: Attempt,
    fewest: int,
) -> Any:
    """Infer one of several that an attempt gives, of which each comes up so often at least."""
    most_rare = _MOST_RARE_CHOICES if attempt is plain and len(column) >= _MANY_ROWS else 0
    tried: set[frozenset[int]] = set()  # what goes with one path need not be tried with its like
    for path in column.table.asked:
        groups = column.table.groups(path, column.mask)
        if groups is None or not 1 < len(groups) <= _MOST_CHOICES:
            continue
        if sum(rows.bit_count() < fewest for rows in groups.values()) > most_rare:
            continue
        if any(map(is_made_up, groups)):
            continue  # no rule depends on which sample it is
        division = frozenset(groups.values())
        if division in tried:
            continue
        tried.add(division)
        made: dict[Json, Json] = {}
        for value, rows in groups.items():
            made[value] = attempt(column.where(rows), infer, text, depth)
            if made[value] is FAILED:
                break
        else:
            return _choice(path, made)
    return FAILED


# -- values that are looked up ------------------------------------------------------------------


def looked_up(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a text of the scope, or nothing, where but for a few of its values, which have others."""
    del infer, text, depth
    if not all(isinstance(value, str | int | float) or value is MISSING for value in column.values):
        return FAILED
    for path in column.table.asked:
        given = [scope.get(path, MISSING) for scope in column.scopes]
        texts = sum(isinstance(value, str) for value in given)
        if texts < _FEWEST_LOOKED_UP or any(
            value is not MISSING and not isinstance(value, str) for value in given
        ):
            continue
        for turn, written in _RESTS:
            of = _exceptions(given, column.values, turn)
            if of and len(of) <= _MOST_LOOKED_UP and not any(map(is_made_up, of)):
                rest = MISSING if written is None else written(path)
                choose = {"by": {"@path": path}, "of": of}
                return {"@choose": choose if rest is MISSING else {**choose, "else": rest}}
    return FAILED


def _exceptions(given: Sequence[Json], values: Sequence[Json], turn: Turn) -> dict[str, Json] | None:
    """Return the values that have another than the turned one, with that, if there is such a rule."""
    of: dict[str, Json] = {}
    usual: set[str] = set()
    number = 0
    for one, value in zip(given, values, strict=True):
        if not isinstance(one, str):
            if value is not MISSING:
                return None
        elif same(turn(one), value):
            usual.add(one)
            number += 1
        elif value is MISSING or not same(of.setdefault(one, value), value):
            return None
    enough = number >= _FEWEST_LOOKED_UP and len(values) - number > 1
    return of if enough and not usual & of.keys() else None


def _in(filters: str) -> Callable[[str], Json]:
    return lambda path: {"@liquid": f"{{{{ {path.removeprefix('$.')} | {filters} }}}}"}


_RESTS: Final[Sequence[tuple[Turn, Callable[[str], Json] | None]]] = (
    (lambda _value: MISSING, None),
    (lambda value: value, lambda path: {"@path": path}),
    (lambda value: str(value).lower(), _in("downcase")),
    (lambda value: str(value).upper(), _in("upcase")),
)


def _choice(path: str, made: Mapping[Json, Json]) -> Json:
    of = {
        as_text(value): part for value, part in made.items() if value is not MISSING and part is not MISSING
    }
    choose: dict[str, Any] = {"by": {"@path": path}, "of": of}
    if made.get(MISSING, MISSING) is not MISSING:
        choose["else"] = made[MISSING]
    return {"@choose": choose}
