"""Time limits for what is under way: one timer for all of them.

Nearly all limits end unused, and a timer of its own for each is what costs most about a request that
costs little. So a limit is only noted down, and one timer wakes up when the earliest of them is due.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

from actions_core.engine.executor.client.waiting import Switch
from actions_core.errors import RequestError

if TYPE_CHECKING:
    from types import TracebackType

#: Limits that fall due within this many seconds of each other end together, however many there are.
_GRAIN: Final = 0.005


class Limit:
    """Raises `TimeoutError` out of its block when the time is over: `asyncio.timeout`, without the timer.

    A limit serves one block. A cancellation by anybody else goes through it unchanged.
    """

    __slots__ = ("_cancelled_before", "_ended", "_running", "_task", "due")

    def __init__(self, running: set[Limit], task: asyncio.Task[object], due: float) -> None:
        self._running = running
        self._task = task
        self._cancelled_before = task.cancelling()
        self._ended = False
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
        if self._ended and self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def end(self) -> None:
        """Have the block end at once."""
        if not self._ended:
            self._ended = True
            self._task.cancel()


class Deadlines:
    """The limits that are running, and the switch that ends them all when the engine closes.

    While `closing` is set nothing is tried again; `expire` then ends what is still under way.
    """

    __slots__ = ("_due", "_loop", "_running", "_timer", "closing", "expired")

    def __init__(self) -> None:
        self._running: set[Limit] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.closing = Switch()
        self.expired = False

    def within(self, seconds: float) -> Limit:
        """A limit of so many seconds from now, to be entered at once.

        Raises `RequestError` while these deadlines serve the loop of another thread.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a time limit needs a task to end")
        due = monotonic() + seconds
        limit = Limit(self._running, task, due)
        if self._timer is None or due < self._due:
            self._arm(due)
        if self.expired:
            loop.call_soon(self._end, limit)
        return limit

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve another loop: an engine may outlive one. Its timer died with it."""
        if self._loop is not None and self._loop.is_running():
            raise RequestError(
                "the engine is at work in another thread; give each thread an engine of its own",
                code="OTHER_THREAD",
            )
        self._loop, self._timer = loop, None

    def expire(self) -> None:
        """End everything under way now."""
        self.expired = True
        for limit in self._running:
            limit.end()

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        if self._loop is not None:
            self._timer = self._loop.call_later(max(due - monotonic(), 0.0), self._look)

    def _look(self) -> None:
        """End what is due, and wake up again when the next is."""
        self._timer = None
        now = monotonic()
        later = []
        for limit in self._running:
            if limit.due <= now:
                limit.end()
            else:
                later.append(limit.due)
        if later:
            self._arm(max(min(later), now + _GRAIN))

    def _end(self, limit: Limit) -> None:
        if limit in self._running:
            limit.end()
