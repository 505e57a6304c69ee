"""Blocks of text as elements: everything is shown as text, whatever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.markup import Grid, Heading, Listing, Paragraph, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.apps.console.markup import Block

#: The headings of a text stand below the page's own.
_KINDS = {"code": "code", "strong": "strong", "text": "span"}
_TAGS = {1: "h2", 2: "h2", 3: "h3", 4: "h4", 5: "h5", 6: "h6"}


def show_blocks(blocks: Iterable[Block]) -> None:
    """Show blocks one below the other."""
    for block in blocks:
        match block:
            case Heading(level, runs, anchor):
                with ui.element(_TAGS[level]) as heading:
                    show_runs(runs)
                heading.props["id"] = anchor
            case Paragraph(runs):
                with ui.element("p"):
                    show_runs(runs)
            case Listing(items):
                with ui.element("ul"):
                    for item in items:
                        with ui.element("li"):
                            show_runs(item)
            case Grid():
                _show_grid(block)


def _show_grid(grid: Grid) -> None:
    with (
        ui.element("div").classes("console-table-wrap").props("tabindex=0 role=region aria-label=Table"),
        ui.element("table").classes("console-table"),
    ):
        with ui.element("thead"), ui.element("tr"):
            for cell in grid.head:
                with ui.element("th").props("scope=col"):
                    show_runs(cell)
        with ui.element("tbody"):
            for row in grid.rows:
                with ui.element("tr"):
                    for cell in row:
                        with ui.element("td"):
                            show_runs(cell)


def show_runs(runs: Iterable[Run]) -> None:
    """Show the pieces of a line."""
    for run in runs:
        if run.kind == "break":
            ui.element("br")
        elif run.kind == "link":
            link = ui.link(run.text, run.target, new_tab=not run.target.startswith("#"))
            link.props("rel=noreferrer")
        else:
            with ui.element(_KINDS[run.kind]):
                ui.label(run.text).classes("console-inline")
