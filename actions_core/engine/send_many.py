"""Many events through one engine: a fixed number of workers between a source and whoever reads the reports.

Memory stays flat because nothing is held but what the workers have in hand and as many reports: a
worker takes the next event only when it is free, and it is free only when its report found room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from actions_core.engine.executor.client import Switch
    from actions_core.engine.results import Report
    from actions_core.values.types import Json


class _End:
    """Stands behind the last report; `error` is what the source raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


async def stream(
    events: Iterable[Json] | AsyncIterable[Json],
    report: Callable[[Json, int], Awaitable[Report]],
    concurrency: int,
    closing: Switch,
) -> AsyncIterator[Report]:
    """Give the report of each event, in the order in which they are done.

    Once `closing` is set no event is taken any more: those not taken stay in the source. What the
    source raises comes out when all that was taken before is reported. Leaving the loop early cancels
    what is under way.
    """
    tray = _Tray(concurrency)
    supply = _Supply(events, closing)
    workers = [asyncio.create_task(_work(supply, report, tray)) for _ in range(max(concurrency, 1))]
    ending = asyncio.create_task(_end(workers, supply, tray))
    try:
        while not isinstance(item := tray.take() or await tray.wait(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        for task in (*workers, ending):
            task.cancel()
        await asyncio.gather(*workers, ending, return_exceptions=True)


async def _end(workers: list[asyncio.Task[None]], supply: _Supply, tray: _Tray) -> None:
    found = await asyncio.gather(*workers, return_exceptions=True)
    # A worker raises nothing of its own making; should one have, its reader must know, not wait for ever.
    fault = next((item for item in found if isinstance(item, BaseException)), None)
    await tray.put(_End(supply.error or fault))


async def _work(supply: _Supply, report: Callable[[Json, int], Awaitable[Report]], tray: _Tray) -> None:
    # Coroutines that need not wait are spared: that is a good part of what is left of an event's price.
    while (taken := supply.take_now() if supply.is_plain else await supply.take_later()) is not None:
        done = await report(*taken)
        if not tray.lay(done):
            await tray.put(done)


class _Tray:
    """Reports on their way to the reader: a queue for one reader, without the price of one for many."""

    def __init__(self, room: int) -> None:
        self._room = max(room, 1)
        self._items: deque[Report | _End] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._line: deque[asyncio.Future[None]] = deque()

    def lay(self, item: Report | _End) -> bool:
        """Lay an item down if there is room."""
        if len(self._items) >= self._room:
            return False
        self._items.append(item)
        if self._reader is not None:
            self._reader.set_result(None)
            self._reader = None
        return True

    async def put(self, item: Report | _End) -> None:
        """Lay an item down, once there is room."""
        while not self.lay(item):
            turn = asyncio.get_running_loop().create_future()
            self._line.append(turn)
            # Whoever waits here is cancelled with all the others or not at all, so no turn gets lost.
            await turn

    def take(self) -> Report | _End | None:
        """The next item, None when there is none yet."""
        if not self._items:
            return None
        if self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
        return self._items.popleft()

    async def wait(self) -> Report | _End:
        """The next item, when there is one."""
        while (item := self.take()) is None:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return item


class _Supply:
    """The events, numbered; whichever worker is free takes the next."""

    def __init__(self, events: Iterable[Json] | AsyncIterable[Json], closing: Switch) -> None:
        self._closing = closing
        self._later = aiter(events) if isinstance(events, AsyncIterable) else None
        self._now = None if isinstance(events, AsyncIterable) else iter(events)
        self._turn = asyncio.Lock()
        self._count = 0
        self.error: Exception | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the source is an ordinary one, of which events are taken without waiting."""
        return self._now is not None

    def take_now(self) -> tuple[Json, int] | None:
        """The next event and its number; None when there is none, or none shall be taken any more."""
        assert self._now is not None  # noqa: S101 - one of the two is there; the type checker cannot know
        if self.error is not None or self._closing.is_set():
            return None
        try:
            event = next(self._now, self)
        except Exception as error:  # noqa: BLE001 - a source may raise anything; the reader gets it in the end
            self.error = error
            return None
        return self._numbered(event)

    async def take_later(self) -> tuple[Json, int] | None:
        """The same of an asynchronous source."""
        try:
            event = await self._next_later()
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

    async def _next_later(self) -> Json:
        """The next of an asynchronous source, which only one worker at a time may ask."""
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
