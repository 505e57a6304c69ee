"""A field as a definition describes it: its type, its marks, its choices, its conditions.

These are plain data. The names are Segment's in Python's spelling (`allowNull` is `allow_null`); an
attribute whose key in JSON is spelled in another way says so in its metadata (see `structuring`).
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


@attrs.frozen
class Choice:
    """One of the values that a field takes, and its label."""

    value: Json
    label: str | None = None


@attrs.frozen
class FieldCondition:
    """A condition on another field, or on the sync mode.

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
    depends_on: ConditionSet | None = attrs.field(default=None, metadata={"key": "depends_on"})
    dynamic: bool = False
    #: Segment's catalogue writes `hidden`, its sources write `unsafe_hidden`: either hides.
    hidden: bool = attrs.field(default=False, metadata={"or": "unsafe_hidden"})
    read_only: bool = False
    placeholder: str | None = None
    category: str | None = None
    display_mode: str | None = None
    default_object_ui: str | None = attrs.field(default=None, metadata={"key": "defaultObjectUI"})
    disabled_input_methods: tuple[str, ...] = ()

    @property
    def values(self) -> list[Json] | None:
        """The values of the choices, or None where any value will do."""
        return [choice.value for choice in self.choices] if self.choices else None
