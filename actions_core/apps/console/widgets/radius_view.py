"""What an edit changes for the latest events, each with its difference when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console.radius import KINDS
from actions_core.values.wording import counted

if TYPE_CHECKING:
    from actions_core.apps.console.radius import Change, Kind, Radius

_LISTED: Final = 50
_LOOKS: Final[dict[Kind, str]] = {
    "no longer sent": "bad",
    "now refused": "bad",
    "another request": "accent",
    "no longer refused": "good",
    "now sent": "good",
}


class RadiusView:
    """Shows a blast radius."""

    def __init__(self) -> None:
        with ui.element("section").classes("console-panel").props('aria-label="What the edit changes"'):
            with ui.element("h2").classes("mapping-h2"):
                ui.label("What this edit changes")
            self._summary = ui.label("…").props("role=status data-name=radius")
            self._list = ui.element("div").classes("radius-list")

    @property
    def text(self) -> str:
        """What an edit changes, in a sentence."""
        return str(self._summary.text)

    def show_none(self, total: int, *, is_changed: bool) -> None:
        """Show that there is nothing to compare."""
        self._list.clear()
        if is_changed:
            self._summary.set_text("Nothing can be compared until the errors are mended.")
        elif total:
            self._summary.set_text(
                f"Nothing is edited. An edit is compared on the last {counted(total, 'event')}."
            )
        else:
            self._summary.set_text("No event came in lately, so there is nothing to compare an edit on.")

    def show(self, radius: Radius) -> None:
        """Show what was found."""
        text = str(radius)
        self._summary.set_text(text[:1].upper() + text[1:] + ".")
        self._list.clear()
        with self._list:
            ordered = sorted(radius.changes, key=lambda change: KINDS.index(change.kind))
            for change in ordered[:_LISTED]:
                self._show_change(change)
            if len(ordered) > _LISTED:
                ui.label(f"… and {len(ordered) - _LISTED} more").classes("console-muted")

    def _show_change(self, change: Change) -> None:
        name = change.event.get("event") or change.event.get("name") or change.event.get("type")
        with ui.expansion(str(name)[:80]).props("dense").classes("radius-change") as opened:
            with opened.add_slot("header"), ui.element("div").classes("console-spread radius-head"):
                ui.label(str(name)[:80])
                ui.label(change.kind).classes("console-chip").classes(_LOOKS[change.kind])
            inside = ui.element("div")

        def fill() -> None:
            if opened.value and not inside.default_slot.children:
                with inside:
                    if change.reason:
                        ui.label(change.reason).classes("console-small")
                    if change.lines:
                        show_difference(change.lines, f"Difference for {str(name)[:80]}, {change.message_id}")

        opened.on_value_change(fill)


def show_difference(lines: tuple[str, ...] | list[str], name: str) -> None:
    """Show the lines of a difference, what goes and what comes in their colours."""
    with (
        ui.element("div")
        .classes("console-code console-mono difference")
        .props("tabindex=0 role=region") as shown
    ):
        shown.props["aria-label"] = name
        for line in lines:
            look = {"-": "difference-old", "+": "difference-new"}.get(line[:1], "")
            ui.label(line).classes(look)
