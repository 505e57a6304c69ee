"""The workspace's instances, every destination that there is, and the reference page of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.pages.shell import frame

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register the first page, and that of a destination."""

    @ui.page("/")
    def show() -> None:
        with frame(desk, title="Destinations"):
            pass

    @ui.page("/d/{slug}")
    def show_destination(slug: str) -> None:
        with frame(desk, title=slug):
            pass
