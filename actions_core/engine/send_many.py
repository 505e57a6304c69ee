"""Many events through one engine: a fixed number of workers between a source and the reader of the reports.

Memory stays flat because nothing is held but the events of the workers and as many reports: a worker
takes the next event only when it is free, and it is free only when there was room for its report.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from actions_core.engine.executor.client import OneShotEvent
    from actions_core.engine.results import Report
    from actions_core.values.types import Json


class _End:
    """Ends the queue after the last report; `error` is what the source raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


async def stream(
    events: Iterable[Json] | AsyncIterable[Json],
    report: Callable[[Json, int], Awaitable[Report]],
    concurrency: int,
    closing: OneShotEvent,
) -> AsyncIterator[Report]:
    """Yield the report of each event, in the order in which they are done.

    Once `closing` is set no event is taken any more: those not taken stay in the source. What the source
    raises is raised when all that was taken before is reported. Leaving the loop early cancels what is in
    progress.
    """
    reports = _ReportQueue(concurrency)
    source = _Source(events, closing)
    workers = [asyncio.create_task(_work(source, report, reports)) for _ in range(max(concurrency, 1))]
    ending = asyncio.create_task(_end(workers, source, reports))
    try:
        while not isinstance(item := reports.get_now() or await reports.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        for task in (*workers, ending):
            task.cancel()
        await asyncio.gather(*workers, ending, return_exceptions=True)


async def _end(workers: list[asyncio.Task[None]], source: _Source, reports: _ReportQueue) -> None:
    found = await asyncio.gather(*workers, return_exceptions=True)
    # A worker raises nothing by itself; if one does, its reader must know instead of waiting for ever.
    unexpected = next((item for item in found if isinstance(item, BaseException)), None)
    await reports.put(_End(source.error or unexpected))


async def _work(
    source: _Source, report: Callable[[Json, int], Awaitable[Report]], reports: _ReportQueue
) -> None:
    # No coroutine where nothing has to be awaited: that is a good part of the time that an event takes.
    while (taken := source.next_now() if source.is_plain else await source.next_later()) is not None:
        done = await report(*taken)
        if not reports.put_now(done):
            await reports.put(done)


class _ReportQueue:
    """A bounded queue for one reader, cheaper than one for many."""

    def __init__(self, room: int) -> None:
        self._room = max(room, 1)
        self._items: deque[Report | _End] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._writers: deque[asyncio.Future[None]] = deque()

    def put_now(self, item: Report | _End) -> bool:
        """Append the item if there is room."""
        if len(self._items) >= self._room:
            return False
        self._items.append(item)
        if self._reader is not None:
            self._reader.set_result(None)
            self._reader = None
        return True

    async def put(self, item: Report | _End) -> None:
        """Append the item once there is room."""
        while not self.put_now(item):
            turn = asyncio.get_running_loop().create_future()
            self._writers.append(turn)
            # A worker that waits here is cancelled with all the others or not at all, so no turn gets lost.
            await turn

    def get_now(self) -> Report | _End | None:
        """Remove and return the next item, None when there is none yet."""
        if not self._items:
            return None
        if self._writers:
            turn = self._writers.popleft()
            if not turn.done():
                turn.set_result(None)
        return self._items.popleft()

    async def get(self) -> Report | _End:
        """Remove and return the next item, when there is one."""
        while (item := self.get_now()) is None:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return item


class _Source:
    """The events, numbered; each worker that is free takes the next."""

    def __init__(self, events: Iterable[Json] | AsyncIterable[Json], closing: OneShotEvent) -> None:
        self._closing = closing
        self._later = aiter(events) if isinstance(events, AsyncIterable) else None
        self._now = None if isinstance(events, AsyncIterable) else iter(events)
        self._turn = asyncio.Lock()
        self._count = 0
        self.error: Exception | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the events come from an ordinary iterable, so that nothing has to be awaited."""
        return self._now is not None

    def next_now(self) -> tuple[Json, int] | None:
        """Return the next event and its number; None when there is none, or none is to be taken any more."""
        assert self._now is not None  # noqa: S101 - one of the two is there; the type checker cannot know
        if self.error is not None or self._closing.is_set():
            return None
        try:
            event = next(self._now, self)
        except Exception as error:  # noqa: BLE001 - a source may raise anything; the reader gets it in the end
            self.error = error
            return None
        return self._numbered(event)

    async def next_later(self) -> tuple[Json, int] | None:
        """Do the same for an asynchronous iterable."""
        try:
            event = await self._anext()
        except Exception as error:  # noqa: BLE001 - as above
            self.error = error
            return None
        return self._numbered(event)

    def _numbered(self, event: Json) -> tuple[Json, int] | None:
        if event is self:
            return None
        number = self._count
        self._count += 1
        return event, number

    async def _anext(self) -> Json:
        """Return the next event of an asynchronous iterable, which only one worker at a time may ask."""
        assert self._later is not None  # noqa: S101 - one of the two is there; the type checker cannot know
        async with self._turn:
            if self._closing.is_set() or self.error is not None:
                return self
            asked = asyncio.ensure_future(anext(self._later, self))
            closed = asyncio.ensure_future(self._closing.wait())
            await asyncio.wait((asked, closed), return_when=asyncio.FIRST_COMPLETED)
            closed.cancel()
            if not asked.done():
                asked.cancel()
                return self
            return asked.result()
