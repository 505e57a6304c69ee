"""Feeds: outcomes, numbers and dead letters of an outbox, of files of failures, and of this process."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from actions_core import Engine, Registry, Request, Response, Result, Workspace, load_destination
from actions_core.apps.console.feed import FailuresFeed, Feeds, Outcome, Ring, open_outbox_feed
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.store import OutcomeFilter

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.values.types import JsonObject

SHOP = {
    "id": "shop",
    "destination": "shop",
    "subscriptions": [
        {
            "name": "Orders",
            "partnerAction": "send",
            "subscribe": 'type = "track"',
            "mapping": {"name": {"@path": "$.event"}},
        }
    ],
    "delivery": {"retry": {"base": 60, "cap": 60}},
}


def shop() -> Registry:
    """Return a destination that posts the name of an event."""
    field = {"label": "Name", "description": "N", "type": "string", "required": True}
    action = {"title": "Send", "description": "S", "fields": {"name": field}}
    made = load_destination({"slug": "shop", "name": "Shop", "mode": "cloud", "actions": {"send": action}})

    @made.action("send")
    def send(name: str) -> Request:
        return Request("POST", "https://shop.test/", json={"name": name})

    registry = Registry()
    registry.register(made)
    return registry


class Answers:
    """Answers as an event's name says."""

    async def send(self, request: Request) -> Response:
        body: Any = request.json
        return Response({"refused": 400, "busy": 503}.get(body["name"], 200), {}, b"told")

    async def close(self) -> None:
        """Close nothing."""


def engine(**options: Any) -> Engine:
    """Return an engine of the shop, which answers without a network."""
    workspace = Workspace.from_dict({"destinations": [SHOP]})
    return Engine(workspace, registry=shop(), transport=Answers(), **options)


def track(name: str, message: str) -> JsonObject:
    """Return an event."""
    return {"type": "track", "event": name, "userId": "u", "messageId": message}


async def until(done: Any) -> None:
    """Wait for what tells nobody."""
    async with asyncio.timeout(30):
        while not await done():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)


def fill(file: Path) -> None:
    """Deliver four events through an outbox: sent, refused, tried again, and wanted by nobody."""

    async def work() -> None:
        async with Outbox(engine(), file) as outbox:
            for name in ("sold", "refused", "busy"):
                await outbox.enqueue(track(name, f"m-{name}"))
            await outbox.enqueue({"type": "page", "messageId": "m-page"})
            await until(lambda: asyncio.to_thread(outbox.look.count_retrying))
            await outbox.drain(20)

    asyncio.run(work())


def test_an_outbox_of_another_process_is_looked_at(tmp_path: Path) -> None:
    """Outcomes, what is tried again, the funnel, the minutes and an event's history come from its file."""
    file = tmp_path / "events.db"
    fill(file)

    async def work() -> None:
        async with open_outbox_feed(file) as feed:
            page = await feed.page(OutcomeFilter())
            assert [(row.message, row.status) for row in page.rows] == [
                ("m-busy", "retrying"),
                *[(row.message, row.status) for row in page.rows[1:]],
            ]
            assert {(row.message, row.status) for row in page.rows[1:]} == {
                ("m-sold", "sent"),
                ("m-refused", "failed"),
            }
            (busy,) = (await feed.page(OutcomeFilter(status="retrying"))).rows
            assert (busy.tries, busy.code) == (1, "503")
            assert busy.due is not None
            (failed,) = (await feed.page(OutcomeFilter(status="failed"))).rows
            assert (failed.code, failed.tries, failed.answer) == ("BAD_REQUEST", 1, "told")
            assert json.loads(failed.request)["json"] == {"name": "refused"}
            funnel = await feed.funnel()
            assert (funnel.received, funnel.unmatched, funnel.matched) == (4, 1, 3)
            assert (funnel.sent, funnel.retrying, funnel.waiting, funnel.failed) == (1, 1, 0, 1)
            minutes = await feed.minutes(60)
            assert [sum(getattr(each, key) for each in minutes) for key in ("sent", "failed", "retried")] == [
                1,
                1,
                1,
            ]
            history = await feed.history("m-busy")
            assert history.event is not None
            assert history.event["event"] == "busy"
            assert [each.status for each in history.outcomes] == ["retrying"]
            assert (await feed.history("m-nothing")).event is None
            assert {event["messageId"] for event in await feed.events(10)} == {"m-sold", "m-refused"}

    asyncio.run(work())


def test_outcomes_of_an_outbox_come_in_pages(tmp_path: Path) -> None:
    """Each page leads on to the next one, until all have been seen once; only the first has what waits."""
    file = tmp_path / "events.db"

    async def work() -> None:
        async with Outbox(engine(), file) as outbox:
            for number in range(7):
                await outbox.enqueue(track("sold", f"m-{number}"))
            await outbox.enqueue(track("busy", "m-busy"))
            await outbox.drain(20)
        async with open_outbox_feed(file) as feed:
            seen: list[Outcome] = []
            before, pages = None, 0
            while pages == 0 or before is not None:
                page = await feed.page(OutcomeFilter(), before, rows=3)
                seen += page.rows
                before, pages = page.following, pages + 1
            assert pages == 3
            assert [row.status for row in seen] == ["retrying", *["sent"] * 7]
            assert len({row.key for row in seen}) == 8

    asyncio.run(work())


def test_dead_letters_of_this_process_are_replayed_and_discarded(tmp_path: Path) -> None:
    """Through the outbox that is open here: a group, its letters, one of them, and what is done with them."""

    async def work() -> None:
        async with Outbox(engine(), tmp_path / "events.db") as outbox:
            for number in range(3):
                await outbox.enqueue(track("refused", f"m-{number}"))
            await outbox.drain(20)
            async with open_outbox_feed(tmp_path / "events.db", outbox) as feed:
                letters = feed.letters
                (group,) = await letters.groups(LetterFilter(), 10)
                assert (group.instance, group.subscription, group.code, group.count) == (
                    "shop",
                    "Orders",
                    "BAD_REQUEST",
                    3,
                )
                first, *rest = await letters.list(LetterFilter(reason=group.reason), 0, 10)
                assert len(rest) == 2
                assert await letters.letter(first.id) == first
                assert await letters.discard(LetterFilter(ids=(first.id,))) == 1
                assert await letters.count(LetterFilter(instance="shop")) == 2
                assert await letters.count(LetterFilter(instance="else")) == 0
                assert await letters.replay(LetterFilter()) == 2

                async def refused_again() -> bool:
                    return await letters.count(LetterFilter()) == 2

                await until(refused_again)

    asyncio.run(work())


def failure(name: str, **more: Any) -> JsonObject:
    """Return a line of a file of failures."""
    told = {"instance": "shop", "subscription": "Orders", "code": "BAD_REQUEST", "answer": 400, "tries": 2}
    event = track(name, f"m-{name}")
    return {
        "line": 1,
        "reason": "refused",
        "failures": [{**told, "reason": f"no {name}", **more}],
        "event": event,
    }


def write_failures(file: Path, *lines: Any) -> None:
    """Write a file of failures."""
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def test_files_of_failures_are_dead_letters(tmp_path: Path) -> None:
    """Each failure of each line is one, with its reason; text that is no event is one as well."""
    file = tmp_path / "a.failures.ndjson"
    text = {"line": 3, "reason": "not JSON", "retryable": False, "text": "{oops"}
    write_failures(file, failure("one"), failure("two"), text, {"rest": "x", "taken": 1, "reason": "cut"})

    async def work() -> None:
        feed = FailuresFeed([file])
        rows = (await feed.page(OutcomeFilter())).rows
        assert [(row.code, row.reason, row.tries) for row in rows] == [
            ("EVENT_INVALID", "not JSON", 0),
            ("BAD_REQUEST", "no two", 2),
            ("BAD_REQUEST", "no one", 2),
        ]
        assert [group.reason for group in await feed.groups(LetterFilter(instance="shop"), 9)] == [
            "no two",
            "no one",
        ]
        assert (await feed.history("m-two")).event == track("two", "m-two")
        assert (await feed.funnel()).failed == 3
        assert not feed.can_replay
        with pytest.raises(OutboxError, match="mend those first"):
            await feed.replay(LetterFilter())
        with pytest.raises(OutboxError, match="never changed"):
            await feed.discard(LetterFilter())
        write_failures(file, failure("one"), failure("three"))
        assert await feed.count(LetterFilter()) == 2
        file.unlink()
        assert await feed.count(LetterFilter()) == 0
        assert "a.failures.ndjson cannot be read: No such file" in feed.about

    asyncio.run(work())


def test_failures_of_files_are_sent_again_to_their_subscription_alone(tmp_path: Path) -> None:
    """What arrives is left out from then on, what fails again stays, and the file is as it was."""
    file = tmp_path / "a.failures.ndjson"
    write_failures(file, failure("sold"), failure("refused"), failure("other", subscription="Gone"))
    before = file.read_bytes()

    async def work() -> None:
        async with engine() as sending:
            feed = FailuresFeed([file], lambda: sending)
            assert feed.can_replay
            assert await feed.replay(LetterFilter()) == 1
            assert [each.message for each in await feed.list(LetterFilter(), 0, 9)] == [
                "m-refused",
                "m-other",
            ]
            assert (await feed.funnel()).sent == 1

    asyncio.run(work())
    assert file.read_bytes() == before


def test_long_files_of_failures_are_bounded(tmp_path: Path) -> None:
    """The latest are kept, and it is said how many there were."""
    file = tmp_path / "a.failures.ndjson"
    write_failures(file, *[failure(f"n{number}") for number in range(20)])

    async def work() -> None:
        feed = FailuresFeed([file], most=5)
        assert [each.id for each in await feed.list(LetterFilter(), 0, 9)] == [16, 17, 18, 19, 20]
        assert "latest 5; 15 earlier ones are left out" in feed.about

    asyncio.run(work())


def test_the_results_of_this_process(tmp_path: Path) -> None:
    """An engine tells them; those that were skipped are not listed, and the oldest make room."""
    now = 1_700_000_000.0
    ring = Ring(most=3, now=lambda: now)
    event = track("sold", "m-1")

    async def work() -> None:
        async with engine(on_result=ring.note) as sending:
            ring.remember(event)
            await sending.send(event)
            await sending.send({"type": "page"})
            await sending.send(track("refused", "m-2"))
            rows = (await ring.page(OutcomeFilter())).rows
            assert [(row.message, row.status, row.code) for row in rows] == [
                ("m-2", "failed", "BAD_REQUEST"),
                ("m-1", "sent", ""),
            ]
            assert json.loads(rows[1].request)["json"] == {"name": "sold"}
            assert (await ring.history("m-1")).event == event
            assert (await ring.history("m-2")).event is None
            assert await ring.events(5) == [event]
            funnel = await ring.funnel()
            assert (funnel.received, funnel.sent, funnel.failed) == (None, 1, 1)
            (minute,) = await ring.minutes(5)
            assert (minute.sent, minute.failed) == (1, 1)
            ring.note_own(await untold("m-9"))
            assert len(ring) == 2
            ring.remember(track("sold", "m-9"))
            ring.note_own(await untold("m-9"))
            assert (await ring.page(OutcomeFilter())).rows[0].message == "m-9"
            await sending.send_batch([track("sold", f"b-{number}") for number in range(3)])
            page = await ring.page(OutcomeFilter(), rows=2)
            assert [row.message for row in page.rows] == ["b-2", "b-1"]
            (last,) = (await ring.page(OutcomeFilter(), page.following, rows=2)).rows
            assert last.message == "b-0"

    asyncio.run(work())


async def untold(message: str) -> Result:
    """Return the result of an event, of which nobody was told."""
    async with engine() as sending:
        (result,) = (await sending.send(track("sold", message))).results
    return result


@attrs.frozen
class Found:
    """What the feeds of a console are."""

    names: list[str]
    missing: str
    fault: str


def found(feeds: Feeds) -> Found:
    """Return what pages would show."""

    async def work() -> Found:
        async with feeds:
            names = [feed.name for feed in (await feeds.all()).values()]
            return Found(names, feeds.missing, feeds.fault)

    return asyncio.run(work())


def test_which_feed_a_console_has(tmp_path: Path) -> None:
    """Files that were named come first, then the outbox, then this process; what is missing is said."""
    file, failures = tmp_path / "events.db", tmp_path / "a.failures.ndjson"
    assert found(Feeds()) == Found(["this process"], "", "")
    assert "is not there yet" in found(Feeds(outbox_file=file)).missing
    fill(file)
    write_failures(failures, failure("one"))
    assert found(Feeds(outbox_file=file)) == Found(["events.db"], "", "")
    assert found(Feeds(outbox_file=file, failures=[failures])).names == ["a.failures.ndjson", "events.db"]
    file.with_name("other.db").write_text("no database, but long enough to be looked at as one" * 20)
    assert "not a database" in found(Feeds(outbox_file=file.with_name("other.db"))).fault


def take_away(file: Path) -> None:
    """Put a folder where the file of an outbox was."""
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.mkdir()


def test_an_outbox_that_went_away_hides_nothing_else(tmp_path: Path) -> None:
    """Who only wants an event gets what other feeds keep, and the fault is said."""
    file, failures = tmp_path / "events.db", tmp_path / "a.failures.ndjson"
    fill(file)
    write_failures(failures, failure("one"))

    async def work() -> None:
        async with Feeds(outbox_file=file, failures=[failures]) as feeds:
            assert len(await feeds.events(9)) == 3
            take_away(file)
            assert [event["messageId"] for event in await feeds.events(9)] == ["m-one"]
            assert await feeds.event("m-one") == track("one", "m-one")
            assert await feeds.event("m-sold") is None
            assert "events.db is not there any more" in feeds.missing

    async def letters() -> None:
        async with Feeds(outbox_file=other) as feeds:
            assert await feeds.letter_event("1") is not None
            take_away(other)
            assert await feeds.letter_event("1") is None
            assert "other.db is not there any more" in feeds.missing

    asyncio.run(work())
    other = tmp_path / "other.db"
    fill(other)
    asyncio.run(letters())


def test_an_event_is_found_wherever_it_is_kept(tmp_path: Path) -> None:
    """By its messageId in any feed, and by the number of a dead letter in the first one."""
    file, failures = tmp_path / "events.db", tmp_path / "a.failures.ndjson"
    fill(file)
    write_failures(failures, failure("one"))

    async def work() -> None:
        async with Feeds(outbox_file=file, failures=[failures]) as feeds:
            assert await feeds.event("m-one") == track("one", "m-one")
            busy = await feeds.event("m-busy")
            assert busy is not None
            assert await feeds.event("m-nothing") is None
            assert await feeds.letter_event("1") == track("one", "m-one")
            for number in ("2", "x", "", "-1", "٣"):
                assert await feeds.letter_event(number) is None
            assert {event["messageId"] for event in await feeds.events(9)} == {"m-one", "m-sold", "m-refused"}

    asyncio.run(work())
