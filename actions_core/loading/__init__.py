"""From JSON to specs: the schema is checked first, then cattrs builds, then the parts are compared."""

from __future__ import annotations

from actions_core.loading.definition import check_definition, load_definition, read_definition
from actions_core.loading.sources import SCHEMAS, package_file, schema

__all__ = [
    "SCHEMAS",
    "check_definition",
    "load_definition",
    "package_file",
    "read_definition",
    "schema",
]
