"""The funnel: how many events came in, and what became of them, each step a way to its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console import addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.apps.console.feed import Funnel


def show_funnel(funnel: Funnel, state: Mapping[str, str]) -> None:
    """Show what became of all events; `state` is what the address says, which goes on in the links."""
    with ui.element("section").classes("console-panel"):
        with ui.element("div").classes("console-spread"):
            with ui.element("h2").classes("console-h3"):
                ui.label("What became of events")
            ui.label(funnel.span).classes("console-muted console-small")
        with ui.element("ol").classes("feed-funnel"):
            if funnel.received is not None:
                _step("Received", funnel.received, "events")
                _step("Filtered out", funnel.filtered, "by filters, consent or integrations", tone="quiet")
                _step("Not wanted", funnel.unmatched, "no subscription matches", tone="quiet")
                _step("Matched", funnel.matched, "events that go somewhere")
            _step("Sent", funnel.sent, "deliveries", tone="good", to={**state, "status": "sent"})
            if funnel.waiting:
                _step("Waiting", funnel.waiting, "for their first try")
            if funnel.retrying is not None:
                target = {**state, "status": "retrying"}
                _step("Retrying", funnel.retrying, "tried again by itself", tone="warn", to=target)
            _step("Failed", funnel.failed, "given up", tone="bad", to={**state, "status": "failed"})


def _step(
    name: str, count: int | None, about: str, *, tone: str = "", to: Mapping[str, str] | None = None
) -> None:
    with ui.element("li").classes(f"feed-step {tone if count else ''}"):
        with ui.link(target=addresses.deliveries(**to)) if to is not None else ui.element("div"):
            ui.label(f"{count or 0:,}").classes("feed-step-count")
            ui.label(name).classes("feed-step-name")
        ui.label(about).classes("console-muted feed-step-about")
