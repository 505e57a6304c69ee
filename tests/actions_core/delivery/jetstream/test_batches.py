"""Batches through a broker: made by the producer's outbox, sent by a worker, an outcome for each event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs

from actions_core import Engine, Response, Workspace
from actions_core.delivery.jetstream.worker import BrokerWorker
from actions_core.delivery.outbox import Outbox
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.test_outbox_batches import Server, registry, workspace

Work = Callable[[Outbox, Callable[..., BrokerWorker]], Awaitable[None]]


def play(site: Any, path: Path, server: Server, work: Work, **options: Any) -> None:
    """Run a test's work with an outbox that hands over to the site's broker, and a maker of workers."""

    async def main() -> None:
        async with LoopbackServer(server.handle) as loopback, asyncio.timeout(60):

            def with_broker(**changes: Any) -> Workspace:
                made = workspace(loopback.url, **{**options, **changes})
                return attrs.evolve(made, name=site.name, broker=site.workspace().broker)

            def worker(**changes: Any) -> BrokerWorker:
                return BrokerWorker(Engine(with_broker(**changes), registry=registry()))

            async with Outbox(Engine(with_broker(), registry=registry()), path) as outbox:
                await work(outbox, worker)

    asyncio.run(main())


async def accept(outbox: Outbox, numbers: range) -> None:
    """Accept events and hand them over."""
    events = [{"type": "track", "event": "E", "userId": "u", "properties": {"n": n}} for n in numbers]
    async for receipt in outbox.enqueue_many(events):
        assert receipt.deliveries == 1
    left = await outbox.drain(30)
    assert sum([each.due + each.later + each.in_hand for each in left]) == 0


def test_a_batch_is_one_message(site: Any, tmp_path: Path) -> None:
    """Events go through the broker in the batches that the outbox made, and arrive in them."""
    server = Server()

    async def work(outbox: Outbox, worker: Callable[..., BrokerWorker]) -> None:
        await accept(outbox, range(25))
        assert (await site.left())["work"] == 3
        async with worker():
            await site.until_empty()

    play(site, tmp_path / "events.db", server, work)
    assert sorted(server.batches) == [list(range(10)), list(range(10, 20)), list(range(20, 25))]


def test_a_refused_batch_is_halved_down_to_the_event(site: Any, tmp_path: Path) -> None:
    """Of a batch that is refused as a whole, every bad event is found alone, and the others arrive once."""
    server = Server(lambda numbers: Response(400) if {3, 7} & set(numbers) else None)

    async def work(outbox: Outbox, worker: Callable[..., BrokerWorker]) -> None:
        await accept(outbox, range(10))
        async with worker() as running:
            await site.until_empty()
            letters = [letter async for letter in running.dead_letters.list()]
            assert sorted(letter.event["properties"]["n"] for letter in letters) == [3, 7]

    play(site, tmp_path / "events.db", server, work)
    assert set(server.taken) == set(range(10)) - {3, 7}
    assert set(server.taken.values()) == {1}


def test_an_unknown_outcome_repeats_the_same_batch(site: Any, tmp_path: Path) -> None:
    """A batch whose response was cut goes again with the same members, under the same key."""
    cut = [True, True]

    def answer(numbers: list[int]) -> Response | None:
        if cut:
            cut.pop()
            raise ConnectionResetError
        return None

    server = Server(answer)

    async def work(outbox: Outbox, worker: Callable[..., BrokerWorker]) -> None:
        await accept(outbox, range(10))
        async with worker():
            await site.until_empty()

    play(site, tmp_path / "events.db", server, work)
    assert [len(batch) for batch in server.batches] == [10, 10, 10]
    assert len(server.keys) == 1


def test_a_worker_may_send_a_batch_one_by_one(site: Any, tmp_path: Path) -> None:
    """A worker whose workspace makes no batches sends a batch's events alone, each with its own outcome."""
    server = Server(lambda numbers: Response(400) if 4 in numbers else None)

    async def work(outbox: Outbox, worker: Callable[..., BrokerWorker]) -> None:
        await accept(outbox, range(10))
        async with worker(batch=None) as running:
            await site.until_empty()
            assert await running.dead_letters.count() == 1

    play(site, tmp_path / "events.db", server, work)
    assert not server.batches
    assert sorted(server.taken) == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_a_batch_goes_again_after_its_worker_ends(site: Any, tmp_path: Path) -> None:
    """A worker that ends before a batch was sent gives it back whole."""
    server = Server()

    async def work(outbox: Outbox, worker: Callable[..., BrokerWorker]) -> None:
        await accept(outbox, range(30))
        first = worker()
        await first.open()
        await first.close()
        async with worker():
            await site.until_empty()

    play(site, tmp_path / "events.db", server, work)
    assert sorted(server.taken) == list(range(30))
    assert set(server.taken.values()) == {1}
    assert all(len(batch) == 10 for batch in server.batches)
