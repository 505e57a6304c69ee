"""From JSON to specs and back: the schema is checked, cattrs builds, then the parts are compared."""

from __future__ import annotations

from actions_core.destination.loading.checks import unreadable_conditions
from actions_core.destination.loading.definition import (
    check_definition,
    load_definition,
    package_file,
    read_definition,
)

__all__ = [
    "check_definition",
    "load_definition",
    "package_file",
    "read_definition",
    "unreadable_conditions",
]
