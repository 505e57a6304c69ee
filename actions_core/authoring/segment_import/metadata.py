"""A definition from what Segment's Public API says of a destination: its metadata.

Published definitions have actions by key; the metadata lists them, with fields, options and presets in
other words. What it does not say (schemes, formats, conditions) a definition made of it lacks, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from actions_core.errors import DefinitionError
from actions_core.validation.fields.spec import FIELD_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.values.types import Json, JsonObject

_SECRET_KEY: Final = re.compile(r"(key|token|secret|password|passphrase|credentials?)$", re.IGNORECASE)
#: The types of options, of which classic destinations have more than actions know.
_TYPES: Final[Mapping[str, str]] = {
    "select": "string",
    "color": "string",
    "array": "string",
    "map": "object",
    "text-map": "object",
    "mixed": "object",
    "int": "integer",
}
_TRUTHS: Final = (
    "required",
    "multiple",
    "dynamic",
    "allowNull",
    "hidden",
    "readOnly",
    "additionalProperties",
)


def definition_from_metadata(data: Json) -> JsonObject:
    """Return the definition in a file: as it is, or made of the Public API's metadata.

    Raises `DefinitionError` where the file is neither.
    """
    found = _unwrapped(data)
    if found is None:
        raise DefinitionError(
            "is neither a definition nor the metadata of a destination: those have a name, a slug and actions"
        )
    return found if isinstance(found["actions"], dict) else _definition(found)


def _unwrapped(data: Json) -> JsonObject | None:
    for _ in range(5):
        if not isinstance(data, dict):
            return None
        if isinstance(data.get("actions"), (dict, list)) and ("slug" in data or "name" in data):
            return data
        data = next(
            (data[key] for key in ("data", "destinationMetadata", "destination", "metadata") if key in data),
            None,
        )
    return None


def _definition(data: JsonObject) -> JsonObject:
    actions = [item for item in data["actions"] if isinstance(item, dict)]
    keys = {str(item.get("id")): _key(item) for item in actions}
    definition: JsonObject = {
        "slug": data.get("slug") or _slug(str(data.get("name", ""))),
        "name": data.get("name") or data.get("slug"),
        "mode": "cloud",
        "description": data.get("description"),
        "authentication": {"scheme": "custom", "fields": dict(_options(data.get("options")))},
        "actions": {_key(item): _action(item) for item in actions},
        "presets": list(_presets(data.get("presets"), keys)),
    }
    return {key: value for key, value in definition.items() if value is not None}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _key(action: JsonObject) -> str:
    return str(action.get("slug") or action.get("key") or action.get("name") or action.get("id"))


def _action(raw: JsonObject) -> JsonObject:
    platform = raw.get("platform")
    fields = raw.get("fields")
    action: JsonObject = {
        "title": raw.get("title") or raw.get("name") or _key(raw),
        "description": raw.get("description"),
        "platform": "web" if isinstance(platform, str) and platform.lower() == "web" else "cloud",
        "defaultSubscription": raw.get("defaultTrigger") or raw.get("defaultSubscription"),
        "hidden": raw.get("hidden") is True,
        "fields": dict(_fields(fields)),
    }
    return {key: value for key, value in action.items() if value is not None}


def _fields(raw: Json) -> Iterator[tuple[str, JsonObject]]:
    """Yield the fields of an action in the order in which people see them."""
    if isinstance(raw, dict):
        yield from ((key, _field(field)) for key, field in raw.items() if isinstance(field, dict))
        return
    listed = [field for field in raw if isinstance(field, dict)] if isinstance(raw, list) else []
    listed.sort(key=lambda field: order if isinstance(order := field.get("sortOrder"), int) else len(listed))
    for field in listed:
        key = field.get("fieldKey") or field.get("key") or field.get("name")
        if isinstance(key, str):
            yield key, _field(field)


def _field(raw: JsonObject) -> JsonObject:
    given = str(raw.get("type", "string")).lower()
    kind = _TYPES.get(given, given)
    field: JsonObject = {
        "label": raw.get("label"),
        "description": raw.get("description"),
        "type": kind if kind in FIELD_TYPES else "string",
        **{key: True for key in _TRUTHS if raw.get(key) is True},
        "placeholder": raw.get("placeholder") or None,
        "default": raw.get("defaultValue", raw.get("default")),
        "choices": _choices(raw.get("choices")),
    }
    if given == "array":
        field["multiple"] = True
    properties = raw.get("properties")
    if properties and kind == "object":
        field["properties"] = dict(_fields(properties))
    return {key: value for key, value in field.items() if value is not None}


def _choices(raw: Any) -> list[Json] | None:
    if not isinstance(raw, list):
        return None
    return [item for item in raw if not isinstance(item, dict) or "value" in item] or None


def _options(raw: Json) -> Iterator[tuple[str, JsonObject]]:
    """Yield the settings; one that sounds like a secret is one, because options have no type for it."""
    for key, field in _fields(raw):
        if key in ("subscriptions", "metadata"):
            continue
        if field["type"] == "string" and _SECRET_KEY.search(key):
            field["type"] = "password"
        if field.get("default") in ("", [], {}):
            del field["default"]
        yield key, field


def _presets(raw: Json, keys: Mapping[str, str]) -> Iterator[JsonObject]:
    for preset in raw if isinstance(raw, list) else ():
        if not isinstance(preset, dict):
            continue
        action = keys.get(str(preset.get("actionId"))) or preset.get("actionSlug")
        trigger = preset.get("trigger")
        if not action or not isinstance(trigger, str):
            continue  # an event that Segment itself makes, which the metadata does not name
        made: JsonObject = {
            "name": preset.get("name") or action,
            "type": "automatic",
            "partnerAction": action,
            "subscribe": trigger,
        }
        if isinstance(preset.get("fields"), dict):
            made["mapping"] = preset["fields"]
        yield made
