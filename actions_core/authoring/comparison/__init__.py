"""What changes for live workspaces between two versions of a definition."""

from __future__ import annotations

from actions_core.authoring.comparison.changes import Change, Level
from actions_core.authoring.comparison.definitions import compare_definitions

__all__ = ["Change", "Level", "compare_definitions"]
