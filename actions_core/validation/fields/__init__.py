"""Fields: as a definition describes them, read from JSON, and as JSON Schema."""

from __future__ import annotations

from actions_core.validation.fields.checks import field_problems
from actions_core.validation.fields.schema import fields_to_json_schema, format_of, json_types
from actions_core.validation.fields.spec import (
    FIELD_TYPES,
    Choice,
    ConditionSet,
    FieldCondition,
    FieldSpec,
    FieldType,
)
from actions_core.validation.fields.structuring import prepares, read_fields, structure, unstructure

__all__ = [
    "FIELD_TYPES",
    "Choice",
    "ConditionSet",
    "FieldCondition",
    "FieldSpec",
    "FieldType",
    "field_problems",
    "fields_to_json_schema",
    "format_of",
    "json_types",
    "prepares",
    "read_fields",
    "structure",
    "unstructure",
]
