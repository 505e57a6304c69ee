"""The admission of requests to an instance: its circuit breaker and its rate budget.

While nothing limits an instance and nothing fails, it is `quiet`: requests are not asked for, only counted.
What enters gets a ticket, and gives it back with the outcome.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.engine.executor.breaker import SERVER_ERRORS, is_up
from actions_core.engine.executor.client.waiting import Semaphore
from actions_core.errors import RequestError

if TYPE_CHECKING:
    from actions_core.engine.executor.breaker import Breaker
    from actions_core.engine.executor.client.waiting import OneShotEvent
    from actions_core.engine.executor.rate_budget import RateBudget
    from actions_core.errors import ActionsError

#: The breaker's ticket, and the time at which the request was let in.
Ticket: TypeAlias = tuple[int, float]

TOO_MANY_REQUESTS: Final = 429
_UNAVAILABLE: Final = "INSTANCE_UNAVAILABLE"


class ClosedBeforeTurnError(RequestError):
    """The engine was closed while a request waited to be let in: nothing was sent."""

    default_code = "NOT_TRIED"
    default_retryable = True


class Admission:
    """The admission to one instance. `quiet` is True while a request needs no ticket."""

    __slots__ = ("_changed", "_turn", "breaker", "budget", "instance", "patience", "quiet")

    def __init__(self, instance: str, breaker: Breaker, budget: RateBudget, patience: float = 60.0) -> None:
        self.instance = instance
        #: Seconds: a first try does not wait for a pause that is longer.
        self.patience = patience
        self.breaker = breaker
        self.budget = budget
        self.quiet = breaker.is_calm and budget.is_unlimited
        # One request at a time asks, so that not all of them wake up for each token.
        self._turn = Semaphore(1)
        self._changed: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """True while the breaker lets nothing in."""
        return not self.quiet and self.breaker.wait > 0

    def refuse_if_unavailable(self) -> None:
        """Raise `RequestError` while the breaker lets nothing in, or a long pause was asked for."""
        reason = ""
        if self.is_open:
            reason = "its last requests all failed, so it is left alone for a while"
        elif (pause := self.budget.pause_left) > self.patience:
            reason = f"it asked not to be called for another {pause:.0f} s"
        if reason:
            message = f"{self.instance} is not available: {reason}"
            raise RequestError(message, code=_UNAVAILABLE, status=503, retryable=True)

    async def enter(
        self, closing: OneShotEvent, error: ActionsError | None = None, deadline: float = math.inf
    ) -> Ticket:
        """Wait for the budget, and return a ticket.

        Raises `RequestError` when the breaker is open or the pause too long, `ClosedBeforeTurnError` when
        `closing` is set. After a first try `error` is raised instead, also where the wait would last beyond
        `deadline`.
        """
        async with self._turn:
            while True:
                if closing.is_set():
                    raise error or ClosedBeforeTurnError("the engine was closed before its turn came")
                if error is None:
                    self.refuse_if_unavailable()
                elif self.is_open:
                    raise error
                wait = self.budget.take()
                now = monotonic()
                if wait == 0:
                    break
                left = deadline - now
                if error is not None and (left <= 0 or left < wait < math.inf):
                    raise error
                await self._wait(min(wait, left), closing)
        ticket = self.breaker.enter()
        return (-1 if ticket is None else ticket), now

    async def _wait(self, seconds: float, closing: OneShotEvent) -> None:
        """Wait for so long, until something changes, or until the engine closes."""
        changed = self._changed = asyncio.get_running_loop().create_future()
        try:
            with suppress(TimeoutError), closing.ending():
                async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                    await changed
        finally:
            self._changed = None

    def succeed(self, ticket: Ticket | None, started: float) -> None:
        """Note a request that was successful; one without a ticket began while all was quiet."""
        if ticket is None:
            self.budget.count(started)
            if not self.quiet:
                self.breaker.note(up=True)
                self._settle()
            return
        self.budget.leave(success=True)
        self.breaker.leave(ticket[0], True)  # noqa: FBT003 - one of three answers
        self._settle()

    def fail(
        self,
        ticket: Ticket | None,
        started: float,
        error: ActionsError,
        retry_after: float | None,
        answered: int | None = None,
    ) -> None:
        """Note a request that failed, and what its response asks for, which had the status `answered`."""
        up = is_up(error)
        if up is None and answered is not None:  # an error of the destination's own says nothing of that
            up = answered not in SERVER_ERRORS
        if ticket is None:
            self.budget.in_progress += 1  # it was let in without asking
        if error.status == TOO_MANY_REQUESTS:
            self.budget.limit(started if ticket is None else ticket[1], retry_after)
        else:
            self.budget.leave(success=False)
        if ticket is None:
            self.breaker.note(up=up)
        else:
            self.breaker.leave(ticket[0], up)
        self._settle()

    def note_hang(self) -> None:
        """Note a function of the destination that did not end in its time, whatever it waited for.

        It holds a place for longer than a request may, so an instance with only such ones is down too.
        """
        self.breaker.note(up=False)
        self._settle()

    def give_back(self, ticket: Ticket) -> None:
        """Note a request that was not made, or of which nobody knows what became."""
        self.budget.leave(success=False)
        self.breaker.leave(ticket[0], None)
        self._settle()

    def _settle(self) -> None:
        self.quiet = self.breaker.is_calm and self.budget.is_unlimited
        changed = self._changed
        # What waited in an event loop that was closed waits no more.
        if changed is not None and not changed.done() and not changed.get_loop().is_closed():
            changed.set_result(None)
