"""Columns that are constant, a value of the scope as it is, or one turned into something else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actions_core.authoring.port.columns import FAILED, same
from actions_core.errors import PayloadError
from actions_core.values.hashing import hash_personal, normalize_digits, normalize_email, normalize_phone
from actions_core.values.javascript import number_text, to_text
from actions_core.values.times import format_time, read_time
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions_core.authoring.port.columns import Column, Infer, Turn
    from actions_core.values.types import Json

#: Values that too many paths have, to begin with them.
_COMMON: Final = (True, False, "", 0, 1)
#: How far from the moment of a call the present time may be that it wrote.
_PRESENT_S: Final = 60
NOW: Final = "$.now"


def as_text(value: Json) -> Json:
    """Return a scalar as a query spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return value


def spelled(value: Json) -> Json:
    """Return a scalar as text; MISSING for what is none."""
    return MISSING if isinstance(value, dict | list) or value is None else as_text(value)


def constant(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer what is the same in all rows."""
    del infer, text, depth
    first = column.values[0]
    if first is MISSING or not all(same(first, value) for value in column.values):
        return FAILED
    return first if not _has_directive(first) else FAILED


def _has_directive(value: Json) -> bool:
    if isinstance(value, dict):
        return any(key.startswith("@") or _has_directive(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_directive, value))


def path(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a value of the scope as it is."""
    del infer, depth
    for found, _ in _matching(column, plain_turns(text=text)):
        return {"@path": found}
    return FAILED


def plain(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a constant, a value as it is, or nothing."""
    if all(value is MISSING for value in column.values):
        return MISSING
    found = constant(column, infer, text, depth)
    return path(column, infer, text, depth) if found is FAILED else found


def _as_it_is(value: Json) -> Json:
    return value


_AS_IT_IS: Final[Sequence[Turn]] = (_as_it_is,)
_AS_TEXT: Final[Sequence[Turn]] = (as_text,)


def plain_turns(*, text: bool) -> Sequence[Turn]:
    """Return the turns of values that are taken as they are."""
    return _AS_TEXT if text else _AS_IT_IS


def turnings(column: Column, *, text: bool) -> Iterator[tuple[str, Json]]:
    """Yield the paths that give the column somewhere, each with the expression for where it is given."""
    turns = _TURNED_TO_TEXT if text else _TURNED
    found: dict[tuple[str, int], None] = {}
    for row, value in zip(column.rows, column.values, strict=True):
        if value is not MISSING and not isinstance(value, dict | bool) and value is not None:
            found.update(dict.fromkeys(column.table.where(row, turns, value)))
    for where, number in found:
        has = column.table.given[where] & column.mask
        part = column.where(has)
        if has not in (0, column.mask) and fits(part, where, turns[number]):
            yield where, _with_else(part, _TURNS[number][1](where))


def _matching(column: Column, turns: Sequence[Turn]) -> Iterator[tuple[str, int]]:
    """Yield the paths, each with the number of a turn, that give the column in all rows."""
    row, value = _telling(column)
    for found, number in column.table.where(row, turns, value):
        if fits(column, found, turns[number]):
            yield found, number


def _telling(column: Column) -> tuple[int, Json]:
    """Return a row with its value: one that few paths have, if there is any."""
    rows = [
        (row, value) for row, value in zip(column.rows, column.values, strict=True) if value is not MISSING
    ]
    return next((one for one in rows if isinstance(one[1], str | int) and one[1] not in _COMMON), rows[0])


def fits(column: Column, where: str, turn: Turn) -> bool:
    """Return whether a path gives the column, turned, in all rows."""
    for scope, value in zip(column.scopes, column.values, strict=True):
        found = scope.get(where, MISSING)
        if (found is MISSING) != (value is MISSING):
            return False
        if found is not MISSING and not same(turn(found), value):
            return False
    return True


# -- values turned into others ------------------------------------------------------------------


def _hashed(normalize: Callable[[str], str] | None) -> Turn:
    def turn(value: Json) -> Json:
        if isinstance(value, list):
            return [one for item in value if (one := turn(item)) is not MISSING]
        if not isinstance(value, str | int | float):
            return MISSING
        found = hash_personal(to_text(value), normalize=normalize)
        return MISSING if found is None else found

    return turn


def _moment_of(value: Json) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return read_time(value)
    except PayloadError:
        return None


def _moment(units: int) -> Turn:
    def turn(value: Json) -> Json:
        if value == "":
            return MISSING
        moment = _moment_of(value)
        return None if moment is None else round(moment.timestamp() * 1000) * units // 1000

    return turn


def _iso(value: Json) -> Json:
    moment = _moment_of(value)
    return MISSING if moment is None else format_time(moment)


def _date(value: Json) -> Json:
    found = _iso(value)
    return found[:10] if isinstance(found, str) else MISSING


def _on_text(call: Callable[[str], Json]) -> Turn:
    return lambda value: call(value) if isinstance(value, str) else MISSING


def _encoded(value: Json) -> Json:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _listed_text(value: Json) -> Json:
    return to_text(value) if isinstance(value, list) else MISSING


def _in_a_list(value: Json) -> Json:
    return [value]


def _liquid(filters: str) -> Callable[[str], Json]:
    return lambda where: {"@liquid": f"{{{{ {where.removeprefix('$.')} | {filters} }}}}"}


def _time(form: str) -> Callable[[str], Json]:
    return lambda where: {"@time": {"value": {"@path": where}, "as": form}}


def _with_else(column: Column, written: Json) -> Json:
    """Return the expression of a time; what is no time is null where the column has it so."""
    if isinstance(written, dict) and "@time" in written and None in column.values:
        return {"@time": {**written["@time"], "else": None}}
    return written


def _hash(form: str) -> Callable[[str], Json]:
    return lambda where: {"@hash": {"value": {"@path": where}, "as": form}}


def _hash_of_liquid(filters: str) -> Callable[[str], Json]:
    return lambda where: {"@hash": {"value": _liquid(filters)(where)}}


def _template(where: str) -> Json:
    return {"@template": f"{{{{{where.removeprefix('$.')}}}}}"}


def _snake(text: str) -> str:
    return text.lower().replace(" ", "_")


def _number(value: Json) -> Json:
    """Return the number that a text spells as JavaScript does."""
    if not isinstance(value, str) or not value.strip():
        return MISSING
    try:
        number = float(value)
    except ValueError:
        return MISSING
    return number if number_text(number) == value else MISSING


_TURNS: Final[Sequence[tuple[Turn, Callable[[str], Json]]]] = (
    (_on_text(str.lower), _liquid("downcase")),
    (_on_text(str.upper), _liquid("upcase")),
    (_on_text(str.strip), _liquid("strip")),
    (_on_text(lambda text: text.strip().lower()), _liquid("strip | downcase")),
    (_on_text(_snake), _liquid('downcase | replace: " ", "_"')),
    (_moment(1000), _time("ms")),
    (_moment(1), _time("s")),
    (_moment(1_000_000), _time("us")),
    (_iso, _time("iso")),
    (_date, _time("date")),
    (_hashed(normalize_email), _hash("email")),
    (_hashed(normalize_phone), _hash("phone")),
    (_hashed(normalize_digits), _hash("digits")),
    (_hashed(None), lambda where: {"@hash": {"value": {"@path": where}}}),
    (_hashed(lambda text: "".join(text.lower().split())), _hash_of_liquid('downcase | strip | remove: " "')),
    (spelled, _template),
    (_listed_text, _template),
    (_encoded, lambda where: {"@json": {"mode": "encode", "value": {"@path": where}}}),
    (_number, lambda where: {"@json": {"mode": "decode", "value": {"@path": where}}}),
    (_in_a_list, lambda where: [{"@path": where}]),
)


def turned(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer a value of the scope turned into another."""
    del infer, depth
    if all(isinstance(value, dict | bool) or value is MISSING or value is None for value in column.values):
        return FAILED
    for where, number in _matching(column, _TURNED_TO_TEXT if text else _TURNED):
        return _if_there(column, where, _with_else(column, _TURNS[number][1](where)))
    return FAILED


def _then_text(turn: Turn) -> Turn:
    return lambda value: as_text(turn(value))


_TURNED: Final[Sequence[Turn]] = tuple(turn for turn, _ in _TURNS)
_TURNED_TO_TEXT: Final[Sequence[Turn]] = tuple(_then_text(turn) for turn, _ in _TURNS)


def _if_there(column: Column, where: str, written: Json) -> Json:
    """Return the expression, under a condition where the value may be missing and it would not be then."""
    own = isinstance(written, dict) and bool(written.keys() & {"@time", "@hash"})
    if own or not column.mask & ~column.table.present[where]:
        return written
    return {"@if": {"exists": {"@path": where}, "then": written}}


# -- the present --------------------------------------------------------------------------------


def present_time(column: Column, infer: Infer, text: bool, depth: int) -> Any:  # noqa: FBT001  # as all attempts
    """Infer the moment of the call, which no value of the scope is."""
    del infer, depth
    for form, read in _CLOCKS.items():
        if all(
            _is_near(read(value, text), scope.get(NOW))
            for scope, value in zip(column.scopes, column.values, strict=True)
        ):
            return {"@time": {"value": {"@path": NOW}, "as": form}}
    return FAILED


def _ticks(unit: float) -> Callable[[Json, bool], float | None]:
    def read(value: Json, text: bool) -> float | None:  # noqa: FBT001  # one of the clocks
        if text and isinstance(value, str) and value.isdecimal():
            value = int(value)
        return value / unit if isinstance(value, int) and not isinstance(value, bool) else None

    return read


def _iso_ticks(value: Json, text: bool) -> float | None:  # noqa: FBT001  # one of the clocks
    del text
    if not isinstance(value, str) or not value.endswith("Z"):
        return None
    moment = _moment_of(value)
    return None if moment is None else moment.timestamp()


_CLOCKS: Final[dict[str, Callable[[Json, bool], float | None]]] = {
    "ms": _ticks(1e3),
    "s": _ticks(1),
    "us": _ticks(1e6),
    "iso": _iso_ticks,
}


def _is_near(seconds: float | None, now: Json) -> bool:
    if seconds is None or not isinstance(now, str):
        return False
    return abs(seconds - datetime.fromisoformat(now).astimezone(UTC).timestamp()) < _PRESENT_S
