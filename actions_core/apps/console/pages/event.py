"""One event against every instance and subscription: why it was or was not sent."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.feed import History
from actions_core.apps.console.pages.not_found import saying_outbox_faults
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.samples import made_sample, read_pasted, recent_samples
from actions_core.apps.console.showing import masked_everywhere, pretty
from actions_core.apps.console.why import event_title
from actions_core.apps.console.widgets.outcomes import show_outcomes
from actions_core.apps.console.widgets.rows import show_text
from actions_core.apps.console.widgets.sources import say_what_is_missing
from actions_core.apps.console.widgets.why import show_explanation
from actions_core.delivery.errors import OutboxError
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.feed import Outcome
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline
    from actions_core.values.types import JsonObject

_LISTED: Final = 50
_LEAD: Final = (
    "Paste an event, choose one that came through, or have one made: for every instance and subscription you "
    "see whether it is sent, and why not. Nothing is sent here."
)


def register(desk: Desk) -> None:
    """Register the page of an event that is known, and of one that is pasted."""

    @page(addresses.EVENT)
    async def show_pasted() -> None:
        with frame(desk, title="Why not?", command=desk.command("explain", "WORKSPACE", "event.json")):
            ui.label(_LEAD).classes("console-lead")
            with saying_outbox_faults():
                await _show_form(desk)

    @page(f"{addresses.EVENT}/{{message_id}}")
    async def show(message_id: str) -> None:
        message = addresses.text_of(message_id)
        history, fault = History(), None
        try:
            history = await _history(desk, message)
        except OutboxError as error:
            fault = error
        title = message if history.event is None else event_title(history.event)
        command = desk.command("explain", "WORKSPACE", "event.json")
        crumbs = (("Why not?", addresses.EVENT),)
        with frame(desk, title=title, command=command, crumbs=crumbs), saying_outbox_faults():
            if fault is not None:
                raise fault
            await _show_event(desk, message, history)


async def _history(desk: Desk, message: str) -> History:
    """Return what is known of an event by all feeds together."""
    event: JsonObject | None = None
    outcomes: list[Outcome] = []
    for feed in (await desk.feed.all()).values():
        found = await feed.history(message)
        event = event or found.event
        outcomes += found.outcomes
    return History(event, tuple(sorted(outcomes, key=lambda each: -each.at)))


async def _show_event(desk: Desk, message: str, history: History) -> None:
    ui.label(f"Event {message}").classes("console-lead console-mono")
    say_what_is_missing(desk)
    if history.outcomes:
        _heading("What became of it")
        show_outcomes(desk, history.outcomes)
    if history.event is None:
        ui.label(
            "The event itself is not kept here: paste it under “Why not?” to see what every subscription "
            "does with it."
            if history.outcomes
            else "Nothing is known of an event with this messageId. It may have been forgotten, or it was "
            "wanted by no subscription: only what is delivered is kept."
        ).classes("console-empty")
        return
    _heading("What every subscription would do with it now")
    await _explain(desk, history.event, message)
    show_text("The event", pretty(masked_everywhere(desk, json.dumps(history.event))), "")


def _heading(text: str) -> None:
    with ui.element("h2").classes("console-h2"):
        ui.label(text)


async def _explain(desk: Desk, event: Any, message: str | None = None) -> None:
    """Show what every subscription does with an event, or why that cannot be said."""
    if desk.saved is None:
        return
    try:
        explanation = await desk.explainer.explain(desk.saved, event)
    except ActionsError as error:
        ui.label(str(error)).classes("console-note bad").props("role=alert")
        return
    show_explanation(desk, explanation, message)


async def _show_form(desk: Desk) -> None:
    samples = await recent_samples((await desk.feed.all()).values(), _LISTED)
    makers = _makers(desk)
    say_what_is_missing(desk)
    with ui.element("section").classes("console-panel console-stack"):
        with ui.element("div").classes("feed-filters feed-samples"):
            choices = {number: sample.title for number, sample in enumerate(samples)}
            if choices:
                chosen = ui.select(choices, label="One that came through", with_input=True)
                chosen.props("outlined dense options-dense")
            made = ui.select({key: name for key, (name, _) in makers.items()}, label="One made for")
            made.props("outlined dense options-dense")
        text = ui.textarea("Event as JSON").props("outlined spellcheck=false").classes("feed-paste")
        with ui.element("div").classes("console-row"):
            go = ui.button("Explain", icon="help_center").props("unelevated no-caps data-shortcut=test")
            ui.label("Ctrl+Enter").classes("console-muted console-small")
    found = ui.element("div").props("aria-live=polite")

    def put(event: JsonObject) -> None:
        text.set_value(json.dumps(event, indent=2, ensure_ascii=False))

    async def explain() -> None:
        found.clear()
        with found:
            try:
                event = read_pasted(text.value or "")
            except ActionsError as error:
                ui.label(str(error)).classes("console-note bad").props("role=alert")
                return
            _heading(event_title(event))
            await _explain(desk, event)

    if choices:
        chosen.on_value_change(lambda change: put(samples[change.value].event))
    made.on_value_change(lambda change: put(makers[change.value][1]()))
    go.on_click(explain)


def _makers(desk: Desk) -> dict[str, tuple[str, Callable[[], JsonObject]]]:
    """Return, for each subscription, its name and a function that makes an event for it."""
    return {
        f"{number}.{instance.id}": (f"{instance.id} · {pipeline.name}", partial(_make, instance, pipeline))
        for instance in desk.instances.values()
        for number, pipeline in enumerate(instance.pipelines)
    }


def _make(instance: Instance, pipeline: Pipeline) -> JsonObject:
    mapping = None if pipeline.mapping is None else pipeline.mapping.raw
    return made_sample(instance.destination, pipeline.action, str(pipeline.condition), mapping).event
