"""FullStory in bulk through an outbox: import jobs that outlive a process, an outcome for each event."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from actions_fullstory import destination
from actions_fullstory.sandbox import FullStorySandbox, Limits

from actions_core import Engine, Registry, Status
from actions_core.delivery.outbox import Outbox
from tests.actions_core.delivery.support import kill, until
from tests.destinations.actions_fullstory.test_batch_import import (
    ADMIN,
    FULL,
    STANDARD,
    identify,
    refused,
    too_long,
    track,
    uploads,
    workspace,
)

SIZE = 20


class Bench:
    """A stand-in, and outboxes on one file that deliver to it."""

    def __init__(self, sandbox: FullStorySandbox, path: Path, key: str, delivery: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.told: list[Any] = []
        self._path = path
        self._space = workspace(
            sandbox.url, key, {"batch_size": SIZE}, {"batch": {"age": 0.2}, "concurrency": 4, **delivery}
        )

    def outbox(self) -> Outbox:
        """Make an outbox as a process would."""
        registry = Registry()
        registry.register(destination)
        return Outbox(Engine(self._space, registry=registry, on_result=self.told.append), self._path)

    def names(self) -> Counter[str]:
        """The events that FullStory has, by name."""
        return Counter(str(event["name"]) for event in self.sandbox.events)

    def polled(self) -> set[str]:
        """The jobs that were polled."""
        return {request.url for request in self.sandbox.requests if "/batch/job-" in request.url}

    def keys(self) -> Counter[str]:
        """The idempotency keys of uploads."""
        return Counter(request.headers["idempotency-key"] for request in uploads(self.sandbox))


def play(
    path: Path,
    work: Callable[[Bench], Awaitable[None]],
    *,
    key: str = ADMIN,
    delivery: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """Run a test's work with a stand-in."""

    async def main() -> None:
        async with FullStorySandbox(**{"batch_seconds": 0.02, **options}) as sandbox:
            sandbox.fill_session(FULL)
            await work(Bench(sandbox, path, key, delivery or {}))

    asyncio.run(main())


async def enqueue(outbox: Outbox, events: list[dict[str, Any]]) -> None:
    """Accept events."""
    async for receipt in outbox.enqueue_many(events):
        assert receipt.deliveries == 1


def test_each_event_of_a_job_has_its_outcome(tmp_path: Path) -> None:
    """What FullStory takes arrives once by import jobs; what it refuses, or would, is a dead letter."""
    make: dict[int, Any] = {7: too_long, 8: refused, 9: identify}
    events = [make.get(n % 10, track)(n) for n in range(300)]

    async def work(bench: Bench) -> None:
        async with bench.outbox() as outbox:
            await enqueue(outbox, events)
            await outbox.drain(20)
            letters = [letter async for letter in outbox.dead_letters.list()]
        assert bench.names() == Counter({f"Event {n}": 1 for n in range(300) if n % 10 < 7})
        assert len(bench.sandbox.users) == 210 + 30
        assert Counter((letter.subscription, letter.code) for letter in letters) == {
            ("track", "PAYLOAD_VALIDATION_FAILED"): 30,
            ("track", "BAD_REQUEST"): 30,
        }
        assert {letter.message for letter in letters} == {f"m-{n}" for n in range(300) if n % 10 in {7, 8}}
        (answer,) = {letter.answer for letter in letters if letter.code == "BAD_REQUEST"}
        assert "session_page_limit_exceeded" in answer
        assert Counter(each.status for each in bench.told) == {Status.SENT: 240, Status.FAILED: 60}
        assert all("/batch" in request.url for request in bench.sandbox.requests)

    play(tmp_path / "events.db", work)


def test_open_jobs_are_bounded(tmp_path: Path) -> None:
    """No more jobs are open at once than the instance's concurrency, so that FullStory refuses none."""

    async def work(bench: Bench) -> None:
        async with bench.outbox() as outbox:
            await enqueue(outbox, [track(n) for n in range(10 * SIZE)])
            await outbox.drain(20)
            assert await outbox.dead_letters.count() == 0
        assert bench.names() == Counter({f"Event {n}": 1 for n in range(10 * SIZE)})
        assert len(uploads(bench.sandbox)) == 10

    play(tmp_path / "events.db", work, delivery={"concurrency": 3}, limits=Limits(open=3), batch_seconds=0.05)


def test_too_many_jobs_wait_for_their_turn(tmp_path: Path) -> None:
    """Where others have jobs open too, a refused upload goes again, and costs no try."""

    async def work(bench: Bench) -> None:
        async with bench.outbox() as outbox:
            await enqueue(outbox, [track(n) for n in range(2 * SIZE)])
            await until(lambda: sum(bench.names().values()) == 2 * SIZE)
            assert await outbox.dead_letters.count() == 0
        assert set(bench.names().values()) == {1}

    play(
        tmp_path / "events.db",
        work,
        delivery={"retry": {"tries": 1, "base": 0.01}},
        limits=Limits(open=1),
        batch_seconds=0.05,
    )


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_jobs_outlive_the_process(tmp_path: Path, end: str) -> None:
    """After a kill, and after a close that waits for no job, the same uploads find the same jobs."""

    async def work(bench: Bench) -> None:
        first = bench.outbox()
        await first.open()
        await enqueue(first, [track(n) for n in range(3 * SIZE)])
        await until(lambda: len(bench.polled()) == 3)
        if end == "killed":
            await kill(first)
        else:
            await asyncio.wait_for(first.close(60), 20)
        assert not bench.names()
        async with bench.outbox() as second:
            await enqueue(second, [track(n) for n in range(100, 105)])
            await second.drain(20)
            assert await second.dead_letters.count() == 0
        expected = {f"Event {n}": 1 for n in [*range(3 * SIZE), *range(100, 105)]}
        assert bench.names() == Counter(expected)
        assert sorted(bench.keys().values()) == [1, 2, 2, 2]

    play(tmp_path / "events.db", work, batch_seconds=0.6)


def test_an_upload_whose_response_is_lost_is_the_same_job(tmp_path: Path) -> None:
    """A cut connection and a poll that fails leave the members together: nothing arrives twice."""

    async def work(bench: Bench) -> None:
        bench.sandbox.fail(cut="after", when=lambda request: request.url.endswith("/batch"))
        bench.sandbox.fail(times=3, status=503, when=lambda request: "/batch/job-" in request.url)
        async with bench.outbox() as outbox:
            await enqueue(outbox, [track(n) for n in range(SIZE)])
            await until(lambda: len(bench.told) == SIZE)
            await enqueue(outbox, [track(n) for n in range(SIZE, SIZE + 5)])
            await until(lambda: len(bench.told) == SIZE + 5)
            assert await outbox.dead_letters.count() == 0
        assert bench.names() == Counter({f"Event {n}": 1 for n in range(SIZE + 5)})
        assert len(bench.keys()) == 2

    play(tmp_path / "events.db", work)


def test_what_a_standard_key_cannot_read_is_said(tmp_path: Path) -> None:
    """With a Standard key one refused item leaves its job in doubt: dead letters say so, none is repeated."""

    async def work(bench: Bench) -> None:
        async with bench.outbox() as outbox:
            await enqueue(outbox, [track(n) for n in range(5)] + [refused(5)])
            await outbox.drain(20)
            letters = [letter async for letter in outbox.dead_letters.list()]
        assert len(letters) == 6
        assert {letter.code for letter in letters} == {"OUTCOME_UNKNOWN"}
        assert all("Admin or Architect" in letter.reason for letter in letters)
        assert len(uploads(bench.sandbox)) == 1

    play(tmp_path / "events.db", work, key=STANDARD)


@pytest.mark.parametrize("seed", range(int(os.environ.get("OUTBOX_SEEDS", "2"))))
def test_whatever_fails_each_event_arrives_once(tmp_path: Path, seed: int) -> None:
    """Cut uploads, failed polls, limits and kills in any order: taken once, or a dead letter."""
    drawn = random.Random(seed)
    faults: list[dict[str, Any]] = [{"cut": "after"}, {"cut": "before"}, {"status": 503}, {"status": 429}]

    async def work(bench: Bench) -> None:
        events = [refused(n) if n % 40 == 7 else track(n) for n in range(200)]
        good = {f"Event {n}" for n in range(200) if n % 40 != 7}
        for part in range(3):
            for _ in range(4):
                upload = drawn.random() < 0.5
                bench.sandbox.fail(
                    times=drawn.randint(1, 3),
                    when=lambda request, upload=upload: ("/batch/" not in request.url) is upload,
                    **drawn.choice(faults),
                )
            outbox = bench.outbox()
            await outbox.open()
            await enqueue(outbox, events[part * 60 : part * 60 + 60])
            await asyncio.sleep(drawn.random())
            await kill(outbox)
        bench.sandbox.heal()
        async with bench.outbox() as last:
            await enqueue(last, events[180:])
            await until(lambda: set(bench.names()) == good)
            async with asyncio.timeout(30):
                while await last.dead_letters.count() < 5:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.02)
            await last.drain(20)
            letters = [letter.message async for letter in last.dead_letters.list()]
        assert bench.names() == Counter(good)
        assert sorted(letters) == sorted(f"m-{n}" for n in range(200) if n % 40 == 7)

    play(tmp_path / "events.db", work, delivery={"breaker": {"failures": 1000}}, batch_seconds=0.1)
