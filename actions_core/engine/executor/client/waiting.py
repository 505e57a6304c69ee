"""What tasks wait for: a semaphore, a one-shot event, time limits, and the end of what is in progress.

Unlike asyncio's own they are bound to no event loop, so an engine works in one after another. Time limits
share one timer: nearly all of them end unused, and a timer for each would be what costs most about a
request that costs little. So a limit is only noted, and the timer wakes up when the earliest is due.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

from actions_core.errors import RequestError

if TYPE_CHECKING:
    import logging
    from types import TracebackType

#: Limits that fall due within this many seconds of each other end together, however many there are.
_GRAIN: Final = 0.005
#: How long an interrupted handler gets to end itself.
_LAST_MOMENTS: Final = 2.0


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
        except asyncio.CancelledError:
            if place.cancelled():
                self._queue.remove(place)
            else:
                # It was handed over at the same moment.
                self.release()
            raise

    def release(self) -> None:
        """Hand a place to the first task in the queue, or free it."""
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
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

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: set[asyncio.Future[None]] = set()

    def is_set(self) -> bool:
        """Tell if it is set."""
        return self._is_set

    def set(self) -> None:
        """Set it, and wake every task that waits for it."""
        self._is_set = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)

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


class Limit:
    """A time limit of one block, which raises `TimeoutError`: `asyncio.timeout` without a timer of its own.

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
            raise TimeoutError from error

    def cancel(self) -> None:
        """Cancel the block now."""
        if not self._expired:
            self._expired = True
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
        """Return a limit of so many seconds from now, to be entered at once.

        Raises `RequestError` while these deadlines serve the event loop of another thread.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a time limit needs a task to cancel")
        due = monotonic() + seconds
        limit = Limit(self._running, task, due)
        if self._timer is None or due < self._due:
            self._arm(due)
        if self.expired:
            loop.call_soon(self._cancel, limit)
        return limit

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve another event loop: an engine may outlive one, but its timer does not."""
        if self._loop is not None and self._loop.is_running():
            raise RequestError(
                "the engine is in use in another thread; give each thread an engine of its own",
                code="OTHER_THREAD",
            )
        self._loop, self._timer = loop, None

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


class InFlight:
    """Counts the events in progress, so that an engine closes without losing track of any."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._count = 0
        self._awaited = False
        self._idle = asyncio.Event()

    def enter(self) -> None:
        """Count one more."""
        self._count += 1

    def leave(self) -> None:
        """Count one less."""
        self._count -= 1
        if not self._count and self._awaited:
            self._idle.set()

    async def drain(self, deadlines: Deadlines, grace: float) -> None:
        """Wait until nothing is in progress; after `grace` seconds cancel what still is."""
        deadlines.closing.set()
        try:
            async with asyncio.timeout(grace):
                await self._wait_until_idle()
        except TimeoutError:
            deadlines.expire()
            try:
                async with asyncio.timeout(_LAST_MOMENTS):
                    await self._wait_until_idle()
            except TimeoutError:
                self._logger.warning(
                    "%d events were still in progress when the engine was closed", self._count
                )

    async def _wait_until_idle(self) -> None:
        self._awaited = True
        while self._count:
            self._idle.clear()
            await self._idle.wait()
