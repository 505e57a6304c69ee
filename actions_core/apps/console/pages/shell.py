"""What all pages have around them: navigation, a heading, and the command line that shows the same."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from nicegui import ui

from actions_core.apps.console import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.apps.console.desk import Desk

#: Register a page. On a busy machine, or with a large outbox, one takes longer than the 3 seconds after which
#: the framework would give up.
page: Final = partial(ui.page, response_timeout=60.0)

_PLACES = (
    ("Destinations", addresses.CATALOGUE, "hub"),
    ("Deliveries", addresses.DELIVERIES, "insights"),
    ("Dead letters", addresses.LETTERS, "inbox"),
    ("Why not?", addresses.EVENT, "help_center"),
    ("Paste from Segment", addresses.PASTE, "content_paste"),
)


@contextmanager
def frame(
    desk: Desk, *, title: str, command: str = "", crumbs: tuple[tuple[str, str], ...] = (), wide: bool = False
) -> Iterator[None]:
    """Lay out a page around what the block makes.

    `title` is its heading, `crumbs` are names and addresses of the pages above it, `command` is the command
    line that shows the same. A `wide` page takes the whole width.
    """
    ui.page_title(f"{title} · {desk.title}")
    layout = ui.context.client.layout
    # Beside what the framework makes the page's main part.
    with layout:
        navigation = _navigate(desk)
        with ui.element("header").classes("console-header") as header:
            _locate(desk, title, crumbs)
    navigation.move(layout, 0)
    header.move(layout, 1)
    with ui.element("div").classes("console-main console-wide" if wide else "console-main") as main:
        with ui.element("h1").classes("console-title"):
            ui.label(title)
        yield
        if command:
            _show_twin(command)
    ui.skip_link("Skip to the page", target=main)


def _locate(desk: Desk, title: str, crumbs: tuple[tuple[str, str], ...]) -> None:
    menu = ui.button(icon="menu").props("flat dense round data-menu").classes("console-menu")
    menu.props('aria-label="Pages" aria-expanded="false" aria-controls="console-nav"')
    with ui.element("nav").props('aria-label="Where you are"').classes("console-crumbs"):
        for name, address in ((desk.title, addresses.CATALOGUE), *crumbs):
            ui.link(name, address)
            ui.label("/").props('aria-hidden="true"')
        ui.label(title).props('aria-current="page"')


def _show_twin(command: str) -> None:
    with ui.element("footer").classes("console-twin"):
        ui.label("The same on the command line:")
        with ui.element("code"):
            ui.label(command)


def _navigate(desk: Desk) -> ui.element:
    with ui.element("nav").props('id="console-nav" aria-label="Pages"').classes("console-nav") as navigation:
        with ui.link(target=addresses.CATALOGUE).classes("console-brand"):
            ui.label("Actions")
            ui.label(desk.title).classes("console-faint")
        for name, address, icon in _PLACES:
            _entry(name, address, icon)
        desk.look_at_file()
        if names := desk.instance_ids:
            ui.label("Instances").classes("console-nav-title")
            for name in names:
                _entry(name, addresses.instance(name), "output")
    return navigation


def _entry(name: str, address: str, icon: str) -> None:
    here = ui.context.client.request.url.path
    with ui.link(target=address).classes("console-entry") as link:
        ui.icon(icon).props('aria-hidden="true"')
        ui.label(name)
    path = ui.context.client.request.scope.get("raw_path", b"").decode("latin-1") or here
    if path == address or (address != "/" and path.startswith(address + "/")):
        link.props('aria-current="page"')
