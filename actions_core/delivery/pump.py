"""Deliver what an outbox holds for one instance, at the pace that the instance bears.

    handed over ─► queue ◄─ claims of what is due          (stops while the breaker is open)
                     └─► a task for each place: breaker, budget, deliver, verdict, settle

Each instance has a pump of its own; pumps share nothing but the writer. A pump knows neither the engine nor
the store's kind: it is given a function that delivers one row and says what became of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.rules import Again, Attempt, Dead, Done, DurableRetry, judge
from actions_core.delivery.store import Burial, Retry, Settlement
from actions_core.engine.executor.breaker import Breaker, is_up
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from actions_core.delivery.rules import Verdict
    from actions_core.delivery.store import Claim, Claimed
    from actions_core.engine.executor.rate_budget import RateBudget
    from actions_core.engine.results import Result

_LOGGER: Final = logging.getLogger("actions_core")
#: The most rows that wait in memory for one instance.
ROOM: Final = 1000
#: Outcomes that may be unnoted before deliveries pause: a crash repeats them all.
_MOST_UNNOTED: Final = 200
#: Other processes give rows back, and accept new ones, without a word: seconds between two looks.
_LOOK: Final = 1.0
#: Seconds until a delivery goes again whose function raised an error.
_UNFORESEEN: Final = 60.0
_TOO_MANY_REQUESTS: Final = 429
_MILLISECONDS: Final = 1000
_SENT: Final = Attempt(Status.SENT)


class PumpWriter(Protocol):
    """The part of a writer that a pump uses."""

    @property
    def unnoted(self) -> int:
        """The number of outcomes that were handed in and are not on disk yet."""

    def claim(self, subscription: int, limit: int) -> Awaitable[Claim]:
        """Take rows that are due into this worker's hands."""

    def done(self, event: int, subscription: int) -> None:
        """Note that a row is done, soon."""

    def settle(self, settlement: Settlement) -> None:
        """Note outcomes, soon."""

    async def wait_noted(self, below: int = ...) -> None:
        """Wait until fewer outcomes than `below` are unnoted."""


@attrs.frozen
class Settled:
    """A try and what followed from it. `tries` are those of all processes, this one included."""

    row: Claimed
    result: Result
    verdict: Verdict
    tries: int


class Pump:
    """The deliveries of one instance. `subscriptions` are their numbers, with the retry policy of each.

    `deliver` takes one row to its destination, raises nothing, and returns what became of it; `note` is told
    of every verdict. `now` is the time in seconds, as the store has it.
    """

    def __init__(
        self,
        writer: PumpWriter,
        subscriptions: Mapping[int, DurableRetry],
        deliver: Callable[[Claimed], Awaitable[Result]],
        *,
        breaker: Breaker,
        budget: RateBudget,
        now: Callable[[], float],
        note: Callable[[Settled], None] | None = None,
    ) -> None:
        self.subscriptions = subscriptions
        self.breaker = breaker
        self.budget = budget
        self.in_progress = 0
        self._writer = writer
        self._deliver = deliver
        self._now = now
        self._note = note
        self._queue: deque[Claimed] = deque()
        self._pending = 0
        self._next_due: dict[int, int | None] = {}
        self._takers: deque[asyncio.Future[None]] = deque()
        self._gate = asyncio.Lock()
        self._changed = asyncio.Event()
        self._refill = asyncio.Event()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to deliver, in the running event loop."""
        self._tasks = [asyncio.create_task(self._guarded(self._keep_filled))]
        self._tasks += [
            asyncio.create_task(self._guarded(self._work)) for _ in range(self.budget.concurrency)
        ]

    # Handing over what was accepted just now.

    def reserve(self, subscription: int) -> bool:
        """Keep a place in the queue for a row that is being accepted, if it may be handed over.

        Not while the breaker is open, nor where older rows of the subscription are due in the store: it is
        claimed in its turn then.
        """
        if self._closing or self.breaker.state != "closed" or len(self._queue) + self._pending >= ROOM:
            return False
        due = self._next_due.get(subscription, 0)
        if due is not None and due <= self._now() * _MILLISECONDS:
            self._refill.set()
            return False
        self._pending += 1
        return True

    def hand_over(self, row: Claimed | None) -> None:
        """Deliver the row that a place was kept for; None where it was not accepted.

        A pump that is closing gives it back: nobody else would while this process lives.
        """
        self._pending -= 1
        if row is not None and self._closing:
            self._give_back([row])
        elif row is not None:
            self._add(row)

    def look(self) -> None:
        """Look for rows that are due now: some were accepted, or replayed."""
        self._refill.set()

    def _is_due(self) -> bool:
        now = self._now() * _MILLISECONDS
        known = [self._next_due.get(number, 0) for number in self.subscriptions]
        return any(due is not None and due <= now for due in known)

    @property
    def is_idle(self) -> bool:
        """True while nothing is due, waits in memory or is in progress."""
        return not (self._queue or self._pending or self.in_progress or self._is_due())

    async def close(self, grace: float = 5.0) -> None:
        """Take nothing new, let what is in progress end within `grace` seconds, give the rest back."""
        self._closing = True
        self._changed.set()
        self._refill.set()
        self._wake(len(self._takers))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._give_back(self._queue)
        self._queue.clear()

    def _give_back(self, rows: Collection[Claimed]) -> None:
        """Release rows that were not tried; a writer that is closed has given back everything."""
        if rows:
            with suppress(OutboxError):
                self._writer.settle(Settlement(released=[(row.event, row.subscription) for row in rows]))

    # Tasks.

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a task's rounds; what one of them raises is logged, and the next one runs."""
        while not self._closing:
            try:
                await work()
            except OutboxError as error:
                if not error.retryable:
                    _LOGGER.error("outbox: delivery stops: %s", error)  # noqa: TRY400 - its words say all
                    return
                await asyncio.sleep(_LOOK)
            except Exception:
                _LOGGER.exception("outbox: a delivery failed in a way that is not foreseen")
                await asyncio.sleep(_LOOK)

    async def _keep_filled(self) -> None:
        """Claim what is due, once the queue has room, then wait for more."""
        self._refill.clear()
        for number in self.subscriptions:
            await self._fill_from(number)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._until_due()):
                await self._refill.wait()

    async def _fill_from(self, number: int) -> None:
        limit = min(ROOM // (2 * len(self.subscriptions)) + 1, ROOM - len(self._queue) - self._pending)
        if self.breaker.state != "closed":
            # A breaker that may probe needs one row; the tasks that wait for it may have some.
            limit = 0 if self._queue or self.in_progress or self.breaker.wait > 0 else 1
        if limit <= 0 or self._closing:
            return
        claim = await self._writer.claim(number, limit)
        self._next_due[number] = claim.next_due
        for row in claim.rows:
            self._add(row)

    def _add(self, row: Claimed) -> None:
        self._queue.append(row)
        self._wake(1)

    def _wake(self, count: int) -> None:
        """Wake tasks that wait for a row."""
        while count and self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                count -= 1

    def _until_due(self) -> float:
        due = min([at for at in self._next_due.values() if at is not None], default=None)
        if self.breaker.state != "closed":
            return min(max(self.breaker.wait, 0.05), _LOOK)
        if due is None or len(self._queue) > ROOM // 2:
            return _LOOK
        return min(max(due / _MILLISECONDS - self._now(), 0.001), _LOOK)

    async def _work(self) -> None:
        """Deliver one row."""
        row = await self._take()
        if row is None:
            return
        self.in_progress += 1
        ticket = None
        try:
            ticket = self._enter_now()
            if ticket is None:
                ticket = await self._enter()
            if ticket is None:
                self._queue.appendleft(row)
                return
            await self._send(row, ticket)
        except Exception:
            _LOGGER.exception("outbox: a delivery failed in a way that is not foreseen; it is tried again")
            self._put_off(row, Again(self._now() + _UNFORESEEN), None, "an unforeseen error")
        except asyncio.CancelledError:
            if ticket is None:
                self._queue.appendleft(row)
            else:  # nobody knows whether it arrived: it goes again
                self._put_off(row, Again(self._now()), None, "interrupted")
            raise
        finally:
            self.in_progress -= 1

    async def _take(self) -> Claimed | None:
        while not self._queue:
            if self._closing:
                return None
            if self._is_due():
                self._refill.set()
            taker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            await taker
        row = self._queue.popleft()
        if len(self._queue) == ROOM // 4:
            self._refill.set()
        return row

    def _enter_now(self) -> int | None:
        """Return the breaker's ticket if nothing is to be waited for, which is nearly always so."""
        if (
            self._gate.locked()
            or self._writer.unnoted >= _MOST_UNNOTED
            or self.breaker.wait > 0
            or self.budget.take() > 0
        ):
            return None
        return self.breaker.enter()

    async def _enter(self) -> int | None:
        """Wait for the breaker and the budget; return the breaker's ticket, None where the pump closes."""
        await self._writer.wait_noted(_MOST_UNNOTED)
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
        return None

    async def _send(self, row: Claimed, ticket: int) -> None:
        started = time.monotonic()
        was_closed = self.breaker.state == "closed"
        up: bool | None = None
        limited = success = False
        retry_after = None
        try:
            result = await self._deliver(row)
            success = result.status is Status.SENT
            up = is_up(result.error) if result.tries else None
            attempt = _SENT if success else Attempt.from_result(result)
            limited, retry_after = attempt.http_status == _TOO_MANY_REQUESTS, attempt.retry_after
        finally:
            self.breaker.leave(ticket, up)
            if limited:
                self.budget.limit(started, retry_after)
            else:
                self.budget.leave(success=success)
            if self._gate.locked():
                self._changed.set()
            if not was_closed:
                self._refill.set()
        if success and self._note is None:
            self._writer.done(row.event, row.subscription)
        else:
            self._settle(row, result, attempt)

    def _settle(self, row: Claimed, result: Result, attempt: Attempt) -> None:
        first = None if row.first is None else row.first / _MILLISECONDS
        retry = self.subscriptions.get(row.subscription) or DurableRetry()
        verdict = judge(attempt, tries=row.tries, first=first, now=self._now(), retry=retry)
        now = int(self._now() * _MILLISECONDS)
        counted = not isinstance(verdict, Again) or verdict.counted
        if isinstance(verdict, Done):
            self._writer.done(row.event, row.subscription)
        elif isinstance(verdict, Again):
            self._put_off(row, verdict, attempt.http_status, attempt.reason)
        elif isinstance(verdict, Dead):
            answer = "" if result.response is None else result.response.text
            burial = Burial(
                row.event,
                row.subscription,
                verdict.code,
                now,
                status=attempt.http_status,
                reason=attempt.reason,
                answer=answer,
            )
            self._writer.settle(Settlement(burials=[burial]))
        else:
            counted = False
            self._writer.settle(Settlement(released=[(row.event, row.subscription)]))
        if self._note is not None:
            self._note(Settled(row, result, verdict, row.tries + counted))

    def _put_off(self, row: Claimed, verdict: Again, status: int | None, reason: str) -> None:
        due, now = int(verdict.due * _MILLISECONDS), int(self._now() * _MILLISECONDS)
        retry = Retry(row.event, row.subscription, due, now, verdict.counted, status, reason)
        self._writer.settle(Settlement(retries=[retry]))
        known = self._next_due.get(row.subscription)
        self._next_due[row.subscription] = due if known is None else min(known, due)
