"""Time limits: what ends when, by whom, and that one timer is enough for all of them."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from actions_core.engine.executor.client import Deadlines, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


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
            await asyncio.get_running_loop().create_future()
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

        await asyncio.gather(*(one(seconds) for seconds in (1.2, 0.3, 0.9, 0.0, 0.6)))
        assert order == [0.0, 0.3, 0.6, 0.9, 1.2]

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

        loop.call_later = counted  # type: ignore[method-assign, assignment]  # the timers are counted
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


class Clock:
    """A clock that stands still, and the timers that were set by it: their delays and handles."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.delays: list[float] = []
        self.handles: list[asyncio.TimerHandle] = []
        monkeypatch.setattr(waiting, "monotonic", lambda: self.now)

    def listen(self) -> None:
        """Note the timers of the event loop that runs, which never go off by themselves."""
        loop = asyncio.get_running_loop()

        def call_later(delay: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
            self.delays.append(delay)
            self.handles.append(asyncio.TimerHandle(loop.time() + delay, callback, (), loop))
            return self.handles[-1]

        loop.call_later = call_later  # type: ignore[method-assign, assignment]  # as the code calls it

    def go_off(self) -> None:
        """Let the last timer go off."""
        assert not self.handles[-1].cancelled()
        self.handles[-1]._run()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still."""
    return Clock(monkeypatch)


def test_the_timer_is_set_for_the_earliest_limit(clock: Clock) -> None:
    """Only a limit that is due earlier sets the timer anew, and the old one is called off."""

    async def scenario() -> None:
        clock.listen()
        deadlines = Deadlines()
        for seconds in (20.0, 30.0, 20.0, 10.0, 10.0, 15.0):
            deadlines.within(seconds)
        assert clock.delays == [20.0, 10.0]
        assert [handle.cancelled() for handle in clock.handles] == [True, False]

    run(scenario())


def test_limits_end_on_the_tick_and_those_close_to_each_other_together(clock: Clock) -> None:
    """What is due at this very moment ends; what is next is waited for, but no less than the grain."""

    async def scenario() -> None:
        clock.listen()
        deadlines = Deadlines()
        tasks = [asyncio.create_task(hang(deadlines, seconds)) for seconds in (1.0, 1.001, 1.004, 1.006, 9.0)]
        await asyncio.sleep(0)
        for moment, ended in ((1001.0, 1), (1001.005, 3), (1001.0101, 4), (1008.999, 4), (1009.0, 5)):
            clock.now = moment
            clock.go_off()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sum(task.done() for task in tasks) == ended
        assert clock.delays == pytest.approx([1.0, 0.005, 0.005, 7.9899, 0.005])

    run(scenario())


def test_a_limit_in_the_past_is_due_at_once(clock: Clock) -> None:
    """No timer is set for a moment that is over."""

    async def scenario() -> None:
        clock.listen()
        Deadlines().within(-5)
        assert clock.delays == [0.0]

    run(scenario())


def test_a_timer_that_has_gone_off_is_set_again(clock: Clock) -> None:
    """When nothing is left to wait for there is no timer, and the next limit sets one."""

    async def scenario() -> None:
        clock.listen()
        deadlines = Deadlines()
        with deadlines.within(1):
            pass
        clock.now += 1
        clock.go_off()
        assert len(clock.delays) == 1
        deadlines.within(7)
        assert clock.delays == [1.0, 7.0]

    run(scenario())


def test_a_block_that_is_ended_twice_is_cancelled_once() -> None:
    """However often it is ended, the cancellation is taken back and a `TimeoutError` comes out."""

    async def scenario() -> None:
        deadlines = Deadlines()
        task = asyncio.create_task(hang(deadlines, 60))
        await asyncio.sleep(0)
        deadlines.expire()
        deadlines.expire()
        assert await task == "early"
        assert not task.cancelling()

    run(scenario())


@pytest.mark.parametrize("raised", [None, ValueError("own")])
def test_a_block_that_ends_in_its_own_way_after_its_time_keeps_it(raised: ValueError | None) -> None:
    """A block that swallows its cancellation ends as it likes, and nothing of the cancellation is left."""

    async def scenario() -> None:
        deadlines = Deadlines()
        found: list[BaseException] = []
        try:
            with deadlines.within(0.01):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    if raised is not None:
                        raise raised from None
        except ValueError as error:
            found.append(error)
        assert found == ([] if raised is None else [raised])
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    run(scenario())


def test_earlier_cancellations_are_not_the_limits() -> None:
    """In a task that was cancelled before and went on, a limit is still a limit."""

    async def scenario() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        assert await hang(Deadlines(), 0.01) == "over"
        assert task.cancelling() == 1
        task.uncancel()

    run(scenario())


def test_a_cancelled_error_within_a_limit_passes_unchanged() -> None:
    """A `CancelledError` of something else, before the time is over, is not taken for the limit's."""

    async def scenario() -> None:
        deadlines = Deadlines()
        with pytest.raises(asyncio.CancelledError, match="of another"), deadlines.within(60):
            raise asyncio.CancelledError("of another")

    run(scenario())


def test_expiry_passes_over_a_loop_that_is_closed() -> None:
    """A block that was left behind in an event loop which was closed under it keeps nothing from expiring."""
    deadlines = Deadlines()
    task: asyncio.Task[str]
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # it says that a task was destroyed

    async def begin() -> asyncio.Task[str]:
        begun = asyncio.create_task(hang(deadlines, 60))
        await asyncio.sleep(0)
        return begun

    task = loop.run_until_complete(begin())
    loop.close()
    deadlines.expire()
    assert deadlines.expired
    assert not task.done()
    task.get_coro().close()


def test_a_limit_after_expiry_that_is_never_reached_cancels_nobody() -> None:
    """A block that ends before its first wait is done, though the time of everything is over."""

    async def scenario() -> None:
        deadlines = Deadlines()
        deadlines.expire()
        with deadlines.within(60):
            pass
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    run(scenario())


def test_the_task_that_runs_is_found_in_one_loop_after_another() -> None:
    """What is remembered of one event loop never names a task of it in the next, nor in another thread."""
    deadlines = Deadlines()

    async def find() -> bool:
        found = await asyncio.gather(*(_found(deadlines) for _ in range(3)))
        return all(found) and deadlines.current_task() is asyncio.current_task()

    async def in_another_thread() -> bool:
        deadlines.forget_loop()
        return await asyncio.to_thread(asyncio.run, find()) and asyncio.current_task() is not None

    assert asyncio.run(find())
    assert asyncio.run(find())
    assert asyncio.run(in_another_thread())

    async def outside_of_any() -> None:
        seen: list[object] = []
        asyncio.get_running_loop().call_soon(lambda: seen.append(deadlines.current_task()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert seen == [None]

    asyncio.run(outside_of_any())


async def _found(deadlines: Deadlines) -> bool:
    await asyncio.sleep(0)
    return deadlines.current_task() is asyncio.current_task()
