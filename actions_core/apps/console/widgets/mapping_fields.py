"""The form of a mapping: a line for each field, with its fault or the value that the sample gives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from actions_core.apps.console.mapping_forms import (
    editor_of,
    form_of,
    has_form,
    json_text,
    raw_of,
    with_field,
)
from actions_core.apps.console.widgets.value_editor import ValueEditor
from actions_core.errors import DefinitionError
from actions_core.values.json_files import parse_json
from actions_core.values.types import MISSING
from actions_core.values.wording import brief, counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from actions_core.apps.console.mapping_forms import Editor, FormField
    from actions_core.apps.console.preview import Preview
    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

_SYNC_MODE = "__segment_internal_sync_mode"


class MappingFields:
    """Edits a mapping.

    `on_change` is called with it after each change, and with whether all that was typed could be read: where
    it could not, a field has the value that it had before. `ask` asks the destination for the choices of a
    field.
    """

    def __init__(
        self,
        destination: Destination,
        action: str,
        mapping: Json,
        on_change: Callable[[Json, bool], None],
        ask: Callable[[str], Awaitable[Sequence[JsonObject]]],
    ) -> None:
        self._ask = ask
        self._destination = destination
        self._action = action
        self._on_change = on_change
        self._mapping: Any = mapping
        self._unfinished: dict[str, str] = {}
        self._lines: dict[str, ui.label] = {}
        self._preview: Preview | None = None
        self._as_json = not has_form(mapping)
        with ui.element("div").classes("console-spread"):
            with ui.element("h2").classes("mapping-h2"):
                ui.label("Mapping")
            self._toggle = (
                ui.toggle({False: "Fields", True: "JSON"}, value=self._as_json, on_change=self._switch)
                .props('dense no-caps unelevated aria-label="How the mapping is shown"')
                .classes("mapping-toggle")
            )
        self._area = ui.element("div").classes("mapping-fields")
        self._whole = ui.label().classes("console-fault mapping-line").props("aria-live=polite")
        self._show()

    # -- what is shown -------------------------------------------------------------------------------

    def _switch(self) -> None:
        wanted = bool(self._toggle.value)
        if wanted == self._as_json:
            return
        if not wanted and (self._unfinished or not has_form(self._mapping)):
            ui.notify("Fields cannot show this mapping: it is not finished, or is a directive as a whole.")
            self._toggle.set_value(True)
            return
        self._as_json = wanted
        self._unfinished = {}
        self._show()
        self._tell()

    def _show(self) -> None:
        self._area.clear()
        self._lines = {}
        with self._area:
            if self._as_json:
                area = ui.textarea(
                    value=json_text(self._mapping), on_change=lambda event: self._read(event.value)
                )
                area.props('outlined dense autogrow spellcheck=false aria-label="The mapping as JSON"')
                area.classes("mapping-mono")
                return
            form = form_of(self._destination, self._action, self._mapping)
            self._show_sync_mode()
            for field in form.first:
                self._show_field(field)
            if form.rest:
                self._show_rest(form.rest)

    def _show_rest(self, fields: tuple[FormField, ...]) -> None:
        """Show the other fields once they are asked for: a form of fifty editors takes a second to come."""
        title = counted(len(fields), "more field")
        with (
            ui.expansion(title, icon="more_horiz")
            .classes("mapping-rest")
            .props("dense data-name=more") as more
        ):
            inside = ui.element("div")

        def fill() -> None:
            if more.value and not inside.default_slot.children:
                with inside:
                    for field in fields:
                        self._show_field(field)
                self._show_lines()

        more.on_value_change(fill)

    def _show_sync_mode(self) -> None:
        action = self._destination.spec.actions.get(self._action)
        if action is None or action.sync_mode is None:
            return
        options = {choice.value: choice.label or str(choice.value) for choice in action.sync_mode.choices}
        present = self._mapping.get(_SYNC_MODE)
        with ui.element("div").classes("mapping-field"):
            with ui.element("div").classes("mapping-about"):
                ui.label(action.sync_mode.label or "Sync mode").classes("mapping-label")
                ui.label(action.sync_mode.description or "").classes("console-muted console-small")
            ui.select(
                options,
                value=present if present in options else None,
                on_change=lambda event: self._set(_SYNC_MODE, event.value),
            ).props('outlined dense options-dense aria-label="Sync mode"')

    def _show_field(self, field: FormField) -> None:
        with ui.element("div").classes("mapping-field") as line:
            line.props["data-field"] = field.key
            with ui.element("div").classes("mapping-about"):
                with ui.element("div").classes("console-row mapping-head"):
                    ui.label(field.label).classes("mapping-label")
                    if field.required:
                        ui.label("required").classes("console-chip accent")
                    elif field.sometimes_required:
                        ui.label("sometimes required").classes("console-chip")
                    if not field.known:
                        ui.label("not a field of this action").classes("console-chip warn")
                    elif field.kind:
                        ui.label(field.kind).classes("console-muted console-small")
                if field.description:
                    ui.label(field.description).classes("console-muted console-small mapping-description")
            with ui.element("div").classes("mapping-edit"):
                editor = editor_of(self._mapping.get(field.key, MISSING), field.spec)
                ValueEditor(
                    field.label,
                    editor,
                    field.spec,
                    lambda changed: self._edit(field, changed),
                    ask=partial(self._ask, field.key) if field.spec and field.spec.dynamic else None,
                )
                self._lines[field.key] = ui.label().classes("mapping-line")

    # -- changes -------------------------------------------------------------------------------------

    def _edit(self, field: FormField, editor: Editor) -> None:
        try:
            value = raw_of(editor, field.spec)
        except DefinitionError as error:
            self._unfinished[field.key] = str(error)
            self._show_lines()
            self._tell()
            return
        self._unfinished.pop(field.key, None)
        self._set(field.key, value)

    def _set(self, key: str, value: Any) -> None:
        self._mapping = with_field(self._mapping, key, value)
        self._show_lines()
        self._tell()

    def _tell(self) -> None:
        self._on_change(self._mapping, not self._unfinished)

    def _read(self, text: str | None) -> None:
        """Read the whole mapping as JSON."""
        try:
            self._mapping = parse_json(text or "", "JSON")
        except DefinitionError as error:
            self._unfinished = {"": str(error)}
            self._whole.set_text(str(error))
            self._tell()
            return
        self._unfinished = {}
        self._whole.set_text("")
        self._tell()

    # -- faults and values ---------------------------------------------------------------------------

    def show(self, preview: Preview) -> None:
        """Show the fault of each field, or the value that the sample event gives it."""
        self._preview = preview
        self._show_lines()

    def _show_lines(self) -> None:
        preview = self._preview
        faults = {} if preview is None else preview.by_field()
        if not self._unfinished.get(""):
            beside = [key for key in faults if key not in self._lines] if not self._as_json else list(faults)
            texts = [
                f"{key}: {problem.message}" if key else problem.message
                for key in beside
                for problem in faults[key]
            ]
            self._whole.set_text(" ".join(texts))
        values = _values(preview)
        for key, label in self._lines.items():
            wrong = self._unfinished.get(key) or " ".join(problem.message for problem in faults.get(key, ()))
            is_error = key in self._unfinished or any(problem.is_error for problem in faults.get(key, ()))
            shown = values.get(key)
            label.set_text(wrong or ("" if shown is None else f"→ {shown}"))
            look = "console-fault" if is_error else "mapping-warning" if wrong else "console-muted"
            label.classes(replace=f"mapping-line {look}")


def _values(preview: Preview | None) -> Mapping[str, str]:
    """Return what the sample gives each field, in short."""
    if preview is None or preview.explanation is None or not preview.explanation.matched:
        return {}
    payload: JsonObject = preview.explanation.payload or {}
    return {trace.field: brief(payload.get(trace.field, trace.value)) for trace in preview.explanation.fields}
