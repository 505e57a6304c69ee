"""Every page in a real browser: it loads without a fault, for everyone, at every width, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

#: Every page: its address, beside the workspace of these tests.
PAGES = [
    "/",
    "/d/actions-fullstory-cloud",
    "/i/fs",
    "/i/fs/settings",
    "/i/fs/s/0",
    "/deliveries",
    "/letters",
    "/event",
    "/paste",
    "/no/such/page",
]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_everyone_can_use_every_page(
    start_console: Callable[..., Any],
    write_workspace: Callable[..., Path],
    fullstory: dict[str, Any],
    open_page: Callable[..., Page],
    watched: Any,
    width: int,
    scheme: str,
) -> None:
    """axe-core finds nothing serious in any page, and none is wider than its window."""
    from axe_playwright_python.sync_playwright import Axe

    watched.expected.append("404 (Not Found)")
    console = start_console(write_workspace(fullstory))
    page = open_page(console.entrance, width=width, scheme=scheme)
    found = {}
    for address in PAGES:
        page.goto(console.url + address)
        page.locator("h1").wait_for()
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        results = Axe().run(page).response["violations"]
        told = [
            f"{each['id']}: {node['html'][:200]}"
            for each in results
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        found[address] = [*told, *(["it is wider than its window"] if wide else [])]
    assert {address: told for address, told in found.items() if told} == {}
