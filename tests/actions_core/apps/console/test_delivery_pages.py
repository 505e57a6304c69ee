"""The pages of deliveries, dead letters and events, without a browser."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from nicegui import app as framework
from nicegui import ui
from nicegui.testing.user_interaction import UserInteraction

from actions_core.apps.console import addresses
from actions_core.apps.console.pages.not_found import make_failure
from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.store import Tally
from tests.actions_core.apps.console.outboxes import NOW, TRACK, fill, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nicegui.testing import User


def shown(user: User) -> str:
    """Return the text of everything on the page."""
    assert user.client is not None
    return json.dumps(
        [element._to_dict() for element in user.client.elements.values()], default=str, ensure_ascii=False
    )


@pytest.fixture
def workspace(write_workspace: Callable[..., Path], fullstory: dict[str, Any]) -> Path:
    """Return the file of a workspace with an outbox."""
    return write_workspace(fullstory, outbox="events.db")


def test_outcomes_are_filtered_by_the_address(simulate: Callable[..., Any], workspace: Path) -> None:
    """Status, instance, text and reason are parts of it; a page leads on to the next one."""
    entries = [outcome(number) for number in range(60)]
    entries.append(outcome(60, "failed", reason="no name", code="PAYLOAD_VALIDATION_FAILED"))
    fill(workspace.with_name("events.db"), *entries)

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open("/deliveries")
            await user.should_see("What became of events")
            await user.should_see("no name")
            await user.should_see("Older ones")
            await user.open("/deliveries?status=failed&instance=fs&q=M-60")
            await user.should_see("no name")
            await user.should_not_see("Older ones")
            await user.open("/deliveries?status=failed&q=m-1")
            await user.should_see("Nothing that is kept fits these filters.")
            await user.open("/deliveries?before=12&source=nothing")
            await user.should_see("These are all that are kept.")
            assert shown(user).count('"feed-row"') == 11
            await user.open("/deliveries?before=x&status=<script>")
            await user.should_see("Nothing that is kept fits these filters.")

    asyncio.run(main())


def test_an_instance_that_gets_nothing_stands_above_all(
    simulate: Callable[..., Any], workspace: Path
) -> None:
    """While an instance refuses its credentials, the page says so, and why."""
    fill(workspace.with_name("events.db"), outcome(1))

    async def main() -> None:
        async with simulate(workspace) as (user, desk):
            await user.open("/deliveries")
            await user.should_not_see("gets nothing")
            feed = await desk.feed.main()
            store = feed._look._connection
            with store.transaction(durable=True) as sqlite:
                sqlite.execute("INSERT OR IGNORE INTO instance(name) VALUES ('fs')")
                sqlite.execute("UPDATE instance SET state = 'refused', reason = 'credentials: 401'")
            await user.open("/deliveries")
            await user.should_see("fs gets nothing, and its events wait: credentials: 401.")

    asyncio.run(main())


PAGES = ("/deliveries", "/letters", "/event", "/event/m-1")


def test_an_outbox_that_vanishes_is_said_until_it_is_there_again(
    simulate: Callable[..., Any], workspace: Path, tmp_path: Path
) -> None:
    """While it is away each page says so, and what to do; they show it, or a new one, once that is there."""
    file = workspace.with_name("events.db")
    fill(file, outcome(1), letters=(("no name", {"messageId": "m-1"}),))
    away, other = tmp_path / "away", tmp_path / "other"
    away.mkdir()
    other.mkdir()
    fill(other / "events.db", outcome(2), letters=(("no title", {"messageId": "m-1"}),))

    async def main() -> None:
        async with simulate(workspace) as (user, desk):
            framework.on_page_exception(make_failure(desk))
            for address in PAGES:
                assert (await user.http_client.get(address)).status_code == 200
            for back in (away, other):
                for part in file.parent.glob("events.db*"):
                    part.rename(away / part.name)
                for address in PAGES:
                    response = await user.http_client.get(address)
                    assert response.status_code == 200
                    assert "events.db is not there any more" in response.text
                    assert "Put it back" in response.text
                for part in back.iterdir():
                    part.rename(file.parent / part.name)
                for address in PAGES:
                    response = await user.http_client.get(address)
                    assert response.status_code == 200
                    assert "not there any more" not in response.text
            await user.open("/letters")
            await user.should_see("no title")
            letters = (await desk.feed.main()).letters
            assert letters is not None
            assert await letters.discard(LetterFilter()) == 1  # it can be written to as well

    asyncio.run(main())


def test_an_outbox_that_is_damaged_is_said_until_it_is_whole(
    simulate: Callable[..., Any], workspace: Path
) -> None:
    """The page that meets the damage, and each later one, says so and what to do; a whole file is shown."""
    file = workspace.with_name("events.db")
    fill(file, *(outcome(number) for number in range(50)))
    whole = file.read_bytes()

    async def main() -> None:
        async with simulate(workspace) as (user, desk):
            framework.on_page_exception(make_failure(desk))
            assert (await user.http_client.get("/deliveries")).status_code == 200
            file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
            response = await user.http_client.get("/deliveries")
            assert response.status_code == 503
            assert "is damaged" in response.text
            assert "actions outbox rescue OLD NEW" in response.text
            for address in PAGES:
                response = await user.http_client.get(address)
                assert response.status_code == 200
                assert "The outbox cannot be looked at" in response.text
            file.write_bytes(whole)
            response = await user.http_client.get("/deliveries")
            assert response.status_code == 200
            assert "cannot be looked at" not in response.text

    asyncio.run(main())


def test_a_row_opens_to_all_that_is_known(simulate: Callable[..., Any], workspace: Path) -> None:
    """Error, what to do, request, response and tries, and the ways to the mapping and to the event."""
    request = json.dumps({"method": "POST", "url": "https://api.test/", "json": {"name": "x"}})
    entry = outcome(1, "failed", reason="it answered 400", code="BAD_REQUEST", request=request, answer="oops")
    fill(workspace.with_name("events.db"), entry)

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open("/deliveries")
            await user.should_not_see("https://api.test/")
            await user.open("/deliveries?open=o1")
            for text in (
                "Bad request",
                "mend the mapping, then replay",
                "https://api.test/",
                "oops",
                "12 ms",
            ):
                await user.should_see(text)
            text = shown(user)
            assert addresses.mapping("fs", 0, event="m-1") in text
            assert addresses.event("m-1") in text

    asyncio.run(main())


def test_without_an_outbox_it_says_what_it_shows(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """What this process saw is shown, and that nothing of it is kept; an outbox that is missing is named."""

    async def main() -> None:
        async with simulate(write_workspace(fullstory)) as (user, _):
            await user.open("/deliveries")
            await user.should_see("What this process has seen since its start")
            await user.should_see("Nothing has been delivered yet.")
            await user.open("/letters")
            await user.should_see("Deliveries that are given up are kept by an outbox")
        async with simulate(write_workspace(fullstory, outbox="events.db")) as (user, _):
            await user.open("/deliveries")
            await user.should_see("The outbox events.db is not there yet")

    asyncio.run(main())


def test_an_outbox_that_cannot_be_used_is_said(simulate: Callable[..., Any], workspace: Path) -> None:
    """A file that is something else is named, and the page is there all the same."""
    workspace.with_name("events.db").write_bytes(b"not a database at all, but some other file" * 100)

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open("/deliveries")
            await user.should_see("The outbox cannot be looked at:")

    asyncio.run(main())


LETTERS = (("no name", {"event": None}), ("no name", {"event": None}), ("no id", {"userId": None}))


async def press(user: User, name: str, place: int = 0) -> None:
    """Press one of the buttons with that name, once it is there."""
    await user.should_see(kind=ui.button, content=name)
    found = [element for element in user.find(kind=ui.button).elements if element.text == name]
    button = sorted(found, key=lambda element: element.id)[place]
    UserInteraction(user, {button}, None).click()


def test_letters_are_grouped_and_replayed_after_a_question(
    simulate: Callable[..., Any], workspace: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A reason says how many there are, how many would pass now; a replay asks, and is logged."""
    caplog.set_level(logging.INFO, "actions_core.console")
    file = workspace.with_name("events.db")
    fill(file, letters=LETTERS)

    async def main() -> None:
        async with simulate(workspace) as (user, desk):
            await user.open("/letters")
            await user.should_see("3 deliveries given up, by reason")
            await user.should_see("0 of 2 would be sent now.")
            assert addresses.mapping("fs", 0, letter=2) in shown(user)
            feed = await desk.feed.main()
            await press(user, "Replay", 1)
            await user.should_see("Replay 2 dead letters?")
            await press(user, "Cancel")
            assert await feed.letters.count(LetterFilter()) == 3
            await user.should_not_see("Replay 2 dead letters?")
            await press(user, "Replay", 1)
            await press(user, "Replay 2")
            await user.should_see("2 dead letters replayed.")
            assert await feed.letters.count(LetterFilter()) == 1

    asyncio.run(main())
    assert "2 dead letters replayed by a person: fs · What users do: PAYLOAD_VALIDATION_FAILED" in caplog.text


def test_letters_as_a_list_are_picked_and_discarded(simulate: Callable[..., Any], workspace: Path) -> None:
    """Those that are picked are meant, all that fit where none is; a time that cannot be read is said."""
    fill(workspace.with_name("events.db"), letters=LETTERS)

    async def main() -> None:
        async with simulate(workspace) as (user, desk):
            await user.open("/letters?reason=no+name")
            await user.should_see("2 deliveries given up, the oldest first")
            boxes = sorted(user.find(kind=ui.checkbox).elements, key=lambda element: element.id)
            boxes[1].value = True
            await user.should_see("1 picked")
            await press(user, "Discard")
            await user.should_see("Discard 1 dead letter?")
            await press(user, "Discard 1")
            await user.should_see("1 dead letter discarded.")
            feed = await desk.feed.main()
            assert [letter.id for letter in await feed.letters.list(LetterFilter(), 0, 9)] == [2, 3]
            await user.open("/letters?since=soon")
            await user.should_see("Write times as 2026-01-31")
            await user.open("/letters?since=2030-01-01")
            await user.should_see("No dead letter fits these filters.")
            await user.open("/letters?view=list&open=3")
            await user.should_see("Payload validation failed")
            await user.should_see('"userId": null')

    asyncio.run(main())


def test_nothing_acts_by_an_address(simulate: Callable[..., Any], workspace: Path) -> None:
    """Whatever an address says, nothing is replayed or discarded."""
    fill(workspace.with_name("events.db"), letters=LETTERS)

    async def main() -> None:
        async with simulate(workspace) as (user, desk):
            for query in ("replay=1", "discard=all", "view=list&ids=1&discard", "action=replay&ids=1"):
                await user.open(f"/letters?{query}")
            feed = await desk.feed.main()
            assert await feed.letters.count(LetterFilter()) == 3

    asyncio.run(main())


def test_an_event_against_every_subscription(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """What became of it, and what each subscription would do now, with reasons and values."""
    other = {**fullstory["subscriptions"][0], "name": "Users", "subscribe": 'type = "identify"'}
    fullstory["subscriptions"].append(other)
    workspace = write_workspace(fullstory, outbox="events.db")
    fill(workspace.with_name("events.db"), outcome(1, "failed", reason="it answered 500"))

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open(addresses.event("m-1"))
            for text in (
                "What became of it",
                "it answered 500",
                "1 of 2 subscriptions would send it.",
                'It wants type = "identify", and the event has "track".',
                "Order Completed",
            ):
                await user.should_see(text)
            await user.open(addresses.event("m-unknown/../x"))
            await user.should_see("Nothing is known of an event with this messageId.")

    asyncio.run(main())


def test_an_event_that_contains_a_secret(simulate: Callable[..., Any], workspace: Path) -> None:
    """Its page does not show the secret of any instance, nor a title without end."""
    event = {**TRACK, "messageId": "m-1", "event": "E" * 4000, "properties": {"key": "na1.standard", "n": 1}}
    fill(workspace.with_name("events.db"), outcome(1, event=json.dumps(event)))

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open(addresses.event("m-1"))
            await user.should_see("1 of 1 subscriptions would send it.")
            await user.should_see("***")
            assert "na1.standard" not in shown(user)
            (heading,) = [each for each in user.find(kind=ui.element).elements if each.tag == "h1"]
            (title,) = heading.default_slot.children
            assert len(title.text) < 200

    asyncio.run(main())


def test_a_pasted_event_is_explained(
    simulate: Callable[..., Any], write_workspace: Callable[..., Path], fullstory: dict[str, Any]
) -> None:
    """Faults are said; an event can be made for a subscription; a missing variable does no harm."""
    fullstory["settings"]["apiKey"] = {"$env": "NO_SUCH_VARIABLE"}

    async def main() -> None:
        async with simulate(write_workspace(fullstory)) as (user, _):
            await user.open("/event")
            await press(user, "Explain")
            await user.should_see("paste an event as JSON")
            (text,) = user.find(kind=ui.textarea).elements
            text.value = json.dumps({**TRACK, "type": "page"})
            await press(user, "Explain")
            await user.should_see('It wants type = "track", and the event has "page".')
            (made,) = [
                each for each in user.find(kind=ui.select).elements if each.props["label"] == "One made for"
            ]
            made.value = "0.fs"
            assert json.loads(text.value)["type"] == "track"
            await press(user, "Explain")
            await user.should_see("1 of 1 subscriptions would send it.")

    asyncio.run(main())


def test_a_page_may_take_long(
    simulate: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that takes longer than the framework gives one by itself (3 s) is shown when it is ready."""

    async def slow(*_: object) -> None:
        await asyncio.sleep(3.1)

    monkeypatch.setattr("actions_core.apps.console.pages.deliveries.say_source", slow)

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            assert (await user.http_client.get("/deliveries")).status_code == 200

    asyncio.run(main())


def test_a_hundred_thousand_outcomes_do_not_hang_a_page(
    simulate: Callable[..., Any], workspace: Path
) -> None:
    """A page has as many rows as any other, also with a filter that has to look at all of them."""
    file = workspace.with_name("events.db")
    store = FileStore.open(file, FileOptions(recent=200_000))
    with store._connection.transaction(durable=False) as sqlite:
        sqlite.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
            "INSERT INTO recent(at, message, instance, subscription, status, reason, event, request, answer) "
            "SELECT i, 'm-' || i, 'fs', 'What users do', 'sent', '', '{\"type\": \"track\"}', '', '' FROM n"
        )
    store.note_tallies([Tally(NOW, "fs", sent=1)])
    store.close()

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open("/deliveries")
            assert shown(user).count('"feed-row"') == 50
            await user.open("/deliveries?q=m-77777")
            assert shown(user).count('"feed-row"') == 1

    asyncio.run(main())


def test_a_mapping_that_is_mended_says_how_many_letters_would_pass(
    simulate: Callable[..., Any], workspace: Path
) -> None:
    """With a letter in its address, a mapping's page counts those of its reason."""
    fill(workspace.with_name("events.db"), letters=LETTERS)

    async def main() -> None:
        async with simulate(workspace) as (user, _):
            await user.open(addresses.mapping("fs", 0, letter=1))
            await user.should_see("0 of 2 would be sent now.", retries=20)
            await user.open(addresses.mapping("fs", 0, letter=9))
            await user.should_not_see("It was given up because of this:")

    asyncio.run(main())
