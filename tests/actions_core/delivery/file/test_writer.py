"""The writer: what piles up goes into one transaction, and every caller gets an outcome of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.file import FileOptions, FileStore, Writer, connection, opening
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.rules import BatchSize
from actions_core.delivery.store import Burial, Claim, InputPosition, NewDelivery, Retry, Settlement

Maker = Callable[..., Any]
ALL = LetterFilter()


@contextmanager
def counted_commits(store: FileStore) -> Iterator[list[str]]:
    """Note every statement that ends a transaction of the store."""
    ends: list[str] = []
    sqlite = store._connection.opened()
    sqlite.set_trace_callback(lambda statement: ends.append(statement) if statement == "COMMIT" else None)
    yield ends
    sqlite.set_trace_callback(None)


def in_writer(open_store: Maker, work: Callable[[Writer, FileStore], Any], **options: Any) -> FileStore:
    """Run asynchronous work with a writer, and return its store, closed."""
    store: FileStore = open_store(**options)
    writer = Writer(store)

    async def run() -> None:
        try:
            await work(writer, store)
        finally:
            await asyncio.to_thread(writer.close)

    asyncio.run(run())
    return store


def test_what_piles_up_shares_commits(open_store: Maker, arrival: Maker) -> None:
    """A thousand callers at one moment take few commits, and each gets the number of its own event."""

    async def work(writer: Writer, store: FileStore) -> None:
        with counted_commits(store) as commits:
            results = await asyncio.gather(
                *[writer.accept([arrival(f"m{number}")]) for number in range(1000)]
            )
        assert [result[0].event for result in results] == list(range(1, 1001))
        assert len(commits) < 20

    in_writer(open_store, work)


def test_an_outcome_is_on_disk_when_the_future_is_done(path: Path, open_store: Maker, arrival: Maker) -> None:
    """Another reader sees an event as soon as its caller knows that it was accepted."""

    async def work(writer: Writer, _store: FileStore) -> None:
        await writer.accept([arrival("m1")], InputPosition("in.ndjson", 10, 20, "head", 5))
        with sqlite3.connect(path) as reader:
            assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)
            assert reader.execute("SELECT path, position FROM input").fetchone() == ("in.ndjson", 5)
        reader.close()

    in_writer(open_store, work)


def test_outcomes_alone_wait_a_moment_for_more(open_store: Maker, arrival: Maker) -> None:
    """A hundred outcomes that come one after the other share commits; somebody who waits takes them along."""

    async def work(writer: Writer, store: FileStore) -> None:
        await writer.accept([arrival(f"m{number}") for number in range(100)])
        claim = await writer.claim(1, 100)
        with counted_commits(store) as commits:
            for row in claim.rows:
                writer.done(row.event, 1)
                await asyncio.sleep(0)
            await writer.wait_noted(1)
        assert writer.unnoted == 0
        assert len(commits) <= 3
        assert store._connection.read("SELECT count(*) FROM delivery") == [(0,)]

    in_writer(open_store, work)


def test_a_single_outcome_is_noted_soon(open_store: Maker, arrival: Maker) -> None:
    """One outcome waits for about 20 ms, not for others that never come."""

    async def work(writer: Writer, _store: FileStore) -> None:
        await writer.accept([arrival("m1", owned=True)])
        writer.done(1, 1)
        assert writer.unnoted == 1
        started = time.monotonic()
        await asyncio.wait_for(writer.wait_noted(1), 5)
        assert time.monotonic() - started < 2

    in_writer(open_store, work)


def test_all_kinds_of_outcomes_and_calls(open_store: Maker, arrival: Maker) -> None:
    """Claims, batches, retries, burials and the letters go through the writer as through the store."""

    async def work(writer: Writer, store: FileStore) -> None:
        await writer.accept([arrival(f"m{number}", 1, 2) for number in range(6)])
        batch = await writer.claim_batch(2, BatchSize(3, 10_000))
        numbers = await writer.regroup(2, [[row.event for row in batch.rows[:1]], [batch.rows[1].event]])
        assert numbers == [2, 3]
        rows = (await writer.claim(1, 10)).rows
        due = store.now() + 60_000
        writer.settle(
            Settlement(
                done=[(rows[0].event, 1)],
                retries=[Retry(rows[1].event, 1, due, store.now(), status=503)],
                burials=[Burial(rows[2].event, 1, "X", store.now())],
                released=[(rows[3].event, 1)],
            )
        )
        claim = await writer.claim(1, 10)
        assert [row.event for row in claim.rows] == [4]
        assert claim.next_due == due
        assert [letter.code for letter in await writer.run(lambda each: each.letters.list(ALL))] == ["X"]
        assert await writer.run(lambda each: each.letters.replay(ALL)) == 1

    in_writer(open_store, work)


def test_threads_without_a_loop_are_served_too(open_store: Maker, arrival: Maker) -> None:
    """Events come from any thread, beside an event loop."""

    async def work(writer: Writer, _store: FileStore) -> None:
        numbers: list[int | None] = []

        def call(name: str) -> None:
            events = [arrival(f"{name}-{each}") for each in range(20)]
            numbers.extend([writer.accept_from_thread([event]).result(10)[0].event for event in events])

        threads = [threading.Thread(target=call, args=(f"t{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        await asyncio.gather(*[writer.accept([arrival(f"m{number}")]) for number in range(20)])
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        assert len(set(numbers)) == 80
        assert writer.run_from_thread(lambda store: len(store.claim(1, 1000).rows)).result(10) == 100

    in_writer(open_store, work)


def test_one_callers_fault_is_not_the_others(open_store: Maker, arrival: Maker) -> None:
    """Of several events in one transaction, the one that names an unknown subscription fails alone."""

    async def work(writer: Writer, _store: FileStore) -> None:
        faulty = attrs.evolve(arrival("m-faulty"), deliveries=(NewDelivery(99),))
        futures = [writer.accept([each]) for each in (arrival("m1"), faulty, arrival("m2"))]
        first, fault, second = await asyncio.gather(*futures, return_exceptions=True)
        assert isinstance(fault, KeyError)
        assert isinstance(first, list)
        assert isinstance(second, list)
        assert [first[0].event, second[0].event] == [1, 2]

    in_writer(open_store, work)


def test_a_place_that_has_moved_is_the_fault_of_one(open_store: Maker, arrival: Maker) -> None:
    """Who reads a file that another run has read on is refused; other callers and claims are served."""

    async def work(writer: Writer, _store: FileStore) -> None:
        moved = InputPosition("f", 10, 0, "h", 9, before=3)
        futures = [
            writer.accept([arrival("m1")]),
            writer.accept([arrival("m2")], moved),
            writer.claim(1, 10),
            writer.accept([arrival("m3")]),
        ]
        first, refused, claim, second = await asyncio.gather(*futures, return_exceptions=True)
        assert isinstance(refused, OutboxError)
        assert refused.code == "INPUT_MOVED"
        assert isinstance(first, list)
        assert isinstance(second, list)
        assert [first[0].event, second[0].event] == [1, 2]
        assert isinstance(claim, Claim)
        assert [row.event for row in claim.rows] == [1, 2]

    in_writer(open_store, work)


def test_without_space_as_much_as_fits_is_accepted(open_store: Maker, arrival: Maker) -> None:
    """Outcomes are noted, events that fit are accepted, the others are refused: nothing hangs or is lost."""

    async def work(writer: Writer, store: FileStore) -> None:
        made = [arrival(f"m{number}", filler=3000) for number in range(800)]
        results = await asyncio.gather(*[writer.accept([each]) for each in made], return_exceptions=True)
        accepted = [result for result in results if isinstance(result, list)]
        refused = [result for result in results if isinstance(result, OutboxFullError)]
        assert len(accepted) + len(refused) == 800
        assert accepted
        assert refused
        assert store._connection.read("SELECT count(*) FROM event") == [(len(accepted),)]
        claim = await writer.claim(1, 10_000)
        for row in claim.rows[:100]:
            writer.done(row.event, 1)
        writer.settle(Settlement(burials=[Burial(row.event, 1, "X", 0) for row in claim.rows[100:]]))
        results = await asyncio.gather(*[writer.accept([each]) for each in made[-20:]])
        assert all(result[0].event for result in results)
        await writer.wait_noted(1)
        assert await writer.run(lambda each: each.letters.count(ALL)) == len(accepted) - 100

    in_writer(open_store, work, options=FileOptions(most_bytes=400 * 4096, synchronous="normal"))


@pytest.mark.parametrize("with_event", [True, False])
def test_on_a_full_disk_the_space_of_the_log_is_used_again(
    open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch, *, with_event: bool
) -> None:
    """Where the log cannot grow, it is written back, and outcomes are noted where it begins again."""
    settle, write_back = FileStore.settle, connection.write_back
    full = [False]

    def settle_where_there_is_space(store: FileStore, settlement: Settlement) -> None:
        if full[0]:
            raise OutboxFullError("the log cannot grow")
        settle(store, settlement)

    def make_space(sqlite: sqlite3.Connection) -> bool:
        full[0] = not write_back(sqlite)
        return not full[0]

    monkeypatch.setattr(FileStore, "settle", settle_where_there_is_space)
    monkeypatch.setattr(connection, "write_back", make_space)

    async def work(writer: Writer, store: FileStore) -> None:
        await writer.accept([arrival("m1", owned=True)])
        full[0] = True
        writer.done(1, 1)
        if with_event:
            await asyncio.wait([writer.accept([arrival("m2")])])
        await asyncio.wait_for(writer.wait_noted(1), 20)
        assert store._connection.read("SELECT count(*) FROM delivery") == [(int(with_event),)]

    in_writer(open_store, work)


def test_outcomes_survive_a_foreign_lock(
    path: Path, open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another program has the file, events are refused; outcomes are noted as soon as it lets go."""
    monkeypatch.setattr(opening, "BUSY_TIMEOUT", 50)

    async def work(writer: Writer, store: FileStore) -> None:
        await writer.accept([arrival("m1", owned=True)])
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        writer.done(1, 1)
        with pytest.raises(OutboxError, match="locked by another program"):
            await writer.accept([arrival("m2")])
        await asyncio.sleep(0.2)
        assert writer.unnoted == 1
        foreign.execute("ROLLBACK")
        foreign.close()
        await asyncio.wait_for(writer.wait_noted(1), 10)
        assert store._connection.read("SELECT count(*) FROM delivery") == [(0,)]

    in_writer(open_store, work)


def test_closing_gives_back_what_this_worker_holds(path: Path, open_store: Maker, arrival: Maker) -> None:
    """What was handed in before is written, rows in hand wait for others, later calls are refused."""

    async def work(writer: Writer, _store: FileStore) -> None:
        futures = [writer.accept([arrival(f"m{number}", owned=True)]) for number in range(50)]
        writer.done(1, 1)
        await asyncio.to_thread(writer.close)
        assert [len(result) for result in await asyncio.gather(*futures)] == [1] * 50
        with pytest.raises(OutboxError, match="closed"):
            writer.accept([arrival("late")])

    in_writer(open_store, work)
    after = open_store(path)
    assert len(after.claim(1, 100).rows) in {
        49,
        50,
    }  # the outcome of an event that was not accepted yet: none
    assert len(after.workers()) == 1


def test_a_caller_that_has_gone_disturbs_nobody(open_store: Maker, arrival: Maker) -> None:
    """A cancelled future, and one whose event loop is closed, leave the writer at work."""
    store = open_store()
    writer = Writer(store)

    async def leave() -> None:
        writer.accept([arrival("m1")]).cancel()
        writer.accept([arrival("m2")])

    asyncio.run(leave())
    assert writer.accept_from_thread([arrival("m3")]).result(10)[0].event == 3
    writer.close()


def test_what_is_handed_in_at_the_last_moment_is_refused(open_store: Maker, arrival: Maker) -> None:
    """Who looked whether the writer is open before another thread closed it does not wait for ever."""

    async def work(writer: Writer, _store: FileStore) -> None:
        class Late(deque[Any]):
            def append(self, item: object) -> None:
                if item is not None:
                    writer.close()
                super().append(item)

        writer._queue = Late()
        with pytest.raises(OutboxError, match="the outbox is closed"):
            await asyncio.wait_for(writer.accept([arrival("m1")]), 20)

    in_writer(open_store, work)


def test_who_waits_no_more_leaves_the_writer_at_work(open_store: Maker, arrival: Maker) -> None:
    """One that sees its outcomes noted takes its entry back just when the writer counts the entries."""

    class Fewer(deque[Any]):
        def __len__(self) -> int:
            return super().__len__() + 1

    async def work(writer: Writer, _store: FileStore) -> None:
        writer._waiting = Fewer()
        await writer.accept([arrival("m1", owned=True)])
        writer.done(1, 1)
        await asyncio.wait_for(writer.wait_noted(1), 20)
        assert await writer.accept([arrival("m2")])

    in_writer(open_store, work)


def test_rows_of_a_dead_worker_come_back_by_themselves(
    path: Path, open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every writer looks for dead workers each second."""
    monkeypatch.setattr("actions_core.delivery.file.writer._TICK", 0.05)

    async def work(writer: Writer, store: FileStore) -> None:
        await writer.accept([arrival("m1")])
        with sqlite3.connect(path) as plain:
            plain.execute("INSERT INTO worker VALUES (77, 'here', 1, 1)")
            plain.execute("UPDATE delivery SET owner = 77")
        plain.close()
        for _ in range(100):
            claim = await writer.claim(1, 1)
            if claim.rows:
                break
            await asyncio.sleep(0.05)
        assert [row.event for row in claim.rows] == [1]
        assert [worker.id for worker in store.workers()] == [store.worker]

    in_writer(open_store, work)


def test_upkeep_begins_with_the_workspace(
    open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the subscriptions are known, what waited too long becomes a dead letter unasked."""
    monkeypatch.setattr("actions_core.delivery.file.writer._TICK", 0.05)
    now = 1_800_000_000.0

    async def work(writer: Writer, _store: FileStore) -> None:
        nonlocal now
        await writer.accept([arrival("m1")])
        now += 700_000
        await asyncio.sleep(0.2)
        assert await writer.run(lambda store: store.letters.count(ALL)) == 0
        writer.active, writer.longest = {1, 2}, 900_000
        for _ in range(100):
            letters = await writer.run(lambda store: store.letters.list(ALL))
            if letters:
                break
            await asyncio.sleep(0.05)
        assert [letter.code for letter in letters] == ["EXPIRED"]

    in_writer(open_store, work, clock=lambda: now)


def test_what_holds_up_its_keys_leaves_the_order_by_and_by(
    open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In slices, so that no caller waits for all of it; what is delivered stays in its order."""
    monkeypatch.setattr("actions_core.delivery.file.writer._TICK", 0.02)
    monkeypatch.setattr("actions_core.delivery.file.ordering._KEYS_AT_ONCE", 1)
    now = 1_800_000_000.0

    async def work(writer: Writer, _store: FileStore) -> None:
        nonlocal now
        for key in "abc":
            await writer.accept([arrival(f"{key}1", 2, ordered=key), arrival(f"{key}2", 1, ordered=key)])
        assert (await writer.claim(1, 9)).rows == ()
        now += 3601
        writer.delivered = {1, 2}
        writer.active, writer.longest = {1, 2}, 900_000
        await asyncio.sleep(0.2)
        assert (await writer.claim(1, 9)).rows == ()
        writer.delivered, writer._next_order = {1}, 0.0
        came: list[int] = []
        while len(came) < 3:
            came += [row.event for row in (await writer.claim(1, 9)).rows]
            await asyncio.sleep(0.01)
        assert sorted(came) == [2, 4, 6]

    in_writer(open_store, work, clock=lambda: now)
