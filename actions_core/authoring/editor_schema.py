"""The schema of a workspace for its destinations, with which an editor completes and explains fields.

It is the schema of every workspace with the settings, actions and fields of destinations added, and
contains everything that it refers to, so that one file is enough.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

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

#: The schemas that others refer to by their files.
_REFERRED: Final = ("mapping", "event")
_LOCAL: Final = "#/$defs/"
_ROOT_DIRECTIVE: Final = "__segment_internal_directive"
#: What Segment keeps beside the declared settings.
_TOKENS: Final = {
    "oauth": "The tokens of OAuth: access_token, refresh_token, clientId, clientSecret.",
    "dynamicAuthSettings": "Tokens as Segment exports them.",
}
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


def workspace_schema(*destinations: Destination) -> JsonObject:
    """Return the JSON Schema of a workspace that knows these destinations in every detail."""
    made = bundled_schema("workspace")
    definitions: JsonObject = made["$defs"]
    instance: JsonObject = definitions["instance"]
    instance["allOf"] = []
    slugs = [destination.slug for destination in destinations]
    instance["properties"]["destination"]["examples"] = slugs
    if len(destinations) == 1:
        made["$id"] = made["$id"].replace("workspace.", f"workspace.{slugs[0]}.")
    made["title"] = f"Workspace with {', '.join(destination.spec.name for destination in destinations)}"
    for destination in destinations:
        spec = destination.spec
        named = {"enum": [spec.slug, *spec.aliases]}
        condition = {"properties": {"destination": named}, "required": ["destination"]}
        instance["allOf"].append({"if": condition, "then": {"properties": _instance_properties(spec)}})
        definitions[f"subscription-{spec.slug}"] = _subscription(spec)
        for key, action in spec.actions.items():
            fields = fields_of(destination, key)
            definitions[_fields_key(spec, key)] = _action_mapping(key, action, fields)
    return made


def bundled_schema(name: str) -> JsonObject:
    """Return a schema with everything that it refers to inside, so that it is complete offline."""
    made: JsonObject = copy.deepcopy(schema(name))
    definitions: JsonObject = made.setdefault("$defs", {})
    for other in _REFERRED:
        if name == other or f'"{other}.schema.json"' not in json.dumps(schema(name)):
            continue
        inner = _renamed(schema(other), other)
        definitions.update({f"{other}-{key}": part for key, part in inner.pop("$defs", {}).items()})
        definitions[other] = {
            key: value for key, value in inner.items() if key not in ("$schema", "$id", "title")
        }
    bundled: JsonObject = _inlined(made)
    return bundled


def beside(document: JsonObject, file_name: str) -> JsonObject:
    """Return a schema for a file of that name: its `$id` is the file itself, which is found offline."""
    return {**document, "$id": file_name}


def _reference(name: str) -> str:
    """Return the reference to a definition: a JSON pointer in a URL, where the keys of actions may be odd."""
    return _LOCAL + quote(name.replace("~", "~0").replace("/", "~1"))


def _fields_key(spec: DestinationSpec, action: str) -> str:
    return f"fields-{spec.slug}-{action}"


def _renamed(part: Json, name: str) -> Any:
    """Return a schema with references that fit among the definitions of another one."""
    if isinstance(part, dict):
        return {
            key: value.replace(_LOCAL, f"{_LOCAL}{name}-") if key == "$ref" else _renamed(value, name)
            for key, value in part.items()
        }
    return [_renamed(item, name) for item in part] if isinstance(part, list) else part


def _inlined(part: Json) -> Any:
    """Point references to other files to their copies in this schema."""
    if isinstance(part, dict):
        return {
            key: _LOCAL + value.partition(".")[0]
            if key == "$ref" and value in [f"{name}.schema.json" for name in _REFERRED]
            else _inlined(value)
            for key, value in part.items()
        }
    return [_inlined(item) for item in part] if isinstance(part, list) else part


def _is(key: str, value: str) -> JsonObject:
    return {"properties": {key: {"const": value}}, "required": [key]}


def _instance_properties(spec: DestinationSpec) -> JsonObject:
    settings: JsonObject = {
        "properties": {
            **{key: _setting(field) for key, field in spec.settings.items()},
            **{key: {"description": what} for key, what in _TOKENS.items()},
        },
        "additionalProperties": False,
        "required": [key for key, field in spec.settings.items() if field.required is True],
    }
    return {
        "settings": {"if": {"type": "object"}, "then": settings},
        "subscriptions": {
            "if": {"type": "array"},
            "then": {"items": {"$ref": _reference(f"subscription-{spec.slug}")}},
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
                "then": {"properties": {"mapping": {"$ref": _reference(_fields_key(spec, key))}}},
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
