"""What is waited at: a gate for so many at once, and a switch that is set for good.

Unlike asyncio's own they belong to no event loop: who waits, does so in the loop that runs then. So an engine
works in one loop after another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class Gate:
    """Bounds how many are at work at once: a semaphore that costs next to nothing while there is room.

    Who finds no room waits in line. A place that becomes free is handed to the first in line, so that nobody
    who comes later can take it.

    `async with` it, or `enter`, `wait` where that says False, and `leave` in the end.
    """

    __slots__ = ("_free", "_line")

    def __init__(self, places: int) -> None:
        self._free = places
        self._line: deque[asyncio.Future[None]] = deque()

    def enter(self) -> bool:
        """Take a place if there is one."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place, and take it."""
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._line.remove(place)
            else:
                # It was handed over at the same moment.
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back, to the first in line."""
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    async def __aenter__(self) -> None:
        if not self.enter():
            await self.wait()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Switch:
    """Something that happens once: `set` it for good, ask `is_set`, `wait` until it is."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: set[asyncio.Future[None]] = set()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """Have it happen."""
        self._is_set = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)

    async def wait(self) -> None:
        """Wait until it has happened."""
        if self._is_set:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.add(turn)
        try:
            await turn
        finally:
            self._waiting.discard(turn)
