"""Fields: what a definition says of them, read from JSON, and the JSON Schema that says the same."""

from __future__ import annotations

from actions_core.validation.fields.checks import field_problems
from actions_core.validation.fields.reading import read_fields
from actions_core.validation.fields.schema import fields_to_json_schema, format_of, json_types
from actions_core.validation.fields.spec import (
    CONDITION_KEYS,
    FIELD_KEYS,
    FIELD_TYPES,
    FORMATS,
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
    "FORMATS",
    "Choice",
    "ConditionSet",
    "FieldCondition",
    "FieldSpec",
    "FieldType",
    "field_problems",
    "fields_to_json_schema",
    "format_of",
    "json_types",
    "read_fields",
]
