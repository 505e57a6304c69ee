"""Fields as JSON Schema: the published one, and the exact one that payloads are checked against.

The published one is what other programs read, key for key as Segment has it. The exact one says more:
bounds of integers and bounds of 0, required siblings beside conditional ones, children of the items of a
list, and conditions on the sync mode, which is known when a payload is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.validation.fields.conditions import ConditionWriter, conditional
from actions_core.validation.fields.spec import ConditionSet, FieldSpec
from actions_core.validation.fields.structuring import read_fields
from actions_core.values.types import MISSING, Json, JsonObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIALECT: Final = "http://json-schema.org/schema#"

_TYPES: Final[Mapping[str, Json]] = {
    "text": "string",
    "password": "string",
    "datetime": ["string", "number"],
}
_FORMATS: Final[Mapping[str, str]] = {"text": "text", "password": "password", "datetime": "date-like"}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "string": ("minLength", "maxLength"),
    "number": ("minimum", "maximum"),
}


def fields_to_json_schema(fields: Mapping[str, Json]) -> JsonObject:
    """Return the JSON Schema of a payload with these fields: raw ones, specs, or both."""
    return _object_schema(read_fields(fields), additional=False, complete=True)


def json_types(spec: FieldSpec) -> Json:
    """Return the type of one value of the field: a name, or a list of names; null is not among them."""
    return _TYPES.get(spec.type, spec.type)


def format_of(spec: FieldSpec) -> str | None:
    """Return the format of the field's strings."""
    return _FORMATS.get(spec.type, spec.format)


def _object_schema(fields: Mapping[str, FieldSpec], *, additional: bool, complete: bool) -> JsonObject:
    """Return the schema of these fields; an incomplete one leaves what is required to its owner."""
    schema: JsonObject = {
        "$schema": DIALECT,
        "type": "object",
        "additionalProperties": additional,
        "properties": {key: _field_schema(spec) for key, spec in fields.items()},
    }
    if complete:
        schema["required"] = [key for key, spec in fields.items() if spec.required is True]
        writer = ConditionWriter(fields)
        rules = [
            {"if": condition, "then": writer.at(steps, None)}
            for steps, conditions in conditional(fields)
            if (condition := writer.write(conditions)) is not None
        ]
        if rules:
            schema["allOf"] = rules
    return schema


def _field_schema(spec: FieldSpec) -> JsonObject:
    types = json_types(spec)
    described = {
        "title": spec.label,
        "description": spec.description,
        "default": None if spec.default is MISSING else spec.default,
        "format": format_of(spec),
        **_bounds(spec),
    }
    schema: JsonObject = {key: value for key, value in described.items() if value is not None}
    if spec.multiple:
        schema["type"] = "array"
        schema["items"] = _properties_schema(spec) or {"type": types, **_enum(spec)}
        return schema
    schema["type"] = [*([types] if isinstance(types, str) else types), "null"] if spec.allow_null else types
    return {**schema, **_enum(spec), **_properties_schema(spec)}


def _properties_schema(spec: FieldSpec) -> JsonObject:
    if spec.type != "object" or spec.properties is None:
        return {}
    # Segment moves what a child requires on conditions to the root, and forgets what its siblings require.
    complete = not any(isinstance(child.required, ConditionSet) for child in spec.properties.values())
    return _object_schema(spec.properties, additional=spec.additional_properties, complete=complete)


def _enum(spec: FieldSpec) -> JsonObject:
    values = spec.values
    if values is None:
        return {}
    return {"enum": [*values, None] if spec.allow_null else values}


def _bounds(spec: FieldSpec) -> JsonObject:
    """Return the bounds that Segment's schema knows; it takes 0 for none."""
    names = _BOUNDS.get(spec.type)
    if names is None:
        return {}
    return {name: bound for name, bound in zip(names, (spec.minimum, spec.maximum), strict=True) if bound}


def exact_schema(fields: Mapping[str, FieldSpec], sync_mode: str | None = None) -> JsonObject:
    """Return the schema of a payload under this sync mode."""
    return _exact_object(fields, sync_mode, root=True)


def rules(fields: Mapping[str, FieldSpec], *, root: bool) -> Iterator[tuple[tuple[str, ...], ConditionSet]]:
    """Yield what is required on conditions within an object: see `conditional`.

    The conditions of an object's own fields are its owner's to check; only the root has no owner.
    """
    return ((steps, conditions) for steps, conditions in conditional(fields) if root or len(steps) > 1)


def bounds_of(spec: FieldSpec) -> dict[str, float]:
    """Return the bounds of one value, by their keyword. A list has none."""
    if spec.multiple or spec.type not in ("string", "number", "integer"):
        return {}
    names = ("minLength", "maxLength") if spec.type == "string" else ("minimum", "maximum")
    bounds = zip(names, (spec.minimum, spec.maximum), strict=True)
    return {name: bound for name, bound in bounds if bound is not None}


def _exact_object(
    fields: Mapping[str, FieldSpec], sync_mode: str | None, *, root: bool = False
) -> JsonObject:
    writer = ConditionWriter(fields, sync_mode, exact=True)
    return {
        "type": "object",
        "properties": {key: _exact_field(spec, sync_mode) for key, spec in fields.items()},
        "required": [key for key, spec in fields.items() if spec.required is True],
        "allOf": [
            {"if": writer.write(conditions), "then": _then(steps, fields)}
            for steps, conditions in rules(fields, root=root)
        ],
    }


def _then(steps: tuple[str, ...], fields: Mapping[str, FieldSpec]) -> JsonObject:
    key, *rest = steps
    if not rest:
        return {"required": [key]}
    spec = fields[key]
    child: JsonObject = {**_title(spec, item=spec.multiple), "required": rest}
    return {"required": [key], "properties": {key: {"items": child} if spec.multiple else child}}


def _title(spec: FieldSpec, *, item: bool) -> JsonObject:
    """Return the name of a value for sentences, if the field has a label."""
    if spec.label is None:
        return {}
    return {"title": f"An item of {spec.label}" if item else spec.label}


def _exact_field(spec: FieldSpec, sync_mode: str | None) -> JsonObject:
    value = {**_title(spec, item=spec.multiple), **_exact_value(spec, sync_mode)}
    return {**_title(spec, item=False), "type": "array", "items": value} if spec.multiple else value


def _exact_value(spec: FieldSpec, sync_mode: str | None) -> JsonObject:
    schema: JsonObject = {}
    if spec.values is not None and not (spec.multiple and spec.properties is not None):
        schema["enum"] = [*spec.values, None] if spec.allow_null else spec.values
    if spec.type == "object" and spec.properties is not None:
        return {**schema, **_exact_object(spec.properties, sync_mode)}
    types = json_types(spec)
    schema["type"] = [types] if isinstance(types, str) else [*types]
    if spec.multiple:
        return schema
    if spec.allow_null:
        schema["type"].append("null")
    text_format = format_of(spec)
    if text_format is not None and "string" in schema["type"]:
        schema["format"] = text_format
    return {**schema, **bounds_of(spec)}
