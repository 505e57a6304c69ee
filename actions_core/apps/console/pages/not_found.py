"""What is shown where there is no page, no instance, no destination, or where making it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.pages.shell import frame
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.apps.console.desk import Desk


def show_missing(desk: Desk, message: str, *, title: str = "There is no such page") -> None:
    """Show a page with the status 404 that says what is missing."""
    ui.status_code(404)
    with frame(desk, title=title):
        ui.label(message).classes("console-lead")
        ui.link("To the destinations of this workspace", addresses.CATALOGUE)


def make_failure(desk: Desk) -> Callable[[Exception], None]:
    """Return the page that stands in for one that could not be made; the log has the whole error."""

    def show(error: Exception) -> None:
        ui.status_code(500)
        with frame(desk, title="This page could not be shown"):
            if isinstance(error, ActionsError):  # a workspace file that is half written, or gone
                ui.label(str(error)).classes("console-note bad").props("role=alert")
                return
            ui.label(
                f"An error that nobody foresaw ({type(error).__name__}) kept it from being made. "
                "The log of the console says where: please report it. Nothing was changed."
            ).classes("console-note bad")

    return show


def make_root(desk: Desk) -> Callable[[], None]:
    """Return the page for every address that has none."""

    def show() -> None:
        show_missing(desk, "Nothing has this address. It may be of an older version, or have a typing error.")

    return show
