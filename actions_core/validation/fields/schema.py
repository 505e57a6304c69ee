"""The JSON Schema of fields, key for key as Segment publishes it.

It is what other programs read. What a payload is checked against is stricter in places; see
`validation.exact`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.validation.fields.conditions import ConditionWriter, conditional
from actions_core.validation.fields.spec import ConditionSet, FieldSpec
from actions_core.validation.fields.structuring import read_fields
from actions_core.values.types import MISSING, Json, JsonObject

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """The JSON Schema of a payload with these fields: raw ones, specs, or both."""
    return _object_schema(read_fields(fields), additional=False, complete=True)


def json_types(spec: FieldSpec) -> Json:
    """The type of one value of the field: a name, or a list of names; null is not among them."""
    return _TYPES.get(spec.type, spec.type)


def format_of(spec: FieldSpec) -> str | None:
    """The format of the field's text."""
    return _FORMATS.get(spec.type, spec.format)


def _object_schema(fields: Mapping[str, FieldSpec], *, additional: bool, complete: bool) -> JsonObject:
    """The schema of an object with these fields; an incomplete one leaves what is required to its owner."""
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
    """The bounds that Segment's schema knows; it takes 0 for none."""
    names = _BOUNDS.get(spec.type)
    if names is None:
        return {}
    return {name: bound for name, bound in zip(names, (spec.minimum, spec.maximum), strict=True) if bound}
