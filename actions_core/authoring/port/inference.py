"""Expressions that give what a published destination wrote, inferred from recorded calls.

A column is one place of the request through all calls. It is a constant, a value of the scope, such a value
turned into something else, a text with values in it, the first of several, one of several by another value,
or an object or a list of such parts. What fits all calls is taken; fresh calls tell whether it is the rule.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.port.columns import Column, bits
from actions_core.authoring.port.samples import flat_values
from actions_core.errors import PayloadError
from actions_core.validation.coercion import same_json
from actions_core.values.hashing import hash_personal, normalize_email, normalize_phone
from actions_core.values.javascript import number_text, truthy
from actions_core.values.times import format_time, read_time
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from actions_core.authoring.port.columns import Turn
    from actions_core.values.types import Json

#: What stands for a column that nothing fits.
FAILED: Final[Any] = object()
_DEEPEST: Final = 12
_MOST_ALTERNATIVES: Final = 3
_MOST_CHOICES: Final = 12
_SHORTEST_IN_TEXT: Final = 3
_FEWEST_OF_A_CHOICE: Final = 2
#: How secrets and other made-up settings begin in trials.
#: Values that too many paths have, to begin with them.
_COMMON: Final = (True, False, "", 0, 1)
_MADE_UP: Final = ("secret.", "sample")


def infer(column: Column, *, text: bool = False, depth: int = 0) -> Any:
    """Return the expression of a column, MISSING where it is always so, or FAILED.

    With `text`, values are written as text, as in a query or a form.
    """
    if all(value is MISSING for value in column.values):
        return MISSING
    if depth > _DEEPEST or not column.budget.spend():
        return FAILED
    for attempt in (_constant, _path, _turned, _parts, _items, _listed, _template, _present, _first, _chosen):
        found = attempt(column, text, depth)
        if found is not FAILED:
            return found
    return FAILED


def _same(one: Json, other: Json) -> bool:
    if one is MISSING or other is MISSING:
        return one is other
    return same_json(one, other)


def _as_text(value: Json) -> Json:
    """Return a scalar as a query spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return value


def _constant(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    del text, depth
    first = column.values[0]
    if first is MISSING or not all(_same(first, value) for value in column.values):
        return FAILED
    return first if not _has_directive(first) else FAILED


def _has_directive(value: Json) -> bool:
    if isinstance(value, dict):
        return any(key.startswith("@") or _has_directive(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_directive, value))


def _path(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    del depth
    for path, _ in _matching(column, _plain_turns(text=text)):
        return {"@path": path}
    return FAILED


def _as_it_is(value: Json) -> Json:
    return value


_AS_IT_IS: Final[Sequence[Turn]] = (_as_it_is,)
_AS_TEXT: Final[Sequence[Turn]] = (_as_text,)


def _plain_turns(*, text: bool) -> Sequence[Turn]:
    return _AS_TEXT if text else _AS_IT_IS


def _matching(column: Column, turns: Sequence[Turn]) -> Iterator[tuple[str, int]]:
    """Yield the paths, each with the number of a turn, that give the column in all rows."""
    row, value = _telling(column)
    for path, number in column.table.where(row, turns, value):
        if _fits(column, path, turns[number]):
            yield path, number


def _telling(column: Column) -> tuple[int, Json]:
    """Return a row with its value: one that few paths have, if there is any."""
    rows = [
        (row, value) for row, value in zip(column.rows, column.values, strict=True) if value is not MISSING
    ]
    return next((one for one in rows if isinstance(one[1], str | int) and one[1] not in _COMMON), rows[0])


def _fits(column: Column, path: str, turn: Turn) -> bool:
    """Return whether a path gives the column, turned, in all rows."""
    for scope, value in zip(column.scopes, column.values, strict=True):
        found = scope.get(path, MISSING)
        if (found is MISSING) != (value is MISSING):
            return False
        if found is not MISSING and not _same(turn(found), value):
            return False
    return True


# -- values turned into others ------------------------------------------------------------------


def _hashed(normalize: Callable[[str], str] | None) -> Turn:
    def turn(value: Json) -> Json:
        if not isinstance(value, str):
            return MISSING
        found = hash_personal(value, normalize=normalize)
        return MISSING if found is None else found

    return turn


def _raw_sha256(value: Json) -> Json:
    return hashlib.sha256(value.encode()).hexdigest() if isinstance(value, str) else MISSING


def _time(value: Json) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return read_time(value)
    except PayloadError:
        return None


def _moment(units: int) -> Turn:
    def turn(value: Json) -> Json:
        moment = _time(value)
        return MISSING if moment is None else round(moment.timestamp() * 1000) * units // 1000

    return turn


def _iso(value: Json) -> Json:
    moment = _time(value)
    return MISSING if moment is None else format_time(moment)


def _on_text(call: Callable[[str], Json]) -> Turn:
    return lambda value: call(value) if isinstance(value, str) else MISSING


def _spelled(value: Json) -> Json:
    return MISSING if isinstance(value, dict | list) or value is None else _as_text(value)


def _encoded(value: Json) -> Json:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _in_a_list(value: Json) -> Json:
    return [value]


def _liquid(filters: str) -> Callable[[str], Json]:
    return lambda path: {"@liquid": f"{{{{ {path.removeprefix('$.')} | {filters} }}}}"}


_TURNS: Final[Sequence[tuple[Turn, Callable[[str], Json]]]] = (
    (_on_text(str.lower), _liquid("downcase")),
    (_on_text(str.upper), _liquid("upcase")),
    (_on_text(str.strip), _liquid("strip")),
    (_on_text(lambda text: text.strip().lower()), _liquid("strip | downcase")),
    (_moment(1000), lambda path: {"@time": {"value": {"@path": path}, "as": "ms"}}),
    (_moment(1), lambda path: {"@time": {"value": {"@path": path}, "as": "s"}}),
    (_moment(1_000_000), lambda path: {"@time": {"value": {"@path": path}, "as": "us"}}),
    (_iso, lambda path: {"@time": {"value": {"@path": path}, "as": "iso"}}),
    (_hashed(normalize_email), lambda path: {"@hash": {"value": {"@path": path}, "as": "email"}}),
    (_hashed(normalize_phone), lambda path: {"@hash": {"value": {"@path": path}, "as": "phone"}}),
    (_hashed(None), lambda path: {"@hash": {"value": {"@path": path}}}),
    (_spelled, lambda path: {"@template": f"{{{{{path.removeprefix('$.')}}}}}"}),
    (_encoded, lambda path: {"@json": {"mode": "encode", "value": {"@path": path}}}),
    (_in_a_list, lambda path: [{"@path": path}]),
)


def _turned(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    del depth
    if all(isinstance(value, dict | bool) or value is MISSING or value is None for value in column.values):
        return FAILED
    for path, number in _matching(column, _TURNED_TO_TEXT if text else _TURNED):
        return _if_there(column, path, _TURNS[number][1](path))
    return FAILED


def _then_text(turn: Turn) -> Turn:
    return lambda value: _as_text(turn(value))


_TURNED: Final[Sequence[Turn]] = tuple(turn for turn, _ in _TURNS)
_TURNED_TO_TEXT: Final[Sequence[Turn]] = tuple(_then_text(turn) for turn, _ in _TURNS)


def _if_there(column: Column, path: str, written: Json) -> Json:
    """Return the expression, under a condition where the value may be missing and it would not be then."""
    own = isinstance(written, dict) and bool(written.keys() & {"@time", "@hash"})
    if own or not column.mask & ~column.table.present[path]:
        return written
    return {"@if": {"exists": {"@path": path}, "then": written}}


# -- objects and lists --------------------------------------------------------------------------


def _parts(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer an object key by key, or as objects of the scope merged with such a one."""
    if not all(isinstance(value, dict) for value in column.values):
        return FAILED
    keys = list(dict.fromkeys(key for value in column.values for key in value))
    written: dict[str, Any] = {}
    failed = []
    for key in keys:
        found = FAILED if key.startswith("@") else infer(column.key(key), text=text, depth=depth + 1)
        if found is FAILED:
            failed.append(key)
        elif found is not MISSING:
            written[key] = found
    return _merged(column, written, failed, depth) if failed else written


def _merged(column: Column, written: dict[str, Any], failed: list[str], depth: int) -> Any:
    """Return the keys that are known merged over an object of the scope that has all others."""
    for path in column.table.objects:
        values = [scope.get(path, MISSING) for scope in column.scopes]
        if not any(isinstance(value, dict) and value for value in values):
            continue
        parts = [value if isinstance(value, dict) else {} for value in values]
        known = {**written, **_overridden(column, parts, failed, depth)}
        rows = list(zip(parts, column.values, strict=True))
        if not all(_covers(part, whole, known) for part, whole in rows):
            continue
        inner: Json = {"@path": path}
        if any(key in part and key not in whole for key in known for part, whole in rows):
            inner = {"@omit": {"value": inner, "keys": list(known)}}
        given = {"@if": {"exists": {"@path": path}, "then": inner, "else": {}}}
        return {"@merge": {"objects": [given, known], "direction": "right"}} if known else given
    return FAILED


def _overridden(
    column: Column, parts: Sequence[Mapping[str, Json]], failed: list[str], depth: int
) -> dict[str, Any]:
    """Return the expressions of keys that win over those of an object where both are there."""
    found = {}
    for key in failed:
        rows = bits(
            row
            for row, part, whole in zip(column.rows, parts, column.values, strict=True)
            if not (key in part and _same(part[key], whole.get(key, MISSING)))
        )
        if rows in (0, column.mask):
            continue
        made = infer(column.key(key).where(rows), depth=depth + 4)
        if made is not FAILED and made is not MISSING:
            found[key] = made
    return found


def _covers(part: Mapping[str, Json], whole: Mapping[str, Json], known: Mapping[str, Json]) -> bool:
    """Return whether the keys of an object, but for those that are known, are all of a part."""
    rest = {key: value for key, value in whole.items() if key not in known}
    return _same(rest, {key: value for key, value in part.items() if key not in known})


def _items(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer lists of one length item by item."""
    if not all(isinstance(value, list) for value in column.values):
        return FAILED
    if len({len(value) for value in column.values}) != 1:
        return FAILED
    found = [infer(column.item(index), text=text, depth=depth + 1) for index in range(len(column.values[0]))]
    return FAILED if any(item is FAILED or item is MISSING for item in found) else found


def _listed(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer lists whose items are made of those of a list in the scope, one by one."""
    if not all(value is MISSING or isinstance(value, list) for value in column.values):
        return FAILED
    for path in column.table.lists:
        rows = [
            (scope.get(path, MISSING), value)
            for scope, value in zip(column.scopes, column.values, strict=True)
        ]
        if not all(
            (given is MISSING) == (value is MISSING)
            and (given is MISSING or (isinstance(given, list) and len(given) == len(value)))
            for given, value in rows
        ):
            continue
        items = [
            pair for given, value in rows if given is not MISSING for pair in zip(given, value, strict=True)
        ]
        if not items or not all(isinstance(given, dict) for given, _ in items):
            continue
        scopes = tuple(dict(flat_values(given, "$", 1)) for given, _ in items)
        made = Column.of(scopes, [value for _, value in items], column.budget)
        found = infer(made, text=text, depth=depth + 1)
        if isinstance(found, dict) and found is not FAILED:
            return {"@arrayPath": [path, found]}
    return FAILED


# -- texts --------------------------------------------------------------------------------------


def _template(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a text with values of the scope in it."""
    del text, depth
    if not all(isinstance(value, str) for value in column.values):
        return FAILED
    tried: set[tuple[str, ...]] = set()
    for scope, value in list(zip(column.scopes, column.values, strict=True))[:6]:
        pieces = _pieces(value, scope)
        if pieces is None or pieces in tried:
            continue
        tried.add(pieces)
        if all(
            _filled(pieces, scope) == value for scope, value in zip(column.scopes, column.values, strict=True)
        ):
            parts = [f"{{{{{piece[2:]}}}}}" if piece[:2] == "$." else piece for piece in pieces]
            return {"@template": "".join(parts)}
    return FAILED


def _pieces(value: str, scope: Mapping[str, Json]) -> tuple[str, ...] | None:
    """Cut a text into constants and paths of the scope, whose values stand in it."""
    known = [
        (spelled, path)
        for path, item in scope.items()
        if isinstance(spelled := _spelled(item), str)
        and len(spelled) >= _SHORTEST_IN_TEXT
        and "['" not in path
    ]
    known.sort(key=lambda pair: -len(pair[0]))
    pieces = [value]
    for spelled, path in known:
        cut: list[str] = []
        for piece in pieces:
            if piece[:2] == "$." or spelled not in piece:
                cut.append(piece)
                continue
            before, _, after = piece.partition(spelled)
            cut += [part for part in (before, path, after) if part]
        pieces = cut
    has_path = any(piece[:2] == "$." for piece in pieces)
    has_braces = any("{{" in piece for piece in pieces)
    return tuple(pieces) if has_path and not has_braces else None


def _filled(pieces: Sequence[str], scope: Mapping[str, Json]) -> Json:
    parts = [_spelled(scope.get(piece, MISSING)) if piece[:2] == "$." else piece for piece in pieces]
    return MISSING if any(part is MISSING for part in parts) else "".join(parts)


# -- one of several -----------------------------------------------------------------------------


def _present(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer what is there exactly where some value of the scope is."""
    there = column.there
    if there == column.mask or there.bit_count() < 2:  # noqa: PLR2004  # one row fits anything
        return FAILED
    given = column.table.given
    path, word = next(
        (
            (path, "then" if given[path] & column.mask == there else "else")
            for path in column.table.paths
            if given[path] & column.mask in (there, column.mask ^ there)
        ),
        ("", ""),
    )
    found = infer(column.where(there), text=text, depth=depth + 1) if path else FAILED
    if found is FAILED or found is MISSING:
        return FAILED
    return {"@if": {"exists": {"@path": path}, word: _taken(found)}}


def _taken(written: Json) -> Json:
    """Return an expression for an `else`, which takes no constant that is false, 0, null or empty."""
    return written if truthy(written) else {"@literal": written}


def _first(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer the first of several values that is there."""
    if depth > _MOST_ALTERNATIVES + 4 or any(isinstance(value, dict) for value in column.values):
        return FAILED
    ranked = []
    for path in _equal_somewhere(column, text=text):
        has = column.table.given[path] & column.mask
        if has not in (0, column.mask) and _fits(column.where(has), path, _plain_turns(text=text)[0]):
            ranked.append((has.bit_count(), path, has))
    for _, path, has in sorted(ranked, key=lambda one: -one[0])[:_MOST_ALTERNATIVES]:
        rest = infer(column.where(column.mask & ~has), text=text, depth=depth + 2)
        if rest is FAILED:
            continue
        written = {"exists": {"@path": path}, "then": {"@path": path}}
        return {"@if": written if rest is MISSING else {**written, "else": _taken(rest)}}
    return FAILED


def _equal_somewhere(column: Column, *, text: bool) -> list[str]:
    """Return the paths that may give the column in some row, in their order."""
    turns = _plain_turns(text=text)
    found = {
        path
        for row, value in zip(column.rows, column.values, strict=True)
        if value is not MISSING
        for path, _ in column.table.where(row, turns, value)
    }
    return [path for path in column.table.paths if path in found]


def _chosen(column: Column, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer one of several by the text of a value that takes few."""
    for simple in (True, False):
        found = _choose(column, text, depth, simple=simple)
        if found is not FAILED:
            return found
    return FAILED


def _choose(column: Column, text: bool, depth: int, *, simple: bool) -> Any:  # noqa: FBT001  # as all attempts
    """Infer one of several; a simple choice is between constants and values as they are."""
    attempt = _plain if simple else infer
    tried: set[frozenset[int]] = set()  # what goes with one path need not be tried with its like
    for path in column.table.paths:
        groups = column.table.groups(path, column.mask)
        if groups is None or not 1 < len(groups) <= _MOST_CHOICES:
            continue
        if any(rows.bit_count() < _FEWEST_OF_A_CHOICE for rows in groups.values()):
            continue
        if any(isinstance(value, str) and value.startswith(_MADE_UP) for value in groups):
            continue  # no rule depends on which sample it is
        division = frozenset(groups.values())
        if division in tried:
            continue
        tried.add(division)
        made: dict[Json, Json] = {}
        for value, rows in groups.items():
            made[value] = attempt(column.where(rows), text=text, depth=depth + 4)
            if made[value] is FAILED:
                break
        else:
            return _choice(path, made)
    return FAILED


def _plain(column: Column, *, text: bool, depth: int) -> Any:
    """Infer a constant, a value as it is, or nothing."""
    if all(value is MISSING for value in column.values):
        return MISSING
    found = _constant(column, text, depth)
    return _path(column, text, depth) if found is FAILED else found


def _choice(path: str, made: Mapping[Json, Json]) -> Json:
    of = {
        _as_text(value): part for value, part in made.items() if value is not MISSING and part is not MISSING
    }
    choose: dict[str, Any] = {"by": {"@path": path}, "of": of}
    if made.get(MISSING, MISSING) is not MISSING:
        choose["else"] = made[MISSING]
    return {"@choose": choose}
