"""Hand the events of many requests to an outbox together: what comes while a group is written is the next.

So the more clients there are at once, the less each of their events costs. One that finds no space fails
alone, as it would by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from actions_core.delivery.errors import OutboxError, OutboxFullError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.delivery.outbox import Outbox, Receipt
    from actions_core.values.types import JsonObject

#: Groups at once: one is made ready while the other is written.
_AT_ONCE: Final = 2
#: Events of one group: the event loop turns to others when so many are made ready.
_MOST: Final = 256


class Groups:
    """Accepts events for those who wait for their receipts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: list[tuple[Sequence[JsonObject], asyncio.Future[list[Receipt]]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, events: Sequence[JsonObject]) -> asyncio.Future[list[Receipt]]:
        """Return a future of the receipts of events, done when they are on disk: all of them, or none."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Receipt]] = loop.create_future()
        self._waiting.append((events, future))
        if len(self._tasks) < _AT_ONCE:
            task = loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return future

    async def _work(self) -> None:
        """Write groups until nobody waits."""
        while self._waiting:
            group = self._next()
            try:
                receipts = await self._store([event for events, _ in group for event in events])
            except OutboxFullError as error:
                await self._one_by_one(group, error)
            except Exception as error:  # noqa: BLE001 - it is that of everyone who waits
                for _, future in group:
                    _fail(future, error)
            else:
                start = 0
                for events, future in group:
                    if not future.done():
                        future.set_result(receipts[start : start + len(events)])
                    start += len(events)

    def _next(self) -> list[tuple[Sequence[JsonObject], asyncio.Future[list[Receipt]]]]:
        """Take those who wait, the first in any case, up to the most events of a group."""
        count = size = 0
        for events, _ in self._waiting:
            size += len(events)
            if count and size > _MOST:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _one_by_one(
        self,
        group: list[tuple[Sequence[JsonObject], asyncio.Future[list[Receipt]]]],
        error: OutboxFullError,
    ) -> None:
        """Try each request of a group alone: some may find space that all together do not."""
        if len(group) == 1:
            _fail(group[0][1], error)
            return
        for events, future in group:
            try:
                receipts = await self._store(events)
            except OutboxError as own:
                _fail(future, own)
            else:
                if not future.done():
                    future.set_result(receipts)

    async def _store(self, events: Sequence[JsonObject]) -> list[Receipt]:
        return [receipt async for receipt in self._outbox.enqueue_many(events, group=len(events))]


def _fail(future: asyncio.Future[list[Receipt]], error: Exception) -> None:
    if not future.done():  # whoever waited may have gone
        future.set_exception(error)
