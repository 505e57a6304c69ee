"""Dead letters, by reason: what to do about each, how many would pass now, and replay or discard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.pages.shell import frame
from actions_core.apps.console.widgets.filters import Filters, instances_of, read_state, subscriptions_of
from actions_core.apps.console.widgets.letters import Deeds, show_group, show_letters
from actions_core.apps.console.widgets.presence import browser_is_there
from actions_core.apps.console.widgets.sources import say_source
from actions_core.delivery.letters import LetterFilter, make_filter
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import LetterFeed

_KEYS: Final = ("instance", "subscription", "code", "reason", "since", "before")
_GROUPS: Final = 50
_ROWS: Final = 50
#: Groups of which it is said, once the page is there, how many would pass now.
_TRIED: Final = 8


def register(desk: Desk) -> None:
    """Register the page."""

    @ui.page(addresses.LETTERS)
    async def show() -> None:
        state = read_state(*_KEYS)
        after, opened, view = read_state("after", "open", "view").values()
        feed = await desk.feed.main()
        tries: list[Callable[[], Awaitable[None]]] = []
        with frame(desk, title="Dead letters", command=_command(desk, state), wide=True):
            await say_source(desk, feed)
            if feed.letters is None:
                ui.label(
                    "Deliveries that are given up are kept by an outbox: give the workspace one, such as "
                    '"outbox": "events.db".'
                ).classes("console-empty")
                return
            which = _read_filter(state)
            if isinstance(which, str):
                ui.label(which).classes("console-note bad")
                which = LetterFilter(instance=state["instance"] or None)
            _show_filters(desk, state)
            if view == "list" or state["reason"]:
                await _show_list(desk, feed.letters, which, state, after=after, opened=opened)
            else:
                tries = await _show_groups(desk, feed.letters, which, state)
        if tries and await browser_is_there():
            for each in tries[:_TRIED]:
                await each()


def _read_filter(state: dict[str, str]) -> LetterFilter | str:
    """Return what the address asks for, or what is wrong with it."""
    try:
        named: dict[str, Any] = {key: value or None for key, value in state.items()}
        return make_filter(**named)
    except ActionsError as error:
        return f"{error} Write times as 2026-01-31 or 2026-01-31T12:00:00Z."


def _command(desk: Desk, state: dict[str, str]) -> str:
    if desk.outbox_file is None:
        return ""
    options = [
        word
        for key in ("instance", "subscription", "code", "since", "before")
        if state[key]
        for word in (f"--{key}", state[key])
    ]
    return desk.command("dlq", "list", "--outbox", str(desk.outbox_file), *options)


def _show_filters(desk: Desk, state: dict[str, str]) -> None:
    filters = Filters(state, partial(addresses.with_query, addresses.LETTERS))
    with ui.element("section").classes("feed-filters").props('aria-label="Filters"'):
        filters.choice("instance", "Instance", instances_of(desk), subscription="")
        filters.choice("subscription", "Subscription", subscriptions_of(desk, state["instance"]))
        for key, label in (("code", "Code"), ("reason", "Reason")):
            if state[key]:
                filters.choice(key, label, {})
        filters.time("since", "Given up from")
        filters.time("before", "Given up before")
        filters.reset()


async def _show_groups(
    desk: Desk, letters: LetterFeed, which: LetterFilter, state: dict[str, str]
) -> list[Callable[[], Awaitable[None]]]:
    """Show letters by reason; return what says how many of each group would pass now."""
    count = await letters.count(which)
    if not count:
        _say_there_is_none(state)
        return []
    groups = await letters.groups(which, _GROUPS)
    deeds = Deeds(desk, letters)
    with ui.element("div").classes("console-spread feed-total"):
        with ui.element("h2").classes("console-h2"):
            ui.label(f"{count:,} {'delivery' if count == 1 else 'deliveries'} given up, by reason")
        with ui.element("div").classes("console-row"):
            ui.link("As a list", addresses.with_query(addresses.LETTERS, **state, view="list"))
            deeds.buttons(which, all_of="all of these")
    with ui.element("div").classes("console-stack"):
        tries = [show_group(desk, letters, deeds, group, which) for group in groups]
    shown = sum(group.count for group in groups)
    if shown < count:
        words = f"These are the {len(groups)} most frequent reasons; {count - shown:,} letters have others."
        ui.label(words).classes("console-muted console-small")
    return [each for each in tries if each is not None]


async def _show_list(
    desk: Desk, letters: LetterFeed, which: LetterFilter, state: dict[str, str], *, after: str, opened: str
) -> None:
    start = int(after) if after.isascii() and after.isdigit() else 0
    found = await letters.list(which, start, _ROWS + 1)
    if not found:
        _say_there_is_none(state)
        return
    count = await letters.count(which)
    address = partial(addresses.with_query, addresses.LETTERS, **state, view="list")
    with ui.element("h2").classes("console-h2"):
        ui.label(f"{count:,} {'delivery' if count == 1 else 'deliveries'} given up, the oldest first")
    await show_letters(
        desk,
        letters,
        found[:_ROWS],
        which,
        count=count,
        opened=opened,
        on_open=lambda number: ui.navigate.history.replace(address(after=after, open=number)),
    )
    with ui.element("div").classes("feed-more"):
        ui.link("By reason", addresses.letters(instance=state["instance"]))
        if len(found) > _ROWS:
            ui.link("Newer ones", address(after=found[_ROWS - 1].id))
        if start:
            ui.link("Back to the oldest", address())


def _say_there_is_none(state: dict[str, str]) -> None:
    filtered = any(state.values())
    words = "No dead letter fits these filters." if filtered else "Nothing has been given up."
    ui.label(words).classes("console-empty")
