"""Files for authors of destinations: a package to start from, and one more action in one that exists."""

from __future__ import annotations

from actions_core.authoring.scaffold.actions import add_action
from actions_core.authoring.scaffold.from_definition import BASE, files_from_definition
from actions_core.authoring.scaffold.packages import (
    TEMPLATES,
    check_name,
    check_slug,
    distribution_name,
    package_files,
    package_name,
)

__all__ = [
    "BASE",
    "TEMPLATES",
    "add_action",
    "check_name",
    "check_slug",
    "distribution_name",
    "files_from_definition",
    "package_files",
    "package_name",
]
