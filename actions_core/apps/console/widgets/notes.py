"""Problems in words: where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.errors import Problem

#: More than these nobody reads; the command line shows all of them.
_MOST = 30


def show_problems(problems: Iterable[Problem]) -> None:
    """Show problems as a list: the place of each, and what is wrong there."""
    listed = list(problems)
    with ui.element("ul").classes("console-problems"):
        for problem in listed[:_MOST]:
            with ui.element("li"):
                if problem.path != "$":
                    ui.label(problem.path).classes("console-mono console-muted")
                ui.label(problem.message)
    if len(listed) > _MOST:
        ui.label(f"… and {len(listed) - _MOST} more: 'actions check' lists all of them").classes(
            "console-muted"
        )
