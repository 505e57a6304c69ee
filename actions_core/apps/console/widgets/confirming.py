"""Actions that change deliveries: each asks first, and says how many are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from nicegui import ui

from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@attrs.frozen
class Deed:
    """Something that is done after a question.

    `count` returns how many are meant, and `work` does it and returns the number that it was done to. `verb`
    and `done` are its words, such as `Replay` and `replayed`.
    """

    verb: str
    done: str
    explanation: str
    count: Callable[[], Awaitable[int]]
    work: Callable[[], Awaitable[int]]
    danger: bool = False


def dead_letters(count: int) -> str:
    """Return a number of dead letters in words."""
    return "1 dead letter" if count == 1 else f"{count:,} dead letters"


async def ask(deed: Deed) -> bool:
    """Ask, and do it if the person agrees; return whether it was done."""
    try:
        count = await deed.count()
    except ActionsError as error:
        _complain(error)
        return False
    if not count:
        ui.notify("There are no such dead letters any more.", type="info")
        return False
    if not await _agrees(deed, count):
        return False
    waiting = ui.notification(f"{deed.verb}: {dead_letters(count)} …", spinner=True, timeout=None)
    try:
        done = await deed.work()
    except ActionsError as error:
        _complain(error)
        return False
    finally:
        waiting.dismiss()
    ui.notify(f"{dead_letters(done)} {deed.done}.", type="positive" if done == count else "warning")
    return True


async def _agrees(deed: Deed, count: int) -> bool:
    title = f"{deed.verb} {dead_letters(count)}?"
    with ui.dialog() as dialog, ui.card().classes("feed-dialog"):
        dialog.props["aria-label"] = title
        with ui.element("h2").classes("console-h2"):
            ui.label(title)
        ui.label(deed.explanation).classes("console-muted")
        with ui.element("div").classes("feed-dialog-buttons"):
            ui.button("Cancel", on_click=dialog.close).props("flat no-caps autofocus")
            sure = ui.button(f"{deed.verb} {count:,}", on_click=lambda: dialog.submit(deed.verb))
            sure.props("unelevated no-caps color=negative" if deed.danger else "unelevated no-caps")
    agreed: bool = await dialog == deed.verb
    if not dialog.is_deleted:
        dialog.delete()
    return agreed


def _complain(error: ActionsError) -> None:
    ui.notify(str(error), type="negative", multi_line=True, timeout=10000, close_button="Close")
