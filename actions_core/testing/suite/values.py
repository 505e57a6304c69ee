"""Values that fit a field, for settings and events that nobody wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination.specs import DestinationSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json, JsonObject

_BY_FORMAT: Final[Mapping[str, str]] = {
    "date": "2026-01-02",
    "date-like": "2026-01-02T03:04:05.000Z",
    "date-time": "2026-01-02T03:04:05.000Z",
    "email": "jane@example.com",
    "hostname": "example.com",
    "ipv4": "203.0.113.7",
    "ipv6": "2001:db8::7",
    "time": "03:04:05",
    "uri": "https://example.com",
    "uri-reference": "/sample",
    "uri-template": "/sample",
    "uuid": "6f1c2a30-9d5b-4c62-8a54-0e7a3c1b2d4f",
}
_BY_TYPE: Final[Mapping[str, Json]] = {
    "boolean": True,
    "datetime": "2026-01-02T03:04:05.000Z",
    "string": "sample",
    "text": "sample",
    "password": "sample",
}
_ADDRESS: Final = re.compile(r"ur[il]|endpoint|host|domain", re.IGNORECASE)


def sample_value(field: FieldSpec) -> Json:
    """A value that the field takes, as far as its options say what that is."""
    value = _single(field)
    return [value] if field.multiple else value


def _single(field: FieldSpec) -> Json:
    if field.values:
        return field.values[0]
    if field.type == "object":
        if field.properties is None:
            return {"sample": "value"}
        return {key: sample_value(child) for key, child in field.properties.items()}
    if field.type in ("number", "integer"):
        return _number(field)
    if field.type == "string":
        text = _BY_FORMAT.get(field.format or "", "sample")
        longest = None if field.maximum is None else int(field.maximum)
        return text.ljust(int(field.minimum or 0), "x")[:longest]
    return _BY_TYPE[field.type]


def _number(field: FieldSpec) -> float:
    low, high = field.minimum, field.maximum
    if low is not None and low > 1:
        return low
    return 1 if high is None or high >= 1 else high


def secret(key: str) -> str:
    """A value for a secret setting: long, unlike anything else, and fit for any header."""
    return f"secret.{key}.9f2c41d7"


def sample_settings(spec: DestinationSpec) -> JsonObject:
    """Settings with which a destination can be used: each secret, and what is required."""
    settings: JsonObject = {}
    for key, field in spec.settings.items():
        if field.type == "password":
            settings[key] = secret(key)
        elif field.required is not False and field.default is MISSING:
            address = field.type == "string" and field.format is None and not field.values
            settings[key] = "https://example.com" if address and _ADDRESS.search(key) else sample_value(field)
    return with_tokens(spec, settings)


def with_tokens(spec: DestinationSpec, settings: JsonObject) -> JsonObject:
    """The settings with tokens, where the destination needs some and they have none."""
    if spec.authentication is None or not spec.authentication.scheme.startswith("oauth"):
        return settings
    keys = ("access_token", "refresh_token", "clientId", "clientSecret")
    return {"oauth": {key: secret(key) for key in keys}, **settings}
