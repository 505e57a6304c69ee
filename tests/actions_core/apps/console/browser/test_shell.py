"""Every page in a real browser: for everyone, wide and narrow, light and dark; and what one does first."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from actions_core.destination.registry import ENTRY_POINTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from playwright.sync_api import Page

#: Every page: its address, beside the workspace of these tests.
PAGES = [
    "/",
    "/d/actions-fullstory-cloud",
    "/d/actions-fullstory-cloud/new",
    "/i/fs",
    "/i/fs/settings",
    "/i/fs/s/0",
    "/deliveries",
    "/letters",
    "/event",
    "/paste",
    "/no/such/page",
]


def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds that keeps people out, by all of its rules or by some."""
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in Axe().run(page, options=options).response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("address", PAGES)
def test_everyone_can_use_every_page(
    shared_console: Any, open_page: Callable[..., Page], watched: Any, address: str
) -> None:
    """axe-core finds nothing serious in a page, light or dark; none is wider than its window."""
    watched.expected.append("404 (Not Found)")
    page = open_page(shared_console, address)
    page.locator("h1").wait_for()
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    page.locator("body.body--dark").wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    found += violations(page, "color-contrast", "target-size")
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        found.append("it is wider than its window")
    assert found == []


def test_the_keyboard(shared_console: Any, open_page: Callable[..., Page]) -> None:
    """`/` goes to the search, `j` and `k` move through what it finds, and Tab first skips to the page."""
    page = open_page(shared_console, "/")
    page.locator("h1").wait_for()
    page.keyboard.press("Tab")
    expect(page.locator(".nicegui-skip-link")).to_be_focused()
    page.keyboard.press("/")
    search = page.get_by_role("textbox", name="Search")
    expect(search).to_be_focused()
    page.keyboard.type("json")
    expect(page.locator("a.console-card:visible")).to_have_count(1)
    expect(page).to_have_url(f"{shared_console.url}/?q=json")
    page.reload()
    expect(page.locator("a.console-card:visible")).to_have_count(1)
    search.fill("")
    expect(page.locator("a.console-card:visible")).to_have_count(len(entry_points(group=ENTRY_POINTS)))
    search.blur()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("a.console-card").first
    expect(first).to_be_focused()
    address = first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shared_console.url}{address}")
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_adding_a_destination(
    start_console: Callable[..., Any],
    write_workspace: Callable[..., Path],
    open_page: Callable[..., Page],
    stand_in: FullStorySandbox,
    width: int,
) -> None:
    """From an empty workspace, FullStory is found, added, tested and saved; a wrong key says what to do."""
    file = write_workspace()
    console = start_console(file, env={"OUR_KEY": stand_in.api_key})
    page = open_page(console, width=width)
    expect(page.get_by_text("Nothing yet.")).to_be_visible()
    page.get_by_role("link", name="Fullstory Cloud Mode").click()
    page.get_by_role("link", name="Add to this workspace").click()
    page.get_by_role("textbox", name="API Key").fill("na1.quite-wrong")
    page.get_by_role("textbox", name="Base URL").fill(stand_in.url)
    page.get_by_role("button", name="Test authentication").click()
    expect(page.get_by_text("compare the setting apiKey")).to_be_visible()
    page.get_by_role("combobox", name="Where API Key comes from").click()
    page.get_by_role("option", name="From the environment").click()
    page.get_by_placeholder("Name of the variable").fill("OUR_KEY")  # which is there once it is chosen
    page.get_by_role("button", name="Test authentication").click()
    expect(page.get_by_text("The destination accepts these settings.")).to_be_visible()
    expect(page.get_by_text("limit 1,000,000")).to_be_visible()
    page.keyboard.press("Control+s")
    page.wait_for_url(f"{console.url}/i/fullstory")
    assert json.loads(file.read_text("utf-8"))["destinations"] == [
        {
            "id": "fullstory",
            "destination": "actions-fullstory-cloud",
            "settings": {"apiKey": {"$env": "OUR_KEY"}, "baseUrl": stand_in.url},
        }
    ]
    if width < 1024:
        expect(page.get_by_role("link", name="Deliveries")).to_be_hidden()
        page.get_by_role("button", name="Pages").click()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Deliveries").click()
    expect(page.locator("h1")).to_have_text("Deliveries")
