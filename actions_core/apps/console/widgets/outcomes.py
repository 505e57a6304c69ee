"""Rows of deliveries, each of which opens to what is known of it: that is made when it is opened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.hints import code_words, hint_on, mapping_address
from actions_core.apps.console.showing import masked, moment, pretty, took
from actions_core.apps.console.widgets.rows import Summary, show_facts, show_row, show_text, tries_of

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


def _row(desk: Desk, outcome: Outcome, *, is_open: bool, on_open: Callable[[str], None] | None) -> None:
    tone, word = _TONES.get(outcome.status, ("", outcome.status))
    tries = [tries_of(outcome.tries), took(outcome.duration)]
    summary = Summary(
        (word, tone),
        Summary.title_of(outcome.event, outcome.message, "an event"),
        f"{outcome.instance} · {outcome.subscription}",
        outcome.reason,
        outcome.at,
        " · ".join(part for part in tries if part),
    )

    def told(now_open: bool) -> None:  # noqa: FBT001 - as the row calls it
        if on_open is not None:
            on_open(outcome.key if now_open else "")

    show_row(summary, partial(_details, desk, outcome), is_open=is_open, on_open=told)


def _details(desk: Desk, outcome: Outcome) -> None:
    if outcome.reason:
        with ui.element("div").classes("console-note bad" if outcome.status == "failed" else "console-note"):
            ui.label(code_words(outcome.code) if outcome.code else "Reason").classes("console-h3")
            ui.label(outcome.reason)
    hint = hint_on(outcome.code, outcome.status)
    if hint.sentence:
        ui.label(hint.sentence).classes("console-muted")
    _links(desk, outcome, hint.kind)
    show_facts(
        {
            "When": moment(outcome.at),
            "Event": outcome.message,
            "Tries": str(outcome.tries) if outcome.tries else "",
            "The last one took": took(outcome.duration),
            "Next try": "" if outcome.due is None else moment(outcome.due),
        }
    )
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
