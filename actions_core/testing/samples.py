"""Sample data: an event to start a test from, and values and settings that fit a definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.values.naming import snake_case
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination.specs import DestinationSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

#: A text of each format; `{}` stands for the name of the sample.
_BY_FORMAT: Final[Mapping[str, str]] = {
    "date": "2026-01-02",
    "date-like": "2026-01-02T03:04:05.000Z",
    "date-time": "2026-01-02T03:04:05.000Z",
    "email": "{}@placeholder.example",
    "hostname": "{}.placeholder.example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "03:04:05Z",
    "uri": "https://{}.placeholder.example",
    "uri-reference": "https://{}.placeholder.example",
    "uri-template": "https://{}.placeholder.example",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
#: The formats of settings whose keys end like this, where the definition names none.
_BY_KEY: Final[Mapping[str, str]] = {
    "url": "uri",
    "uri": "uri",
    "endpoint": "uri",
    "host": "hostname",
    "domain": "hostname",
}


def make_event(**changes: Any) -> JsonObject:
    """Return a track event as a library would send it, with `changes` to its keys.

    A change to None removes the key.
    """
    event: JsonObject = {
        "type": "track",
        "messageId": "message-1",
        "userId": "user-1",
        "anonymousId": "anonymous-1",
        "event": "Test Event",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "properties": {"plan": "free", "price": 12.5},
        "traits": {"email": "jane@example.com", "name": "Jane Doe"},
        "context": {
            "ip": "203.0.113.7",
            "page": {"url": "https://example.com/a?b=1", "path": "/a"},
            "library": {"name": "analytics-python", "version": "2.3.0"},
        },
    }
    event.update(changes)
    return {key: value for key, value in event.items() if value is not None}


def sample_value(field: FieldSpec, *, name: str = "sample", key: str = "") -> Json:
    """Return a value that the field accepts, as far as its options say what that is.

    Texts are made from `name`. `key` is the key of a setting, which may tell that it is an address.
    """
    value = sample_item(field, name=name, key=key)
    return [value] if field.multiple else value


def sample_item(field: FieldSpec, *, name: str = "sample", key: str = "") -> Json:
    """Return a single value that the field accepts, also where it takes a list of them."""
    if field.values:
        return field.values[0]
    if field.type == "object":
        if field.properties is None:
            return {name: "value"}
        return {child: sample_value(spec, name=name) for child, spec in field.properties.items()}
    if field.type in ("number", "integer"):
        return _number(field)
    if field.type == "boolean":
        return True
    return _BY_FORMAT["date-like"] if field.type == "datetime" else _text(field, name, key)


def _number(field: FieldSpec) -> float:
    low, high = field.minimum, field.maximum
    if low is not None and low > 1:
        return low
    return 1 if high is None or high >= 1 else high


def _text(field: FieldSpec, name: str, key: str) -> str:
    by_key = (kind for ending, kind in _BY_KEY.items() if key.lower().endswith(ending))
    kind = field.format or next(by_key, "")
    host = snake_case(name).strip("_").replace("_", "-") or "sample"
    text = _BY_FORMAT[kind].replace("{}", host) if kind in _BY_FORMAT else name
    text = text.ljust(int(field.minimum or 0), "x")
    return text if field.maximum is None else text[: int(field.maximum)]


def secret(key: str) -> str:
    """Return a value for a secret setting: long, unlike anything else, and valid in any header."""
    return f"secret.{key}.9f2c41d7"


def sample_settings(spec: DestinationSpec) -> JsonObject:
    """Return settings with which a destination can be used: every secret, and what is required."""
    settings: JsonObject = {}
    for key, field in spec.settings.items():
        if field.type == "password":
            settings[key] = secret(key)
        elif field.required is not False and field.default is MISSING:
            settings[key] = sample_value(field, key=key)
    return with_tokens(spec, settings)


def with_tokens(spec: DestinationSpec, settings: JsonObject) -> JsonObject:
    """Return the settings, with tokens where the destination needs some and the settings have none."""
    if spec.authentication is None or not spec.authentication.scheme.startswith("oauth"):
        return settings
    keys = ("access_token", "refresh_token", "clientId", "clientSecret")
    return {"oauth": {key: secret(key) for key in keys}, **settings}
