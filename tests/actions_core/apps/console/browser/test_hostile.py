"""Hostile text in every name, description, field and event: each page shows it, and none runs it."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from playwright.sync_api import expect

from actions_core import Engine, Outbox, Workspace
from actions_core.apps.console import addresses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from playwright.sync_api import Page

#: Each would set `window.hacked`, or break out of where it stands.
ATTACKS = (
    "<img src=x onerror=\"window.hacked='img'\">",
    "</script><script>window.hacked='script'</script>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "${window.hacked=2}`+(window.hacked=3)+`",
    "\" onfocus=window.hacked=4 autofocus x=\"' onmouseover=window.hacked=5 '",
    "javascript:window.hacked=6",
    "</textarea></style></title><svg onload=window.hacked=7>",
    ":innerHTML=window.hacked=8 v-html=window.hacked aria-label=x",
)
ALL = " ".join(ATTACKS)
ID = f"../a/b?c#d%2F{ATTACKS[0]}"
FIELD = {"label": ALL, "description": ALL, "type": "string", "placeholder": ALL}
DEFINITION = {
    "slug": "hostile",
    "name": ALL,
    "mode": "cloud",
    "description": ALL,
    "authentication": {
        "scheme": "custom",
        "fields": {
            "key": {**FIELD, "type": "password", "required": True},
            "text": {**FIELD, "default": ALL},
            "choice": {**FIELD, "choices": [{"value": ALL, "label": ALL}, {"value": "b", "label": "b"}]},
            "switch": {**FIELD, "type": "boolean"},
            ALL: FIELD,
        },
    },
    "presets": [{"name": ALL, "type": "automatic", "partnerAction": "act", "subscribe": 'type = "track"'}],
    "actions": {
        "act": {
            "title": ALL,
            "description": ALL,
            "statusHints": {"400": ALL},
            "fields": {"field": {**FIELD, "default": ALL}, ALL: FIELD, "object": {**FIELD, "type": "object"}},
            "request": {"method": "POST", "url": "https://example.com/", "json": {"@path": "$.payload"}},
        }
    },
}
EVENT = {
    "type": "track",
    "event": ALL,
    "userId": ATTACKS[0],
    "messageId": ALL,
    "properties": {ALL: ALL, ":innerHTML": "window.hacked=9", "__proto__x": {":get": "window.hacked=10"}},
}


def workspace(folder: Path, url: str) -> Path:
    """Write a workspace in which everything that people name is hostile."""
    (folder / "hostile.json").write_text(json.dumps(DEFINITION), "utf-8")
    mapping = {
        "name": {"@path": "$.event"},
        "userId": {"@path": "$.userId"},
        "properties": {"@path": "$.properties"},
    }
    trigger = f'type = "track" and event != {json.dumps(ATTACKS[2])}'
    subscriptions = [
        {"name": ALL, "partnerAction": "trackEventV2", "subscribe": trigger, "mapping": mapping},
        {"name": f"2 {ALL}", "partnerAction": "trackEventV2", "subscribe": trigger, "mapping": {"name": ""}},
    ]
    settings = {"apiKey": "na1.standard", "baseUrl": url, "integrationSource": ALL}
    act = {
        "name": ALL,
        "partnerAction": "act",
        "subscribe": 'type = "page"',
        "mapping": {"field": {"@template": ALL}, "object": {ALL: ALL}},
    }
    data = {
        "name": ALL,
        "outbox": "events.db",
        "definitions": ["hostile.json"],
        "destinations": [
            {"id": ID, "destination": "fullstory", "settings": settings, "subscriptions": subscriptions},
            {
                "id": ALL,
                "destination": "hostile",
                "settings": {"key": {"$env": "HOSTILE"}, "choice": ALL, ALL: ALL},
                "subscriptions": [act],
            },
        ],
    }
    file = folder / "workspace.json"
    file.write_text(json.dumps(data), "utf-8")
    return file


async def store(file: Path) -> None:
    """Have the hostile event delivered, once well and once not."""
    async with Outbox(Engine(Workspace.from_file(file))) as outbox:
        await outbox.enqueue(EVENT)
        await outbox.drain(30)


def unfold(page: Page) -> None:
    """Open everything on a page that can be unfolded, and the first of its lists of choices."""
    closed = page.locator(".q-expansion-item [aria-expanded=false]:visible, details:not([open]) > summary")
    for _ in range(closed.count()):
        closed.first.click()
    choices = page.locator(".q-select:visible")
    if choices.count():
        choices.last.click()
        page.keyboard.press("Escape")
    page.locator("h1").hover()


def test_nothing_hostile_runs(
    start_console: Callable[..., Any],
    open_page: Callable[..., Page],
    tmp_path: Path,
    stand_in: FullStorySandbox,
    watched: Any,
    monkeypatch: Any,
) -> None:
    """Every page shows hostile text as it is, and runs none of it, neither at once nor when it is used."""
    monkeypatch.setenv("HOSTILE", ALL)
    watched.expected.append("404 (Not Found)")
    file = workspace(tmp_path, stand_in.url)
    with ThreadPoolExecutor(1) as thread:  # Playwright has an event loop in this one
        thread.submit(asyncio.run, store(file)).result()
    console = start_console(file)
    page = open_page(console, "/")
    event = addresses.event(ALL)
    shown = {
        "/": ALL,
        f"/?q={quote(ALL)}": "No destination has these words.",
        "/d/hostile": ATTACKS[0],
        "/d/hostile/new": ATTACKS[0],
        addresses.destination(ALL): "No destination has this name",
        addresses.instance(ID): ATTACKS[0],
        addresses.settings(ALL): ATTACKS[0],
        addresses.instance(ALL): ATTACKS[0],
        addresses.mapping(ID, 0, event=ALL): ATTACKS[0],
        addresses.mapping(ID, 1, letter=1): ATTACKS[0],
        addresses.mapping(ALL, 0): ATTACKS[0],
        "/deliveries": ATTACKS[0],
        addresses.deliveries(instance=ALL, subscription=ALL, reason=ALL, q=ALL): ATTACKS[0],
        "/letters": ATTACKS[0],
        event: ATTACKS[0],
        "/event": "Why",
        "/paste": "Segment",
    }
    for address, text in shown.items():
        page.goto(console.url + address)
        page.locator("h1").wait_for()
        expect(page.locator("body")).to_contain_text(text)
        unfold(page)
        assert page.evaluate("window.hacked") is None, address
        assert page.locator("img[src=x], svg[onload], [onfocus], [onmouseover]").count() == 0, address
    assert watched.errors == []
