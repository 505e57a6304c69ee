"""Rows of deliveries, each of which opens to what is known of it: that is made when it is opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.feed.model import read_event
from actions_core.apps.console.hints import code_words, hint_on, mapping_address
from actions_core.apps.console.showing import ago, masked, moment, pretty, took
from actions_core.apps.console.why import event_title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import Outcome

_TONES: Final = {
    "sent": ("good", "Sent"),
    "failed": ("bad", "Failed"),
    "retrying": ("warn", "Retrying"),
    "waiting": ("", "Waiting"),
    "skipped": ("", "Skipped"),
    "not_tried": ("warn", "Not tried"),
}


def show_outcomes(
    desk: Desk, rows: Sequence[Outcome], opened: str = "", on_open: Callable[[str], None] | None = None
) -> None:
    """Show rows; the one that is `opened` is open, and `on_open` is told the key of another."""
    with ui.element("div").classes("feed-rows"):
        for outcome in rows:
            _row(desk, outcome, is_open=outcome.key == opened, on_open=on_open)


def status_chip(status: str) -> None:
    """Show a status as a word with its colour."""
    tone, word = _TONES.get(status, ("", status))
    ui.label(word).classes(f"console-chip {tone}")


def _row(desk: Desk, outcome: Outcome, *, is_open: bool, on_open: Callable[[str], None] | None) -> None:
    event = read_event(outcome.event)
    title = event_title(event) if event else outcome.message or "an event"
    with ui.element("details").classes("feed-row").props("open" if is_open else "") as details:
        with ui.element("summary").props("data-row tabindex=0").classes("feed-summary"):
            status_chip(outcome.status)
            with ui.element("div").classes("feed-what"):
                ui.label(title).classes("feed-title")
                ui.label(f"{outcome.instance} · {outcome.subscription}").classes(
                    "console-muted console-small"
                )
            ui.label(outcome.reason).classes("feed-reason console-small")
            with ui.element("div").classes("feed-when console-small"):
                when = ui.label(ago(outcome.at, time.time()))
                when.props["title"] = moment(outcome.at)
                ui.label(_tries(outcome)).classes("console-muted")
        inside = ui.element("div").classes("feed-inside")
    made = False

    def open_it() -> None:
        nonlocal made
        if not made:
            made = True
            with inside:
                _details(desk, outcome)

    def toggled(now_open: bool) -> None:  # noqa: FBT001 - the one thing that such an event says
        open_it()
        if on_open is not None:
            on_open(outcome.key if now_open else "")

    if is_open:
        open_it()
    on_toggle(details, toggled)


def on_toggle(details: ui.element, told: Callable[[bool], None]) -> None:
    """Have a function told each time that an element of details is opened or closed."""
    details.on("toggle", lambda event: told(event.args.get("newState") != "closed"), args=["newState"])


def _tries(outcome: Outcome) -> str:
    parts = [tries_of(outcome.tries), took(outcome.duration)]
    return " · ".join(part for part in parts if part)


def tries_of(count: int) -> str:
    """Return a number of tries in words, nothing where there was none."""
    return {0: "", 1: "1 try"}.get(count, f"{count:,} tries")


def _details(desk: Desk, outcome: Outcome) -> None:
    if outcome.reason:
        with ui.element("div").classes("console-note bad" if outcome.status == "failed" else "console-note"):
            ui.label(code_words(outcome.code) if outcome.code else "Reason").classes("console-h3")
            ui.label(outcome.reason)
    hint = hint_on(outcome.code, outcome.status)
    if hint.sentence:
        ui.label(hint.sentence).classes("console-muted")
    _links(desk, outcome, hint.kind)
    with ui.element("dl").classes("feed-facts"):
        _fact("When", moment(outcome.at))
        _fact("Event", outcome.message)
        _fact("Tries", str(outcome.tries) if outcome.tries else "")
        _fact("The last one took", took(outcome.duration))
        _fact("Next try", "" if outcome.due is None else moment(outcome.due))
    show_text("Request", pretty(outcome.request), "No request was made.")
    show_text("Response", pretty(outcome.answer), "There is no text of a response.")
    show_text("Event", pretty(masked(desk, outcome.instance, outcome.event)), "The event is not kept here.")


def _links(desk: Desk, outcome: Outcome, kind: str) -> None:
    mapping = mapping_address(desk, outcome.instance, outcome.subscription, event=outcome.message or None)
    with ui.element("div").classes("console-row"):
        if outcome.message:
            ui.link("Why here, and why not elsewhere", addresses.event(outcome.message))
        if mapping is not None:
            ui.link("Mend the mapping" if kind == "mapping" else "Open the mapping", mapping)
        if kind == "settings":
            ui.link("Check the settings", addresses.settings(outcome.instance))


def _fact(name: str, value: str) -> None:
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
