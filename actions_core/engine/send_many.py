"""Many events through one engine: a fixed number of workers between a source and the reader of the reports.

Memory stays flat because nothing is held but the events of the workers and as many reports: a worker
takes the next event only when it is free, and it is free only when there was room for its report.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

from actions_core.engine.executor.client import Semaphore, current_task, let_through

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from actions_core.engine.executor.client import OneShotEvent
    from actions_core.engine.results import Report
    from actions_core.values.types import Json


async def stream(
    events: Iterable[Json] | AsyncIterable[Json],
    report: Callable[[Json, int], Awaitable[Report]],
    concurrency: int,
    closing: OneShotEvent,
    claim: Callable[[], None],
) -> AsyncIterator[Report]:
    """Yield the report of each event, in the order in which they are done.

    Once `closing` is set no event is taken any more: those not taken stay in the source. What the source
    raises is raised when all that was taken before is reported. Leaving the loop early cancels what is in
    progress. However it ends, no task is left, and an asynchronous source is closed. `claim` raises where
    the engine must not be used.
    """
    claim()
    count = max(concurrency, 1)
    reports = _ReportQueue(count)
    source = _Source(events, closing)
    workers = [asyncio.create_task(_work(source, report, reports)) for _ in range(count)]
    try:
        while (item := reports.get_now() or await reports.get()) is not None:
            yield item
        if source.error is not None:
            raise source.error
    finally:
        await _finish(workers, source)


async def _finish(workers: list[asyncio.Task[None]], source: _Source) -> None:
    """End the workers, then the source. Cancellations that arrive meanwhile are raised when that is done."""
    source.stop()
    cancelled = await _end({task for task in workers if not task.done()})
    closing = source.closing()
    if closing is not None:
        task = asyncio.ensure_future(closing)
        cancelled = await _end({task}, cancel=False) or cancelled
        if cancelled is None:
            task.result()
    if cancelled is not None:
        raise cancelled


async def _end(tasks: set[asyncio.Task[Any]], *, cancel: bool = True) -> asyncio.CancelledError | None:
    """Wait until the tasks are done, and return the cancellation that came meanwhile."""
    cancelled = None
    while tasks:
        if cancel:
            for task in tasks:
                task.cancel()
        try:
            _, tasks = await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            cancelled, cancel = error, True
    return cancelled


async def _work(
    source: _Source, report: Callable[[Json, int], Awaitable[Report]], reports: _ReportQueue
) -> None:
    try:
        # No coroutine where nothing has to be awaited: that is a good part of the time that an event takes.
        while (taken := source.next_now() if source.is_plain else await source.next_later()) is not None:
            done = await report(*taken)
            if not reports.put_now(done):
                await reports.put(done)
    except Exception as error:  # noqa: BLE001 - reporting raises nothing by itself; if it does, the reader must know
        source.fail(error)
    finally:
        reports.leave()


class _ReportQueue:
    """A bounded queue for one reader, cheaper than one for many. It ends when its last writer leaves."""

    def __init__(self, writers: int) -> None:
        self._loop = asyncio.get_running_loop()  # asked for once: that is a system call before Python 3.12
        self._room = self._writing = writers
        self._items: deque[Report] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    def put_now(self, item: Report) -> bool:
        """Append the item if there is room."""
        if len(self._items) >= self._room:
            return False
        self._items.append(item)
        if self._reader is not None:
            self._wake_reader()
        return True

    async def put(self, item: Report) -> None:
        """Append the item once there is room."""
        while not self.put_now(item):
            turn = self._loop.create_future()
            self._waiting.append(turn)
            # A worker that waits here is cancelled with all the others or not at all, so no turn gets lost.
            await turn

    def leave(self) -> None:
        """Note that a writer puts nothing more."""
        self._writing -= 1
        if not self._writing and self._reader is not None:
            self._wake_reader()

    def get_now(self) -> Report | None:
        """Remove and return the next item, None when there is none yet."""
        if not self._items:
            return None
        if self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        return self._items.popleft()

    async def get(self) -> Report | None:
        """Remove and return the next item when there is one, None when none will come."""
        while (item := self.get_now()) is None and self._writing:
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return item

    def _wake_reader(self) -> None:
        # It may have been cancelled in this very turn of the event loop.
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
        self._reader = None


class _Source:
    """The events, numbered; each worker that is free takes the next."""

    def __init__(self, events: Iterable[Json] | AsyncIterable[Json], closing: OneShotEvent) -> None:
        self._closing = closing
        self._later = aiter(events) if isinstance(events, AsyncIterable) else None
        self._now = None if isinstance(events, AsyncIterable) else iter(events)
        self._turn = Semaphore(1)
        self._count = 0
        self._is_over = False
        self.error: BaseException | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the events come from an ordinary iterable, so that nothing has to be awaited."""
        return self._now is not None

    def stop(self) -> None:
        """Take no event any more."""
        self._is_over = True

    def fail(self, error: BaseException) -> None:
        """Take no event any more, for a reason that the reader is to know in the end."""
        self._is_over = True
        if self.error is None:
            self.error = error

    def closing(self) -> Awaitable[None] | None:
        """Return what closes an asynchronous source, which nothing else does in time."""
        close: Callable[[], Awaitable[None]] | None = getattr(self._later, "aclose", None)
        return None if close is None else close()

    def next_now(self) -> tuple[Json, int] | None:
        """Return the next event and its number; None when there is none, or none is to be taken any more."""
        assert self._now is not None  # noqa: S101 - one of the two is there; the type checker cannot know
        if self._is_over or self._closing.is_set():
            return None
        try:
            event = next(self._now, self)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            self.fail(error)
            return None
        return self._numbered(event)

    async def next_later(self) -> tuple[Json, int] | None:
        """Do the same for an asynchronous iterable, which only one worker at a time may ask."""
        assert self._later is not None  # noqa: S101 - as above
        async with self._turn:
            if self._is_over or self._closing.is_set():
                return None
            task = current_task()
            cancelled = task.cancelling()
            try:
                with self._closing.ending():
                    event = await anext(self._later, self)
            except BaseException as error:  # noqa: BLE001 - as above
                let_through(error, task, cancelled)
                if not (isinstance(error, TimeoutError) and self._closing.is_set()):
                    self.fail(error)
                return None
            let_through(None, task, cancelled)
            return self._numbered(event)

    def _numbered(self, event: Json) -> tuple[Json, int] | None:
        if event is self:
            self._is_over = True
            return None
        number = self._count
        self._count += 1
        return event, number
