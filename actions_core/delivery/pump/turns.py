"""The turns of an instance: an attempt is made when its breaker, its budget and the writer allow it.

Outcomes that are not on disk yet are bounded as well: a crash would repeat them all.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from actions_core.engine.executor.breaker import Breaker
    from actions_core.engine.executor.rate_budget import RateBudget

#: Outcomes that may be unnoted before deliveries pause.
_MOST_UNNOTED: Final = 200
#: Seconds between two looks while something is waited for that nobody tells of.
_LOOK: Final = 1.0
_TOO_MANY_REQUESTS: Final = 429


class Notes(Protocol):
    """The part of a writer that knows how many outcomes are on disk."""

    @property
    def unnoted(self) -> int:
        """The number of outcomes that were handed in and are not on disk yet."""

    async def wait_noted(self, below: int = ...) -> None:
        """Wait until fewer outcomes than `below` are unnoted."""


class Turns:
    """Lets attempts in, and learns from their outcomes."""

    def __init__(self, breaker: Breaker, budget: RateBudget, notes: Notes) -> None:
        self.breaker = breaker
        self.budget = budget
        self._notes = notes
        self._gate = asyncio.Lock()
        #: how many wait at the gate, or are in it
        self._waiting = 0
        self._changed = asyncio.Event()
        self._closing = False

    def enter_now(self, now: float) -> int | None:
        """Return the breaker's ticket if nothing is to be waited for, which is nearly always so.

        `now` is the time of the budget's clock.
        """
        if (
            self._closing
            or self._waiting
            or self._notes.unnoted >= _MOST_UNNOTED
            or not (self.breaker.is_closed or self.breaker.wait == 0)
            or self.budget.take(now) > 0
        ):
            return None
        return self.breaker.enter()

    async def enter(self) -> int | None:
        """Wait for a turn and return the breaker's ticket, None once no more are given."""
        await self._notes.wait_noted(_MOST_UNNOTED)
        self._waiting += 1
        try:
            # One task at a time asks, so that not all of them wake up for each token.
            async with self._gate:
                while not self._closing:
                    wait = self.breaker.wait or self.budget.take()
                    if wait == 0:
                        return self.breaker.enter()
                    self._changed.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(min(wait, _LOOK)):
                            await self._changed.wait()
        finally:
            self._waiting -= 1
        return None

    def succeed(self, ticket: int) -> None:
        """Note the end of an attempt that was successful, as `leave` does."""
        self.breaker.leave(ticket, True)  # noqa: FBT003 - one of three answers
        self.budget.leave(success=True)
        if self._waiting:
            self._changed.set()

    def leave(
        self,
        ticket: int,
        started: float,
        *,
        up: bool | None,
        success: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Note the end of an attempt that began at `started`; `up` is as `is_up` tells it."""
        self.breaker.leave(ticket, up)
        if status == _TOO_MANY_REQUESTS:
            self.budget.limit(started, retry_after)
        else:
            self.budget.leave(success=success)
        if self._waiting:
            self._changed.set()

    def close(self) -> None:
        """Give no more turns."""
        self._closing = True
        self._changed.set()

    @staticmethod
    def now() -> float:
        """Return the time of the budget's clock."""
        return time.monotonic()
