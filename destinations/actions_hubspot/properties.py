"""Properties: their names, and their values, as HubSpot takes them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core import PayloadError, compile_mapping, to_text

if TYPE_CHECKING:
    from actions_core import Json, JsonObject, Payload

_NO_KEY: Final = re.compile("[^a-z0-9_]")
#: What comes behind it is two characters in JavaScript.
_LAST_OF_ONE: Final = "\uffff"
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LONGEST_NUMBER: Final = 300
_BOOLEANS: Final = ("true", "false")
_TIME: Final = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"(?P<time>[ T][0-9]{2}:?[0-9]{2}(:?[0-9]{2}([,.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_JSON_TEXT: Final = compile_mapping({"@json": {"mode": "encode", "value": {"@path": "$.value"}}})


def named_properties(payload: Payload, *keys: str) -> dict[str, Any]:
    """Return fields that are properties in HubSpot, without blanks around; a stage has small letters."""
    found = {key: payload[key].strip() for key in keys if key in payload}
    if "lifecyclestage" in found:
        found["lifecyclestage"] = found["lifecyclestage"].lower()
    return found


def flat_properties(properties: JsonObject | None) -> dict[str, Any]:
    """Return properties as HubSpot takes them: lists as text with semicolons, objects as JSON, no nulls."""
    return {key: _flat(value) for key, value in (properties or {}).items() if value is not None}


def _flat(value: Json) -> Json:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return ";".join(json_text(one) if _is_structured(one) else to_text(one) for one in value)
    return json_text(value) if isinstance(value, dict) else value


def _is_structured(value: Json) -> bool:
    return value is None or isinstance(value, list | dict)


def json_text(value: Json) -> str:
    """Write a value as JSON."""
    return str(_JSON_TEXT.resolve({"value": value}))


def key_of(name: str) -> str:
    """Return the name of a property as HubSpot takes it. Raises `PayloadError` where it can have none."""
    key = plain_name(name)
    if not key[:1].isalpha():
        raise PayloadError.at("$.properties", f'"{name}" names no property: a letter comes first.')
    return key


def plain_name(name: str, others: re.Pattern[str] = _NO_KEY) -> str:
    """Return a name in small letters, an underscore for each of JavaScript's characters that is another."""
    return others.sub(lambda found: "_" if found[0] <= _LAST_OF_ONE else "__", name.lower())


@attrs.frozen
class Typed:
    """A value of a property, what kind HubSpot has of it, and its text."""

    kind: str
    value: Json
    text: str


def typed(value: Json, *, numbers: bool = False) -> Typed | None:
    """Return a value as HubSpot takes it, None where there is none; with `numbers`, text may be one."""
    if isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _BOOLEANS):
        flag = value if isinstance(value, bool) else value.strip().lower() == "true"
        return Typed("boolean", flag, to_text(flag))
    if isinstance(value, int | float):
        return Typed("number", value, to_text(value))
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else json_text(value)
    if numbers and isinstance(value, str):
        if not text:
            return None
        number = _number(text)
        if number is not None:
            return Typed("number", number, text)
    return Typed(_kind(text), text, text)


def _number(text: str) -> float | int | None:
    """Return the number that a text is, as JavaScript reads it; None for what is none, or infinite."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def _kind(text: str) -> str:
    """Return whether a text is a date, a time, or just text."""
    found = _TIME.fullmatch(text)
    if found is None:
        return "string"
    return "datetime" if found["time"] else "date"
