"""Deliver what an outbox holds for one instance, at the pace that the instance bears.

    handed over ─► queue ◄─ claims of what is due          (stops while the breaker is open)
                     └─► a task for each place: breaker, budget, deliver, verdict, settle

Each instance has a pump of its own; pumps share nothing but the writer. A pump knows neither the engine nor
the store's kind: it is given a function that delivers one row and says what became of it. What goes in
batches goes by a `BatchPump` beside it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.pump.batches import BatchPump
from actions_core.delivery.pump.outcomes import Outcomes
from actions_core.delivery.pump.turns import Turns
from actions_core.delivery.rules import Again, Attempt, DurableRetry
from actions_core.delivery.store import Settlement
from actions_core.engine.executor.breaker import Breaker, is_up
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from actions_core.delivery.pump.batches import BatchAttempts
    from actions_core.delivery.pump.outcomes import Settled
    from actions_core.delivery.rules import BatchSize, Refusals
    from actions_core.delivery.store import Claim, Claimed
    from actions_core.engine.executor.rate_budget import RateBudget
    from actions_core.engine.results import Result

_LOGGER: Final = logging.getLogger("actions_core")
#: The most rows that wait in memory for one instance.
ROOM: Final = 1000
#: The most bytes of JSON of rows that wait as objects too, which take ten times as much memory.
_MOST_KEPT: Final = 256 * 1024
#: Other processes give rows back, and accept new ones, without a word: seconds between two looks.
_LOOK: Final = 1.0
#: Seconds until a delivery goes again whose function raised an error.
_UNFORESEEN: Final = 60.0
_MILLISECONDS: Final = 1000
_IS_SENT: Final = Status.SENT


class PumpWriter(Protocol):
    """The part of a writer that a pump uses."""

    @property
    def unnoted(self) -> int:
        """The number of outcomes that were handed in and are not on disk yet."""

    def claim(self, subscription: int, limit: int) -> Awaitable[Claim]:
        """Take rows that are due into this worker's hands."""

    def claim_batch(self, subscription: int, size: BatchSize) -> Awaitable[Claim]:
        """Take the rows of a batch that is ready."""

    def regroup(self, subscription: int, groups: Sequence[Sequence[int]]) -> Awaitable[list[int]]:
        """Give each group of held events a batch number of its own."""

    def done(self, event: int, subscription: int) -> None:
        """Note that a row is done, soon."""

    def settle(self, settlement: Settlement) -> None:
        """Note outcomes, soon."""

    async def wait_noted(self, below: int = ...) -> None:
        """Wait until fewer outcomes than `below` are unnoted."""


class Pump:
    """The deliveries of one instance. `subscriptions` are their numbers, with the retry policy of each.

    `deliver` takes one row to its destination, raises nothing, and returns what became of it; `note` is told
    of every verdict, but `note_sent` of a row that was sent alone. `now` is the time in seconds, as the store
    has it. `batches` are the sizes of those subscriptions whose rows go in batches, by `attempts`; `suffixes`
    are parts of the idempotency keys. With `ordered` the end of a row may let another go. `refusals` knows
    which refusals of credentials are final; without it, all are.
    """

    def __init__(  # noqa: PLR0913 - each part is named where it is given
        self,
        writer: PumpWriter,
        subscriptions: Mapping[int, DurableRetry],
        deliver: Callable[[Claimed], Awaitable[Result]],
        *,
        breaker: Breaker,
        budget: RateBudget,
        now: Callable[[], float],
        note: Callable[[Settled], None] | None = None,
        note_sent: Callable[[Claimed, Result], None] | None = None,
        batches: Mapping[int, BatchSize] | None = None,
        attempts: BatchAttempts | None = None,
        suffixes: Mapping[int, str] | None = None,
        ordered: bool = False,
        refusals: Refusals | None = None,
    ) -> None:
        self.subscriptions = subscriptions
        self.breaker = breaker
        self.budget = budget
        self.in_progress = 0
        self._writer = writer
        self._deliver = deliver
        self._turns = Turns(breaker, budget, writer)
        self._outcomes = Outcomes(writer, subscriptions, now, note, suffixes or {}, refusals, note_sent)
        self._ordered = ordered
        self._queue: deque[Claimed] = deque()
        self._pending = 0
        self._kept = 0
        self._takers: deque[asyncio.Future[None]] = deque()
        self._refill = asyncio.Event()
        self._looking = False
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._batches: BatchPump | None = None
        if batches and attempts is not None:
            self._batches = BatchPump(
                writer, batches, attempts, self._turns, self._outcomes, alone=self._add, freed=self.look
            )
        self._singles = [number for number in subscriptions if number not in (batches or {})]

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
        if self._closing or not self.breaker.is_closed or len(self._queue) + self._pending >= ROOM:
            return False
        if self._outcomes.is_due(subscription):
            self._refill.set()
            return False
        self._pending += 1
        return True

    def keeps(self, size: int) -> bool:
        """Return whether the row that is handed over now may have its step, for an event of so many bytes."""
        if self._kept + size > _MOST_KEPT:
            return False
        self._kept += size
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

    def note_stored(self, subscription: int, size: int) -> None:
        """Note that a row was accepted which waits in the store."""
        if self._batches is None or not self._batches.note_stored(subscription, size):
            # Nothing is claimed while the breaker is open, and yet it is due.
            self._outcomes.note_due(subscription)
            self._refill.set()

    def look(self) -> None:
        """Look for rows that are due now: some were accepted, or replayed."""
        if self._batches is not None:
            self._batches.look()
        self._refill.set()

    def flush(self, *, on: bool) -> None:
        """Have batches go that are not full yet, until that is over."""
        if self._batches is not None:
            self._batches.flushing += 1 if on else -1
            self.look()

    @property
    def is_idle(self) -> bool:
        """True while nothing is due, waits in memory or is in progress."""
        if self._queue or self._pending or self.in_progress or self._will_look:
            return False
        if any(self._outcomes.is_due(number) for number in self._singles):
            return False
        return self._batches is None or self._batches.is_idle

    @property
    def _will_look(self) -> bool:
        """True while rows are looked for, or will be at once: nobody knows whether some are due."""
        looks = bool(self._tasks) and not self._tasks[0].done()
        return looks and (self._looking or self._refill.is_set())

    async def close(self, grace: float = 5.0) -> None:
        """Take nothing new, let what is in progress end within `grace` seconds, give the rest back."""
        self._closing = True
        self._turns.close()
        self._refill.set()
        self._wake(len(self._takers))
        # The task that claims first: what it is given while it ends must not stay in these hands.
        batches = [] if self._batches is None else [self._batches.close(grace)]
        await asyncio.gather(self._end(grace), *batches)
        self._give_back(self._queue)
        self._queue.clear()

    async def _end(self, grace: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
            except Exception:  # the other deliveries must go on
                _LOGGER.exception("outbox: a delivery failed in a way that is not foreseen")
                await asyncio.sleep(_LOOK)

    async def _keep_filled(self) -> None:
        """Claim what is due, once the queue has room, then wait for more."""
        self._refill.clear()
        self._looking = True
        try:
            for number in self._singles:
                await self._fill_from(number)
            if self._batches is not None:
                await self._batches.fill()
        except BaseException:  # whatever it is, nobody knows what is due
            self.look()
            raise
        finally:
            self._looking = False
        try:
            async with asyncio.timeout(self._until_due()):
                await self._refill.wait()
        except TimeoutError:
            if self._batches is not None:
                self._batches.look_now_and_then()

    async def _fill_from(self, number: int) -> None:
        limit = min(ROOM // (2 * len(self._singles)) + 1, ROOM - len(self._queue) - self._pending)
        if not self.breaker.is_closed:
            # A breaker that may probe needs one row; the tasks that wait for it may have some.
            limit = 0 if self._queue or self.in_progress or self.breaker.wait > 0 else 1
        if limit <= 0 or self._closing:
            return
        claim = await self._writer.claim(number, limit)
        self._outcomes.next_due[number] = claim.next_due
        self._queue.extend(claim.rows)
        self._wake(len(claim.rows))

    def _add(self, row: Claimed) -> None:
        self._queue.append(row)
        if self._takers:
            self._wake(1)

    def _wake(self, count: int) -> None:
        """Wake tasks that wait for a row."""
        while count and self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                count -= 1

    def _until_due(self) -> float:
        due = min([at for at in self._outcomes.next_due.values() if at is not None], default=None)
        if not self.breaker.is_closed:
            return min(max(self.breaker.wait, 0.05), _LOOK)
        if due is None or len(self._queue) > ROOM // 2 or (self._batches and self._batches.is_full):
            return _LOOK
        return min(max(due / _MILLISECONDS - self._outcomes.now(), 0.001), _LOOK)

    async def _work(self) -> None:
        """Deliver rows, one after the other."""
        turns = self._turns
        while (row := self._take() if self._queue else await self._take_later()) is not None:
            self.in_progress += 1
            ticket: int | None = None
            try:
                started = turns.now()
                ticket = turns.enter_now(started)
                if ticket is None:
                    ticket, started = await turns.enter(), turns.now()
                if ticket is None:
                    self._take_back(row)
                    return
                was_closed = self.breaker.is_closed
                result = attempt = None
                try:
                    result = await self._deliver(row)
                    attempt = self._outcomes.attempt_of(result)
                finally:
                    self._leave(ticket, started, result, attempt)
                    if not was_closed:
                        self._refill.set()
                self._outcomes.settle_one(row, result, attempt)
                if self._ordered:
                    self._refill.set()
            except (Exception, asyncio.CancelledError) as failure:
                self._put_back(row, failure, was_let_in=ticket is not None)
                if isinstance(failure, asyncio.CancelledError):
                    raise
            finally:
                self.in_progress -= 1

    def _put_back(self, row: Claimed, failure: BaseException, *, was_let_in: bool) -> None:
        """Have a row go again whose attempt was broken off, or failed for no reason of its destination's."""
        if not isinstance(failure, asyncio.CancelledError):
            _LOGGER.error(
                "outbox: a delivery failed in a way that is not foreseen; it is tried again", exc_info=failure
            )
            again = Again(self._outcomes.now() + _UNFORESEEN)
            self._outcomes.put_off([row], again, "an unforeseen error")
        elif was_let_in:  # nobody knows whether it arrived: it goes again
            self._outcomes.put_off([row], Again(self._outcomes.now()), "interrupted")
        else:
            self._take_back(row)

    def _take_back(self, row: Claimed) -> None:
        self._queue.appendleft(row if row.step is None else attrs.evolve(row, step=None))

    def _take(self) -> Claimed:
        row = self._queue.popleft()
        if row.step is not None:
            self._kept -= len(row.body)
        if len(self._queue) == ROOM // 4:
            self._refill.set()
        return row

    async def _take_later(self) -> Claimed | None:
        while not self._queue:
            if self._closing:
                return None
            if any(self._outcomes.is_due(number) for number in self._singles):
                self._refill.set()
            taker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            await taker
        return self._take()

    def _leave(self, ticket: int, started: float, result: Result | None, attempt: Attempt | None) -> None:
        """Note for breaker and budget how an attempt ended; without a result nobody knows."""
        if result is None:
            self._turns.leave(ticket, started, up=None)
        elif result.status is _IS_SENT and result.tries:
            self._turns.succeed(ticket)
        else:
            self._turns.leave(
                ticket,
                started,
                up=is_up(result.error) if result.tries else None,
                success=result.status is _IS_SENT,
                status=None if attempt is None else attempt.http_status,
                retry_after=None if attempt is None else attempt.retry_after,
            )
