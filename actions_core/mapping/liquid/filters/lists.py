"""Filters on lists and on any value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.mapping.liquid.values import equal, item, items, refuse_growth, text, truthy
from actions_core.values.javascript import stringify, text_length, to_text

if TYPE_CHECKING:
    from collections.abc import Callable


def _default(value: Any, other: Any = None, *, allow_false: Any = False) -> Any:
    if value is False:
        return value if allow_false else other
    return other if value is None or value in ("", []) else value


def _size(value: Any) -> int:
    if isinstance(value, str):
        return text_length(value)
    return len(value) if isinstance(value, list) else 0


def _join(value: Any, separator: Any = None) -> str:
    between = " " if separator is None else text(separator)
    refuse_growth(len(items(value)), between)
    return between.join(["" if one is None else to_text(one) for one in items(value)])


def _where(value: Any, key: Any = None, wanted: Any = None) -> list[Any]:
    found = [(one, item(one, key)) for one in items(value)]
    if wanted is None:
        return [one for one, held in found if truthy(held)]
    return [one for one, held in found if equal(held, wanted)]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "compact": lambda value: [one for one in items(value) if one is not None],
    "default": _default,
    "first": lambda value: value[0] if isinstance(value, list | str) and value else None,
    "inspect": stringify,
    "join": _join,
    "json": stringify,
    "jsonify": stringify,
    "last": lambda value: value[-1] if isinstance(value, list | str) and value else None,
    "pop": lambda value: items(value)[:-1],
    "push": lambda value, new=None: [*items(value), new],
    "raw": lambda value: value,
    "shift": lambda value: items(value)[1:],
    "size": _size,
    "unshift": lambda value, new=None: [new, *items(value)],
    "where": _where,
}
