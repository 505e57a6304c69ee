"""What a definition says of a field: its type, its marks, its choices, the conditions under which it counts.

These are plain data. The names are Segment's in Python's spelling (`allowNull` is `allow_null`);
`FIELD_KEYS` holds the table, so that no other module spells a key a second time.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - structuring resolves the annotations when the program runs
from typing import Final, Literal, TypeAlias, get_args

import attrs

from actions_core.values.types import MISSING, Json

FieldType: TypeAlias = Literal[
    "string", "text", "password", "number", "integer", "boolean", "datetime", "object"
]
Operator: TypeAlias = Literal["is", "is_not"]
Match: TypeAlias = Literal["all", "any"]
ConditionType: TypeAlias = Literal["field", "syncMode"]

FIELD_TYPES: Final[tuple[str, ...]] = get_args(FieldType)
OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
MATCHES: Final[tuple[str, ...]] = get_args(Match)

#: What `format` may say. `date-like` is what fields of type `datetime` have without saying so.
FORMATS: Final = (
    "date",
    "date-like",
    "date-time",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "password",
    "regex",
    "text",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
)


@attrs.frozen
class Choice:
    """One of the values that a field takes, and the words for it."""

    value: Json
    label: str | None = None


@attrs.frozen
class FieldCondition:
    """What another field, or the sync mode, has to be.

    `value` is `MISSING` where the condition asks only whether the field is there: `is` then means
    "is missing". A list of values means any of them.
    """

    operator: Operator
    field_key: str | None = None
    value: Json = MISSING
    type: ConditionType = "field"


@attrs.frozen
class ConditionSet:
    """Conditions of which all, or any, have to hold."""

    conditions: tuple[FieldCondition, ...]
    match: Match = "all"


@attrs.frozen
class FieldSpec:
    """One field of an action, of the settings, of a hook or of an audience."""

    type: FieldType
    label: str | None = None
    description: str | None = None
    required: bool | ConditionSet = False
    multiple: bool = False
    allow_null: bool = False
    additional_properties: bool = False
    properties: Mapping[str, FieldSpec] | None = None
    choices: tuple[Choice, ...] | None = None
    default: Json = MISSING
    format: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    depends_on: ConditionSet | None = None
    dynamic: bool = False
    hidden: bool = False
    read_only: bool = False
    placeholder: str | None = None
    category: str | None = None
    display_mode: str | None = None
    default_object_ui: str | None = None
    disabled_input_methods: tuple[str, ...] = ()

    @property
    def values(self) -> list[Json] | None:
        """The values of the choices, or None where any value will do."""
        return [choice.value for choice in self.choices] if self.choices else None


#: The attribute of each key in JSON. `unsafe_hidden` is Segment's word for `hidden`; its catalogue has both.
FIELD_KEYS: Final[Mapping[str, str]] = {
    "type": "type",
    "label": "label",
    "description": "description",
    "required": "required",
    "multiple": "multiple",
    "allowNull": "allow_null",
    "additionalProperties": "additional_properties",
    "properties": "properties",
    "choices": "choices",
    "default": "default",
    "format": "format",
    "minimum": "minimum",
    "maximum": "maximum",
    "depends_on": "depends_on",
    "dynamic": "dynamic",
    "hidden": "hidden",
    "unsafe_hidden": "hidden",
    "readOnly": "read_only",
    "placeholder": "placeholder",
    "category": "category",
    "displayMode": "display_mode",
    "defaultObjectUI": "default_object_ui",
    "disabledInputMethods": "disabled_input_methods",
}

#: The same for a condition.
CONDITION_KEYS: Final[Mapping[str, str]] = {
    "operator": "operator",
    "fieldKey": "field_key",
    "value": "value",
    "type": "type",
}
