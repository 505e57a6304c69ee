"""Events wait in memory, and an event loop in a thread of its own delivers them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from actions_core.delivery.threads import LoopThread
from actions_core.errors import ActionsError
from actions_core.values.wording import raised

if TYPE_CHECKING:
    import logging

    from actions_core.engine import Engine
    from actions_core.engine.results import Report
    from actions_core.values.types import JsonObject

    WhenFull: TypeAlias = Literal["raise", "wait"]

#: Events that one turn of the event loop takes in, so that posting in masses does not hold up deliveries.
_PER_TURN: Final = 100
#: How long requests in progress get, in seconds, when the time to flush is up.
_LAST_REQUESTS: Final = 5.0
#: How long an interrupted delivery gets to end.
_LAST_MOMENTS: Final = 1.0
#: More than an engine takes to close, whatever its handlers do short of blocking the thread.
_ENGINE_CLOSES: Final = _LAST_REQUESTS + 5.0


@attrs.frozen(eq=False)
class _Item:
    """An accepted event, and who waits for its report."""

    event: JsonObject
    report: Future[Report] | None


class MemoryBackend:
    """Delivers events with an engine, in a thread that starts at once.

    Accepted events that are not done are `pending`, whether they wait or are in progress; there are at most
    `max_queue` of them. Each is given to the engine at once, so that events for an instance that is slow
    do not hold up those for others.
    """

    def __init__(
        self, engine: Engine, *, max_queue: int, when_full: WhenFull, logger: logging.Logger
    ) -> None:
        self._engine = engine
        self._max_queue = max_queue
        self._when_full = when_full
        self._logger = logger
        # An RLock: a signal's handler may post while this thread posts.
        self._changed = threading.Condition(threading.RLock())
        # A single `append` accepts an event, so that Ctrl-C leaves it accepted or not, and nothing between.
        self._waiting: deque[_Item] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushes: set[Future[None]] = set()
        self._woken = False
        self._closing = False
        self._ending = False
        self._left = 0
        self._thread = LoopThread(logger, self._fail_waiting)
        self._loop = self._thread.loop

    @property
    def pending(self) -> int:
        """How many events were accepted and are not done."""
        return len(self._waiting) + len(self._tasks)

    def post(self, event: JsonObject, *, made_id: bool = False, timeout: float | None = None) -> None:
        """Accept an event: put it where the engine's thread takes it from.

        Raises `ActionsError`: `QUEUE_FULL` when `max_queue` events are pending (after up to `timeout`
        seconds, if `when_full` is "wait"), `ENGINE_CLOSED` when the backend was closed.
        """
        del made_id  # which only matters where ids are remembered
        self._put(_Item(event, None), timeout)

    def send(self, event: JsonObject, report: Future[Report], *, timeout: float | None = None) -> None:
        """Accept an event in the same way; `report` is told what became of it."""
        self._thread.refuse_current("send")
        self._put(_Item(event, report), timeout)

    def _put(self, item: _Item, timeout: float | None) -> None:
        with self._changed:
            if self.pending >= self._max_queue:
                self._wait_for_room(timeout)
            if self._closing:
                raise closed()
            self._waiting.append(item)
            self._wake()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all events that were accepted before are done; return False if time ran out."""
        self._thread.refuse_current("flush")
        done: Future[None] = Future()
        with self._changed:
            if self._thread.ended.is_set():
                return not self._left
            self._flushes.add(done)
            with contextlib.suppress(RuntimeError):  # the event loop was closed just now
                self._loop.call_soon_threadsafe(self._start_flush, done)
        try:
            done.result(timeout)
        except TimeoutError:
            return False
        return not self._left

    def close(self, timeout: float, *, waited: float = 0.0) -> bool:
        """Accept nothing more, flush, and end the thread; return False if events were left.

        `waited` are the seconds that a flush has already waited, for the log.
        """
        self._thread.refuse_current("close")
        with self._changed:
            first, self._closing = not self._closing, True
            self._changed.notify_all()
        if not first:
            self._thread.ended.wait(timeout + _ENGINE_CLOSES)
            return not self._left
        try:
            self.flush(timeout)
        finally:  # also when Ctrl-C ends the waiting
            self._loop.call_soon_threadsafe(self._start_ending)
        if not self._thread.join(_ENGINE_CLOSES):
            self._left += self.pending
            self._logger.error("a handler or listener blocks the thread of the engine; it is left behind")
        if self._left:
            events = "1 event was" if self._left == 1 else f"{self._left:,} events were"
            self._logger.warning(
                "%s not delivered within %g s of closing", events, round(round(timeout + waited, 1), 1)
            )
        return not self._left

    def _wait_for_room(self, timeout: float | None) -> None:
        full = ActionsError(
            f"the queue is full: {self._max_queue:,} events are accepted and not yet done",
            code="QUEUE_FULL",
            retryable=True,
        )
        # What runs in the engine's own thread cannot wait for it.
        if self._when_full == "raise" or self._thread.is_current:
            raise full
        until = None if timeout is None else monotonic() + timeout
        while self.pending >= self._max_queue and not self._closing:
            left = None if until is None else until - monotonic()
            if left is not None and left <= 0:
                raise full
            self._changed.wait(left)

    def _wake(self) -> None:
        if not self._woken:
            self._loop.call_soon_threadsafe(self._take)
            self._woken = True

    # From here on everything runs in the engine's thread.

    def _take(self) -> None:
        self._take_some()
        with self._changed:
            self._woken = bool(self._waiting)
            if self._woken:
                self._loop.call_soon(self._take)

    def _take_some(self) -> None:
        with self._changed:
            for _ in range(min(_PER_TURN, len(self._waiting))):
                item = self._waiting.popleft()
                task = self._loop.create_task(self._deliver(item.event, item.report))
                self._tasks.add(task)
                task.add_done_callback(self._done)

    def _start_flush(self, done: Future[None]) -> None:
        while self._waiting:
            self._take_some()
        self._thread.start(self._flush(done))

    async def _flush(self, done: Future[None]) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        with self._changed:
            self._flushes.discard(done)
        done.set_result(None)

    def _done(self, task: asyncio.Task[None]) -> None:
        with self._changed:
            self._tasks.discard(task)
            self._changed.notify()

    async def _deliver(self, event: JsonObject, waiting: Future[Report] | None) -> None:
        try:
            report = await self._engine.send(event)
        except BaseException as error:  # one event ends no other, whatever its handlers raise
            self._left += self._ending
            if isinstance(error, asyncio.CancelledError) and self._ending:
                error = closed()
            if waiting is None:
                self._logger.error(  # noqa: TRY400 - the traceback is for those who ask for it
                    "event %s was not delivered: %s", event["messageId"], raised(error)
                )
                self._logger.debug("the traceback", exc_info=error)
            elif isinstance(error, Exception):
                waiting.set_exception(error)
            else:
                waiting.set_exception(ActionsError(f"the delivery raised {type(error).__name__}"))
        else:
            self._left += self._ending and not report.ok
            if waiting is not None:
                waiting.set_result(report)

    def _start_ending(self) -> None:
        self._thread.start(self._end())

    async def _end(self) -> None:
        self._ending = True  # what ends from now on without success was interrupted
        try:
            await self._engine.close(_LAST_REQUESTS)
            for _ in range(2):  # once on their own, once cancelled
                if self._tasks:
                    await asyncio.wait(set(self._tasks), timeout=_LAST_MOMENTS)
                for task in self._tasks:
                    task.cancel()
        except Exception:  # whatever it is, the thread must end
            self._logger.exception("the engine could not be closed")
        finally:
            self._thread.stop()

    def _fail_waiting(self) -> None:
        """Tell those who still wait for room, a report or a flush that nothing more comes."""
        with self._changed:
            self._changed.notify_all()
            self._left += len(self._tasks)
            while self._waiting:
                item = self._waiting.popleft()
                self._left += 1
                if item.report is not None:
                    item.report.set_exception(closed())
            for flush in self._flushes:
                flush.set_result(None)


def closed() -> ActionsError:
    """Return the error for what comes after `close`."""
    return ActionsError("the BackgroundEngine was closed, it accepts no more events", code="ENGINE_CLOSED")
