"""Mappings: raw JSON with directives in it, checked and compiled once, resolved for each event."""

from actions_core.mapping.compiled import (
    FieldTrace,
    Mapping,
    compile_mapping,
    mapping_reads,
    validate_mapping,
)
from actions_core.mapping.directives import register_directive

__all__ = [
    "FieldTrace",
    "Mapping",
    "compile_mapping",
    "mapping_reads",
    "register_directive",
    "validate_mapping",
]
