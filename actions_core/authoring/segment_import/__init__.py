"""A workspace from what Segment exports: published definitions, and responses of its Public API.

Mappings and conditions are copied as they are, because they run unchanged. Secrets are not: where a
setting needs one, the workspace names an environment variable.
"""

from __future__ import annotations

from actions_core.authoring.segment_import.assembly import UnnamedDestinationError, WorkspaceImport
from actions_core.authoring.segment_import.metadata import definition_from_metadata
from actions_core.authoring.segment_import.parts import (
    Imported,
    import_definition,
    import_filters,
    import_subscriptions,
)
from actions_core.authoring.segment_import.settings import default_settings, variable_name

__all__ = [
    "Imported",
    "UnnamedDestinationError",
    "WorkspaceImport",
    "default_settings",
    "definition_from_metadata",
    "import_definition",
    "import_filters",
    "import_subscriptions",
    "variable_name",
]
