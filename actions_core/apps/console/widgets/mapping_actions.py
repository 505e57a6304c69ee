"""What one can do with an edited mapping: save it with its difference, send a sample, keep it as a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nicegui import ui

from actions_core.apps.console.draft import ChangedUnderneathError
from actions_core.apps.console.keeping import keep_as_test
from actions_core.apps.console.sending import send_event
from actions_core.apps.console.widgets.dialog import opened_dialog
from actions_core.apps.console.widgets.radius_view import show_difference
from actions_core.apps.console.widgets.tester import show_result
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.draft import Draft
    from actions_core.apps.console.widgets.radius_view import RadiusView
    from actions_core.apps.console.widgets.tester import Tester
    from actions_core.destination import Destination
    from actions_core.errors import Problem
    from actions_core.values.types import JsonObject


class Edited(Protocol):
    """A subscription while it is edited, as its page has it."""

    desk: Desk
    draft: Draft
    destination: Destination
    instance: str
    number: int
    saved: JsonObject
    raw: JsonObject
    tester: Tester
    radius: RadiusView

    @property
    def is_changed(self) -> bool:
        """Whether something would be saved."""

    @property
    def unfinished(self) -> str:
        """What that is typed cannot be read, in words; empty where everything can."""

    def accept(self) -> None:
        """Take what was just saved as what is saved."""


class MappingActions:
    """The buttons of a mapping's page, and what they say."""

    def __init__(self, edited: Edited) -> None:
        self._edited = edited
        self._saved = ui.element("div")
        with ui.element("div").classes("mapping-save") as self._bar:
            self._state = (
                ui.label().classes("console-muted console-small").props("role=status data-name=state")
            )
            self._discard = ui.button("Discard", on_click=self._drop).props("flat")
            self._save = ui.button("Save…", icon="save", on_click=self._ask)
            self._save.props("unelevated data-shortcut=save")

    def lay_out_trying(self) -> None:
        """Make the buttons that try the mapping on the sample, where the tester is."""
        with ui.element("div").classes("console-row mapping-buttons"):
            name = self._edited.destination.spec.name
            self._send = ui.button("Send this event", icon="send", on_click=self._send_event)
            self._send.props("outline")
            with self._send:
                ui.tooltip(f"Sends it to {name}, for real")
            self._keep = ui.button("Keep as test", icon="fact_check", on_click=self._keep_event).props("flat")
            with self._keep:
                ui.tooltip("Writes the event, and what the saved mapping makes of it, beside the workspace")
        self._outcome = ui.element("div")

    def show_state(self) -> None:
        """Show what can be done now."""
        edited = self._edited
        ready = not edited.unfinished
        # The browser asks before it leaves a page with this mark.
        self._bar.props["data-unsaved"] = "true" if edited.is_changed or not ready else "false"
        self._save.set_enabled(edited.is_changed and ready)
        self._discard.set_enabled(edited.is_changed or not ready)
        self._send.set_enabled(ready)
        self._keep.set_enabled(ready and not edited.is_changed)
        if not ready:
            text = f"Not finished yet: {edited.unfinished}"
        elif edited.is_changed:
            text = "Not saved yet."
        else:
            text = "Saved."
        self._state.set_text(text)

    def _drop(self) -> None:
        """Load the page anew: what was edited is meant to go."""
        self._bar.props["data-unsaved"] = "false"
        ui.navigate.reload()

    # -- save ----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Show the difference, and save it when that is confirmed."""
        edited = self._edited
        if edited.unfinished or not edited.is_changed:
            return
        try:
            data = edited.draft.with_subscription(edited.instance, edited.number, edited.saved, edited.raw)
        except ActionsError as error:
            self._show_error(error, self._saved)
            return
        lines = edited.draft.difference(data)
        with opened_dialog(f"Save to {edited.draft.file.name}") as dialog:
            show_difference(lines, "What is saved")
            ui.label(edited.radius.text).classes("console-muted")
            with ui.element("div").classes("console-row"):
                confirm = ui.button("Save", on_click=lambda: self._confirm(dialog, data))
                confirm.props("unelevated autofocus data-name=confirm-save")
                ui.button("Cancel", on_click=dialog.close).props("flat")

    async def _confirm(self, dialog: ui.dialog, data: JsonObject) -> None:
        dialog.close()
        try:
            left = await self._edited.draft.save(data)
        except ActionsError as error:
            self._show_error(error, self._saved)
            return
        self._edited.accept()
        self._saved.clear()
        with self._saved:
            if not left:
                ui.label("Saved, and in force.").classes("console-note good").props("role=status")
                return
            with ui.element("div").classes("console-note warn").props("role=status"):
                ui.label("Saved, but what delivers here goes on as before:")
                _list(left)

    def _show_error(self, error: ActionsError, place: ui.element) -> None:
        place.clear()
        with place:
            show_error(error)

    # -- send and keep -------------------------------------------------------------------------------

    async def _send_event(self) -> None:
        edited = self._edited
        self._send.disable()
        try:
            result = await send_event(edited.desk, edited.instance, edited.raw, edited.tester.event)
        except ActionsError as error:
            self._show_error(error, self._outcome)
            return
        finally:
            self._send.enable()
        self._outcome.clear()
        with self._outcome:
            show_result(result)

    async def _keep_event(self) -> None:
        try:
            file = await keep_as_test(self._edited.draft, self._edited.tester.event)
        except ActionsError as error:
            self._show_error(error, self._outcome)
            return
        self._outcome.clear()
        with (
            self._outcome,
            ui.element("div").classes("console-note good").props("role=status data-name=kept"),
        ):
            ui.label(f"Kept as {file.parent.name}/{file.name}.")
            ui.label(self._edited.desk.command("test", "WORKSPACE")).classes("console-mono")


def show_error(error: ActionsError) -> None:
    """Show an error with everything that it says."""
    with ui.element("div").classes("console-note bad").props("role=alert data-name=error"):
        if error.message or not error.problems:
            ui.label(error.message or str(error))
        _list(error.problems)
        if isinstance(error, ChangedUnderneathError) and error.lines:
            show_difference(error.lines, "What someone else has changed")


def _list(problems: Sequence[Problem]) -> None:
    for problem in problems:
        ui.label(str(problem)).classes("console-small")
