"""What was delivered, and what was not: the funnel, rate and latency, and the latest outcomes."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.feed import RETRYING
from actions_core.apps.console.pages.not_found import saying_outbox_faults
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.showing import stopped_words
from actions_core.apps.console.widgets.charts import show_charts
from actions_core.apps.console.widgets.filters import Filters, instances_of, read_state, subscriptions_of
from actions_core.apps.console.widgets.funnel import show_funnel
from actions_core.apps.console.widgets.outcomes import show_outcomes
from actions_core.apps.console.widgets.presence import browser_is_there
from actions_core.apps.console.widgets.sources import choose_source, say_source
from actions_core.delivery.store import OutcomeFilter
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import Feed, Page

_STATUSES: Final = {"sent": "Sent", RETRYING: "Retrying", "failed": "Failed", "skipped": "Skipped"}
_DAY_OF_MINUTES: Final = 24 * 60
_MILLISECONDS: Final = 1000
#: Seconds between two looks if there is something new.
_LOOK: Final = 5.0


def register(desk: Desk) -> None:
    """Register the page."""

    @page(addresses.DELIVERIES)
    async def show() -> None:
        state = read_state("status", "instance", "subscription", "code", "reason", "q", "source")
        before, opened = read_state("before", "open").values()
        feed = await desk.feed.named(state["source"])
        news: ui.element | None = None
        with (
            frame(desk, title="Deliveries", command=_command(desk), wide=True),
            saying_outbox_faults(),
        ):
            await say_source(desk, feed)
            await _show_numbers(feed, state["source"])
            await _show_filters(desk, state)
            which = _filter(state)
            newest = await feed.newest(which)
            page = await feed.page(which, int(before) if before.isascii() and before.isdigit() else None)
            news = ui.element("div").props("aria-live=polite")
            _show_rows(desk, page, state, opened=opened, before=before)
        if news is not None and not before and not state["q"] and await browser_is_there():
            ui.timer(_LOOK, partial(_look_for_news, feed, which, newest, news))


async def _show_numbers(feed: Feed, source: str) -> None:
    """Show which instances get nothing, the funnel, and how it went."""
    funnel = await feed.funnel()
    for stopped in funnel.stopped:
        ui.label(stopped_words(stopped, time.time())).classes("console-note bad feed-said")
    show_funnel(funnel, {"source": source})
    minutes = await feed.minutes(_DAY_OF_MINUTES)
    if minutes:
        show_charts(minutes, int(time.time() * _MILLISECONDS))


def _filter(state: dict[str, str]) -> OutcomeFilter:
    """Return what the address asks for."""
    named = {key: state[key] or None for key in ("status", "instance", "subscription", "code", "reason")}
    return OutcomeFilter(**named, text=state["q"] or None)


def _command(desk: Desk) -> str:
    if desk.outbox_file is None:
        return ""
    return desk.command("outbox", "status", "--outbox", str(desk.outbox_file))


async def _show_filters(desk: Desk, state: dict[str, str]) -> None:
    filters = Filters(state, partial(addresses.with_query, addresses.DELIVERIES))
    with ui.element("section").classes("feed-filters").props('aria-label="Filters"'):
        filters.choice("status", "Status", _STATUSES)
        filters.choice("instance", "Instance", instances_of(desk), subscription="")
        filters.choice("subscription", "Subscription", subscriptions_of(desk, state["instance"]))
        for key, label in (("code", "Code"), ("reason", "Reason")):
            if state[key]:
                filters.choice(key, label, {})
        filters.search("q", "Search in ids, reasons, events and requests")
        await choose_source(desk, filters)
        filters.reset("source")


def _show_rows(desk: Desk, page: Page, state: dict[str, str], *, opened: str, before: str) -> None:
    address = partial(addresses.with_query, addresses.DELIVERIES, **state)
    if not page.rows:
        if any(value for key, value in state.items() if key != "source"):
            words = "Nothing that is kept fits these filters."
        else:
            words = "Nothing has been delivered yet. Outcomes appear here as soon as there are some."
        ui.label(words).classes("console-empty")
        return
    here = partial(address, before=before)
    show_outcomes(desk, page.rows, opened, lambda key: ui.navigate.history.replace(here(open=key)))
    with ui.element("div").classes("feed-more"):
        if before:
            ui.link("Back to the latest", address())
        if page.following is not None:
            ui.link(
                "Later ones" if state["status"] == RETRYING else "Older ones", address(before=page.following)
            )
        else:
            ui.label("These are all that are kept.").classes("console-muted console-small")


async def _look_for_news(feed: Feed, which: OutcomeFilter, newest: str, news: ui.element) -> None:
    """Say that there are new outcomes: nothing on the page moves by itself."""
    try:
        if news.default_slot.children or await feed.newest(which) == newest:
            return
    except ActionsError:  # the outbox went away: the next page says so
        return
    with news:
        ui.button("There are new outcomes: show them", icon="refresh", on_click=ui.navigate.reload).props(
            "flat no-caps dense"
        )
