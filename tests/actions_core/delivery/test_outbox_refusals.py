"""An outbox whose instance refuses its credentials: events wait, and are delivered once the key is good."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from actions_core import Engine, MultiStatus, Registry, Response, load_destination
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.pump import outcomes
from actions_core.delivery.rules import MOST_REFUSALS, refusals
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery import test_outbox_batches as batches
from tests.actions_core.delivery.support import until
from tests.actions_core.delivery.test_outbox import Server, registry, track, workspace


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what was refused go again soon."""
    monkeypatch.setattr(outcomes, "AGAIN_AFTER_REFUSAL", (0.01, 0.02))


async def is_in_state(outbox: Outbox, state: str) -> Any:
    """Wait until an instance is in a state, and return what waits for it."""
    async with asyncio.timeout(20):
        while (found := (await outbox.backlog())[0]).state.state != state:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    return found


async def count_letters(outbox: Outbox) -> int:
    """Count the dead letters."""
    return len([letter async for letter in outbox.dead_letters.list()])


@pytest.mark.parametrize(("status", "events"), [(401, 19), (403, 100)])
def test_events_wait_while_a_key_is_refused(
    tmp_path: Path, status: int, events: int, caplog: pytest.LogCaptureFixture
) -> None:
    """After 20 refusals in a row nothing is sent; other settings have all delivered, and nothing is dead."""
    locked = Server(lambda _n, _times: Response(status, {}, b"bad key"))
    here = Server()

    async def main() -> None:
        async with LoopbackServer(locked.handle) as first, LoopbackServer(here.handle) as second:
            made = workspace(first.url, concurrency=5)
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                for n in range(events):
                    await outbox.enqueue(track(n))
                state = (await is_in_state(outbox, "refused")).state
                assert state.reason.startswith("its credentials were refused 20 times in a row, last with: ")
                assert "bad key" in state.reason
                assert state.until is not None
                await outbox.drain(20)
                came = sum(locked.times.values())
                assert MOST_REFUSALS <= came <= MOST_REFUSALS + 2 * 5  # those in progress
                await outbox.enqueue(track(events))
                await outbox.drain(20)
                assert sum(locked.times.values()) == came
                (waiting,) = await outbox.backlog()
                assert (waiting.due + waiting.later, waiting.in_hand) == (events + 1, 0)
                await outbox.replace(workspace(second.url))
                await until(lambda: len(here.got) == events + 1)
                await outbox.drain(20)
                assert (await outbox.backlog())[0].state.state == "active"
                assert not await count_letters(outbox)

    with caplog.at_level(logging.WARNING, "actions_core"):
        asyncio.run(main())
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if "gets nothing for 60 s" in line and "20 times in a row" in line]
    assert "outbox: a is delivered to again, since its settings have changed" in said


def test_a_refused_event_does_not_stop_the_others(tmp_path: Path) -> None:
    """Where others are taken, what is refused again is a dead letter, and nothing pauses."""
    server = Server(lambda n, _times: Response(403 if n % 2 else 200))

    async def main() -> None:
        async with LoopbackServer(server.handle) as loopback:
            engine = Engine(workspace(loopback.url, concurrency=2), registry=registry())
            async with Outbox(engine, tmp_path / "events.db") as outbox:
                for n in range(100):
                    await outbox.enqueue(track(n))
                async with asyncio.timeout(30):
                    while await count_letters(outbox) < 50:
                        await outbox.enqueue(track(100))  # others come
                        await asyncio.sleep(0.02)
                assert (await outbox.backlog())[0].state.state == "active"

    asyncio.run(main())
    assert all(server.got[n] == 1 for n in range(0, 100, 2))
    assert not any(server.got[n] for n in range(1, 100, 2))


def test_an_instance_is_tried_again_after_its_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that becomes good at the destination needs nobody: after the pause all is delivered."""
    monkeypatch.setattr(refusals, "FIRST_PAUSE", 0.05)
    locked = True
    server = Server(lambda _n, _times: Response(401 if locked else 200))

    async def main() -> None:
        nonlocal locked
        async with LoopbackServer(server.handle) as loopback:
            engine = Engine(workspace(loopback.url), registry=registry())
            async with Outbox(engine, tmp_path / "events.db") as outbox:
                for n in range(MOST_REFUSALS):
                    await outbox.enqueue(track(n))
                await is_in_state(outbox, "refused")
                await until(lambda: sum(server.times.values()) > MOST_REFUSALS)
                locked = False
                await until(lambda: len(server.got) == MOST_REFUSALS)
                await is_in_state(outbox, "active")

    asyncio.run(main())


def test_a_pause_outlasts_a_restart_and_ends_when_it_is_resumed(tmp_path: Path) -> None:
    """The next process leaves the instance alone too; `resume` ends that, and costs the events no time."""
    locked = True
    server = Server(lambda _n, _times: Response(401 if locked else 200))

    async def main() -> None:
        nonlocal locked
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url)
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                for n in range(MOST_REFUSALS):
                    await outbox.enqueue(track(n))
                await is_in_state(outbox, "refused")
            locked = False
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                await outbox.drain(20)
                assert (await outbox.backlog())[0].state.state == "refused"
                assert not server.got
                rows = await outbox._parts()[0].run(
                    lambda store: store._connection.read("SELECT DISTINCT tries, first FROM delivery")
                )
                assert rows == [(0, None)]  # nothing of its four hours is used up
                await outbox._parts()[0].run(lambda store: store.set_state("a", "active"))
                await until(lambda: len(server.got) == MOST_REFUSALS)

    asyncio.run(main())


def test_a_refused_batch_waits_as_a_whole(tmp_path: Path) -> None:
    """The events of batches that are refused go again, and a request counts as one refusal."""
    locked = True
    server = batches.Server(lambda _numbers: Response(401) if locked else None)

    async def work(outbox: Outbox) -> None:
        nonlocal locked
        await batches.enqueue(outbox, map(batches.track, range(30)))
        await is_in_state(outbox, "refused")
        await outbox.drain(20)
        assert MOST_REFUSALS <= len(server.requests) <= MOST_REFUSALS + 50
        assert all(len(numbers) == 10 for _, numbers in server.requests)
        locked = False
        await outbox._parts()[0].run(lambda store: store.set_state("a", "active"))
        await until(lambda: sum(server.taken.values()) == 30)
        await outbox.drain(20)
        assert not await count_letters(outbox)

    batches.play(server, tmp_path / "events.db", work)
    assert max(server.taken.values()) == 1


def test_refusals_of_single_items_of_a_batch_are_final(tmp_path: Path) -> None:
    """What a destination says of some items of a batch is theirs, whatever the status: nothing pauses."""
    lists = load_destination(batches.DEFINITION)

    @lists.action("add")
    def add(n: int) -> None:
        raise AssertionError(n)

    @lists.batch("add")
    def add_many(payloads: list[dict[str, Any]]) -> MultiStatus:
        nodes = MultiStatus()
        for payload in payloads:
            if payload["n"] % 2:
                nodes.add_failure(403, "not this one")
            else:
                nodes.add_sent([payload["n"]])
        return nodes

    found = Registry()
    found.register(lists)

    async def main() -> None:
        engine = Engine(batches.workspace("https://lists.test"), registry=found)
        async with Outbox(engine, tmp_path / "events.db") as outbox:
            await batches.enqueue(outbox, map(batches.track, range(30)))
            await outbox.drain(20)
            assert await count_letters(outbox) == 15
            (left,) = await outbox.backlog()
            assert (left.state.state, left.due + left.later) == ("active", 0)

    asyncio.run(main())
