"""The whole way: an outbox hands its deliveries to a broker, and workers deliver them."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from actions_core import Response, WorkspaceError
from actions_core.delivery.jetstream.worker import BrokerWorker
from actions_core.delivery.outbox import Outbox
from actions_core.testing.broker import LoopbackBroker


def track(n: int, **more: Any) -> dict[str, Any]:
    """An event with a number."""
    return {"type": "track", "event": "E", "userId": "u", "properties": {"n": n}, **more}


def outbox_of(site: Any, path: Path, **options: Any) -> Outbox:
    """An outbox of the site."""
    return Outbox(site.engine(site.workspace(outbox=str(path), **options)))


async def enqueue(outbox: Outbox, numbers: range) -> None:
    """Accept events, each with a messageId of its own."""
    events = (track(n, messageId=f"m-{n}") for n in numbers)
    receipts = [each async for each in outbox.enqueue_many(events)]
    assert {receipt.deliveries for receipt in receipts} == {1}


def test_events_go_through_the_broker(site: Any, tmp_path: Path) -> None:
    """What an outbox accepts is in the broker a moment later, and workers deliver it, once."""

    async def work() -> None:
        async with outbox_of(site, tmp_path / "events.db") as outbox:
            await enqueue(outbox, range(300))
            (left,) = await outbox.drain(30)
            assert (left.due, left.later, left.in_hand, left.breaker) == (0, 0, 0, "closed")
        assert await site.left() == {"work": 300, "later": 0, "dead": 0}
        assert not site.got
        async with BrokerWorker(site.engine(site.workspace())):
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(300))


def test_order_is_kept_on_the_whole_way(site: Any, tmp_path: Path) -> None:
    """Events of one key reach their destination in the order in which they were accepted."""
    site.answer = lambda n, times: Response(503 if times <= n % 2 else 200)

    async def work() -> None:
        options = {"orderedBy": "userId", "breaker": {"failures": 1000}}
        outbox = outbox_of(site, tmp_path / "events.db", **options)
        async with outbox, BrokerWorker(site.engine(site.workspace(**options))):
            for n in range(60):
                await outbox.enqueue(track(n, userId=f"u-{n % 5}"))
            await outbox.drain(30)
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(60))
    for key in range(5):
        mine = [n for n in site.order if n % 5 == key]
        assert mine == sorted(mine)


def test_a_row_that_is_published_twice_is_delivered_once(site: Any, tmp_path: Path) -> None:
    """A row that goes again, since a crash came before it was done, is known to the broker."""

    async def work() -> None:
        for run in range(2):
            async with outbox_of(site, tmp_path / f"{run}.db") as outbox:
                await enqueue(outbox, range(20))
                await outbox.drain(30)
        assert (await site.left())["work"] == 20

    site.play(work)


def test_without_a_broker_events_wait(site: Any, tmp_path: Path, broker: LoopbackBroker) -> None:
    """While the broker is down, events are accepted and wait in the outbox; then they go on by themselves."""
    site.broker = broker
    broker.stop()

    async def work() -> None:
        async with outbox_of(site, tmp_path / "events.db") as outbox:
            await enqueue(outbox, range(50))
            (left,) = await outbox.backlog()
            assert left.due + left.later + left.in_hand == 50
            await asyncio.to_thread(broker.start)
            await outbox_empty(outbox)
            await asyncio.to_thread(broker.kill)
            await enqueue(outbox, range(50, 100))
            await asyncio.to_thread(broker.start)
            await outbox_empty(outbox)
            assert (await site.left())["work"] == 100

    site.play(work)


async def outbox_empty(outbox: Outbox) -> None:
    """Wait until an outbox holds nothing."""
    while sum([left.due + left.later + left.in_hand for left in await outbox.backlog()]):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.02)


def test_a_full_broker_leaves_the_rest_in_the_outbox(site: Any, tmp_path: Path) -> None:
    """What does not fit into the broker waits in the outbox until workers have made room."""
    text = "x" * 20_000

    async def work() -> None:
        bounded = {"mostBytes": 1_048_576}
        async with outbox_of(site, tmp_path / "events.db", broker=bounded) as outbox:
            for n in range(100):
                await outbox.enqueue(track(n, messageId=f"m-{n}", context={"text": text}))
            while [left.breaker for left in await outbox.backlog()] == ["closed"]:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
            assert 0 < (await site.left())["work"] < 100
            async with BrokerWorker(site.engine(site.workspace())):
                await outbox_empty(outbox)
                await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(100))


def test_an_event_that_no_broker_takes(site: Any, tmp_path: Path, broker: LoopbackBroker) -> None:
    """An event that is too large for the broker is a dead letter of the outbox, and holds up no other."""
    broker.stop()
    small = LoopbackBroker(tmp_path / "small", options="max_payload: 20000")
    site.broker = small

    async def work() -> None:
        async with outbox_of(site, tmp_path / "events.db") as outbox:
            await outbox.enqueue(track(0, context={"text": "x" * 25_000}))
            await enqueue(outbox, range(1, 5))
            await outbox_empty(outbox)
            (letter,) = [letter async for letter in outbox.dead_letters.list()]
            assert letter.code == "EVENT_TOO_LARGE"
            assert (await site.left())["work"] == 4

    with small:
        site.play(work)


def test_a_producer_whose_broker_is_not_named(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is missing refuses the start, before anything is accepted."""
    monkeypatch.delenv("SHOP_BROKER", raising=False)

    async def work() -> None:
        outbox = outbox_of(site, tmp_path / "events.db", broker={"url": {"$env": "SHOP_BROKER"}})
        with pytest.raises(WorkspaceError, match="SHOP_BROKER is not set"):
            await outbox.open()
        await outbox.close()

    site.play(work)


def test_a_broker_killed_again_and_again(site: Any, tmp_path: Path, broker: LoopbackBroker) -> None:
    """A broker that is killed under load loses nothing, and nothing is left in it."""
    site.broker = broker
    site.delay = 0.01

    async def work() -> None:
        outbox = outbox_of(site, tmp_path / "events.db")
        async with outbox, BrokerWorker(site.engine(site.workspace())):
            for run in range(3):
                await enqueue(outbox, range(run * 100, run * 100 + 100))
                await until(lambda run=run: len(site.got) > run * 100 + 20)
                await asyncio.to_thread(broker.kill)
                await asyncio.to_thread(broker.start)
            await outbox_empty(outbox)
            await site.until_empty()

    site.play(work)
    assert set(site.got) == set(range(300))


async def until(condition: Any) -> None:
    """Wait for something that tells nobody when it happens."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.01)
