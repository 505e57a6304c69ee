"""Paste what Segment exports: it is shown as a difference, then saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.draft import identifier
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.pasting import Pasted, read_pasted
from actions_core.apps.console.widgets.mapping_actions import show_error
from actions_core.apps.console.widgets.radius_view import show_difference
from actions_core.errors import ActionsError, WorkspaceError

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.draft import Draft
    from actions_core.values.types import JsonObject

_LEAD: Final = (
    "Paste a response of Segment's Public API: destinations, subscriptions or filters. Mappings run "
    "unchanged; secrets are left behind, and environment variables take their place."
)
_NEW: Final = ""


def register(desk: Desk) -> None:
    """Register the page."""

    @page("/paste")
    async def show() -> None:
        command = desk.command("import", "FILE", "--output", "WORKSPACE")
        with frame(desk, title="Paste from Segment", command=command):
            ui.label(_LEAD).classes("console-lead")
            if desk.draft is None:
                show_error(
                    ActionsError("This workspace is no file: it is edited where the program makes it.")
                )
                return
            try:
                desk.draft.reload()
            except ActionsError as error:
                show_error(error)
                return
            PastePage(desk, desk.draft)


class PastePage:
    """A text that was pasted, and what it would change."""

    def __init__(self, desk: Desk, draft: Draft) -> None:
        self._draft = draft
        targets = {_NEW: "New instances"} | {
            identifier(item): f"Instance {identifier(item)}" for item in draft.instances
        }
        destinations = {_NEW: "As it says"} | {one.slug: one.spec.name for one in desk.registry}
        with (
            ui.element("section").classes("console-panel console-stack").props('aria-label="What you paste"')
        ):
            self._text = (
                ui.textarea("JSON from Segment", on_change=self._read)
                .props("outlined spellcheck=false rows=12 data-name=pasted")
                .classes("mapping-mono")
            )
            with ui.element("div").classes("console-row paste-options"):
                self._target = ui.select(targets, label="Goes to", value=_NEW, on_change=self._read)
                self._target.props("outlined dense options-dense")
                self._destination = ui.select(
                    destinations, label="Destination", value=_NEW, on_change=self._read
                ).props("outlined dense options-dense")
        self._found = ui.element("div").classes("paste-found").props("aria-live=polite")

    def _read(self) -> None:
        self._found.clear()
        text = self._text.value or ""
        if not text.strip():
            return
        with self._found:
            try:
                pasted = read_pasted(
                    self._draft, text, destination=self._destination.value, instance=self._target.value
                )
            except ActionsError as error:
                show_error(error)
                return
            self._show(pasted)

    def _show(self, pasted: Pasted) -> None:
        with (
            ui.element("section").classes("console-panel console-stack").props('aria-label="What it changes"')
        ):
            with ui.element("h2").classes("mapping-h2"):
                ui.label("What it changes")
            for line in pasted.added:
                ui.label(f"+ {line}")
            for note in pasted.notes:
                ui.label(str(note)).classes("console-note warn")
            for name in pasted.variables:
                ui.label(f"Set {name} in the environment before you start.").classes("console-note info")
            show_difference(self._draft.difference(pasted.data), "What would be saved")
            base = self._draft.data
            save = ui.button("Save", icon="save", on_click=lambda: self._save(pasted.data, base))
            save.props("unelevated data-shortcut=save data-name=save-pasted").classes("paste-save")

    async def _save(self, data: JsonObject, base: JsonObject) -> None:
        with self._found:
            if self._draft.data != base:
                self._read()  # into the file as it is now
                show_error(WorkspaceError(f"{self._draft.file.name} has changed meanwhile: look at it again"))
                return
            try:
                left = await self._draft.save(data)
            except ActionsError as error:
                show_error(error)
                return
        self._text.set_value("")
        self._found.clear()
        with self._found, ui.element("div").classes("console-note good").props("role=status data-name=saved"):
            ui.label("Saved." if not left else "Saved, but what delivers here goes on as before:")
            for problem in left:
                ui.label(str(problem)).classes("console-small")
            ui.link("To the instances", addresses.CATALOGUE)
