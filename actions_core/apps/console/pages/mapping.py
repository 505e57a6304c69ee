"""The mapping of one subscription, and its tester."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.pages.shell import frame

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register the page."""

    @ui.page("/i/{instance}/s/{number}")
    def show(instance: str, number: int) -> None:
        with frame(desk, title=f"Mapping {number} of {instance}"):
            pass
