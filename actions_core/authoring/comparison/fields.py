"""Fields of two versions: which values passed before and pass no more.

What counts is what the check of a payload accepts, coercion included: a number becomes text by itself,
a lone value becomes a list of one. `Place` tells the fields of an action from those of the settings,
because defaults fill settings whenever they are read, but mappings only when they are written.
"""

from __future__ import annotations

import enum
import json
from typing import TYPE_CHECKING, Final

from actions_core.authoring.comparison.changes import breaking, gone, kept, note, warning
from actions_core.errors import child_path
from actions_core.validation.fields import ConditionSet, FieldSpec, format_of
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.authoring.comparison.changes import Change
    from actions_core.values.types import Json

    Fields = Mapping[str, FieldSpec]


class Place(enum.Enum):
    """Whose fields they are."""

    MAPPING = "field"
    SETTINGS = "setting"
    CHILD = "field of an object"


_TEXTS: Final = frozenset({"string", "text", "password"})
#: The types that take whatever the key's type takes.
_WIDER: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"number"}) | _TEXTS,
    "number": _TEXTS,
    "boolean": _TEXTS,
    "datetime": _TEXTS,
    **dict.fromkeys(_TEXTS, _TEXTS),
}
_BOUNDED: Final = ("string", "number", "integer")
#: Formats that take any text.
_OPEN: Final = frozenset({None, "text", "password"})


def compare_fields(old: Fields, new: Fields, path: str, place: Place) -> Iterator[Change]:
    """What changes for those who fill these fields."""
    for where, _ in gone(old, new, path):
        what = "its values are no longer sent" if place is not Place.SETTINGS else "it has no effect any more"
        yield breaking(where, f"the {place.value} is gone: {what}")
    for where, field in gone(new, old, path):
        yield _new_field(where, field, place)
    for where, before, after in kept(old, new, path):
        yield from _compare(where, before, after, place)


def _new_field(path: str, field: FieldSpec, place: Place) -> Change:
    if field.required is False and place is Place.CHILD:
        return warning(path, "a new optional field: what stood under that key is sent now, if it fits")
    if field.required is False:
        return note(path, f"a new optional {place.value}")
    when = "" if field.required is True else " on conditions"
    if field.default is MISSING or place is Place.CHILD:
        return breaking(path, f"a new {place.value} is required{when}, and nothing fills it")
    if place is Place.SETTINGS:
        return note(path, f"a new {place.value} is required{when}; its default fills it")
    message = f"a new {place.value} is required{when}: its default fills new mappings, not those that exist"
    return breaking(path, message)


def _compare(path: str, old: FieldSpec, new: FieldSpec, place: Place) -> Iterator[Change]:
    yield from _required(path, old, new, place)
    yield from _default(path, old, new, place)
    if old.allow_null and not new.allow_null:
        yield breaking(child_path(path, "allowNull"), "null is no longer passed on")
    yield from _multiple(path, old, new)
    if old.type != new.type:
        change = _type(child_path(path, "type"), old.type, new.type)
        yield change
        if change.level == "breaking":
            return
    yield from _choices(child_path(path, "choices"), old, new)
    yield from _format(child_path(path, "format"), old, new)
    yield from _bounds(path, old, new)
    if new.type == "object":
        yield from _object(path, old, new)


def _required(path: str, old: FieldSpec, new: FieldSpec, place: Place) -> Iterator[Change]:
    before, after = old.required, new.required
    path = child_path(path, "required")
    if before == after:
        return
    if after is False or before is True or _implies(after, before):
        yield note(path, "it is required less often")
    elif place is Place.SETTINGS and new.default is not MISSING:
        yield note(path, "it is required now; its default fills it")
    elif isinstance(after, ConditionSet):
        yield breaking(path, "it is required on conditions under which it was not")
    else:
        yield breaking(path, "it was optional and is required")


def _implies(first: bool | ConditionSet, second: bool | ConditionSet) -> bool:  # noqa: FBT001  # as fields have it
    """Whether the first certainly holds only where the second does."""
    if not isinstance(first, ConditionSet) or not isinstance(second, ConditionSet):
        return False
    one, other = list(first.conditions), list(second.conditions)
    if first.match == "all" or len(one) == 1:
        every = second.match == "all" or len(other) == 1
        return all(item in one for item in other) if every else any(item in one for item in other)
    return second.match == "any" and all(item in other for item in one)


def _default(path: str, old: FieldSpec, new: FieldSpec, place: Place) -> Iterator[Change]:
    path = child_path(path, "default")
    if place is Place.CHILD or _written(old.default) == _written(new.default):
        return
    if old.default is MISSING:
        level = note if place is Place.MAPPING else warning
        yield level(path, "it has a default now")
    elif new.default is MISSING and new.required is not False:
        yield breaking(path, "its default is gone, and it is required: who relied on the default lacks it")
    elif new.default is MISSING:
        yield warning(path, "its default is gone: who relied on the default sends nothing for it")
    else:
        yield warning(path, "its default is another: who relies on the default sends something else")


def _multiple(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if old.multiple == new.multiple:
        return
    path = child_path(path, "multiple")
    if old.multiple:
        yield breaking(path, "it took lists and takes a single value")
    elif new.allow_null and old.allow_null:
        yield breaking(path, "it takes lists now, and a list cannot be null")
    else:
        yield warning(path, "it takes lists now: a lone value becomes a list of one")


def _type(path: str, old: str, new: str) -> Change:
    shown = f"the type was {old} and is {new}"
    if new not in _WIDER.get(old, frozenset()):
        return breaking(path, f"{shown}: values that passed are refused")
    if old == "password":
        return warning(path, f"{shown}: the value is no longer kept out of sight")
    if old in _TEXTS or new == "number":
        return note(path, f"{shown}, which takes the same and more")
    return warning(path, f"{shown}: values become text")


def _choices(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    before, after = old.values, new.values
    if after is None and before is None:
        return
    if after is None:
        yield note(path, "any value is taken now")
    elif before is None:
        yield breaking(path, f"only {_listed(after)} are taken now")
    else:
        allowed, known = set(map(_written, after)), set(map(_written, before))
        lost = [value for value in before if _written(value) not in allowed]
        if lost:
            yield breaking(path, f"no longer taken: {_listed(lost)}")
        more = [value for value in after if _written(value) not in known]
        if more:
            yield note(path, f"taken as well: {_listed(more)}")


def _format(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    before, after = format_of(old), format_of(new)
    if before == after or (before in _OPEN and after in _OPEN):
        return
    if after in _OPEN:
        yield note(path, f"text need not have the format {before} any more")
    elif old.type == new.type == "string":
        yield breaking(path, f"text must have the format {after} now")


def _bounds(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if new.type not in _BOUNDED:
        return
    comparable = old.type in _BOUNDED and (old.type == "string") == (new.type == "string")
    for name, sign in (("minimum", 1), ("maximum", -1)):
        before = getattr(old, name) if comparable else None
        after = getattr(new, name)
        if before == after:
            continue
        where = child_path(path, name)
        if after is None:
            yield note(where, f"there is no {name} any more")
        elif before is None or sign * after > sign * before:
            yield breaking(where, f"the {name} is {after}: values that passed are refused")
        else:
            yield note(where, f"the {name} is {after}, which lets more pass")


def _object(path: str, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    here = child_path(path, "properties")
    if new.properties is None:
        if old.properties is not None:
            yield note(here, "it takes any keys now")
        return
    open_before = old.properties is None or old.additional_properties
    if open_before and not new.additional_properties:
        where = here if old.properties is None else child_path(path, "additionalProperties")
        yield breaking(where, "keys that are not declared are no longer sent")
    before = old.properties or {}
    undeclared = {where for where, _ in gone(before, new.properties, here)}
    for change in compare_fields(before, new.properties, here, Place.CHILD):
        if new.additional_properties and change.path in undeclared:
            yield note(change.path, "the field of an object is not declared any more, but still sent")
        else:
            yield change


def _written(value: Json) -> str:
    """A value so that equal texts are equal values, in which true is not 1 but 1.0 is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=str)


def _listed(values: list[Json]) -> str:
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
