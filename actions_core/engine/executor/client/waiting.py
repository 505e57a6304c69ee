"""What tasks wait for: a semaphore, a one-shot event and time limits; and whose a cancellation is.

Unlike asyncio's own they are bound to no event loop, so an engine works in one after another. Time limits
share one timer: nearly all of them end unused, and a timer for each would be what costs most about a
request that costs little. So a limit is only noted, and the timer wakes up when the earliest is due.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType

#: Limits that fall due within this many seconds of each other end together, however many there are.
_GRAIN: Final = 0.005


def current_task() -> asyncio.Task[object]:
    """Return the task that runs."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a time limit needs a task to cancel")
    return task


def let_through(
    error: BaseException | None, task: asyncio.Task[object] | None, cancelled_before: int
) -> None:
    """Raise what must end the caller of a function that raised `error`, or None if it returned.

    That is Ctrl-C, and a cancellation of the task since it was cancelled `cancelled_before` times, also
    where the function swallowed it or raised something else on its way out. Anything else that a function
    of a destination or of the host raises is its own failure: a `CancelledError` of a task that it waited
    for, `SystemExit`, `GeneratorExit`.
    """
    if isinstance(error, KeyboardInterrupt):
        raise error
    if task is None:
        return
    if task.cancelling() > cancelled_before:
        if isinstance(error, asyncio.CancelledError):
            raise error
        raise asyncio.CancelledError from None
    # A coroutine that is thrown away is closed, which happens outside of its task.
    if isinstance(error, GeneratorExit) and not _runs(task):
        raise error


def _runs(task: asyncio.Task[object]) -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:  # no event loop runs
        return False


class Semaphore:
    """Bounds how many tasks work at once, at next to no cost while there is room.

    Tasks that find no room wait in a queue. A place that becomes free is handed to the first of them, so
    that no task that comes later can take it.

    Use `async with`, or `acquire_now`, `acquire` where that returns False, and `release` in the end.
    """

    __slots__ = ("_free", "_queue")

    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: deque[asyncio.Future[None]] = deque()

    def acquire_now(self) -> bool:
        """Take a place if there is one."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    async def acquire(self) -> None:
        """Wait for a place, and take it."""
        place = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place
        except BaseException:  # cancelled, too: the place is not lost
            if place.done() and not place.cancelled():
                # It was handed over at the same moment.
                self.release()
            else:
                # `release` may have passed over it already.
                with suppress(ValueError):
                    self._queue.remove(place)
            raise

    def release(self) -> None:
        """Hand a place to the first task in the queue, or free it."""
        while self._queue:
            place = self._queue.popleft()
            # What waited in an event loop that was closed without ending its tasks waits no more.
            if not place.done() and not place.get_loop().is_closed():
                place.set_result(None)
                return
        self._free += 1

    async def __aenter__(self) -> None:
        if not self.acquire_now():
            await self.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class OneShotEvent:
    """An event that is set once, for good."""

    __slots__ = ("_blocks", "_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: set[asyncio.Future[None]] = set()
        self._blocks: set[Limit] = set()

    def is_set(self) -> bool:
        """Tell if it is set."""
        return self._is_set

    def set(self) -> None:
        """Set it, wake every task that waits for it, and cancel the blocks that are to end with it."""
        self._is_set = True
        for turn in self._waiting:
            if not turn.done() and not turn.get_loop().is_closed():
                turn.set_result(None)
        for block in self._blocks:
            block.cancel()

    def ending(self) -> Limit:
        """Return a block that is cancelled, and raises `LimitExpired`, when the event is set."""
        return Limit(self._blocks, current_task(), 0.0)

    async def wait(self) -> None:
        """Wait until it is set."""
        if self._is_set:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.add(turn)
        try:
            await turn
        finally:
            self._waiting.discard(turn)


class LimitExpired(TimeoutError):  # noqa: N818 - as Python calls its own
    """The time of a `Limit` is up: told from the time-outs of those who work within it."""


class Limit:
    """A time limit of one block, which raises `LimitExpired`: `asyncio.timeout` without a timer of its own.

    A cancellation by anybody else goes through it unchanged.
    """

    __slots__ = ("_cancelled_before", "_expired", "_running", "_task", "due")

    def __init__(self, running: set[Limit], task: asyncio.Task[object], due: float) -> None:
        self._running = running
        self._task = task
        self._cancelled_before = task.cancelling()
        self._expired = False
        self.due = due

    def __enter__(self) -> None:
        self._running.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.discard(self)
        # The count tells whose cancellation it was: with ours taken back, none may be left over.
        if (
            self._expired
            and self._task.uncancel() <= self._cancelled_before
            and kind is asyncio.CancelledError
        ):
            raise LimitExpired from error

    def cancel(self) -> None:
        """Cancel the block now."""
        if not self._expired:
            self._expired = True
            if not self._task.get_loop().is_closed():
                self._task.cancel()


class Deadlines:
    """The limits that are running, and the event that is set when the engine closes.

    Once `closing` is set nothing is retried; `expire` then cancels what is still in progress.
    """

    __slots__ = ("_due", "_loop", "_running", "_timer", "closing", "expired")

    def __init__(self) -> None:
        self._running: set[Limit] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.closing = OneShotEvent()
        self.expired = False

    def within(self, seconds: float) -> Limit:
        """Return a limit of so many seconds from now, to be entered at once."""
        task = self.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task to cancel")
        due = monotonic() + seconds
        limit = Limit(self._running, task, due)
        if self._timer is None or due < self._due:
            self._arm(due)
        if self.expired:
            task.get_loop().call_soon(self._cancel, limit)
        return limit

    def current_task(self) -> asyncio.Task[Any] | None:
        """Return the task that runs, None outside of any.

        The event loop is remembered: before Python 3.12 each question for it is a system call. A loop that
        does not run has no current task.
        """
        loop = self._loop
        task = None if loop is None else asyncio.current_task(loop)
        if task is None:
            loop = asyncio.get_running_loop()
            if loop is not self._loop:
                # An engine may outlive an event loop, but its timer does not.
                self._loop, self._timer = loop, None
            task = asyncio.current_task(loop)
        return task

    def forget_loop(self) -> None:
        """Forget the event loop: the next one may run in another thread."""
        self._loop = self._timer = None

    def expire(self) -> None:
        """Cancel everything that is in progress."""
        self.expired = True
        for limit in self._running:
            limit.cancel()

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        if self._loop is not None:
            self._timer = self._loop.call_later(max(due - monotonic(), 0.0), self._cancel_due)

    def _cancel_due(self) -> None:
        """Cancel what is due, and set the timer for what is due next."""
        self._timer = None
        now = monotonic()
        later = []
        for limit in self._running:
            if limit.due <= now:
                limit.cancel()
            else:
                later.append(limit.due)
        if later:
            self._arm(max(min(later), now + _GRAIN))

    def _cancel(self, limit: Limit) -> None:
        if limit in self._running:
            limit.cancel()
