"""The editor of one value of a mapping: how it is filled, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs
from nicegui import ui

from actions_core.apps.console.mapping_forms import MODES, Editor, fixed_text, modes_of, switched
from actions_core.errors import ActionsError
from actions_core.values.wording import counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from actions_core.apps.console.mapping_forms import Mode
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import JsonObject

    #: Asks the destination for the choices of a field; raises `ActionsError` where it does not tell.
    AskChoices: TypeAlias = Callable[[], Awaitable[Sequence[JsonObject]]]

#: The id of the page's list of paths into the sample event.
PATHS = "sample-paths"


class ValueEditor:
    """Edits one value; `on_change` is called with the editor's state after each change.

    `label` names the field for those who do not see it; `ask` is for fields whose choices the destination
    knows.
    """

    def __init__(
        self,
        label: str,
        editor: Editor,
        spec: FieldSpec | None,
        on_change: Callable[[Editor], None],
        *,
        depth: int = 0,
        ask: AskChoices | None = None,
    ) -> None:
        self.editor = editor
        self._label = label
        self._spec = spec
        self._on_change = on_change
        self._depth = depth
        self._ask = ask
        modes: tuple[Mode, ...] = modes_of(spec)
        if depth:
            modes = tuple(mode for mode in modes if mode != "unset")
        if editor.mode not in modes:
            modes = (*modes, editor.mode)
        with ui.element("div").classes("mapping-value"):
            select = ui.select(
                {mode: MODES[mode] for mode in modes},
                value=editor.mode,
                on_change=lambda event: self._switch(event.value),
            )
            select.props("outlined dense options-dense").classes("mapping-mode")
            select.props["aria-label"] = f"{label}: how it is filled"
            self._area = ui.element("div").classes("mapping-input")
        self._show()

    def _switch(self, mode: Mode) -> None:
        self.editor = switched(self.editor, mode, self._spec)
        self._show()
        self._on_change(self.editor)

    def _type(self, text: str | None) -> None:
        self.editor = attrs.evolve(self.editor, text=text or "")
        self._on_change(self.editor)

    def _show(self) -> None:
        self._area.clear()
        with self._area:
            if self.editor.mode == "path":
                self._show_path()
            elif self.editor.mode == "fixed":
                self._show_fixed()
            elif self.editor.mode == "template":
                self._show_text("Text with {{properties.plan}} in it")
            elif self.editor.mode == "json":
                area = ui.textarea(value=self.editor.text, on_change=lambda event: self._type(event.value))
                area.props("outlined dense autogrow spellcheck=false").classes("mapping-mono")
                area.props["aria-label"] = f"{self._label}: JSON"
            elif self.editor.mode == "object":
                self._show_entries()

    def _show_path(self) -> None:
        field = self._show_text("Field of the event, such as properties.plan")
        field.props["list"] = PATHS
        field.classes("mapping-mono")

    def _show_text(self, placeholder: str) -> ui.input:
        field = ui.input(value=self.editor.text, on_change=lambda event: self._type(event.value))
        field.props("outlined dense spellcheck=false autocomplete=off")
        field.props["placeholder"] = placeholder
        field.props["aria-label"] = f"{self._label}: {MODES[self.editor.mode].lower()}"
        return field

    def _show_fixed(self) -> None:
        spec = self._spec
        options: dict[str, str] = {}
        if spec is not None and spec.choices:
            options = {
                fixed_text(choice.value): choice.label or fixed_text(choice.value) for choice in spec.choices
            }
        elif spec is not None and spec.type == "boolean":
            options = {"true": "true", "false": "false"}
        if not options:
            field = self._show_text("Value")
            if self._ask is not None:
                self._offer_choices(field, self._ask)
            return
        if self.editor.text and self.editor.text not in options:
            options[self.editor.text] = self.editor.text
        chosen = ui.select(
            options, value=self.editor.text or None, on_change=lambda event: self._type(event.value)
        ).props("outlined dense options-dense")
        chosen.props["aria-label"] = f"{self._label}: value"

    def _offer_choices(self, field: ui.input, ask: AskChoices) -> None:
        """Offer what the destination says can be chosen, once that is asked for: it takes a request."""
        with ui.element("datalist") as offered:
            offered.props["id"] = f"choices-{offered.id}"
        field.props["list"] = f"choices-{offered.id}"

        async def load() -> None:
            told.set_text("…")
            try:
                found = await ask()
            except ActionsError as error:
                told.set_text(str(error))
                return
            offered.clear()
            with offered:
                for choice in found:
                    option = ui.element("option")
                    option.props["value"] = fixed_text(choice.get("value"))
                    option.props["label"] = str(choice.get("label") or "")
            told.set_text(f"{counted(len(found), 'choice')}: type, or press the down arrow, to choose")

        with ui.element("div").classes("console-row"):
            button = ui.button("Load choices", icon="refresh", on_click=load).props("flat dense size=sm")
            button.props["aria-label"] = f"{self._label}: load choices"
            told = ui.label().classes("console-muted console-small").props("role=status")

    # -- objects -------------------------------------------------------------------------------------

    def _show_entries(self) -> None:
        below = {} if self._spec is None or self._spec.properties is None else self._spec.properties
        with ui.element("div").classes("mapping-entries"):
            for place, (key, entry) in enumerate(self.editor.entries):
                with ui.element("div").classes("mapping-entry"):
                    name = ui.input(
                        value=key, on_change=lambda event, place=place: self._rename(place, event.value or "")
                    ).props("outlined dense spellcheck=false placeholder=Key")
                    name.props["aria-label"] = f"{self._label}: name of key {place + 1}"
                    name.classes("mapping-entry-key mapping-mono")
                    ValueEditor(
                        f"{self._label}, {key or 'new key'}",
                        entry,
                        below.get(key),
                        lambda changed, place=place: self._change_entry(place, changed),  # type: ignore[misc]  # of this place
                        depth=self._depth + 1,
                    )
                    remove = ui.button(icon="close", on_click=lambda _, place=place: self._remove(place))
                    remove.props("flat dense round size=sm")
                    remove.props["aria-label"] = f"{self._label}: remove {key or 'this key'}"
            ui.button("Add key", icon="add", on_click=self._add).props("flat dense size=sm")

    def _rename(self, place: int, key: str) -> None:
        entries = list(self.editor.entries)
        entries[place] = (key, entries[place][1])
        self._entries(entries)

    def _change_entry(self, place: int, changed: Editor) -> None:
        entries = list(self.editor.entries)
        entries[place] = (entries[place][0], changed)
        self._entries(entries)

    def _add(self) -> None:
        self._entries([*self.editor.entries, ("", Editor("path"))], again=True)

    def _remove(self, place: int) -> None:
        kept = [entry for number, entry in enumerate(self.editor.entries) if number != place]
        self._entries(kept, again=True)

    def _entries(self, entries: list[tuple[str, Editor]], *, again: bool = False) -> None:
        self.editor = attrs.evolve(self.editor, entries=tuple(entries))
        if again:
            self._show()
        self._on_change(self.editor)
