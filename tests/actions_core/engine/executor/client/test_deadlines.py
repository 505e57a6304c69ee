"""Time limits: what ends when, by whom, and that one timer is enough for all of them."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from actions_core.engine.executor.client import Deadlines

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run(scenario: Coroutine[None, None, None]) -> None:
    """Run a scenario that must not take long."""

    async def bounded() -> None:
        async with asyncio.timeout(5):
            await scenario

    asyncio.run(bounded())


async def hang(deadlines: Deadlines, seconds: float) -> str:
    """Wait for ever within a limit; say how it ended."""
    started = monotonic()
    try:
        with deadlines.within(seconds):
            await asyncio.sleep(3600)
    except TimeoutError:
        return "early" if monotonic() - started < seconds else "over"
    return "done"


def test_a_limit_ends_its_block_when_the_time_is_over() -> None:
    """Each block ends at its own time, whatever the order in which they began."""

    async def scenario() -> None:
        deadlines = Deadlines()
        order: list[float] = []

        async def one(seconds: float) -> None:
            assert await hang(deadlines, seconds) == "over"
            order.append(seconds)

        await asyncio.gather(*(one(seconds) for seconds in (0.12, 0.03, 0.09, 0.0, 0.06)))
        assert order == [0.0, 0.03, 0.06, 0.09, 0.12]

    run(scenario())


def test_a_block_that_is_done_in_time_is_left_alone() -> None:
    """A limit that was not reached leaves no cancellation behind, also when its time comes later."""

    async def scenario() -> None:
        deadlines = Deadlines()
        with deadlines.within(0.02):
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(scenario())


def test_many_limits_share_one_timer() -> None:
    """However many blocks are under way, the loop has one timer for their limits."""

    async def scenario() -> None:
        deadlines = Deadlines()
        loop = asyncio.get_running_loop()
        timers = 0
        call_later = loop.call_later

        def counted(*arguments: object) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            return call_later(*arguments)  # type: ignore[arg-type]  # handed on as they came

        loop.call_later = counted  # type: ignore[method-assign, assignment]
        for _ in range(100):
            with deadlines.within(60):
                pass
        assert timers == 1

    run(scenario())


def test_a_cancellation_from_elsewhere_is_no_timeout() -> None:
    """Whoever cancels the task gets a cancelled task, also within a limit."""

    async def scenario() -> None:
        task = asyncio.create_task(hang(Deadlines(), 60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())


def test_a_cancellation_at_the_same_moment_wins() -> None:
    """When the time is over and somebody else cancels too, the task is cancelled."""

    async def scenario() -> None:
        deadlines = Deadlines()
        task = asyncio.create_task(hang(deadlines, 60))
        await asyncio.sleep(0)
        deadlines.expire()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())


def test_the_inner_of_two_limits_ends_only_its_own_block() -> None:
    """A limit within a limit: the inner one ends the inner block, and the outer one goes on."""

    async def scenario() -> None:
        deadlines = Deadlines()
        with deadlines.within(60):
            assert await hang(deadlines, 0.01) == "over"
        with pytest.raises(TimeoutError), deadlines.within(0.01):
            await hang(deadlines, 60)

    run(scenario())


def test_expiry_ends_what_runs_and_what_comes() -> None:
    """`expire` ends the blocks under way, and those that begin afterwards at their first wait."""

    async def scenario() -> None:
        deadlines = Deadlines()
        task = asyncio.create_task(hang(deadlines, 60))
        await asyncio.sleep(0)
        deadlines.expire()
        assert await task == "early"
        assert await hang(deadlines, 60) == "early"

    run(scenario())


def test_deadlines_outlive_a_loop() -> None:
    """An engine may be used in one event loop after another; each has its own timer."""
    deadlines = Deadlines()
    for _ in range(2):
        assert asyncio.run(hang(deadlines, 0.01)) == "over"
        asyncio.run(asyncio.sleep(0))

    async def left_behind() -> None:
        with deadlines.within(60):
            await asyncio.sleep(0)

    asyncio.run(left_behind())
    assert asyncio.run(hang(deadlines, 0.01)) == "over"
    assert asyncio.run(hang(deadlines, 0.01)) == "over"


def test_a_limit_needs_a_task() -> None:
    """What cannot be cancelled cannot be limited."""

    async def scenario() -> None:
        found: list[BaseException] = []

        def outside() -> None:
            try:
                Deadlines().within(1)
            except RuntimeError as error:
                found.append(error)

        asyncio.get_running_loop().call_soon(outside)
        await asyncio.sleep(0.01)
        assert found

    run(scenario())
