"""Where what a page shows comes from, and the choice of another source where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import Feed
    from actions_core.apps.console.widgets.filters import Filters


async def say_source(desk: Desk, feed: Feed) -> None:
    """Say where all of the page comes from, and what keeps another source from being shown."""
    ui.label(feed.about).classes("console-lead")
    say_what_is_missing(desk)


def say_what_is_missing(desk: Desk) -> None:
    """Say why the outbox is not shown, where it should be."""
    if desk.feed.fault:
        ui.label(f"The outbox cannot be looked at: {desk.feed.fault}").classes("console-note bad feed-said")
    elif desk.feed.missing:
        ui.label(desk.feed.missing).classes("console-note info feed-said")


async def choose_source(desk: Desk, filters: Filters) -> None:
    """Show the choice of a source, where there is one."""
    feeds = await desk.feed.all()
    if len(feeds) > 1:
        first, *others = feeds.items()
        present = filters.state.get("source", "")
        options = {"": first[1].name, **{key: feed.name for key, feed in others}}
        options.setdefault(present, present)

        def choose(value: str | None) -> None:
            ui.navigate.to(filters.go(source=value or ""))

        ui.select(options, value=present, label="From", on_change=lambda event: choose(event.value)).props(
            "outlined dense options-dense"
        )
