"""Callers that each accept one event: those of one turn of the event loop share a group.

What a group costs once, each of them would pay alone: a request to the writer, and a call of everything that
is told of it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from actions_core.errors import EventError
    from actions_core.values.types import JsonObject

    #: An event, and the future of its caller.
    _Caller: TypeAlias = tuple["CheckedEvent", asyncio.Future["Receipt"]]


#: Events of one group: what is done for a group keeps all else in the event loop waiting.
_MOST: Final = 1024


@attrs.frozen(slots=False)  # made for each event: quicker so
class Receipt:
    """The receipt of an event: it is on disk, for so many `deliveries`.

    A `duplicate` has a messageId that is known, and is not delivered again. `error` is set, by
    `enqueue_many` only, for input that was not an event, which is not stored.
    """

    message_id: str
    duplicate: bool = False
    deliveries: int = 0
    error: EventError | None = None


@attrs.frozen(slots=False)  # made for each event: quicker so
class CheckedEvent:
    """An event as it is stored. `made_id` tells that its messageId was made here.

    `wanted` says, by the names of instance and subscription, for which deliveries it is stored; None for all.
    """

    event: JsonObject
    made_id: bool = False
    wanted: Callable[[tuple[str, str]], bool] | None = None


class Callers:
    """Those who wait for the receipt of one event. `accept` accepts a group of events: all, or none."""

    def __init__(
        self, accept: Callable[[Sequence[CheckedEvent]], Coroutine[Any, Any, list[Receipt]]]
    ) -> None:
        self._accept = accept
        self._groups: dict[asyncio.AbstractEventLoop, list[_Caller]] = {}
        self._tasks: set[asyncio.Task[list[Receipt]]] = set()

    def accept(self, event: CheckedEvent) -> asyncio.Future[Receipt]:
        """Return a future of the event's receipt."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        group = self._groups.get(loop)
        if group is None:
            group = self._groups[loop] = []
            loop.call_soon(self._begin, loop)
        group.append((event, future))
        return future

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        # Who was cancelled in this very turn has accepted nothing yet.
        callers = [caller for caller in self._groups.pop(loop) if not caller[1].done()]
        for start in range(0, len(callers), _MOST):
            self._accept_all(callers[start : start + _MOST])

    def _accept_all(self, callers: list[_Caller]) -> None:
        task = asyncio.get_running_loop().create_task(self._accept([event for event, _ in callers]))
        self._tasks.add(task)
        task.add_done_callback(partial(self._tell, callers))

    def _tell(self, callers: list[_Caller], task: asyncio.Task[list[Receipt]]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and len(callers) > 1:
            # None of them was accepted, but that may be the fault of one, or there is space for some.
            for caller in callers:
                self._accept_all([caller])
        elif error is not None or task.cancelled():
            for _, future in callers:
                if not future.done():
                    future.cancel() if error is None else future.set_exception(error)
        else:
            for (_, future), receipt in zip(callers, task.result(), strict=True):
                if not future.done():  # else whoever waited has gone
                    future.set_result(receipt)
