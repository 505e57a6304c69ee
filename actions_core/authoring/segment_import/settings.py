"""The settings of an instance: what was exported, defaults, and variables in the place of secrets."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from actions_core.errors import Problem, child_path
from actions_core.values.naming import snake_case
from actions_core.values.types import MISSING
from actions_core.values.wording import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.destination import Destination
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

#: Settings that stand beside the declared ones, of which everything is secret.
_TOKENS: Final = ("oauth", "dynamicAuthSettings")
#: What an export has among the settings that is not a setting.
_NOT_SETTINGS: Final = frozenset({"subscriptions", "filters"})
_SECRET_KEY: Final = re.compile(r"(key|token|secret|password|passphrase|credentials?)$", re.IGNORECASE)
#: The same in mappings, where a `key` names many other things.
_SECRET_FIELD: Final = re.compile(r"(api_?key|token|secret|password|passphrase|credentials?)$", re.IGNORECASE)
_URL: Final = re.compile(r"https?://([^\s/?#]*)(\S*)", re.IGNORECASE)
_PART_OF_URL: Final = re.compile(r"[\w.-]+")
_SHORTEST_TOKEN: Final = 16
_PLACEHOLDER: Final = re.compile(r"\{\{[^{}]*\}\}")
_EMPTY: Final[tuple[Json, ...]] = (None, "", [], {})


def default_settings(destination: Destination, prefix: str | None = None) -> JsonObject:
    """Return the settings of a new instance: defaults, and variables for what is required."""
    settings: JsonObject = {}
    for key, field in destination.spec.settings.items():
        if field.default is not MISSING:
            settings[key] = field.default
        elif field.required is True:
            # Optional settings are left out, because a variable that is not set prevents a start.
            settings[key] = {"$env": variable_name(prefix or destination.slug, key)}
    return settings


def variable_name(prefix: str, *keys: str) -> str:
    """Return the environment variable for a setting, such as `FULLSTORY_CLOUD_API_KEY`."""
    words = "_".join([prefix.removeprefix("actions-"), *(snake_case(key) for key in keys)])
    name = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()
    return name if name[:1].isalpha() else f"SETTING_{name}"


def import_settings(
    destination: Destination, raw: Json, path: str, prefix: str
) -> tuple[JsonObject, list[Problem]]:
    """Return the settings as exported, each secret replaced by a variable, and notes on what was left out.

    What Segment exports of a secret (all, some or none of it) does not matter: it is never copied.
    """
    if isinstance(raw, str):
        raw = _parsed(raw)
    given = raw if isinstance(raw, dict) else {}
    fields = destination.spec.settings
    notes: list[Problem] = []
    settings: JsonObject = {}
    for key, value in given.items():
        if key in _NOT_SETTINGS or value in _EMPTY:
            continue
        if key in _TOKENS:
            settings[key] = _secret(value, prefix, key)
        elif key in fields:
            settings[key] = _setting(fields[key], value, prefix, key)
        else:
            near = suggestion(key, list(fields))
            message = f"{destination.slug} has no such setting{near}: left out"
            notes.append(Problem(child_path(path, key), message, "warning"))
    defaults = default_settings(destination, prefix)
    ordered = [*(key for key in fields if key in settings or key in defaults), *_TOKENS]
    merged = {**defaults, **settings}
    return {key: merged[key] for key in ordered if key in merged}, notes


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _setting(field: FieldSpec, value: Json, prefix: str, *keys: str) -> Json:
    if field.type == "password" or (field.type in ("string", "text") and _SECRET_KEY.search(keys[-1])):
        return _secret(value, prefix, *keys)
    if field.type == "object" and field.properties is not None:
        return _nested(field.properties, value, prefix, *keys)
    return value


def _nested(fields: Mapping[str, FieldSpec], value: Json, prefix: str, *keys: str) -> Json:
    if isinstance(value, list):
        return [
            _nested(fields, item, prefix, *keys, str(number)) for number, item in enumerate(value, start=1)
        ]
    if not isinstance(value, dict):
        return value
    return {
        key: _setting(fields[key], item, prefix, *keys, key) if key in fields else item
        for key, item in value.items()
    }


def _secret(value: Json, prefix: str, *keys: str) -> Json:
    """Return a variable for a secret, for each where there are several."""
    if isinstance(value, list):
        return [_secret(item, prefix, *keys, str(number)) for number, item in enumerate(value, start=1)]
    if isinstance(value, dict):
        return {key: _secret(item, prefix, *keys, key) for key, item in value.items() if item not in _EMPTY}
    return {"$env": variable_name(prefix, *keys)}


def find_secrets(value: Json, path: str, key: str = "") -> Iterator[str]:
    """Yield the paths of what looks like a secret that is written in a mapping."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from find_secrets(item, child_path(path, name), name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_secrets(item, f"{path}[{index}]", key)
    elif isinstance(value, str) and value and (_SECRET_FIELD.search(key) or _has_secret_url(value)):
        yield path


def _has_secret_url(text: str) -> bool:
    return any(
        "@" in host or any(map(_is_token, _PART_OF_URL.findall(rest)))
        for host, rest in _URL.findall(_PLACEHOLDER.sub("", text))
    )


def _is_token(part: str) -> bool:
    """Return whether a part of a URL is long, with digits and letters: whoever knows it may use the URL."""
    return (
        len(part) >= _SHORTEST_TOKEN
        and "." not in part
        and any(sign.isdecimal() for sign in part)
        and any(sign.isalpha() for sign in part)
    )


def variables_of(settings: Any) -> Iterator[str]:
    """Yield the names of the environment variables that settings need."""
    if isinstance(settings, dict):
        if settings.keys() == {"$env"} and isinstance(settings["$env"], str):
            yield settings["$env"]
        else:
            for value in settings.values():
                yield from variables_of(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from variables_of(value)
