"""The settings of an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.pages.shell import frame

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register the page."""

    @ui.page("/i/{instance}/settings")
    def show(instance: str) -> None:
        with frame(desk, title=f"Settings of {instance}"):
            pass
