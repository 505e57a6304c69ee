"""The form of rows of deliveries and dead letters, which open to what is known: that is made when they do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs
from nicegui import ui

from actions_core.apps.console.feed.model import read_event
from actions_core.apps.console.showing import ago, moment
from actions_core.apps.console.why import event_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@attrs.frozen
class Summary:
    """A row while it is closed. `chip` is a word and its tone, `at` a time in milliseconds."""

    chip: tuple[str, str]
    title: str
    place: str
    reason: str
    at: int
    tries: str

    @staticmethod
    def title_of(text: str, message: str, otherwise: str) -> str:
        """Return the title of the event in a text, else its messageId, else some words."""
        event = read_event(text)
        return event_title(event) if event else message or otherwise


def show_row(
    summary: Summary, details: Callable[[], None], *, is_open: bool, on_open: Callable[[bool], None]
) -> None:
    """Show a row; `details` is called once, to show the rest, and `on_open` each time it opens or closes."""
    with ui.element("details").classes("feed-row").props("open" if is_open else "") as row:
        with ui.element("summary").props("data-row tabindex=0").classes("feed-summary"):
            word, tone = summary.chip
            ui.label(word).classes(f"console-chip {tone}")
            with ui.element("div").classes("feed-what"):
                ui.label(summary.title).classes("feed-title")
                ui.label(summary.place).classes("console-muted console-small")
            ui.label(summary.reason).classes("feed-reason console-small")
            with ui.element("div").classes("feed-when console-small"):
                when = ui.label(ago(summary.at, time.time()))
                when.props["title"] = moment(summary.at)
                ui.label(summary.tries).classes("console-muted")
        inside = ui.element("div").classes("feed-inside")
    made = False

    def open_it() -> None:
        nonlocal made
        if not made:
            made = True
            with inside:
                details()

    def toggled(now_open: bool) -> None:  # noqa: FBT001 - the one thing that such an event says
        open_it()
        on_open(now_open)

    if is_open:
        open_it()
    row.on("toggle", lambda event: toggled(event.args.get("newState") != "closed"), args=["newState"])


def tries_of(count: int) -> str:
    """Return a number of tries in words, nothing where there was none."""
    return {0: "", 1: "1 try"}.get(count, f"{count:,} tries")


def show_facts(facts: Mapping[str, str]) -> None:
    """Show facts by name; those that are empty are left out."""
    with ui.element("dl").classes("feed-facts"):
        for name, value in facts.items():
            if value:
                with ui.element("div"):
                    with ui.element("dt").classes("console-muted console-small"):
                        ui.label(name)
                    with ui.element("dd"):
                        ui.label(value)


def show_text(name: str, text: str, empty: str) -> None:
    """Show a text in a box of its own, or a sentence where there is none."""
    with ui.element("h3").classes("console-h3 feed-part"):
        ui.label(name)
    if not text:
        ui.label(empty).classes("console-muted console-small")
        return
    box = ui.element("pre").classes("console-code").props("tabindex=0")
    box.props["aria-label"] = name
    with box:
        ui.label(text)
