"""Fields: what a definition says of them, read from JSON, and the JSON Schema that says the same."""

from __future__ import annotations

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
]
