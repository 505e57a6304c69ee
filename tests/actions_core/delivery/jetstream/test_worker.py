"""Workers: what a broker holds reaches its destination, whatever happens to it, to them, or to the broker."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import attrs
import pytest

from actions_core import Response, Status, Workspace, WorkspaceError
from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.broker import broker_of
from actions_core.delivery.jetstream.connection import connect
from actions_core.delivery.jetstream.layout import ensure_consumer
from actions_core.delivery.jetstream.worker import BrokerWorker

NOBODY = {"destinations": [{"destination": "nobody", "settings": {}}]}


async def until(condition: Any) -> None:
    """Wait for something that tells nobody when it happens."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.01)


async def until_paused(worker: BrokerWorker) -> None:
    """Wait until the broker hands out nothing of the instance."""
    while [each.state.state for each in await worker.backlog()] == ["active"]:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.02)


def worker(site: Any, **options: Any) -> BrokerWorker:
    """A worker of the site."""
    return BrokerWorker(site.engine(site.workspace(**options)))


def test_what_waits_is_delivered_once(site: Any) -> None:
    """Each delivery in the broker reaches its destination once, and nothing is left."""

    async def work() -> None:
        await site.publish(range(300))
        async with worker(site):
            await site.until_empty()
            await site.publish(range(300, 310))
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(310))
    assert Counter(result.status for result in site.results) == {Status.SENT: 310}


def test_two_workers_share_the_work(site: Any) -> None:
    """Two workers deliver at the same time, and nothing twice."""
    site.delay = 0.02

    async def work() -> None:
        await site.publish(range(200))
        first, second = worker(site, concurrency=5), worker(site, concurrency=5)
        async with first, second:
            await until(lambda: site.at_once > 5)
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(200))


def test_a_failure_is_tried_later(site: Any) -> None:
    """What may be retried goes again by a schedule of the broker, until its tries are used up."""
    refused = {1: 400, 2: 503}
    site.answer = lambda n, times: Response(refused.get(n, 503 if times < 3 else 200))

    async def work() -> None:
        await site.publish(range(4))
        async with worker(site, retry={"base": 0.01, "cap": 0.02, "tries": 4}):
            await site.until_empty()
        assert (await site.left())["dead"] == 2

    site.play(work)
    assert site.got == Counter([0, 3])
    assert site.times == {0: 3, 1: 1, 2: 4, 3: 3}
    outcomes = sorted((result.status.value, result.tries) for result in site.results)
    assert outcomes == [("failed", 1), ("failed", 4), ("sent", 3), ("sent", 3)]


def test_what_was_retried_does_not_hold_up_the_others(site: Any) -> None:
    """While deliveries wait for their next try, new ones are delivered."""
    site.answer = lambda n, _times: Response(503 if n < 20 else 200)

    async def work() -> None:
        await site.publish(range(20))
        async with worker(site, concurrency=2, retry={"base": 900, "cap": 900}, breaker={"failures": 100}):
            await until(lambda: len(site.times) == 20)
            await site.publish(range(20, 40))
            await until(lambda: len(site.got) == 20)
        left = await site.left()
        assert (left["work"], left["later"]) == (0, 20)

    site.play(work)
    assert set(site.got) == set(range(20, 40))


def test_a_busy_destination_costs_no_try(site: Any) -> None:
    """A 429 puts the delivery off without counting a try."""
    site.answer = lambda _n, times: Response(429 if times < 3 else 200)

    async def work() -> None:
        await site.publish(range(1))
        async with worker(site, retry={"base": 0.01, "cap": 0.02, "tries": 1}):
            await site.until_empty()

    site.play(work)
    assert site.got == Counter([0])


def test_an_open_breaker_pulls_nothing(site: Any) -> None:
    """A worker whose instance fails takes nothing more from the broker, and goes on after a probe."""
    down = True

    def answer(n: int, times: int) -> Response:
        return Response(503 if down else 200)

    site.answer = answer

    async def work() -> None:
        nonlocal down
        await site.publish(range(100))
        breaker = {"failures": 3, "pause": 0.2, "longest": 0.2}
        async with worker(site, concurrency=2, breaker=breaker, retry={"base": 0.01, "cap": 0.01}):
            await until(lambda: site.times.total() > 8)
            tried = len(site.times)
            assert tried < 30
            down = False
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(100))


def test_a_long_handler_keeps_its_delivery(site: Any) -> None:
    """A delivery that takes longer than `takeover` goes to no other worker meanwhile."""
    site.delay = 2.5

    async def work() -> None:
        await site.publish(range(1))
        options = {"broker": {"takeover": 1}}
        async with worker(site, **options), worker(site, **options):
            await site.until_empty()

    site.play(work)
    assert site.times == {0: 1}


def test_closing_gives_back(site: Any) -> None:
    """A worker that closes lets what is in progress end, and gives what it has not begun to another."""
    site.delay = 0.3

    async def work() -> None:
        await site.publish(range(40))
        first = worker(site, concurrency=4)
        await first.open()
        await until(lambda: site.at_once == 4)
        await first.close()
        assert site.times.total() == len(site.got) == 4
        site.delay = 0.0
        async with worker(site, concurrency=4):
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(40))


@pytest.mark.parametrize("known", [(), ("Send",)])
def test_an_unknown_subscription_is_put_off(site: Any, known: tuple[str, ...]) -> None:
    """What a workspace does not know waits for one that does, and is a dead letter after an hour."""

    async def work() -> None:
        layout = await site.publish(range(1), subscription="New")
        await site.publish(range(1, 2), subscription="New", unknown_since=1)
        async with worker(site, subscriptions=known):
            await site.until_left(work=0, later=1, dead=1)
        connection = await connect(site.broker.url)
        info: Any = await connection.call(f"STREAM.MSG.GET.{layout.dead}", seq=1)
        assert info["message"]["subject"].endswith(".a.New")
        await connection.close()

    site.play(work)
    assert not site.times


def test_a_disabled_subscription_waits(site: Any) -> None:
    """What a disabled subscription has waits for longer than an hour."""

    async def work() -> None:
        await site.publish(range(1), subscription="Off", unknown_since=1)
        await site.publish(range(1, 2), subscription="Off")
        async with worker(site, disabled=("Off",)):
            await site.until_left(work=0, later=1, dead=1)

    site.play(work)
    assert not site.times


def test_what_no_longer_matches_is_skipped(site: Any) -> None:
    """Delivery runs the present workspace: what does not match it any more is done."""

    async def work() -> None:
        await site.publish(range(2))
        workspace = site.workspace()
        (spec,) = workspace.destinations
        drop = ({"if": "properties.n = 1", "actions": [{"type": "DROP"}]},)
        narrowed = attrs.evolve(workspace, destinations=(attrs.evolve(spec, filters=drop),))
        async with BrokerWorker(site.engine(narrowed)):
            await site.until_empty()

    site.play(work)
    assert site.got == Counter([0])
    assert {result.status for result in site.results} == {Status.SENT, Status.SKIPPED}


def test_an_instance_that_is_gone_waits_for_all(site: Any) -> None:
    """After a 410 no worker is handed anything of the instance until somebody resumes it."""
    gone = True

    def answer(n: int, times: int) -> Response:
        return Response(410 if gone else 200)

    site.answer = answer

    async def work() -> None:
        nonlocal gone
        await site.publish(range(20))
        async with worker(site, concurrency=1) as first:
            await until(lambda: site.times.total() > 0)
            await until_paused(first)
        tried = site.times.total()
        async with worker(site, concurrency=1) as second:
            assert [each.state.state for each in await second.backlog()] == ["gone"]
            await asyncio.sleep(0.2)
            assert site.times.total() == tried
            gone = False
            await second.resume("a")
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(20))


def test_an_instance_that_refuses_its_credentials_waits_for_all(site: Any) -> None:
    """After 20 refusals in a row no worker is handed anything; other settings end that, and none is dead."""
    locked = True
    site.answer = lambda _n, _times: Response(401 if locked else 200)

    async def work() -> None:
        nonlocal locked
        await site.publish(range(30))
        async with worker(site, concurrency=1) as first:
            await until_paused(first)
            tried = site.times.total()
            assert tried >= 20
            locked = False
            changed = site.workspace(concurrency=1)
            (spec,) = changed.destinations
            settings = {**spec.settings, "url": f"{spec.settings['url']}/"}
            spec = attrs.evolve(spec, settings=settings)
            await first.replace(attrs.evolve(changed, destinations=(spec,)))
            await site.until_empty()
            assert not [letter async for letter in first.dead_letters.list()]

    site.play(work)
    assert site.got == Counter(range(30))


def test_a_long_pause_holds_for_all(site: Any) -> None:
    """A `Retry-After` of more than some seconds keeps every worker from the instance."""
    site.answer = lambda _n, _times: Response(429, {"Retry-After": "600"})

    async def work() -> None:
        await site.publish(range(3))
        async with worker(site, concurrency=1) as first:
            await until(lambda: site.times.total() > 0)
            await until_paused(first)
            (left,) = await first.backlog()
            assert left.state.state == "paused"
            assert left.state.until is not None

    site.play(work)
    assert site.times.total() == 1


def test_a_rate_holds_for_all_workers(site: Any) -> None:
    """Of an instance with a rate, one worker at a time delivers; another one follows when it ends."""

    async def work() -> None:
        await site.publish(range(30))
        options = {"rate": {"requests": 20, "per": 1, "burst": 1}}
        first, second = worker(site, **options), worker(site, **options)
        await first.open()
        await until(lambda: len(site.got) >= 3)
        await second.open()
        await until(lambda: len(site.got) >= 10)
        assert not second.is_leading("a")
        await first.close()
        await site.until_empty()
        assert second.is_leading("a")
        await second.close()

    site.play(work)
    assert site.got == Counter(range(30))


def test_the_worker_of_a_rate_delivers_what_came_due(site: Any) -> None:
    """An instance with a rate has a worker also when there are retries only."""
    site.answer = lambda _n, times: Response(503 if times < 2 else 200)

    async def work() -> None:
        await site.publish(range(3))
        options = {"rate": 100, "retry": {"base": 0.5, "cap": 0.5}}
        async with worker(site, **options):
            await until(lambda: len(site.times) == 3)
        async with worker(site, **options):
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(3))


def test_order_is_kept(site: Any) -> None:
    """Events of one key go one after the other, however often each is tried and whoever delivers it."""
    site.answer = lambda n, times: Response(503 if times <= n % 3 else 200)
    keys = [f"u-{number}" for number in range(6)]

    async def work() -> None:
        for n in range(60):
            await site.publish([n], key=keys[n % 6])
        options = {"orderedBy": "userId", "breaker": {"failures": 1000}}
        async with worker(site, **options), worker(site, **options):
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(60))
    for key in range(6):
        mine = [n for n in site.order if n % 6 == key]
        assert mine == sorted(mine)


def test_tries_of_ordered_deliveries_are_counted(site: Any) -> None:
    """What stays in its partition while it is put off has its tries counted, until they are used up."""
    site.answer = lambda n, _times: Response(503 if n == 0 else 200)

    async def work() -> None:
        await site.publish(range(3), key="k")
        retry = {"base": 0.01, "cap": 0.01, "tries": 3}
        async with worker(site, orderedBy="userId", retry=retry):
            await site.until_empty()
        assert (await site.left())["dead"] == 1

    site.play(work)
    # What the broker hands out and takes back before it arrives, as on a slow machine, it counts as well.
    assert site.times[0] in {2, 3}
    assert site.times == {0: site.times[0], 1: 1, 2: 1}
    assert site.order == [1, 2]


def test_a_foreign_message_is_dropped(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A message that is not a delivery is logged and does not come again."""

    async def work() -> None:
        layout = await site.publish(())
        connection = await connect(site.broker.url)
        await connection.publish(layout.work_subject("a"), b"hello", {"X": "1"})
        await connection.close()
        async with worker(site):
            await site.until_empty()

    site.play(work)
    assert "message 1 of" in caplog.text
    assert "is not a delivery" in caplog.text


def test_a_worker_without_a_broker(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace without a broker, and a variable that is missing, are errors in words."""
    workspace = attrs.evolve(site.workspace(), broker=None)
    with pytest.raises(WorkspaceError, match="has no broker: give it one"):
        broker_of(workspace)
    assert broker_of(workspace, "nats://here").url == "nats://here"
    monkeypatch.delenv("SHOP_BROKER", raising=False)
    named = site.workspace(broker={"url": {"$env": "SHOP_BROKER"}})
    with pytest.raises(WorkspaceError, match=r"\$\.broker: the environment variable SHOP_BROKER is not set"):
        broker_of(named)
    monkeypatch.setenv("SHOP_BROKER", "nats://there")
    assert broker_of(named).url == "nats://there"


def test_a_worker_that_is_not_open(site: Any) -> None:
    """A worker that is not open says so."""

    async def work() -> None:
        closed = worker(site)
        with pytest.raises(BrokerError, match="not open"):
            await closed.resume("a")
        await closed.close()
        await closed.close()

    site.play(work)


def test_a_changed_workspace_is_taken_up(site: Any) -> None:
    """A worker goes on with a changed workspace, which must not be faulty."""
    new = "New"

    async def work() -> None:
        async with worker(site) as running:
            await site.publish(range(20))
            await until(lambda: len(site.got) == 20)
            with pytest.raises(WorkspaceError, match="no destination"):
                await running.replace(
                    attrs.evolve(site.workspace(), destinations=Workspace.from_dict(NOBODY).destinations)
                )
            with pytest.raises(WorkspaceError, match=r"\$\.broker: the broker cannot be changed"):
                await running.replace(site.workspace(broker={"takeover": 9}))
            await running.replace(site.workspace(subscriptions=("Send", new)))
            await site.publish(range(20, 25), subscription=new)
            await site.until_empty()
            site.delay = 0.2
            await site.publish(range(25, 30))
            await until(lambda: site.at_once > 0)
            await running.replace(site.workspace(concurrency=3))
            await site.until_empty()

    site.play(work)
    assert site.got == Counter(range(30))


def test_the_backlog_of_a_broker(site: Any) -> None:
    """What waits, what waits for a later try, and what is in workers' hands is counted for each instance."""
    site.delay = 0.2
    site.answer = lambda n, _times: Response(503 if n < 2 else 200)

    async def work() -> None:
        await site.publish(range(2))
        options = {"concurrency": 1, "retry": {"base": 900, "cap": 900}}
        tries: list[Any] = []
        async with worker(site, **options) as running:
            running.on_try = tries.append
            await site.until_left(work=0, later=2, dead=0)
            await site.publish(range(2, 12), key=None)
            await until(lambda: site.at_once == 1)
            (left,) = await running.backlog()
            assert left.later == 2
            assert 1 <= left.in_hand <= 2
            assert left.due + left.in_hand == 10
            assert (left.instance, left.breaker, left.cap) == ("a", "closed", 1)
        assert [settled.result.status for settled in tries[:2]] == [Status.FAILED] * 2

    site.play(work)


def test_a_consumer_that_is_gone_is_told_once(site: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A worker whose consumer was deleted says so once, and goes on when it is there again."""

    async def work() -> None:
        layout = await site.publish(())
        connection = await connect(site.broker.url)
        async with worker(site):
            await connection.call(f"CONSUMER.DELETE.{layout.work}.a")
            await until(lambda: "broker: a of" in caplog.text)
            await asyncio.sleep(1.2)
            assert caplog.text.count("broker: a of") <= 2
            await ensure_consumer(connection, layout.consumers("a", 10, ordered=False)[0], 2.0)
            await site.publish(range(3))
            await site.until_empty()
        await connection.close()

    site.play(work)
    assert site.got == Counter(range(3))
