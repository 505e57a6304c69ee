"""The JSON Schema against which a payload is checked, once it has its shape.

It says more than the published one: bounds of integers and bounds of 0, required siblings beside
conditional ones, children of the items of a list, and conditions on the sync mode, which is known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.validation.fields import format_of, json_types
from actions_core.validation.fields.conditions import ConditionWriter, conditional

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.validation.fields import ConditionSet, FieldSpec
    from actions_core.values.types import JsonObject


def exact_schema(fields: Mapping[str, FieldSpec], sync_mode: str | None = None) -> JsonObject:
    """The schema of a payload under this sync mode."""
    return _object_schema(fields, sync_mode, root=True)


def rules(fields: Mapping[str, FieldSpec], *, root: bool) -> Iterator[tuple[tuple[str, ...], ConditionSet]]:
    """What is required on conditions within an object: see `conditional`.

    The conditions of an object's own fields are its owner's to check; only the root has no owner.
    """
    return ((steps, conditions) for steps, conditions in conditional(fields) if root or len(steps) > 1)


def bounds_of(spec: FieldSpec) -> dict[str, float]:
    """The bounds of one value, by their keyword. A list has none."""
    if spec.multiple or spec.type not in ("string", "number", "integer"):
        return {}
    names = ("minLength", "maxLength") if spec.type == "string" else ("minimum", "maximum")
    bounds = zip(names, (spec.minimum, spec.maximum), strict=True)
    return {name: bound for name, bound in bounds if bound is not None}


def _object_schema(
    fields: Mapping[str, FieldSpec], sync_mode: str | None, *, root: bool = False
) -> JsonObject:
    writer = ConditionWriter(fields, sync_mode, exact=True)
    return {
        "type": "object",
        "properties": {key: _field_schema(spec, sync_mode) for key, spec in fields.items()},
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
    """The name of a value in sentences."""
    if spec.label is None:
        return {}
    return {"title": f"An item of {spec.label}" if item else spec.label}


def _field_schema(spec: FieldSpec, sync_mode: str | None) -> JsonObject:
    value = {**_title(spec, item=spec.multiple), **_value_schema(spec, sync_mode)}
    return {**_title(spec, item=False), "type": "array", "items": value} if spec.multiple else value


def _value_schema(spec: FieldSpec, sync_mode: str | None) -> JsonObject:
    schema: JsonObject = {}
    if spec.values is not None and not (spec.multiple and spec.properties is not None):
        schema["enum"] = [*spec.values, None] if spec.allow_null else spec.values
    if spec.type == "object" and spec.properties is not None:
        return {**schema, **_object_schema(spec.properties, sync_mode)}
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
