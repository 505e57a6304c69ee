"""Dead letters: deliveries that were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.pages.shell import frame

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register the page."""

    @ui.page("/letters")
    def show() -> None:
        with frame(desk, title="Dead letters"):
            pass
