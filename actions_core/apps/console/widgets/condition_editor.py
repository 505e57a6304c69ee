"""A trigger as rows and as text, each of which follows the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from nicegui import ui

from actions_core.apps.console.conditions import (
    FIELDS,
    Row,
    Rows,
    fault_of,
    faults_of,
    operators_of,
    read_rows,
    text_of,
    words_of,
)
from actions_core.errors import DefinitionError
from actions_core.values.events import EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEADS: Final = {"all": "Send an event if all of these hold", "any": "Send an event if any of these holds"}
_BETWEEN: Final = {"all": "and", "any": "or"}


class ConditionEditor:
    """Edits a condition. `on_change` is called with its text, None while rows are unfinished, and its fault.

    `events` is the id of a list of event names to choose from.
    """

    def __init__(self, text: str, on_change: Callable[[str | None, str], None], *, events: str = "") -> None:
        self._on_change = on_change
        self._events = events
        self._follows = False
        found = read_rows(text)
        self._rows = found if isinstance(found, Rows) else None
        self._faults: dict[tuple[int, int], ui.label] = {}
        with ui.element("div").classes("console-stack"):
            self._area = ui.element("div").classes("mapping-condition")
            self._text = (
                ui.textarea("As text (FQL)", value=text, on_change=self._read_text)
                .props("outlined dense autogrow spellcheck=false data-name=trigger-text")
                .classes("mapping-mono")
            )
            self._fault = ui.label().classes("console-fault mapping-line").props("aria-live=polite")
        self._show(found)

    def show_faults(self, messages: Sequence[str]) -> None:
        """Show what is wrong with the condition as a whole."""
        self._fault.set_text(" ".join(messages))

    # -- text ----------------------------------------------------------------------------------------

    def _read_text(self) -> None:
        """Take what was typed as text; rows follow where they can show it."""
        text = self._text.value or ""
        if self._follows:
            self._on_change(text, "")
            return
        found = read_rows(text)
        if found != self._rows:
            self._rows = found if isinstance(found, Rows) else None
            self._show(found)
        self._on_change(text, fault_of(text))

    # -- rows ----------------------------------------------------------------------------------------

    def _change(self, rows: Rows, *, again: bool) -> None:
        """Take changed rows; the text follows where they are finished. `again` shows all of them anew."""
        self._rows = rows
        if again:
            self._show(rows)
        faults = faults_of(rows)
        for place, label in self._faults.items():
            label.set_text(faults.get(place, ""))
        try:
            text = text_of(rows)
        except DefinitionError as error:
            self._on_change(None, next(iter(faults.values()), error.message))
            return
        if text == self._text.value:
            self._on_change(text, "")
        else:
            # Which tells of it. Rows that are being typed in stay as they are, blanks and all.
            self._follows = True
            self._text.set_value(text)
            self._follows = False

    def _replace(self, block: int, place: int, row: Row, *, again: bool = False) -> None:
        assert self._rows is not None  # noqa: S101 - rows are shown only where there are some
        blocks = [list(rows) for rows in self._rows.blocks]
        blocks[block][place] = row
        self._change(attrs.evolve(self._rows, blocks=tuple(map(tuple, blocks))), again=again)

    def _add(self, block: int | None) -> None:
        """Add a row to a block, or a block of its own."""
        rows = self._rows or Rows()
        blocks = list(rows.blocks)
        if block is None:
            blocks.append((Row("properties"),))
        else:
            blocks[block] = (*blocks[block], attrs.evolve(blocks[block][-1], text=""))
        self._change(attrs.evolve(rows, blocks=tuple(blocks)), again=True)

    def _remove(self, block: int, place: int) -> None:
        assert self._rows is not None  # noqa: S101 - as above
        kept = [
            tuple(row for column, row in enumerate(rows) if (line, column) != (block, place))
            for line, rows in enumerate(self._rows.blocks)
        ]
        self._change(attrs.evolve(self._rows, blocks=tuple(rows for rows in kept if rows)), again=True)

    def _show(self, found: Rows | str) -> None:
        self._area.clear()
        self._faults = {}
        with self._area:
            if isinstance(found, str):
                ui.label(f"Shown as text only: {found}.").classes("console-note info")
                return
            if len(found.blocks) != 1 or len(found.blocks[0]) > 1:
                (
                    ui.select(dict(_LEADS), value=found.join, on_change=lambda event: self._join(event.value))
                    .props('outlined dense options-dense aria-label="How conditions are joined"')
                    .classes("mapping-join")
                )
            for number, block in enumerate(found.blocks):
                self._show_block(found, number, block)
            with ui.element("div").classes("console-row"):
                ui.button("Add condition", icon="add", on_click=lambda: self._add(None)).props("flat dense")

    def _join(self, join: str) -> None:
        """Join in the other way: each row becomes a block of its own, so that nothing has to be guessed."""
        assert self._rows is not None  # noqa: S101 - as above
        if join != self._rows.join:
            blocks = tuple((row,) for rows in self._rows.blocks for row in rows)
            self._change(Rows("all" if join == "all" else "any", blocks), again=True)

    def _show_block(self, rows: Rows, number: int, block: tuple[Row, ...]) -> None:
        if number:
            ui.label(_BETWEEN[rows.join]).classes("mapping-between")
        with ui.element("div").classes("mapping-block" if len(block) > 1 else "mapping-lone"):
            for place, row in enumerate(block):
                if place:
                    ui.label(_BETWEEN[rows.inner]).classes("mapping-between")
                word = _BETWEEN[rows.inner] if place == len(block) - 1 else ""
                self._show_row(number, place, row, word)

    def _show_row(self, block: int, place: int, row: Row, word: str) -> None:
        """Show a row; with a `word`, another one can be added below it."""
        state = [row]

        def change(*, again: bool = False, **parts: object) -> None:
            state[0] = attrs.evolve(state[0], **parts)  # type: ignore[arg-type]  # parts of a row
            self._replace(block, place, state[0], again=again)

        with ui.element("div").classes("mapping-row"):
            (
                ui.select(
                    dict(FIELDS),
                    value=row.field,
                    on_change=lambda event: change(again=True, **_other_field(state[0], event.value)),
                )
                .props('outlined dense options-dense aria-label="Field"')
                .classes("mapping-row-field")
            )
            if row.takes_key:
                key = ui.input(
                    value=row.key,
                    placeholder="such as plan",
                    on_change=lambda event: change(key=event.value or ""),
                ).props('outlined dense spellcheck=false aria-label="Key"')
                key.classes("mapping-row-key")
            (
                ui.select(
                    {row.operator: words_of(row.operator), **operators_of(row.field)},
                    value=row.operator,
                    on_change=lambda event: change(again=True, operator=event.value),
                )
                .props('outlined dense options-dense aria-label="Condition"')
                .classes("mapping-row-operator")
            )
            if row.takes_text:
                self._show_value(row, change)
            self._show_buttons(block, place, word)
        self._faults[block, place] = ui.label().classes("console-fault")

    def _show_buttons(self, block: int, place: int, word: str) -> None:
        if word:
            more = ui.button(word, on_click=lambda: self._add(block)).props("flat dense size=sm")
            more.classes("mapping-row-more")
            more.props["aria-label"] = f"{word.capitalize()}: add another condition to this one"
        (
            ui.button(icon="close", on_click=lambda: self._remove(block, place))
            .props('flat dense round size=sm aria-label="Remove this condition"')
            .classes("mapping-row-remove")
        )

    def _show_value(self, row: Row, change: Callable[..., None]) -> None:
        if row.field == "type" and row.operator in ("=", "!="):
            options = list(dict.fromkeys([*EVENT_TYPES, *([row.text] if row.text else [])]))
            (
                ui.select(options, value=row.text or None, on_change=lambda event: change(text=event.value))
                .props('outlined dense options-dense aria-label="Value"')
                .classes("mapping-row-value")
            )
            return
        value = (
            ui.input(value=row.text, on_change=lambda event: change(text=event.value or ""))
            .props('outlined dense spellcheck=false aria-label="Value"')
            .classes("mapping-row-value")
        )
        if row.field == "event" and self._events:
            value.props["list"] = self._events
        if row.takes_number:
            (
                ui.select(
                    {False: "text", True: "number"},
                    value=row.number,
                    on_change=lambda event: change(number=event.value),
                )
                .props('outlined dense options-dense aria-label="Compared as"')
                .classes("mapping-row-kind")
            )


def _other_field(row: Row, field: str) -> dict[str, object]:
    """Return what changes of a row with its field: what cannot be said of the new one is said no more."""
    parts: dict[str, object] = {"field": field}
    if row.operator not in operators_of(field):
        parts["operator"] = "="
    if field == "type" and row.text not in EVENT_TYPES:
        parts["text"] = "track"
    return parts
