"""Deliveries in a real browser: seen, failed, mended and replayed, as people do it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.actions_core.apps.console.outboxes import fill, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from playwright.sync_api import Locator, Page


def post(console: Any, name: str, message: str, **properties: Any) -> None:
    """Send an event to the console's own server, as Segment's libraries do."""
    event = {"event": name, "userId": "u-1", "messageId": message, "properties": properties, "writeKey": "k"}
    request = Request(  # noqa: S310 - the server that the test has started
        f"{console.events}/v1/track",
        data=json.dumps(event).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request) as response:  # noqa: S310 - as above
        assert response.status == 200


def rows(page: Page) -> Locator:
    """Return the rows of a list."""
    return page.locator(".feed-row")


#: What shows in the text of a page that has a row, or a step with its number.
ROW = r'"class":\["feed-row"'
NUMBER = r'"feed-step","(good|bad)"'


def look_until(page: Page, address: str, count: int, shown: str = ROW) -> None:
    """Open an address once so much is there: outcomes and numbers are written once a second.

    Until then only the text of the page is asked for, which costs a browser much less than to show it.
    """
    for _ in range(100):
        if len(re.findall(shown, page.request.get(address, max_retries=3).text())) == count:
            break
        page.wait_for_timeout(100)
    page.goto(address)
    expect(page.locator(".feed-row" if shown is ROW else ".feed-step.good, .feed-step.bad")).to_have_count(
        count
    )


@pytest.fixture
def workspace(
    write_workspace: Callable[..., Path], fullstory: dict[str, Any], stand_in: FullStorySandbox
) -> Path:
    """Write a workspace whose mapping needs a property that some events lack."""
    fullstory["settings"] = {"apiKey": stand_in.api_key, "baseUrl": stand_in.url}
    fullstory["subscriptions"][0]["mapping"]["name"] = {"@path": "$.properties.label"}
    fullstory["delivery"] = {"retry": {"base": 60, "cap": 60}}
    return write_workspace(fullstory, outbox="events.db")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_failure_is_seen_mended_and_replayed(
    start_console: Callable[..., Any],
    open_page: Callable[..., Page],
    workspace: Path,
    stand_in: FullStorySandbox,
    width: int,
) -> None:
    """The whole way: the delivery, the failure with its reason, the mapping, and the replay that arrives."""
    console = start_console(workspace, "--serve", "--events-port", "0")
    page = open_page(console, "/deliveries", width=width)
    expect(page.get_by_text("Nothing has been delivered yet.")).to_be_visible()

    # Two events come in: one is delivered, one lacks what its mapping needs.
    post(console, "Order Completed", "m-good", label="Bought")
    post(console, "Order Completed", "m-bad")
    look_until(page, f"{console.url}/deliveries", 2)
    look_until(page, f"{console.url}/deliveries", 2, NUMBER)
    expect(page.locator(".feed-step.good")).to_contain_text("1Sent")
    page.get_by_role("link", name="Failed").click()
    expect(rows(page)).to_have_count(1)
    rows(page).locator("summary").click()
    expect(rows(page)).to_contain_text("missing the required field 'name'")
    expect(rows(page)).to_contain_text("mend the mapping, then replay")
    expect(page).to_have_url(re.compile(r"/deliveries\?status=failed&open=o\d$"))

    # Why, for every subscription.
    page.get_by_role("link", name="Why here, and why not elsewhere").click()
    expect(page.get_by_text("0 of 1 subscriptions would send it, 1 would fail.")).to_be_visible()

    # The letters of this reason open the mapping, with one of them as sample.
    page.goto(f"{console.url}/letters")
    expect(page.get_by_text("0 of 1 would be sent now.")).to_be_visible()
    page.get_by_role("link", name="Mend the mapping").click()
    verdict = page.locator("[data-name=verdict]")
    expect(verdict).to_have_text("Would be refused")
    passing = page.locator("[data-name=passing]")
    expect(passing).to_contain_text("0 of 1 would be sent now.")
    page.get_by_label("Name: how it is filled").click()
    page.get_by_role("option", name="Template", exact=True).click()
    page.get_by_label("Name: template").fill("{{event}}")
    expect(verdict).to_have_text("Would be sent")
    expect(passing).to_contain_text("1 of 1 would be sent with this edit")
    expect(page.get_by_text("Save first: a replay goes by what is saved.")).to_be_visible()
    page.keyboard.press("Control+s")
    page.locator("[data-name=confirm-save]").click()
    expect(page.get_by_text("Saved, and in force.")).to_be_visible()

    # Now it would pass, is replayed from there after a question, and arrives.
    expect(passing).to_contain_text("1 of 1 would be sent now, if the destination accepts them.")
    page.locator("[data-name=mending]").get_by_role("button", name="Replay").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Replay 1 dead letter?")
    dialog.get_by_role("button", name="Replay 1").click()
    expect(passing).to_contain_text("There is no dead letter with this reason any more.")
    look_until(page, f"{console.url}/deliveries?status=sent", 2)
    assert sorted(str(event.get("name")) for event in stand_in.events) == ["Bought", "Order Completed"]


def test_what_the_destination_refuses_for_now_is_tried_again(
    start_console: Callable[..., Any],
    open_page: Callable[..., Page],
    workspace: Path,
    stand_in: FullStorySandbox,
) -> None:
    """A 503 shows as retrying, with what the destination answered and when the next try is."""
    stand_in.fail(503, times=1)
    console = start_console(workspace, "--serve", "--events-port", "0")
    page = open_page(console, "/deliveries")
    post(console, "Order Completed", "m-busy", label="Bought")
    look_until(page, f"{console.url}/deliveries?status=retrying", 1)
    rows(page).locator("summary").press("Enter")
    expect(rows(page)).to_contain_text("503")
    expect(rows(page)).to_contain_text("It is tried again by itself")
    expect(rows(page)).to_contain_text("Next try")


def test_failures_of_a_run_are_looked_at_and_sent_again(
    start_console: Callable[..., Any],
    open_page: Callable[..., Page],
    workspace: Path,
    stand_in: FullStorySandbox,
    tmp_path: Path,
) -> None:
    """A file of failures is enough: its failures are listed and sent from here; the file stays as it is."""
    event = {
        "type": "track",
        "event": "Order Completed",
        "userId": "u-1",
        "messageId": "m-1",
        "properties": {"label": "Bought"},
    }
    failure = {"instance": "fs", "subscription": "What users do", "code": "SERVICE_UNAVAILABLE", "tries": 5}
    failure["reason"] = "the destination answered 503"
    file = tmp_path / "a.failures.ndjson"
    file.write_text(
        json.dumps({"line": 1, "reason": "503", "failures": [failure], "event": event}) + "\n", "utf-8"
    )
    before = file.read_bytes()
    console = start_console(workspace, file)
    page = open_page(console, "/letters?view=list")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("checkbox", name="Pick dead letter 1").click()
    expect(page.get_by_text("1 picked")).to_be_visible()
    page.get_by_role("button", name="Replay").first.click()
    page.get_by_role("button", name="Replay 1").click()
    expect(page.get_by_text("Nothing has been given up.")).to_be_visible()
    assert [event.get("name") for event in stand_in.events] == ["Bought"]
    assert file.read_bytes() == before


def test_everyone_can_use_what_is_listed(
    start_console: Callable[..., Any], open_page: Callable[..., Page], workspace: Path
) -> None:
    """axe-core finds nothing serious in rows, groups and explanations, also opened; nothing is too wide."""
    from axe_playwright_python.sync_playwright import Axe

    failed = outcome(1, "failed", reason="no name", code="PAYLOAD_VALIDATION_FAILED", request="{}")
    fill(workspace.with_name("events.db"), outcome(2), failed, letters=(("no name", {}), ("no id", {})))
    console = start_console(workspace)
    found = []
    for width, scheme in ((1280, "light"), (390, "dark")):
        for address in ("/deliveries?open=o2", "/letters", "/letters?view=list&open=1", "/event/m-1"):
            page = open_page(console, address, width=width, scheme=scheme)
            page.locator("h1").wait_for()
            for closed in page.locator(".feed-why summary").all():
                closed.click()
            found += [
                (scheme, address, each["id"], node["html"][:200])
                for each in Axe().run(page).response["violations"]
                if each["impact"] in ("serious", "critical")
                for node in each["nodes"]
            ]
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                found.append((scheme, address, "it is wider than its window", ""))
    assert found == []
