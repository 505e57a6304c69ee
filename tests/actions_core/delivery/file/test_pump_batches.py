"""Batches of a pump on a real outbox, with attempts that the test makes: places, jobs, faults, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from actions_core.delivery.file import FileStore, Writer
from actions_core.delivery.pump import BatchOutcome, Part, Prepared, Pump
from actions_core.delivery.rules import BatchSize, DurableRetry
from actions_core.delivery.store import Claimed
from actions_core.engine.executor.breaker import Breaker
from actions_core.engine.executor.rate_budget import RateBudget
from actions_core.engine.results import Result, Status

Maker = Callable[..., Any]
SENT = Result("a", "one", "x", Status.SENT, tries=1)


class Attempts:
    """Attempts that end when the test says so. `started` are the batches that were sent, by their events."""

    def __init__(self) -> None:
        self.started: list[list[int]] = []
        self.open = self.most = 0
        self.jobs = 0
        self.raises: Exception | None = None
        self.go = asyncio.Event()

    async def prepare(self, rows: Sequence[Claimed]) -> Prepared:
        """Have all rows go together."""
        return Prepared([Part(rows, [None] * len(rows))])

    async def deliver(self, part: Part, started_job: Callable[[], None]) -> BatchOutcome:
        """Send a batch."""
        self.started.append([row.event for row in part.rows])
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            for _ in range(self.jobs):
                started_job()
            if self.raises is not None:
                raise self.raises
            await self.go.wait()
        finally:
            self.open -= 1
        return BatchOutcome([SENT] * len(part.rows), [None] * len(part.rows))


def play(
    store: FileStore, work: Callable[[Writer, Pump, Attempts], Awaitable[None]], *, concurrency: int = 3
) -> None:
    """Run a test's work with a pump whose one subscription goes in batches of four."""

    async def main() -> None:
        writer, attempts = Writer(store), Attempts()

        async def never(_row: Claimed) -> Result:
            raise AssertionError("nothing goes alone here")

        pump = Pump(
            writer,
            {1: DurableRetry(base=0.01)},
            never,
            breaker=Breaker(),
            budget=RateBudget(concurrency),
            now=store._clock,
            batches={1: BatchSize(4, 1_000_000, 60_000)},
            attempts=attempts,
        )
        pump.start()
        try:
            await work(writer, pump, attempts)
        finally:
            attempts.go.set()
            await pump.close(5.0)
            await asyncio.to_thread(writer.close)

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def rows(store: FileStore) -> list[tuple[int, int, int | None, int]]:
    """What waits: event, owner, batch and tries."""
    return store._connection.read("SELECT event, owner, batch, tries FROM delivery ORDER BY event")


@pytest.mark.parametrize("jobs", [0, 1, 2])
def test_open_batches_are_bounded_and_jobs_hold_no_turn(jobs: int, open_store: Maker, arrival: Maker) -> None:
    """No more batches are open than the concurrency; those that wait for jobs leave the budget to others."""
    store = open_store()

    async def work(writer: Writer, pump: Pump, attempts: Attempts) -> None:
        attempts.jobs = jobs
        await writer.accept([arrival(f"m{number}") for number in range(30)])
        pump.look()
        await until(lambda: attempts.open == 3)
        assert pump.budget.in_progress == (0 if jobs else 3)
        attempts.go.set()
        pump.flush(on=True)
        await until(lambda: pump.is_idle)
        await writer.wait_noted(1)
        pump.flush(on=False)
        assert attempts.most == 3
        assert sorted(event for batch in attempts.started for event in batch) == list(range(1, 31))
        assert pump.budget.in_progress == 0

    play(store, work)


def test_a_fault_puts_the_batch_off_as_it_is(
    open_store: Maker, arrival: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """What raises where nothing should is logged; its rows stay together, and no try is counted."""
    store = open_store()

    async def work(writer: Writer, pump: Pump, attempts: Attempts) -> None:
        attempts.raises = RuntimeError("not foreseen")
        await writer.accept([arrival(f"m{number}") for number in range(4)])
        pump.look()
        await until(lambda: bool(attempts.started))
        await until(lambda: not pump._batches._tasks)  # type: ignore[union-attr]  # it has batches
        await writer.wait_noted(1)
        found = rows(store)
        assert [(owner, tries) for _, owner, _, tries in found] == [(0, 0)] * 4
        assert len({batch for *_, batch, _ in found} - {None}) == 1
        assert pump.budget.in_progress == 0

    play(store, work)
    assert "not foreseen" in caplog.text


def test_closing_waits_for_no_job(open_store: Maker, arrival: Maker) -> None:
    """A batch that waits for a job is given back at once, under its number, and no try is counted."""
    store = open_store()

    async def work(writer: Writer, pump: Pump, attempts: Attempts) -> None:
        attempts.jobs = 1
        await writer.accept([arrival(f"m{number}") for number in range(4)])
        pump.look()
        await until(lambda: attempts.open == 1)
        await asyncio.wait_for(pump.close(3600.0), 20)
        await writer.wait_noted(1)
        found = rows(store)
        assert [(owner, tries) for _, owner, _, tries in found] == [(0, 0)] * 4
        assert len({batch for *_, batch, _ in found} - {None}) == 1

    play(store, work)
