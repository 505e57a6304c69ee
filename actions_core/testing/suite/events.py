"""Events that a subscription lets in, made from its condition and its mapping.

The values that a condition compares with, and values near them, are tried field by field until an
event matches; then whatever the mapping reads and the event lacks is filled in.
"""

from __future__ import annotations

import copy
from itertools import islice, product
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.errors import ActionsError
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import Comparison, Condition, Group, Term
from actions_core.testing.events import make_event
from actions_core.testing.suite.values import sample_value
from actions_core.values.events import EVENT_TYPES
from actions_core.values.paths import parse_path
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

    Path: TypeAlias = tuple[str, ...]

_MOST_TRIED: Final = 20_000
#: What events of a type have that others have not.
_OWN: Final[Mapping[str, JsonObject]] = {
    "page": {"name": "Sample"},
    "screen": {"name": "Sample"},
    "group": {"groupId": "group-1"},
    "alias": {"previousId": "user-0"},
}


def event_of_type(kind: str) -> JsonObject:
    """An event of a type, with what such events usually hold."""
    return make_event(type=kind, **({} if kind == "track" else {"event": None}), **_OWN.get(kind, {}))


def matching_event(condition: Condition) -> JsonObject | None:
    """An event that matches, or None where none was found."""
    wanted: dict[Path, list[Json]] = {}
    for comparison in _comparisons(condition.tree):
        wanted.setdefault(comparison.path, []).append(comparison.value)
    types = dict.fromkeys([*wanted.pop(("type",), []), "track", "identify", *EVENT_TYPES])
    kinds = [kind for kind in types if kind in EVENT_TYPES]
    choices = [_candidates(values) for values in wanted.values()]
    # Types vary slowest: most conditions name one, and it comes first.
    for kind, *values in islice(product(kinds, *choices), _MOST_TRIED):
        event = event_of_type(kind)
        for path, value in zip(wanted, values, strict=True):
            place(event, path, value, replace=True)
        if condition.matches(event):
            return event
    return None


def _comparisons(term: Term) -> Iterator[Comparison]:
    if isinstance(term, Comparison):
        yield term
        return
    for part in term.terms if isinstance(term, Group) else (term.term,):
        yield from _comparisons(part)


def _candidates(literals: Sequence[Json]) -> list[Json]:
    """Values of which some fit, whatever the comparison: the literals, their neighbours, and others."""
    found: list[Json] = list(literals)
    for literal in literals:
        if isinstance(literal, (int, float)) and not isinstance(literal, bool):
            found += [literal + 1, literal - 1, str(literal)]
    texts = [literal for literal in literals if isinstance(literal, str)]
    if len(texts) > 1:
        # One text that starts with the first, ends with the last and contains the others.
        found.append(" ".join(texts))
    found += ["sample", MISSING, True, False, 1]
    return found


def filled(event: JsonObject, mapping: Json, fields: Mapping[str, FieldSpec]) -> JsonObject:
    """The event with a value wherever the mapping reads and nothing stands yet."""
    event = copy.deepcopy(event)
    if isinstance(mapping, dict):
        _fill(event, mapping, fields, ())
    return event


def _fill(event: JsonObject, raw: JsonObject, fields: Mapping[str, FieldSpec], prefix: Path) -> None:
    for key, part in raw.items():
        field = fields.get(key)
        children = (field.properties if field is not None else None) or {}
        if isinstance(part, dict) and not any(name.startswith("@") for name in part):
            _fill(event, part, children, prefix)
            continue
        shape = _shape(part)
        if shape is not None:
            path, item = shape
            _fill(event, item, children, (*prefix, *path[:-1], f"{path[-1]}[]"))
            continue
        value = "sample" if field is None else sample_value(field)
        for path in _reads(part):
            place(event, (*prefix, *path), value)


def _shape(part: Json) -> tuple[Path, JsonObject] | None:
    """The path and the items' shape of an `@arrayPath` that has both."""
    option = part.get("@arrayPath") if isinstance(part, dict) else None
    if not isinstance(option, list) or len(option) < 2 or not isinstance(option[1], dict):  # noqa: PLR2004  # a pair
        return None
    paths = list(_reads(option[0] if isinstance(option[0], dict) else {"@path": option[0]}))
    return (paths[0], option[1]) if len(paths) == 1 else None


def _reads(part: Json) -> Iterator[Path]:
    try:
        mapping = compile_mapping({"field": part})
    except ActionsError:
        return
    for text in mapping.keys():  # noqa: SIM118  # a mapping of ours is no dictionary
        steps = tuple(parse_path(text))
        if steps:
            yield steps


def place(event: JsonObject, path: Path, value: Json, *, replace: bool = False) -> None:
    """Put a value at a path, unless something stands there or on the way; MISSING takes away."""
    here: Json = event
    for key in path[:-1]:
        name, is_list = key.removesuffix("[]"), key.endswith("[]")
        below = here.setdefault(name, [{}] if is_list else {})
        here = below[0] if is_list and isinstance(below, list) and below else below
        if not isinstance(here, dict):
            return
    last = path[-1].removesuffix("[]")
    if value is MISSING:
        here.pop(last, None)
    elif replace or here.get(last) is None:
        here[last] = copy.deepcopy(
            [value] if path[-1].endswith("[]") and not isinstance(value, list) else value
        )
