"""The schema of a workspace for one destination, with which an editor completes and explains its fields.

It is the schema of every workspace with the settings, actions and fields of the destination added, and
contains everything that it refers to, so that one file is enough.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from actions_core.destination.destination import fields_of
from actions_core.destination.specs import MAPPING_EXTRAS
from actions_core.validation.documents import schema
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.destination.specs import ActionSpec, DestinationSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

_MAPPING: Final = "mapping.schema.json"
_LOCAL: Final = "#/$defs/"
_ROOT_DIRECTIVE: Final = "__segment_internal_directive"
#: An object without directives.
_PLAIN: Final = {"propertyNames": {"pattern": "^[^@]"}}
#: The JSON types that a field accepts, coercion included.
_TYPES: Final[Mapping[str, list[str]]] = {
    "number": ["number", "string", "boolean", "null"],
    "integer": ["number", "string", "boolean", "null"],
    "boolean": ["boolean", "string", "number", "null"],
    "datetime": ["string", "number", "null"],
    "object": ["object", "null"],
}
_ANY_SCALAR: Final = ["string", "number", "boolean", "null"]


def workspace_schema(destination: Destination) -> JsonObject:
    """Return the JSON Schema of a workspace that knows one destination in every detail."""
    spec = destination.spec
    made: JsonObject = copy.deepcopy(schema("workspace"))
    mapping = _renamed(schema("mapping"))
    made["$id"] = made["$id"].replace("workspace.", f"workspace.{spec.slug}.")
    made["title"] = f"Workspace with {spec.name}"
    definitions: JsonObject = made["$defs"]
    definitions.update({f"mapping-{name}": part for name, part in mapping.pop("$defs").items()})
    definitions["mapping"] = {
        key: value for key, value in mapping.items() if key not in ("$schema", "$id", "title")
    }
    made = _inlined(made)
    definitions = made["$defs"]
    definitions["instance"]["allOf"] = [
        {"if": _is("destination", spec.slug), "then": {"properties": _instance_properties(spec)}}
    ]
    definitions["instance"]["properties"]["destination"]["examples"] = [spec.slug]
    definitions["subscription-here"] = _subscription(spec)
    for key, action in spec.actions.items():
        definitions[f"fields-{key}"] = _action_mapping(key, action, fields_of(destination, key))
    return made


def _renamed(part: Json) -> Json:
    """Return the mapping's schema with references that fit among the workspace's definitions."""
    if isinstance(part, dict):
        return {
            key: value.replace(_LOCAL, f"{_LOCAL}mapping-") if key == "$ref" else _renamed(value)
            for key, value in part.items()
        }
    return [_renamed(item) for item in part] if isinstance(part, list) else part


def _inlined(part: Json) -> Any:
    """Point references to the mapping's file to its copy in this schema."""
    if isinstance(part, dict):
        return {
            key: f"{_LOCAL}mapping" if key == "$ref" and value == _MAPPING else _inlined(value)
            for key, value in part.items()
        }
    return [_inlined(item) for item in part] if isinstance(part, list) else part


def _is(key: str, value: str) -> JsonObject:
    return {"properties": {key: {"const": value}}, "required": [key]}


def _instance_properties(spec: DestinationSpec) -> JsonObject:
    settings: JsonObject = {
        "properties": {key: _setting(field) for key, field in spec.settings.items()},
        "required": [key for key, field in spec.settings.items() if field.required is True],
    }
    return {
        "settings": {"if": {"type": "object"}, "then": settings},
        "subscriptions": {
            "if": {"type": "array"},
            "then": {"items": {"$ref": f"{_LOCAL}subscription-here"}},
        },
    }


def _subscription(spec: DestinationSpec) -> JsonObject:
    actions = [_action_choice(key, action) for key, action in spec.actions.items()]
    return {
        "description": f"A subscription of {spec.name}.",
        "properties": {"partnerAction": {"description": "The key of the action.", "oneOf": actions}},
        "allOf": [
            {
                "if": _is("partnerAction", key),
                "then": {"properties": {"mapping": {"$ref": f"{_LOCAL}fields-{key}"}}},
            }
            for key in spec.actions
        ],
    }


def _action_choice(key: str, action: ActionSpec) -> JsonObject:
    choice: JsonObject = {"const": key, "title": action.title, "description": _sentences(action.description)}
    if action.superseded_by is not None:
        choice["description"] = _sentences(action.description, f"Superseded by {action.superseded_by}.")
        choice["deprecated"] = True
    return choice


def _action_mapping(key: str, action: ActionSpec, fields: Mapping[str, FieldSpec]) -> JsonObject:
    """Return the schema of an action's mapping; a directive at the root may make all its fields."""
    extras: JsonObject = {
        name: schema("mapping")["properties"].get(name, {"description": f"The outputs of the hook {name}."})
        for name in MAPPING_EXTRAS
    }
    if action.sync_mode is not None:
        modes = [choice.value for choice in action.sync_mode.choices]
        extras["__segment_internal_sync_mode"] = {"description": "The sync mode.", "enum": [*modes, None]}
    return {
        "description": f"The mapping for {key}. Without it, the defaults of the fields.",
        "if": {"type": "object", **_PLAIN, "not": {"required": [_ROOT_DIRECTIVE]}},
        "then": {
            "properties": {**{name: _field(field) for name, field in fields.items()}, **extras},
            "additionalProperties": False,
            "required": [name for name, field in fields.items() if field.required is True],
        },
    }


def _field(field: FieldSpec) -> JsonObject:
    """Return the schema of a field in a mapping: a directive, or a value of its type."""
    one: JsonObject = {
        "if": {"type": "object"},
        "then": _object(field) if field.type == "object" else {"$ref": f"{_LOCAL}mapping-object"},
        "else": _literal(field),
    }
    if field.multiple:
        one = {"if": {"type": "array"}, "then": {"items": one}, "else": one}
    return {**_described(field), **one}


def _object(field: FieldSpec) -> JsonObject:
    if field.properties is None:
        return {"$ref": f"{_LOCAL}mapping-object"}
    children = field.properties
    return {
        "allOf": [{"$ref": f"{_LOCAL}mapping-object"}],
        "if": _PLAIN,
        "then": {
            "properties": {key: _field(child) for key, child in children.items()},
            "additionalProperties": field.additional_properties,
            "required": [key for key, child in children.items() if child.required is True],
        },
    }


def _literal(field: FieldSpec) -> JsonObject:
    if field.choices:
        return {"enum": [*(choice.value for choice in field.choices), None]}
    return {"type": _TYPES.get(field.type, _ANY_SCALAR)}


def _setting(field: FieldSpec) -> JsonObject:
    literal = _literal(field) if field.type != "object" else {}
    if field.multiple:
        literal = {"if": {"type": "array"}, "then": {"items": literal}, "else": literal}
    hint = 'Best kept in the environment: {"$env": "NAME"}.' if field.type == "password" else ""
    return {
        **_described(field, hint),
        "if": {"type": "object"},
        "then": {"$ref": f"{_LOCAL}setting"},
        "else": literal,
    }


def _described(field: FieldSpec, hint: str = "") -> JsonObject:
    kind = f"list of {field.type}" if field.multiple else field.type
    marks = [kind, *(["required"] if field.required is True else [])]
    text = _sentences(field.description or field.label, hint, f"({', '.join(marks)})")
    described: JsonObject = {"title": field.label} if field.label else {}
    described["description"] = text
    if field.default is not MISSING:
        described["default"] = field.default
    return described


def _sentences(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)
