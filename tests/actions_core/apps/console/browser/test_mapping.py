"""Mappings in a real browser: edited, tried, saved, kept as tests, added and pasted, as people do it."""

from __future__ import annotations

import json
import re
import shutil
import signal
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.forks import ACTIONS, FORKS, NEEDED, PIPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Locator, Page

SOLD = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "messageId": "m-1",
    "timestamp": "2026-01-02T03:04:05.000Z",
    "properties": {"total": 19.99},
}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[dict[str, str]]:
    """Run the stand-in for FullStory's API in a process of its own; return its address and its keys."""
    process = FORKS.start(
        ACTIONS, "sandbox", "fullstory", "--port", "0", "--json", stdout=PIPE, imported=NEEDED["sandbox"]
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    process.stdout.close()


@pytest.fixture(scope="module")
def console(
    start_lasting_console: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    stand_in: dict[str, str],
) -> tuple[Any, Path]:
    """Start the console of this module; return it, and the file of its workspace."""
    file = tmp_path_factory.mktemp("console") / "workspace.json"
    file.write_text('{"destinations": []}')
    return start_lasting_console(file, env={"FULLSTORY_API_KEY": stand_in["api_key"]}), file


@pytest.fixture
def file(console: tuple[Any, Path], fullstory: dict[str, Any], stand_in: dict[str, str]) -> Path:
    """Write the workspace anew, with one mapping and the stand-in for FullStory."""
    fullstory["settings"] = {"apiKey": {"$env": "FULLSTORY_API_KEY"}, "baseUrl": stand_in["url"]}
    _, file = console
    file.write_text(json.dumps({"destinations": [fullstory]}, indent=2) + "\n")
    shutil.rmtree(file.parent / "tests", ignore_errors=True)
    return file


@pytest.fixture
def open_console(
    console: tuple[Any, Path], open_page: Callable[..., Page], file: Path
) -> Callable[..., Page]:
    """Return a function that opens an address of the console."""

    def open_at(address: str, **options: Any) -> Page:
        running, _ = console
        page = open_page(running, address, **options)
        page.locator("h1").wait_for()
        return page

    return open_at


def saved(file: Path) -> list[dict[str, Any]]:
    """Return the subscriptions in the workspace."""
    found: list[dict[str, Any]] = json.loads(file.read_text())["destinations"][0]["subscriptions"]
    return found


def choose(page: Page, select: Locator, option: str) -> None:
    """Choose an option of a list."""
    select.click()
    page.get_by_role("option", name=option, exact=True).click()


def give_event(page: Page, event: dict[str, Any]) -> None:
    """Paste an event into the tester."""
    page.get_by_text("The event", exact=True).click()
    page.get_by_label("Sample event as JSON").fill(json.dumps(event))


def verdict(page: Page) -> Locator:
    """Return what the tester says of the sample."""
    return page.locator("[data-name=verdict]")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_mapping_is_changed_tried_saved_sent_and_kept(
    open_console: Callable[..., Page], file: Path, stand_in: dict[str, str], width: int
) -> None:
    """The whole way: the preview follows each edit, and what is kept passes `actions test`."""
    page = open_console("/i/fs/s/0", width=width)
    give_event(page, SOLD)
    expect(verdict(page)).to_have_text("Would be sent")
    page.get_by_role("tab", name="Payload").click()
    expect(page.locator("[data-name=payload]")).to_contain_text('"name": "Order Completed"')

    # The name becomes a template; the payload follows while it is typed.
    choose(page, page.get_by_label("Name: how it is filled"), "Template")
    page.get_by_label("Name: template").fill("Shop: {{event}} {{properties.total}}")
    expect(page.locator("[data-name=payload]")).to_contain_text('"name": "Shop: Order Completed 19.99"')
    expect(page.locator("[data-field=name] .mapping-line")).to_contain_text("Shop: Order Completed 19.99")

    # A fault stands at its field, and goes when it is mended.
    choose(page, page.get_by_label("Name: how it is filled"), "JSON")
    page.get_by_label("Name: JSON").fill('{"@pth": ')
    expect(page.locator("[data-field=name] .console-fault")).to_contain_text("ends too early")
    page.get_by_label("User ID: from event").fill("")
    expect(page.locator("[data-field=userId] .console-fault")).to_contain_text("choose a field")
    page.get_by_label("User ID: from event").fill("userId")
    page.get_by_label("Name: JSON").fill('{"@pth": "$.event"}')
    expect(page.locator("[data-field=name] .console-fault")).to_contain_text("did you mean '@path'")
    expect(verdict(page)).to_have_text("The mapping has errors")
    page.get_by_label("Name: JSON").fill('{"@template": "Shop: {{event}}"}')
    expect(verdict(page)).to_have_text("Would be sent")

    # Saved with its difference, and in force.
    expect(page.locator("[data-name=state]")).to_contain_text("Not saved yet")
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('"@template": "Shop: {{event}}"')
    dialog.locator("[data-name=confirm-save]").click()
    expect(page.get_by_text("Saved, and in force.")).to_be_visible()
    assert saved(file)[0]["mapping"]["name"] == {"@template": "Shop: {{event}}"}

    # Sent, for real.
    page.get_by_role("button", name="Send this event").click()
    expect(page.locator("[data-name=result]")).to_contain_text("Sent · HTTP 200")
    address = f"{stand_in['url']}/v2/users"
    asked = Request(address, headers={"Authorization": f"Basic {stand_in['admin_key']}"})  # noqa: S310 - the stand-in
    with urlopen(asked) as response:  # noqa: S310 - as above
        assert "u-1" in response.read().decode()

    # Kept, and `actions test` passes on it.
    page.get_by_role("button", name="Keep as test").click()
    expect(page.locator("[data-name=kept]")).to_contain_text("tests/track-order-completed.json")
    if width < 1280:  # once is enough for what is no page
        return
    tested = FORKS.run(ACTIONS, "test", file)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "1 passed" in tested.stderr


def test_the_trigger_says_why_an_event_is_not_sent(open_console: Callable[..., Page], file: Path) -> None:
    """Rows and text follow each other, and each comparison shows the value that it found."""
    page = open_console("/i/fs/s/0")
    give_event(page, SOLD)
    expect(verdict(page)).to_have_text("Would be sent")
    page.get_by_role("button", name="Add condition").click()
    # A blank in the middle of what is typed makes nothing jump.
    page.get_by_label("Key", exact=True).press_sequentially("grand total", delay=40)
    expect(page.get_by_label("Key", exact=True)).to_have_value("grand total")
    expect(page.get_by_label("Key", exact=True)).to_be_focused()
    page.get_by_label("Key", exact=True).fill("total")
    choose(page, page.get_by_label("Condition", exact=True).nth(1), "is at least")
    page.get_by_label("Value", exact=True).nth(1).fill("many")
    fault = "needs a number, such as 5 or 19.99"
    expect(page.get_by_text(fault, exact=True)).to_be_visible()
    expect(page.locator("[data-name=state]")).to_contain_text(f"Not finished yet: the trigger ({fault})")
    page.get_by_label("Value", exact=True).nth(1).fill("50")
    text = page.get_by_label("As text (FQL)")
    expect(text).to_have_value('type = "track" and properties.total >= 50')
    expect(verdict(page)).to_have_text("Would not be sent")
    expect(page.get_by_text("Property total is at least 50, but it is 19.99")).to_be_visible()
    expect(page.locator(".tester-trace")).to_contain_text("found 19.99")

    text.fill('type = "track" and !(properties.total >= 50)')
    expect(page.get_by_text(re.compile("Shown as text only"))).to_be_visible()
    expect(verdict(page)).to_have_text("Would be sent")
    text.fill('event = "Order Completed" or event = "Refund"')
    expect(page.get_by_label("How conditions are joined")).to_be_visible()
    expect(page.get_by_label("Value", exact=True).nth(1)).to_have_value("Refund")
    page.get_by_role("button", name="Remove this condition").nth(1).click()
    expect(text).to_have_value('event = "Order Completed"')
    page.keyboard.press("Control+s")
    page.locator("[data-name=confirm-save]").click()
    expect(page.get_by_text("Saved, and in force.")).to_be_visible()
    assert saved(file)[0]["subscribe"] == 'event = "Order Completed"'


def test_nothing_that_is_typed_is_lost(open_console: Callable[..., Page]) -> None:
    """Keys that come quicker than their previews all arrive, and the last preview is of the whole text."""
    page = open_console("/i/fs/s/0")
    give_event(page, SOLD)
    page.get_by_role("tab", name="Payload").click()
    choose(page, page.get_by_label("Name: how it is filled"), "Template")
    typed = "The quick brown fox jumps over the lazy dog, 0123456789 times"
    field = page.get_by_label("Name: template")
    field.fill("")
    field.press_sequentially(typed)
    expect(field).to_have_value(typed)
    expect(page.locator("[data-name=payload]")).to_contain_text(f'"name": "{typed}"')


def test_what_is_not_saved_is_not_left_by_a_wrong_click(open_console: Callable[..., Page]) -> None:
    """The browser asks before it leaves an edited page, and does not where the edit was discarded."""
    page = open_console("/i/fs/s/0")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    name = page.get_by_label("Name", exact=True).first
    name.fill("Renamed")
    expect(page.locator("[data-unsaved=true]")).to_be_attached()
    page.get_by_role("link", name="Deliveries").click()
    expect(name).to_have_value("Renamed")
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Name", exact=True).first).to_have_value("What users do")
    assert asked == ["beforeunload"]


def test_a_file_that_changed_underneath_is_not_overwritten(
    open_console: Callable[..., Page], file: Path
) -> None:
    """Saving says so, with what someone else has changed, and their change stays."""
    page = open_console("/i/fs/s/0")
    page.get_by_label("Name", exact=True).first.fill("Renamed")
    page.get_by_role("button", name="Save…").click()
    text = file.read_text().replace('"fs"', '"theirs"')
    file.write_text(text)
    page.locator("[data-name=confirm-save]").click()
    expect(page.locator("[data-name=error]")).to_contain_text("changed by someone else")
    expect(page.locator("[data-name=error]")).to_contain_text('"theirs"')
    assert file.read_text() == text


def test_mappings_are_added_switched_ordered_and_removed(
    open_console: Callable[..., Page], file: Path
) -> None:
    """What is added is disabled and opens at once; the list changes the file with each click."""
    page = open_console("/i/fs")
    page.get_by_role("button", name="Add mapping").click()
    choose(page, page.get_by_role("dialog").get_by_label("What it does"), "Identify User V2")
    page.locator("[data-name=add]").click()
    page.wait_for_url("**/i/fs/s/1")
    expect(page.locator("h1")).to_have_text("Identify User V2")
    assert [item.get("enabled", True) for item in saved(file)] == [True, False]

    page.goto(page.url.replace("/s/1", ""))
    page.get_by_label("Identify User V2: enabled").click()
    expect(page.get_by_text("disabled", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Identify User V2: move up").click()
    expect(page.locator(".mappings-name").first).to_have_text("Identify User V2")
    assert [item["name"] for item in saved(file)] == ["Identify User V2", "What users do"]
    page.get_by_role("button", name="Identify User V2: remove").click()
    page.locator("[data-name=remove]").click()
    expect(page.locator(".mappings-name")).to_have_count(1)
    assert [item["name"] for item in saved(file)] == ["What users do"]


def test_what_segment_exports_is_pasted(open_console: Callable[..., Page], file: Path) -> None:
    """The difference is shown before anything is saved."""
    before = file.read_text()
    page = open_console("/paste")
    mapping = {"name": {"@path": "$.event"}}
    exported = [
        {"name": "Sold", "partnerAction": "trackEventV2", "subscribe": 'event = "Sold"', "mapping": mapping}
    ]
    page.get_by_label("JSON from Segment").fill(json.dumps(exported))
    expect(page.locator("[data-name=error]")).to_contain_text("choose it under “Destination”")
    choose(page, page.get_by_label("Goes to"), "Instance fs")
    expect(page.locator(".difference")).to_contain_text('"name": "Sold"')
    assert file.read_text() == before
    page.locator("[data-name=save-pasted]").click()
    expect(page.locator("[data-name=saved]")).to_contain_text("Saved.")
    assert [item["name"] for item in saved(file)] == ["What users do", "Sold"]
