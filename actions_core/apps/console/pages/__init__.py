"""The pages of the console, each a module with a function `register`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.apps.console.pages import (
    catalogue,
    deliveries,
    event,
    letters,
    mapping,
    mappings,
    paste,
    settings,
)

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register every page: the framework keeps them for the whole process."""
    for page in (catalogue, settings, mappings, mapping, paste, deliveries, letters, event):
        page.register(desk)
