"""Take up what was copied from Segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.pages.shell import frame

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register the page."""

    @ui.page("/paste")
    def show() -> None:
        with frame(desk, title="Paste from Segment"):
            pass
