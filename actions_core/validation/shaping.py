"""From a payload as it was mapped to the payload that is checked: empties, lone values, keys, types.

Each field has two steps, built once: one takes empty values away, the other gives what is left its type.
Neither changes what it gets: an object or a list is copied when the first thing in it differs, and passed
on as it is otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.validation.coercion import coerce_to
from actions_core.values.types import MISSING, Json, JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.validation.fields import FieldSpec

#: A step: the value, another one in its place, or MISSING to leave it out.
Step: TypeAlias = "Callable[[Json], Json]"

_TEXT_TYPES: Final = frozenset({"string", "text", "password", "datetime"})


def cleaner(fields: Mapping[str, FieldSpec]) -> Step:
    """Build the step that takes from a payload the empty values that no field takes."""
    clean = _for_keys({key: _clean_field(spec) for key, spec in fields.items()})

    def clean_root(payload: JsonObject) -> JsonObject:
        cleaned: JsonObject = clean(payload)
        blank = [key for key, value in cleaned.items() if isinstance(value, str) and not value]
        if not blank:
            return cleaned
        if cleaned is payload:
            cleaned = dict(payload)
        for key in blank:
            del cleaned[key]
        return cleaned

    return clean_root


def shaper(fields: Mapping[str, FieldSpec], *, additional: bool, keep: frozenset[str] = frozenset()) -> Step:
    """Build the step that gives a payload its shape: empties, lone values, unknown keys, types.

    The keys in `keep` stay, whether they are known or not, as they are.
    """
    steps = {key: (_plain(spec), _whole_step(spec)) for key, spec in fields.items() if key not in keep}

    def shape_root(payload: JsonObject) -> JsonObject:
        result = payload
        for key, old in payload.items():
            plain, step = steps.get(key, (None, None))
            if old.__class__ is str and not old:
                new = MISSING
            elif step is None:
                new = old if additional or key in keep else MISSING
            elif old.__class__ is plain:
                continue
            else:
                new = step(old)
            if new is old:
                continue
            if result is payload:
                result = dict(payload)
            if new is MISSING:
                del result[key]
            else:
                result[key] = new
        return result

    return shape_root


def _plain(spec: FieldSpec) -> type | None:
    """Return the class of the values that need no step: most values, most of the time."""
    if spec.multiple or (spec.type == "object" and spec.properties is not None):
        return None
    if spec.type in _TEXT_TYPES:
        return str
    return {"boolean": bool, "integer": int, "number": int, "object": dict}[spec.type]


def _whole_step(spec: FieldSpec) -> Step:
    clean, shape = _clean_field(spec), _shape_field(spec)

    def step(value: Json) -> Json:
        cleaned = clean(value)
        return MISSING if cleaned is MISSING else shape(cleaned)

    return step


def _clean_field(spec: FieldSpec) -> Step:
    item = _clean_value(spec, null=spec.allow_null and not spec.multiple)
    if not spec.multiple:
        return item
    items = _for_items(item)

    def clean_list(value: Json) -> Json:
        if isinstance(value, list):
            return items(value)
        return MISSING if value is None or value == "" else value

    return clean_list


def _clean_value(spec: FieldSpec, *, null: bool) -> Step:
    inner = None
    if spec.type == "object" and spec.properties is not None:
        inner = _for_keys({key: _clean_field(child) for key, child in spec.properties.items()})
        null = False  # the schema of an object with declared properties names no other type
    blank = spec.type in _TEXT_TYPES

    def clean(value: Json) -> Json:
        if value is None:
            return None if null else MISSING
        if inner is not None and isinstance(value, dict):
            return inner(value)
        return MISSING if value == "" and not blank else value

    return clean


def _shape_field(spec: FieldSpec) -> Step:
    if spec.type == "object" and spec.properties is not None:
        item = _shape_object(spec)
    else:
        item = coerce_to(spec, item=spec.multiple)
    if not spec.multiple:
        return item
    items = _for_items(item)

    def shape_list(value: Json) -> Json:
        if value is None:
            return value
        return items(value if isinstance(value, list) else [value])

    return shape_list


def _shape_object(spec: FieldSpec) -> Step:
    properties = spec.properties or {}
    known = None if spec.additional_properties else frozenset(properties)
    keys = _for_keys({key: _shape_child(child) for key, child in properties.items()}, known=known)

    def shape(value: Json) -> Json:
        return keys(value) if isinstance(value, dict) else value

    return shape


def _shape_child(spec: FieldSpec) -> Step:
    """As for any field; but a lone object has just become an item, and may hold nulls that no item may."""
    step = _shape_field(spec)
    object_with_properties = spec.type == "object" and spec.properties is not None
    null = spec.allow_null and not spec.multiple and not object_with_properties

    def shape(value: Json) -> Json:
        return MISSING if value is None and not null else step(value)

    return shape


def _for_keys(steps: Mapping[str, Step], *, known: frozenset[str] | None = None) -> Step:
    """Each known key of an object through its step; where `known` is given, the other keys go."""

    def walk(value: JsonObject) -> JsonObject:
        result = value
        for key, old in value.items():
            step = steps.get(key)
            if step is not None:
                new = step(old)
            elif known is None or key in known:
                continue
            else:
                new = MISSING
            if new is old:
                continue
            if result is value:
                result = dict(value)
            if new is MISSING:
                del result[key]
            else:
                result[key] = new
        return result

    return walk


def _for_items(step: Step) -> Step:
    """Each item of a list through the step."""

    def walk(value: list[Json]) -> list[Json]:
        new = [step(item) for item in value]
        if all(after is before for after, before in zip(new, value, strict=True)):
            return value
        return [item for item in new if item is not MISSING]

    return walk
