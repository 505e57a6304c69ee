"""The workspace's instances, every destination that there is, and the reference page of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from actions_core.apps.console import addresses
from actions_core.apps.console.catalogue import list_entries, words_of
from actions_core.apps.console.markup import read_blocks
from actions_core.apps.console.pages.not_found import show_missing
from actions_core.apps.console.pages.shell import frame, page
from actions_core.apps.console.widgets.notes import show_problems
from actions_core.apps.console.widgets.prose import show_blocks
from actions_core.authoring.docs_page import destination_page
from actions_core.authoring.port.differences import differences_of
from actions_core.errors import DefinitionError, child_path

if TYPE_CHECKING:
    from actions_core.apps.console.catalogue import Entry
    from actions_core.apps.console.desk import Desk
    from actions_core.destination import Destination
    from actions_core.engine.workspace import InstanceSpec


def register(desk: Desk) -> None:
    """Register the first page, and that of a destination."""

    @page("/")
    def show(q: str = "") -> None:
        with frame(desk, title="Destinations", command=desk.command("list")):
            ui.label("Where this workspace sends events, and where it could.").classes("console-lead")
            if fault := desk.look_at_file():
                ui.label(fault).classes("console-note bad").props("role=alert")
            elif desk.problems:
                _show_faults(desk)
            _show_instances(desk)
            _show_catalogue(desk, q)

    @page("/d/{slug}")
    def show_destination(slug: str) -> None:
        destination = find_destination(desk, addresses.text_of(slug))
        if destination is None:
            show_missing(desk, why_missing(desk, addresses.text_of(slug)))
            return
        spec = destination.spec
        with frame(desk, title=spec.name, command=desk.command("docs", spec.slug)):
            with ui.element("div").classes("console-row console-actions"):
                ui.label(spec.slug).classes("console-chip")
                if desk.draft is not None:
                    _link_button("Add to this workspace", addresses.new_instance(spec.slug), "add")
            with ui.element("article").classes("console-prose"):
                blocks = read_blocks(destination_page(spec, differences_of(spec.slug)))
                next(blocks)  # the destination's name, which is the page's heading
                show_blocks(blocks)


def find_destination(desk: Desk, name: str) -> Destination | None:
    """Return the destination of this name, installed or in a file that the workspace names."""
    try:
        return desk.registry.get(name)
    except DefinitionError:
        return None if desk.draft is None else desk.draft.destinations.get(name)


def why_missing(desk: Desk, name: str) -> str:
    """Say why there is no destination of this name: none is installed, or the one that is cannot be used."""
    path = child_path("$", name)
    said = [problem.message for problem in desk.registry.problems if problem.path == path]
    return said[0] if said else "No destination has this name. It may not be installed here."


def _link_button(text: str, address: str, icon: str) -> None:
    button = ui.button(text, icon=icon).props("unelevated tag=a")
    button.props["href"] = address


def _show_faults(desk: Desk) -> None:
    with ui.element("section").classes("console-note bad").props('aria-label="Errors of the workspace"'):
        ui.label("This workspace has errors, and nothing can be sent until they are mended.").classes(
            "console-h3"
        )
        show_problems(desk.problems)


def _show_instances(desk: Desk) -> None:
    specs = () if desk.draft is None else desk.draft.workspace().destinations
    if desk.draft is None and desk.saved is not None:
        specs = desk.saved.destinations
    ui.label("In this workspace").classes("console-h2").props("role=heading aria-level=2")
    if not specs:
        with ui.element("div").classes("console-empty"):
            ui.label("Nothing yet. Choose a destination below, and add it.")
        return
    with ui.element("div").classes("console-cards"):
        for spec in specs:
            _show_instance(desk, spec)


def _show_instance(desk: Desk, spec: InstanceSpec) -> None:
    destination = find_destination(desk, spec.destination)
    count = len(spec.subscriptions)
    with ui.element("section").classes("console-card") as card:
        card.props["aria-label"] = spec.id
        with ui.element("div").classes("console-spread"):
            ui.link(spec.id, addresses.instance(spec.id)).classes("console-h3")
            if spec.enabled:
                ui.label("On").classes("console-chip good")
            else:
                ui.label("Off").classes("console-chip")
        ui.label(spec.destination if destination is None else destination.spec.name).classes("console-muted")
        ui.label(
            "The destination's presets"
            if spec.subscriptions == "presets"
            else f"{count} mapping{'' if count == 1 else 's'}"
        ).classes("console-muted console-small")
        with ui.element("div").classes("console-row console-card-links"):
            ui.link("Mappings", addresses.instance(spec.id))
            ui.link("Settings", addresses.settings(spec.id))
            ui.link("Deliveries", addresses.deliveries(instance=spec.id))


def _show_catalogue(desk: Desk, query: str) -> None:
    entries = list_entries(desk.registry)
    ui.label("All destinations").classes("console-h2").props("role=heading aria-level=2")
    search = ui.input(placeholder="Search names, actions, descriptions", value=query)
    search.props("outlined dense clearable data-shortcut=search aria-label=Search").classes("console-search")
    with ui.element("div").classes("console-cards"):
        cards = [(entry, _show_entry(entry)) for entry in entries]
    nothing = ui.label("No destination has these words.").classes("console-empty")
    problems = desk.registry.problems
    if problems:
        with ui.element("section").classes("console-note warn console-gap"):
            ui.label("These installed destinations cannot be used.").classes("console-h3")
            show_problems(problems)

    def find() -> None:
        words = words_of(search.value or "")
        found = [card.set_visibility(entry.has(words)) or entry.has(words) for entry, card in cards]
        nothing.set_visibility(not any(found))

    def type_word() -> None:
        find()
        ui.navigate.history.replace(addresses.with_query(addresses.CATALOGUE, q=search.value))

    find()
    search.on_value_change(type_word)


def _show_entry(entry: Entry) -> ui.link:
    with ui.link(target=addresses.destination(entry.slug)).classes("console-card").props("data-row") as card:
        ui.label(entry.name).classes("console-h3")
        ui.label(entry.description or entry.slug).classes("console-muted console-clamp")
        with ui.element("div").classes("console-row"):
            ui.label(f"{entry.actions} action{'' if entry.actions == 1 else 's'}").classes("console-chip")
    return card
