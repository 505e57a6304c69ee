"""One event against every instance and subscription: why it was or was not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.pages.shell import frame

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk


def register(desk: Desk) -> None:
    """Register the page of an event that is known, and of one that is pasted."""

    @ui.page("/event")
    def show_pasted() -> None:
        with frame(desk, title="Event"):
            pass

    @ui.page("/event/{message_id}")
    def show(message_id: str) -> None:
        with frame(desk, title=f"Event {message_id}"):
            pass
