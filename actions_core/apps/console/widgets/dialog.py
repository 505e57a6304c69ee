"""A dialog with a heading that names it for everyone, gone once it is closed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def opened_dialog(title: str) -> Iterator[ui.dialog]:
    """Open a dialog with what the block makes in it."""
    with ui.dialog() as dialog, ui.card().classes("console-dialog"):
        dialog.props["aria-label"] = title
        with ui.element("h2").classes("mapping-h2"):
            ui.label(title)
        yield dialog

    def remove() -> None:
        if not dialog.is_deleted:
            dialog.delete()

    dialog.on("hide", remove)
    dialog.open()
