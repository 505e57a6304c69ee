"""Filters of a list, which are parts of its address: choosing one opens that address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.apps.console.desk import Desk


def read_state(*keys: str) -> dict[str, str]:
    """Return what the address of this page says for some keys; empty where it says nothing."""
    given = ui.context.client.request.query_params
    return {key: given.get(key, "") for key in keys}


@attrs.frozen
class Filters:
    """Makes fields for the keys of an address: `state` is what it says now, `go` makes another one."""

    state: dict[str, str]
    go: Callable[..., str]

    def changed(self, **parts: str) -> str:
        """Return the address with other parts."""
        return self.go(**{**self.state, **parts})

    def choice(self, key: str, label: str, options: dict[str, str], **also: str) -> None:
        """Show a choice; what is chosen now is among the options, whatever the address says.

        `also` are parts that change with it, since they make no sense any more.
        """
        present = self.state.get(key, "")
        shown = {"": "All", **options}
        shown.setdefault(present, present)

        def choose(value: str | None) -> None:
            ui.navigate.to(self.changed(**{key: value or "", **also}))

        ui.select(shown, value=present, label=label, on_change=lambda event: choose(event.value)).props(
            "outlined dense options-dense"
        )

    def search(self, key: str, label: str) -> None:
        """Show a field for a text, which is looked for when the person presses Enter."""
        field = ui.input(label, value=self.state.get(key, "")).props("outlined dense clearable type=search")
        field.classes("feed-search").props("data-shortcut=search")

        def look() -> None:
            ui.navigate.to(self.changed(**{key: (field.value or "").strip()}))

        field.on("keydown.enter", look)
        field.on("clear", lambda: ui.navigate.to(self.changed(**{key: ""})))

    def time(self, key: str, label: str) -> None:
        """Show a field for a time."""
        field = ui.input(label, value=self.state.get(key, ""), placeholder="2026-01-31T12:00:00Z")
        field.props("outlined dense clearable")

        def look() -> None:
            ui.navigate.to(self.changed(**{key: (field.value or "").strip()}))

        field.on("keydown.enter", look)
        field.on("clear", lambda: ui.navigate.to(self.changed(**{key: ""})))

    def reset(self, *kept: str) -> None:
        """Show a way back to everything, where anything is chosen."""
        if any(value for key, value in self.state.items() if key not in kept):
            address = self.go(**{key: self.state.get(key, "") for key in kept})
            ui.button("Show all", icon="filter_alt_off", on_click=lambda: ui.navigate.to(address)).props(
                "flat dense no-caps"
            )


def instances_of(desk: Desk) -> dict[str, str]:
    """Return the instances of the workspace for a choice."""
    workspace = desk.saved
    return {} if workspace is None else {spec.id: spec.id for spec in workspace.destinations}


def subscriptions_of(desk: Desk, instance: str) -> dict[str, str]:
    """Return the subscriptions of an instance for a choice, those of all where none is chosen."""
    chosen = [each for each in desk.instances.values() if instance in ("", each.id)]
    return {pipeline.name: pipeline.name for each in chosen for pipeline in each.pipelines}
