"""Hand the events of many requests to an outbox together: what comes while a group is written is the next.

So the more clients there are at once, the less each of their events costs. One that finds no space fails
alone, as it would by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.delivery.errors import OutboxFullError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.delivery.callers import CheckedEvent, Receipt
    from actions_core.delivery.outbox import Outbox

    #: The events of some requests, with the futures of their receipts.
    _Group: TypeAlias = list[tuple[Sequence[CheckedEvent], asyncio.Future[list[Receipt]]]]

#: Events of one group: the event loop turns to others when so many are made ready.
_MOST: Final = 256


class Groups:
    """Accepts events for those who wait for their receipts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: _Group = []
        self._task: asyncio.Task[None] | None = None

    def accept(self, events: Sequence[CheckedEvent]) -> asyncio.Future[list[Receipt]]:
        """Return a future of the receipts of events, done when they are on disk: all of them, or none."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Receipt]] = loop.create_future()
        self._waiting.append((events, future))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return future

    async def _work(self) -> None:
        """Write groups until nobody waits."""
        try:
            while self._waiting:
                await self._write(self._next())
        finally:
            # At once, and not when the task is done: whoever comes in between would wait for nobody.
            self._task = None
            for _, future in self._waiting:  # none, unless the task was cancelled
                future.cancel()

    async def _write(self, group: _Group) -> None:
        try:
            receipts = await self._outbox.enqueue_checked([event for events, _ in group for event in events])
        except OutboxFullError as error:
            await self._one_by_one(group, error)
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is that of everyone who waits
            for _, future in group:
                _fail(future, error)
        else:
            start = 0
            for events, future in group:
                if not future.done():
                    future.set_result(receipts[start : start + len(events)])
                start += len(events)

    def _next(self) -> _Group:
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
        group: _Group,
        error: OutboxFullError,
    ) -> None:
        """Try each request of a group alone: some may find space that all together do not."""
        if len(group) == 1:
            _fail(group[0][1], error)
            return
        for events, future in group:
            try:
                receipts = await self._outbox.enqueue_checked(events)
            except Exception as own:  # noqa: BLE001 - as above
                _fail(future, own)
            else:
                if not future.done():
                    future.set_result(receipts)


def _fail(future: asyncio.Future[list[Receipt]], error: Exception) -> None:
    if not future.done():  # whoever waited may have gone
        future.set_exception(error)
