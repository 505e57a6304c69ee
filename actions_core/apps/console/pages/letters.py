"""Dead letters, by reason: what to do about each, how many would pass now, and replay or discard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.pages.not_found import saying_outbox_faults
from actions_core.apps.console.pages.shell import frame, page
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

    @page(addresses.LETTERS)
    async def show() -> None:
        state = read_state(*_KEYS)
        feed = await desk.feed.main()
        listing: Listing | None = None
        with frame(desk, title="Dead letters", command=_command(desk, state), wide=True):
            await say_source(desk, feed)
            if feed.letters is None:
                if desk.feed.missing or desk.feed.fault:
                    return
                ui.label(
                    "Deliveries that are given up are kept by an outbox: give the workspace one, such as "
                    '"outbox": "events.db".'
                ).classes("console-empty")
                return
            _show_filters(desk, state)
            which = _read_filter(state)
            if isinstance(which, str):
                ui.label(which).classes("console-note bad").props("role=alert")
                return
            made = Listing(desk, feed.letters, which, state, **read_state("after", "open", "view"))
            with saying_outbox_faults():
                await made.show()
                listing = made
        if listing is not None and listing.tries and await browser_is_there():
            await listing.try_all()


class Listing:
    """The dead letters of a page: by reason, or as a list. It is shown anew after something was done."""

    def __init__(
        self,
        desk: Desk,
        letters: LetterFeed,
        which: LetterFilter,
        state: dict[str, str],
        *,
        after: str,
        open: str,  # noqa: A002 - a part of the address
        view: str,
    ) -> None:
        self._desk = desk
        self._letters = letters
        self._which = which
        self._state = state
        self._after = int(after) if after.isascii() and after.isdigit() else 0
        self._opened = open
        self._as_list = view == "list" or bool(state["reason"])
        self._deeds = Deeds(desk, letters, self._show_anew)
        self._place = ui.element("div")
        #: What says how many of a group would pass now.
        self.tries: list[Callable[[], Awaitable[None]]] = []

    async def show(self) -> None:
        """Show what there is now."""
        count = await self._letters.count(self._which)
        self._place.clear()
        with self._place:
            if not count:
                filtered = any(self._state.values())
                words = "No dead letter fits these filters." if filtered else "Nothing has been given up."
                ui.label(words).classes("console-empty").props("role=status")
            elif self._as_list:
                await self._show_list(count)
            else:
                await self._show_groups(count)

    async def try_all(self) -> None:
        """Say how many of the first groups would pass now."""
        for each in self.tries[:_TRIED]:
            await each()

    async def _show_anew(self) -> None:
        self.tries = []
        await self.show()
        await self.try_all()

    async def _show_groups(self, count: int) -> None:
        groups = await self._letters.groups(self._which, _GROUPS)
        with ui.element("div").classes("console-spread feed-total"):
            _heading(count, "by reason")
            with ui.element("div").classes("console-row"):
                ui.link("As a list", addresses.with_query(addresses.LETTERS, **self._state, view="list"))
                self._deeds.buttons(self._which, all_of="all that fit")
        with ui.element("div").classes("console-stack"):
            tries = [
                show_group(self._desk, self._letters, self._deeds, group, self._which) for group in groups
            ]
        self.tries = [each for each in tries if each is not None]
        shown = sum(group.count for group in groups)
        if shown < count:
            words = (
                f"These are the {len(groups)} most frequent reasons; {count - shown:,} letters have others."
            )
            ui.label(words).classes("console-muted console-small")

    async def _show_list(self, count: int) -> None:
        found = await self._letters.list(self._which, self._after, _ROWS + 1)
        address = partial(addresses.with_query, addresses.LETTERS, **self._state, view="list")
        here = partial(address, after=self._after or "")
        _heading(count, "the oldest first")
        show_letters(
            self._desk,
            self._deeds,
            found[:_ROWS],
            self._which,
            count=count,
            opened=self._opened,
            on_open=lambda number: ui.navigate.history.replace(here(open=number)),
        )
        with ui.element("div").classes("feed-more"):
            ui.link("By reason", addresses.letters(instance=self._state["instance"]))
            if len(found) > _ROWS:
                ui.link("Newer ones", address(after=found[_ROWS - 1].id))
            if self._after:
                ui.link("Back to the oldest", address())


def _heading(count: int, order: str) -> None:
    with ui.element("h2").classes("console-h2"):
        ui.label(f"{count:,} {'delivery' if count == 1 else 'deliveries'} given up, {order}")


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
