"""The mappings of an instance: its subscriptions, to look over, add, order, switch and remove."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.draft import NoSuchPartError
from actions_core.apps.console.listing import (
    Line,
    about_choice,
    choices_of,
    copy_of,
    count_matches,
    lines_of,
    moved,
    new_subscription,
    room_for,
    switched,
)
from actions_core.apps.console.pages.not_found import show_missing
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.preview import Workbench, events_of
from actions_core.apps.console.seen import MOST
from actions_core.apps.console.widgets.dialog import opened_dialog
from actions_core.apps.console.widgets.mapping_actions import show_error
from actions_core.engine.workspace import MOST_SUBSCRIPTIONS
from actions_core.errors import ActionsError, WorkspaceError
from actions_core.values.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.apps.console.desk import Desk
    from actions_core.apps.console.draft import Draft
    from actions_core.values.types import JsonObject

_PRESETS: Final = (
    "This instance takes the presets of its destination, and follows them when they change. "
    "The first change makes these mappings its own."
)


def register(desk: Desk) -> None:
    """Register the page."""

    @page("/i/{instance}")
    async def show(instance: str) -> None:
        instance = addresses.text_of(instance)
        page: MappingsPage | None = None
        fault: ActionsError | None = None
        try:
            page = MappingsPage(desk, instance)
        except NoSuchPartError as error:
            show_missing(desk, str(error))
            return
        except ActionsError as error:
            fault = error
        with frame(desk, title=instance, command=desk.command("check", "WORKSPACE")):
            if page is not None:
                await page.lay_out()
            elif fault is not None:
                show_error(fault)


class MappingsPage:
    """The subscriptions of an instance. Raises `ActionsError` where there is no such instance."""

    def __init__(self, desk: Desk, instance: str) -> None:
        if desk.draft is None:
            raise ActionsError("This workspace is no file: it is edited where the program makes it.")
        desk.draft.reload()
        self.desk = desk
        self.draft: Draft = desk.draft
        self.instance = instance
        spec = self.draft.spec(instance)
        if spec is None:
            raise NoSuchPartError(f"The workspace has no instance {instance!r}.")
        destination = self.draft.destinations.get(spec.destination)
        if destination is None:
            message = f"There is no destination {spec.destination!r}: install it, or name its definition."
            raise ActionsError(message)
        self.spec, self.destination = spec, destination
        self.bench = Workbench(spec, destination)
        self.listed: list[JsonObject] = self.draft.subscriptions(instance)
        self._counts: list[ui.label] = []

    async def lay_out(self) -> None:
        """Make the page."""
        self.events = events_of(await self.desk.feed.events(MOST))
        with ui.element("div").classes("console-spread mappings-head"):
            with ui.element("div").classes("console-row"):
                ui.link(self.destination.spec.name, addresses.destination(self.destination.slug))
                if not self.spec.enabled:
                    ui.label("instance disabled").classes("console-chip warn")
            with ui.element("div").classes("console-row"):
                settings = ui.button("Settings", icon="tune").props("flat")
                settings.on_click(lambda: ui.navigate.to(addresses.settings(self.instance)))
                self._add = ui.button("Add mapping", icon="add", on_click=self._ask_what).props("unelevated")
        self._said = ui.element("div")
        self._area = ui.element("div")
        await self._show()

    async def _show(self) -> None:
        lines = await lines_of(self.bench, self.listed)
        self._area.clear()
        self._counts = []
        room = room_for(self.listed)
        self._add.set_enabled(room > 0)
        with self._area:
            if self.spec.subscriptions == "presets":
                ui.label(_PRESETS).classes("console-note info")
            if not room:
                ui.label(
                    f"An instance has at most {MOST_SUBSCRIPTIONS} mappings: remove one to add another."
                ).classes("console-note warn")
            ui.label(self._about(room)).classes("console-muted console-small mappings-about")
            if not self.listed:
                ui.label("No mapping yet: nothing is sent to this instance.").classes("console-empty")
            with ui.element("ul").classes("mappings-list"):
                for number, line in enumerate(lines):
                    self._show_line(number, line)
        for label, count in zip(
            self._counts, await count_matches(self.bench, self.listed, self.events), strict=True
        ):
            if count is not None and self.events:
                label.set_text(f"{count} of the last {len(self.events)} events")

    def _about(self, room: int) -> str:
        return f"{counted(len(self.listed), 'mapping')}, room for {room} more"

    def _show_line(self, number: int, line: Line) -> None:
        with ui.element("li").classes("mappings-item"):
            with ui.element("div"):
                with ui.element("div").classes("console-row"):
                    link = ui.link(target=addresses.mapping(self.instance, number)).classes("mappings-name")
                    link.props("data-row")
                    with link:
                        ui.label(line.name)
                    ui.label(line.action).classes("console-chip")
                    if not line.is_enabled:
                        ui.label("disabled").classes("console-chip warn")
                    if line.faults:
                        ui.label("faulty").classes("console-chip bad")
                    count = ui.label().classes("console-muted console-small").props("data-name=matches")
                    self._counts.append(count)
                ui.label(line.trigger).classes("mappings-trigger")
                for fault in line.faults:
                    ui.label(fault).classes("console-fault")
            with ui.element("div").classes("mappings-buttons"):
                self._show_buttons(number, line)

    def _show_buttons(self, number: int, line: Line) -> None:
        enabled = ui.switch(value=line.is_enabled)
        enabled.props["aria-label"] = f"{line.name}: enabled"
        enabled.on_value_change(
            lambda event: self._save(switched(self.listed, number, enabled=bool(event.value)))
        )
        buttons: tuple[tuple[str, str, Callable[[], object], bool], ...] = (
            ("arrow_upward", "move up", partial(self._move, number, -1), number > 0),
            ("arrow_downward", "move down", partial(self._move, number, 1), number < len(self.listed) - 1),
            ("content_copy", "duplicate", partial(self._copy, number), bool(room_for(self.listed))),
            ("delete", "remove", partial(self._ask_removal, number, line), True),
        )
        for icon, what, action, can in buttons:
            button = ui.button(icon=icon, on_click=action).props("flat dense round size=sm")
            button.props["aria-label"] = f"{line.name}: {what}"
            button.set_enabled(can)

    # -- changes -------------------------------------------------------------------------------------

    async def _move(self, number: int, step: int) -> None:
        await self._save(moved(self.listed, number, step))

    async def _copy(self, number: int) -> None:
        await self._save(copy_of(self.listed, number))

    async def _save(self, listed: list[JsonObject]) -> bool:
        """Save another list of subscriptions; return whether that went well."""
        self._said.clear()
        with self._said:
            try:
                if self.draft.subscriptions(self.instance) != self.listed:
                    raise WorkspaceError("The mappings have changed since this page was opened: reload it.")
                left = await self.draft.save(self.draft.with_subscriptions(self.instance, listed))
            except ActionsError as error:
                show_error(error)
                await self._show()
                return False
            if left:
                with ui.element("div").classes("console-note warn").props("role=status"):
                    ui.label("Saved, but what delivers here goes on as before:")
                    for problem in left:
                        ui.label(str(problem)).classes("console-small")
        self.listed = self.draft.subscriptions(self.instance)
        self.spec = self.draft.spec(self.instance) or self.spec
        await self._show()
        return True

    def _ask_removal(self, number: int, line: Line) -> None:
        with opened_dialog(f"Remove {line.name}?") as dialog:
            ui.label("Events are no longer sent by this mapping. Disabling it keeps it for later.")

            async def remove() -> None:
                dialog.close()
                await self._save([raw for place, raw in enumerate(self.listed) if place != number])

            with ui.element("div").classes("console-row"):
                ui.button("Remove", on_click=remove, color="negative").props("unelevated data-name=remove")
                ui.button("Cancel", on_click=dialog.close).props("flat autofocus")

    async def _add_mapping(self, choice: str) -> None:
        """Add what was chosen, and open it."""
        try:
            made = new_subscription(self.destination, choice, self.listed)
        except ActionsError as error:
            with self._said:
                show_error(error)
            return
        if await self._save([*self.listed, made]):
            ui.navigate.to(addresses.mapping(self.instance, len(self.listed) - 1))

    def _ask_what(self) -> None:
        options = choices_of(self.destination)
        with opened_dialog("Add a mapping") as dialog:
            chosen = ui.select(options, label="What it does", value=next(iter(options), None))
            chosen.props("outlined options-dense data-name=choice")
            about = ui.label().classes("console-small")

            def describe() -> None:
                about.set_text(about_choice(self.destination, str(chosen.value)) if chosen.value else "")

            chosen.on_value_change(describe)
            describe()
            ui.label("It is added disabled: nothing is sent until you enable it.").classes("console-muted")

            async def add() -> None:
                dialog.close()
                await self._add_mapping(str(chosen.value))

            with ui.element("div").classes("console-row"):
                ui.button("Add", on_click=add).props("unelevated data-name=add")
                ui.button("Cancel", on_click=dialog.close).props("flat")
