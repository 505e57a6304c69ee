"""Fields: what a definition says of them, read from JSON, and the JSON Schema that says the same."""

from __future__ import annotations

from actions_core.fields.reading import read_fields
from actions_core.fields.schema import fields_to_json_schema
from actions_core.fields.spec import (
    CONDITION_KEYS,
    FIELD_KEYS,
    FIELD_TYPES,
    Choice,
    ConditionSet,
    FieldCondition,
    FieldSpec,
    FieldType,
)

__all__ = [
    "CONDITION_KEYS",
    "FIELD_KEYS",
    "FIELD_TYPES",
    "Choice",
    "ConditionSet",
    "FieldCondition",
    "FieldSpec",
    "FieldType",
    "fields_to_json_schema",
    "read_fields",
]
