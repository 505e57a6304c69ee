"""The mapping of one subscription, and its tester."""

from __future__ import annotations

import asyncio
import copy
import re
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.draft import NoSuchPartError
from actions_core.apps.console.mapping_forms import effective_mapping, paths_of
from actions_core.apps.console.pages.not_found import show_missing
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.preview import Latest, Workbench, events_of, subscription_of
from actions_core.apps.console.radius import blast_radius
from actions_core.apps.console.seen import MOST, samples_of
from actions_core.apps.console.sending import list_choices
from actions_core.apps.console.widgets.condition_editor import ConditionEditor
from actions_core.apps.console.widgets.mapping_actions import MappingActions
from actions_core.apps.console.widgets.mapping_fields import MappingFields
from actions_core.apps.console.widgets.mending import Mending
from actions_core.apps.console.widgets.radius_view import RadiusView
from actions_core.apps.console.widgets.tester import Tester
from actions_core.apps.console.widgets.value_editor import PATHS
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.draft import Draft
    from actions_core.apps.console.preview import Preview
    from actions_core.apps.console.samples import SampleEvent
    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

#: Seconds that nothing must be typed before the blast radius is computed.
_PAUSE: Final = 0.3
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_EVENT_NAMES: Final = "sample-events"


def register(desk: Desk) -> None:
    """Register the page."""

    @page("/i/{instance}/s/{number}")
    async def show(instance: str, number: str, event: str = "", letter: str = "") -> None:
        instance = addresses.text_of(instance)
        crumbs = ((instance, addresses.instance(instance)),)
        if not _NUMBER.fullmatch(number):
            show_missing(desk, f"Subscriptions of {instance} have numbers, from 0 on.")
            return
        try:
            page = MappingPage(desk, instance, int(number))
        except NoSuchPartError as error:
            show_missing(desk, str(error))
            return
        except ActionsError as error:
            with frame(desk, title="Mapping", crumbs=crumbs):
                ui.label(str(error)).classes("console-note bad")
            return
        command = desk.command("explain", "WORKSPACE", "event.json", "--instance", instance)
        with frame(desk, title=page.title, command=command, crumbs=crumbs, wide=True):
            await page.lay_out(event, letter)


class MappingPage:
    """A subscription while it is edited: what was saved, what it is now, and everything that shows it.

    Raises `ActionsError` where there is no such subscription.
    """

    def __init__(self, desk: Desk, instance: str, number: int) -> None:
        draft = desk.draft
        if draft is None:
            raise ActionsError("This workspace is no file: it is edited where the program makes it.")
        draft.reload()
        spec = draft.spec(instance)
        if spec is None:
            raise NoSuchPartError(f"The workspace has no instance {instance!r}.")
        listed = draft.subscriptions(instance)
        if not 0 <= number < len(listed):
            raise NoSuchPartError(f"{instance} has no subscription number {number}; it has {len(listed)}.")
        destination = draft.destinations.get(spec.destination)
        if destination is None:
            raise ActionsError(
                f"There is no destination {spec.destination!r}: install it, or name its definition."
            )
        self.desk = desk
        self.draft: Draft = draft
        self.instance, self.number = instance, number
        self.destination: Destination = destination
        self.saved: JsonObject = listed[number]
        self.raw: JsonObject = copy.deepcopy(self.saved)
        self.is_enabled = spec.enabled
        self.bench = Workbench(spec, destination)
        #: What cannot be read as it stands now: the part of the page, and what is wrong with it.
        self._unfinished: dict[str, str] = {}
        self._preview = Latest(self._show_preview)
        self._radius = Latest(self._show_radius)
        self._gone = False

    @property
    def title(self) -> str:
        """The name of the subscription."""
        return subscription_of(self.saved).name or "Mapping"

    @property
    def is_changed(self) -> bool:
        """Whether something would be saved."""
        return self.raw != self.saved

    @property
    def unfinished(self) -> str:
        """What that is typed cannot be read, in words; empty where everything can."""
        return "; ".join(f"{part} ({fault})" if fault else part for part, fault in self._unfinished.items())

    # -- layout --------------------------------------------------------------------------------------

    async def lay_out(self, event: str, letter: str) -> None:
        """Make the page."""
        ui.context.client.on_delete(self._leave)
        self.events = events_of(await self.desk.feed.events(MOST))
        samples, chosen = await samples_of(
            self.desk, self.destination, self.raw, self.events, event=event, letter=letter
        )
        self._offer_events()
        ui.label(self._about()).classes("console-lead")
        with ui.element("div").classes("mapping-page"):
            with ui.element("div").classes("mapping-column"):
                self._lay_out_head()
                with ui.element("section").classes("console-panel").props("aria-label=Trigger"):
                    with ui.element("h2").classes("mapping-h2"):
                        ui.label("Trigger")
                    trigger = self.raw.get("subscribe")
                    self.trigger = ConditionEditor(
                        trigger if isinstance(trigger, str) else "", self._set_trigger, events=_EVENT_NAMES
                    )
                with (
                    ui.element("section").classes("console-panel").props("aria-label=Mapping") as self._panel
                ):
                    self._show_fields()
                self.actions = MappingActions(self)
            with ui.element("div").classes("mapping-column mapping-tester"):
                with ui.element("section").classes("console-panel").props("aria-label=Tester"):
                    await self._lay_out_tester(samples, chosen, letter)
                self.radius = RadiusView()
        self._offer_paths(self.tester.event)
        self.actions.show_state()
        await self._show_preview(None)
        self._radius.ask(None)

    async def _lay_out_tester(self, samples: Sequence[SampleEvent], chosen: int, letter: str) -> None:
        with ui.element("div").classes("console-spread"):
            with ui.element("h2").classes("mapping-h2"):
                ui.label("Tester")
            again = ui.button("Test", icon="play_arrow", on_click=self._test)
            again.props("flat dense data-shortcut=test").classes("tester-again")
            with again:
                ui.tooltip("Tries the event again; nothing is sent (Ctrl+Enter)")
        self.mending = await Mending.of(self.desk, letter, self.bench)
        self.tester = Tester(samples, chosen, self._set_event)
        self.actions.lay_out_trying()
        for note in self.bench.notes:
            ui.label(str(note)).classes("console-muted console-small")

    def _test(self) -> None:
        self._preview.ask(None)
        self.tester.reveal()

    def _about(self) -> str:
        spec = self.destination.spec
        action = spec.actions.get(self.raw.get("partnerAction", ""))
        title = self.raw.get("partnerAction") if action is None else action.title
        disabled = "" if self.is_enabled else " · this instance is disabled: nothing is sent to it"
        return f"{spec.name} · {title}{disabled}"

    def _lay_out_head(self) -> None:
        actions = {
            key: action.title for key, action in self.destination.spec.actions.items() if not action.hidden
        }
        present = self.raw.get("partnerAction", "")
        actions.setdefault(present, present)
        with ui.element("section").classes("console-panel").props("aria-label=Subscription"):
            with ui.element("div").classes("mapping-headline"):
                ui.input(
                    "Name",
                    value=self.raw.get("name") or "",
                    on_change=lambda event: self._set_name(event.value),
                ).props("outlined dense").classes("mapping-name")
                ui.select(
                    actions,
                    label="Action",
                    value=present,
                    on_change=lambda event: self._set_action(event.value),
                ).props("outlined dense options-dense").classes("mapping-action")
                ui.switch(
                    "Enabled",
                    value=self.raw.get("enabled") is not False,
                    on_change=lambda event: self._set_enabled(enabled=bool(event.value)),
                )
            action = self.destination.spec.actions.get(present)
            self._description = ui.label("" if action is None else action.description or "")
            self._description.classes("console-muted console-small")
            self._action_fault = ui.label().classes("console-fault")

    def _show_fields(self) -> None:
        self._panel.clear()
        with self._panel:
            action = self.raw.get("partnerAction", "")
            mapping = effective_mapping(self.destination, action, self.raw.get("mapping"))
            if self.raw.get("mapping") is None:
                ui.label("It takes the defaults of the action; an edit makes them its own.").classes(
                    "console-note info"
                )
            self.fields = MappingFields(
                self.destination, action, mapping, self._set_mapping, self._ask_choices
            )

    async def _ask_choices(self, field: str) -> Sequence[JsonObject]:
        """Ask the destination for the choices of a field, with what the sample gives the other fields."""
        payload = self.tester.payload or {}
        return await list_choices(self.desk, self.instance, self.raw.get("partnerAction", ""), field, payload)

    def _offer_events(self) -> None:
        names = dict.fromkeys(event["event"] for event in self.events if isinstance(event.get("event"), str))
        with ui.element("datalist") as offered:
            offered.props["id"] = _EVENT_NAMES
            for name in list(names)[:100]:
                ui.element("option").props["value"] = name
        with ui.element("datalist") as self._paths:
            self._paths.props["id"] = PATHS

    def _offer_paths(self, event: Json) -> None:
        """Offer the paths into the sample event to all editors of paths."""
        self._paths.clear()
        with self._paths:
            for item in paths_of(event):
                option = ui.element("option")
                option.props["value"] = item.path
                option.props["label"] = item.value

    # -- changes -------------------------------------------------------------------------------------

    def _set_name(self, name: str | None) -> None:
        self._set("name", name or None)

    def _set_enabled(self, *, enabled: bool) -> None:
        self._set("enabled", None if enabled else False)

    def _set_action(self, action: str) -> None:
        self.raw["partnerAction"] = action
        spec = self.destination.spec.actions.get(action)
        self._description.set_text("" if spec is None else spec.description or "")
        if spec is not None:
            # What both actions call the same is kept; a new action starts with its own defaults.
            kept = self.raw.get("mapping") or {}
            kept = {key: value for key, value in kept.items() if key in spec.fields}
            self.raw["mapping"] = {**spec.default_mapping, **kept}
        self._show_fields()
        self._changed()

    def _set_trigger(self, text: str | None, fault: str) -> None:
        self._finish("the trigger", is_finished=not fault, fault=fault)
        if text is not None:
            self.raw["subscribe"] = text
        self._changed()

    def _set_mapping(self, mapping: Json, is_finished: bool) -> None:  # noqa: FBT001 - a callback of two
        self._finish("a field of the mapping", is_finished=is_finished)
        self.raw["mapping"] = mapping
        self._changed()

    def _set_event(self, event: Json) -> None:
        self._finish("the sample event", is_finished=event is not None)
        if event is not None:
            self._offer_paths(event)
            self._preview.ask(None)
        self.actions.show_state()

    def _set(self, key: str, value: Any) -> None:
        """Set one key; what is as by default is left out, unless it was written so."""
        if value is None and self.saved.get(key) is None:
            self.raw.pop(key, None)
            if key in self.saved:
                self.raw[key] = None
        elif value is None and key == "enabled":
            self.raw.pop(key, None)
            if self.saved.get(key) is True:
                self.raw[key] = True
        elif value is None:
            self.raw.pop(key, None)
        else:
            self.raw[key] = value
        self._changed()

    def _finish(self, part: str, *, is_finished: bool, fault: str = "") -> None:
        if is_finished:
            self._unfinished.pop(part, None)
        else:
            self._unfinished[part] = fault

    def _changed(self) -> None:
        self.actions.show_state()
        self._preview.ask(None)
        self._radius.ask(None)

    def accept(self) -> None:
        """Take what was just saved as what is saved."""
        self.saved = copy.deepcopy(self.raw)
        self.actions.show_state()
        self._radius.ask(None)

    # -- what follows a change -----------------------------------------------------------------------

    async def _show_preview(self, _: None) -> None:
        if self._gone:
            return
        preview = await self.bench.preview(self.raw, self.tester.event)
        if not self._gone:
            self._show(preview)

    def _show(self, preview: Preview) -> None:
        self.tester.show(preview)
        self.fields.show(preview)
        self.trigger.show_faults([problem.message for problem in preview.of_part("subscribe")])
        self._action_fault.set_text(" ".join(problem.message for problem in preview.of_part("partnerAction")))

    async def _show_radius(self, _: None) -> None:
        await asyncio.sleep(_PAUSE)
        if self.mending is not None and not self._gone:
            await self.mending.show(self.raw, is_saved=not self.is_changed)
        if self._gone:
            return
        edited, _problems = self.bench.compile(subscription_of(self.raw))
        saved, _problems = self.bench.compile(subscription_of(self.saved))
        if edited is None or not self.is_changed:
            self.radius.show_none(len(self.events), is_changed=self.is_changed)
            return
        found = await blast_radius(saved, edited, self.events)
        if not self._gone:
            self.radius.show(found)

    def _leave(self) -> None:
        self._gone = True
