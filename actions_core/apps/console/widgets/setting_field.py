"""A field of settings: its label, what it is for, where its value comes from, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from actions_core.apps.console.forms import SOURCES, Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.apps.console.forms import SettingField, Source

_NAME_OF_VARIABLE: Final = "Name of the variable"


class SettingRow:
    """Shows a field, and calls `changed` with each answer that a person gives."""

    def __init__(self, field: SettingField, answer: Answer, changed: Callable[[Answer], None]) -> None:
        self._field = field
        self._changed = changed
        self._answer = answer
        self._touched = False
        with ui.element("div").classes("console-field") as self.root:
            with ui.element("div").classes("console-field-head"):
                ui.label(field.label).classes("console-h3")
                if field.required:
                    ui.label("Required").classes("console-chip")
            if field.hint:
                ui.label(field.hint).classes("console-muted console-small")
            with ui.element("div").classes("console-field-row"):
                self._source_box = ui.element("div").classes("console-field-source")
                self._box = ui.element("div").classes("console-field-box")
            self._fault = ui.label("").classes("console-fault").props("role=status")
            self._warning = ui.label("").classes("console-small console-warn-text")
        self.begin_anew(field, answer)

    def begin_anew(self, field: SettingField, answer: Answer) -> None:
        """Show the field with what is now in the workspace."""
        self._field, self._answer, self._touched = field, answer, False
        self._source_box.clear()
        has_sources = field.control != "switch" or answer.source == "variable"
        self._source_box.set_visibility(has_sources)
        if has_sources:
            with self._source_box:
                self._show_sources()
        self._show_input()
        self.show(None, None)

    def _show_sources(self) -> None:
        chosen = ui.select(
            {source: SOURCES[source] for source in self._field.sources}, value=self._answer.source
        )
        chosen.props("outlined dense options-dense")
        chosen.props["aria-label"] = f"Where {self._field.label} comes from"
        chosen.on_value_change(lambda event: self._choose(event.value))

    def _choose(self, source: Source) -> None:
        self._answer = Answer(source)
        self._show_input()
        self._touched = source == "kept"
        self._changed(self._answer)

    def _show_input(self) -> None:
        """Show the input that goes with where the answer comes from."""
        self._box.clear()
        field, answer = self._field, self._answer
        with self._box:
            if answer.source == "kept":
                ui.label("The workspace has a secret here. It is not shown.").classes(
                    "console-muted console-kept"
                )
                return
            made: Any
            if answer.source == "variable":
                made = ui.input(value=answer.text, placeholder=_NAME_OF_VARIABLE)
            elif field.control == "switch":
                made = ui.switch(value=answer.text == "true")
            elif field.control == "choice":
                options = {choice.text: choice.label for choice in field.choices}
                if answer.text and answer.text not in options:
                    options[answer.text] = answer.text
                made = ui.select(options, value=answer.text or None, clearable=not field.required)
            elif field.control in ("text", "json"):
                made = ui.textarea(value=answer.text, placeholder=field.placeholder)
                made.props("autogrow")
            else:
                made = ui.input(value=answer.text, placeholder=field.placeholder or field.default)
                if field.control == "secret":
                    made.props("type=password autocomplete=new-password")
            if field.control != "switch" or answer.source == "variable":
                made.props("outlined dense hide-bottom-space spellcheck=false")
            made.props["aria-label"] = field.label
            made.on_value_change(lambda event: self._type(event.value))
            made.on("blur", self._leave)

    def _type(self, value: Any) -> None:
        text = "true" if value is True else "false" if value is False else str(value or "")
        self._answer = Answer(self._answer.source, text)
        self._changed(self._answer)

    def _leave(self) -> None:
        self._touched = True
        self._changed(self._answer)

    def show(self, fault: str | None, warning: str | None, *, all_faults: bool = False) -> None:
        """Show what is wrong with the answer; of what is still empty, only once it was left, or at saving."""
        shown = fault if fault and (all_faults or self._touched or self._answer.text) else ""
        self._fault.set_text(shown)
        self._fault.set_visibility(bool(shown))
        self._warning.set_text(warning or "")
        self._warning.set_visibility(bool(warning))
