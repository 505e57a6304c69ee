"""What is shown where there is no page, no instance, no destination, or where making it failed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.pages.shell import frame
from actions_core.delivery.errors import OutboxError
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.apps.console.desk import Desk

_ABOUT_OUTBOX: Final = (
    "The file is opened anew when a page is loaded. If it was taken away, put it back in its place. If it is "
    "damaged, stop what uses it, copy what can be read with 'actions outbox rescue OLD NEW', and put that in "
    "its place."
)


def show_missing(desk: Desk, message: str, *, title: str = "There is no such page") -> None:
    """Show a page with the status 404 that says what is missing."""
    ui.status_code(404)
    with frame(desk, title=title):
        ui.label(message).classes("console-lead")
        ui.link("To the destinations of this workspace", addresses.CATALOGUE)


def make_failure(desk: Desk) -> Callable[[Exception], None]:
    """Return the page that stands in for one that could not be made; the log has the whole error."""

    def show(error: Exception) -> None:
        # A file that is half written, gone or damaged may be whole the next time.
        ui.status_code(503 if isinstance(error, ActionsError) else 500)
        with frame(desk, title="This page could not be shown"):
            if isinstance(error, ActionsError):
                _show_fault(error)
                return
            ui.label(
                f"An error that nobody foresaw ({type(error).__name__}) kept it from being made. "
                "The log of the console says where: please report it. Nothing was changed."
            ).classes("console-note bad")

    return show


@contextmanager
def saying_outbox_faults() -> Iterator[None]:
    """Say in place of the rest of the block, with the status 503, that an outbox can no longer be read."""
    try:
        yield
    except OutboxError as error:
        ui.status_code(503)
        _show_fault(error)


def _show_fault(error: ActionsError) -> None:
    ui.label(str(error)).classes("console-note bad").props("role=alert")
    if isinstance(error, OutboxError):
        ui.label(_ABOUT_OUTBOX).classes("console-muted")
    again = ui.button("Try again", icon="refresh", on_click=ui.navigate.reload)
    again.props("unelevated no-caps")


def make_root(desk: Desk) -> Callable[[], None]:
    """Return the page for every address that has none."""

    def show() -> None:
        show_missing(desk, "Nothing has this address. It may be of an older version, or have a typing error.")

    return show
