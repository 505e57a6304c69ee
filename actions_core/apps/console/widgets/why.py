"""What every subscription does with one event, and why: a verdict, its reasons, the values behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console.hints import mapping_address
from actions_core.apps.console.showing import masked_everywhere
from actions_core.apps.console.why import shown, verdict_on
from actions_core.apps.console.widgets.rows import show_text
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.apps.console.desk import Desk
    from actions_core.engine import Explanation, SubscriptionExplanation
    from actions_core.mapping import FieldTrace
    from actions_core.subscriptions import Trace


def show_explanation(desk: Desk, explanation: Explanation, event: str | None = None) -> None:
    """Show the verdict of each subscription; `event` is the id by which a mapping's page finds the event."""
    verdicts = [(delivery, verdict_on(delivery)) for delivery in explanation.deliveries]
    sent = sum(verdict.tone == "good" for _, verdict in verdicts)
    failing = sum(verdict.tone == "bad" for _, verdict in verdicts)
    if not verdicts:
        ui.label("The workspace has no subscriptions yet.").classes("console-empty")
        return
    words = f"{sent} of {len(verdicts)} subscriptions would send it"
    words += f", {failing} would fail." if failing else "."
    ui.label(words).classes("console-lead").props("role=status")
    instances = dict.fromkeys(delivery.instance for delivery, _ in verdicts)
    for instance in instances:
        with ui.element("h3").classes("console-h3 feed-part"):
            ui.label(instance)
        with ui.element("div").classes("feed-why-list"):
            for delivery, verdict in verdicts:
                if delivery.instance != instance:
                    continue
                with ui.element("div").classes("feed-why").props("data-row tabindex=-1"):
                    with ui.element("div").classes("feed-why-head"):
                        ui.label(verdict.word).classes(f"console-chip {verdict.tone}")
                        _name(desk, delivery, event)
                    with ui.element("div").classes("feed-why-reasons"):
                        for reason in verdict.reasons:
                            ui.label(masked_everywhere(desk, reason))
                        _values(desk, delivery)


def _name(desk: Desk, delivery: SubscriptionExplanation, event: str | None) -> None:
    mapping = mapping_address(desk, delivery.instance, delivery.subscription, event=event)
    with ui.element("div"):
        if mapping is None:
            ui.label(delivery.subscription)
        else:
            ui.link(delivery.subscription, mapping)
        ui.label(delivery.action).classes("console-muted console-small")


def _values(desk: Desk, delivery: SubscriptionExplanation) -> None:
    """Show what was looked at, closed at first."""
    rows = [("Filter", found.name, found.outcome) for found in delivery.filters]
    rows += [] if delivery.trace is None else list(_conditions(delivery.trace))
    rows += [("Field", field.field or "(the whole)", _field(field)) for field in delivery.fields]
    if not rows:
        return
    with ui.element("details"):
        with ui.element("summary").props("tabindex=0"):
            ui.label("The values behind it")
        with ui.element("table").classes("feed-values"), ui.element("tbody"):
            for cells in rows:
                with ui.element("tr"):
                    for cell in cells:
                        with ui.element("td"):
                            ui.label(masked_everywhere(desk, cell))
    if delivery.request is not None:
        with ui.element("details"):
            with ui.element("summary").props("tabindex=0"):
                ui.label("The request, as a curl command")
            show_text("curl", masked_everywhere(desk, delivery.curl), "")


def _conditions(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """Yield each comparison with the value that it found."""
    if trace.parts:
        for part in trace.parts:
            yield from _conditions(part)
        return
    found = "found nothing" if trace.value is MISSING else f"found {shown(trace.value)}"
    yield "Holds" if trace.matched else "Does not hold", trace.text, found


def _field(field: FieldTrace) -> str:
    if field.error is not None:
        return "; ".join(problem.message for problem in field.error.problems) or str(field.error)
    if field.value is MISSING:
        return f"nothing found at {', '.join(field.missed)}" if field.missed else "nothing"
    origin = f" ← {', '.join(field.paths)}" if field.paths else ""
    return f"{shown(field.value)}{origin}"
