"""Deliver the batches of one instance: claimed, mapped, sent, and an outcome for each event.

    claim ─► prepare ─► parts ─► a number for each ─► turn ─► send ─► job ─► verdict ─► settle
                 └─► alone: rows that go one by one          └── refused: two halves, each with a number

The members of a batch stay together until their outcome is known: after a crash, or where nobody knows what
became of them, the same ones go again under the same number, and so under the same idempotency key. A batch
that waits for its destination's job holds no place of the budget, but it is open: only so many are at once.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.pump.outcomes import Ended
from actions_core.delivery.rules import Again, Attempt, halves, judge_batch, judge_members
from actions_core.delivery.store import Settlement
from actions_core.engine.executor.breaker import is_up
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from actions_core.delivery.pump.outcomes import Outcomes
    from actions_core.delivery.pump.turns import Turns
    from actions_core.delivery.rules import BatchSize
    from actions_core.delivery.store import Claim, Claimed
    from actions_core.engine.results import Result
    from actions_core.errors import ActionsError
    from actions_core.values.types import Json

_LOGGER: Final = logging.getLogger("actions_core")
#: The most batches of one instance that are open at once, whatever its concurrency: destinations work off
#: few jobs at a time, and refuse more.
MOST_OPEN: Final = 100
#: The most bytes of events in open batches; one may always be open.
MOST_BYTES: Final = 64 * 1024 * 1024
#: How often, at least, other processes' rows are looked for while a batch grows.
_LOOKS_IN_AN_AGE: Final = 4
_UNFORESEEN: Final = 60.0
_MILLISECONDS: Final = 1000


@attrs.frozen
class Part:
    """Rows that go in one batch, and what the function that delivers them needs for each."""

    rows: Sequence[Claimed]
    items: Sequence[Any] = attrs.field(repr=False)


@attrs.frozen
class Prepared:
    """Claimed rows, mapped: what goes together, what goes alone, and what has ended already."""

    parts: Sequence[Part] = ()
    alone: Sequence[Claimed] = ()
    ended: Sequence[tuple[Claimed, Result]] = ()


@attrs.frozen
class BatchOutcome:
    """What became of a batch: a result for each row, and what was sent for it.

    `error` is set where all failed of the same, with the response's Retry-After. `unknown` are the places
    of the rows of which nobody knows what became.
    """

    results: Sequence[Result]
    sent: Sequence[Json]
    error: ActionsError | None = None
    retry_after: float | None = None
    unknown: frozenset[int] = frozenset()


class BatchAttempts(Protocol):
    """How batches are mapped and sent."""

    async def prepare(self, rows: Sequence[Claimed]) -> Prepared:
        """Map rows of one subscription, and say which go together."""

    async def deliver(self, part: Part, started_job: Callable[[], None]) -> BatchOutcome:
        """Send a batch, and call `started_job` where all that is left is to wait for a job."""


class BatchWriter(Protocol):
    """The part of a writer that batches need."""

    def claim_batch(self, subscription: int, size: BatchSize) -> Awaitable[Claim]:
        """Take the rows of a batch that is ready."""

    def regroup(self, subscription: int, groups: Sequence[Sequence[int]]) -> Awaitable[list[int]]:
        """Give each group of held events a batch number of its own."""

    def settle(self, settlement: Settlement) -> None:
        """Note outcomes, soon."""


@attrs.define
class _Gathering:
    """What is known of the rows that wait for a batch of one subscription to fill."""

    size: BatchSize
    count: int = 0
    bytes: int = 0
    #: True while a claim may find a batch
    may_be_ready: bool = True
    looked_at: float = 0.0


class BatchPump:
    """The batches of one instance. `sizes` are those of its subscriptions that take batches.

    `alone` takes rows that go one by one after all, `freed` is called when there is room for more.
    """

    def __init__(
        self,
        writer: BatchWriter,
        sizes: Mapping[int, BatchSize],
        attempts: BatchAttempts,
        turns: Turns,
        outcomes: Outcomes,
        *,
        alone: Callable[[Claimed], None],
        freed: Callable[[], None],
    ) -> None:
        self.flushing = 0
        self._writer = writer
        self._attempts = attempts
        self._turns = turns
        self._outcomes = outcomes
        self._alone = alone
        self._freed = freed
        self._gathering = {number: _Gathering(size) for number, size in sizes.items()}
        self._most = max(min(turns.budget.concurrency, MOST_OPEN), 1)
        self._places = asyncio.Semaphore(self._most)
        self._tasks: dict[asyncio.Task[None], int] = {}
        self._at_jobs: set[asyncio.Task[Any]] = set()
        self._closing = False

    # What waits.

    def note_stored(self, number: int, size: int) -> bool:
        """Note that a row was accepted; return whether it is one of ours and no claim is needed yet."""
        gathering = self._gathering.get(number)
        if gathering is None:
            return False
        gathering.count += 1
        gathering.bytes += size
        limit = gathering.size
        if self.flushing or gathering.count >= limit.count or gathering.bytes >= limit.size:
            gathering.may_be_ready = True
            return False
        due, known = self._outcomes.now_ms() + limit.age, self._outcomes.next_due.get(number)
        if known is None or due < known:
            self._outcomes.next_due[number] = due
            return False
        return True

    def look(self) -> None:
        """Have the next `fill` look for batches that are ready."""
        for gathering in self._gathering.values():
            gathering.may_be_ready = True

    def look_now_and_then(self) -> None:
        """Do so for what other processes have stored or given back: a look reads all that may grow."""
        now = self._turns.now()
        for gathering in self._gathering.values():
            if now - gathering.looked_at >= gathering.size.age / _MILLISECONDS / _LOOKS_IN_AN_AGE:
                gathering.may_be_ready = True

    @property
    def is_idle(self) -> bool:
        """True while no batch is open or may be ready; a claim in progress is for the pump to know."""
        return not (self._tasks or any(self._is_ready(number) for number in self._gathering))

    @property
    def is_full(self) -> bool:
        """True while no more batches may be open."""
        return len(self._tasks) >= self._most or sum(self._tasks.values()) >= MOST_BYTES

    def _is_ready(self, number: int) -> bool:
        return self._gathering[number].may_be_ready or self._outcomes.is_due(number)

    async def fill(self) -> None:
        """Claim batches that are ready, and deliver each in a task of its own, while there is room."""
        for number, gathering in self._gathering.items():
            while self._is_ready(number) and self._has_room():
                size = attrs.evolve(gathering.size, flush=self.flushing > 0)
                # Before the claim: who looks meanwhile may know of more than it finds.
                gathering.may_be_ready = False
                gathering.looked_at = self._turns.now()
                claim = await self._writer.claim_batch(number, size)
                self._outcomes.next_due[number] = claim.next_due
                gathering.count, gathering.bytes = claim.waiting, claim.waiting_bytes
                if claim.rows:
                    gathering.may_be_ready = True
                    self._open(claim)
                elif not gathering.may_be_ready:
                    break

    def _has_room(self) -> bool:
        if self._closing or self.is_full:
            return False
        breaker = self._turns.breaker
        # A breaker that may probe needs one.
        return breaker.is_closed or (breaker.wait == 0 and not self._tasks)

    def _open(self, claim: Claim) -> None:
        if self._closing:
            self._give_back(claim.rows)
            return
        task = asyncio.get_running_loop().create_task(self._guarded(claim))
        self._tasks[task] = sum([len(row.body) for row in claim.rows])
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._freed()

    # One batch.

    async def _guarded(self, claim: Claim) -> None:
        try:
            await self._deliver(claim)
        except Exception as failure:  # noqa: BLE001 - it was logged where its rows were put off
            _LOGGER.debug("outbox: a batch ended with %s", type(failure).__name__)

    async def _deliver(self, claim: Claim) -> None:
        rows, number = claim.rows, claim.rows[0].subscription
        try:
            prepared = await self._attempts.prepare(rows)
            parts, repeated = prepared.parts, claim.repeated
            if parts and not (len(parts) == 1 and len(parts[0].rows) == len(rows)):
                # Before any of them is sent: what goes under a number is always the same.
                await self._writer.regroup(number, [[row.event for row in part.rows] for part in parts])
                repeated = False
        except (Exception, asyncio.CancelledError) as failure:
            self._give_up_for_now(rows, failure)
            raise
        for row, result in prepared.ended:
            self._outcomes.settle_one(row, result, self._outcomes.attempt_of(result))
        for row in prepared.alone:
            self._alone(row)
        await self._all([self._send(part, repeated=repeated) for part in parts])

    @staticmethod
    async def _all(sends: Iterable[Awaitable[None]]) -> None:
        """Await all, whatever one of them raises; that is raised then."""
        for result in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _give_up_for_now(self, rows: Sequence[Claimed], failure: BaseException) -> None:
        """Put rows off that may have been sent, after a fault that has nothing to do with them."""
        pause = 0.0
        if not isinstance(failure, asyncio.CancelledError | OutboxError):
            _LOGGER.error("outbox: a batch failed in a way that is not foreseen", exc_info=failure)
            pause = _UNFORESEEN
        with suppress(OutboxError):
            again = Again(self._outcomes.now() + pause, counted=False)
            self._outcomes.put_off(rows, again, "interrupted", keep=True)

    def _give_back(self, rows: Sequence[Claimed]) -> None:
        with suppress(OutboxError):
            self._writer.settle(Settlement(released=[(row.event, row.subscription) for row in rows]))

    async def _send(self, part: Part, *, repeated: bool) -> None:
        """Send a batch, and settle what became of its rows."""
        divided: Sequence[Part] = ()
        try:
            async with self._places:
                ticket = self._turns.enter_now(self._turns.now())
                if ticket is None:
                    ticket = await self._turns.enter()
                if ticket is None:
                    self._give_back(part.rows)
                    return
                outcome = await self._attempt(part, ticket)
            divided = await self._settle(part, outcome, repeated=repeated)
        except (Exception, asyncio.CancelledError) as failure:
            self._give_up_for_now(part.rows, failure)
            raise
        if divided:
            await self._all([self._send(half, repeated=False) for half in divided])

    async def _attempt(self, part: Part, ticket: int) -> BatchOutcome:
        started, has_left = self._turns.now(), False
        task = asyncio.current_task()

        def started_job() -> None:
            nonlocal has_left
            if not has_left:  # the rest of a batch may start another job
                has_left = True
                self._turns.leave(ticket, started, up=True, success=True)
            if task is not None:
                self._at_jobs.add(task)
                if self._closing:
                    task.cancel()

        outcome: BatchOutcome | None = None
        try:
            outcome = await self._attempts.deliver(part, started_job)
        finally:
            if task is not None:
                self._at_jobs.discard(task)
            if not has_left:
                self._leave(ticket, started, outcome)
        return outcome

    def _leave(self, ticket: int, started: float, outcome: BatchOutcome | None) -> None:
        if outcome is None:
            self._turns.leave(ticket, started, up=None)
            return
        results = outcome.results
        errors = [result.error for result in results if result.error is not None]
        statuses = {error.status for error in errors}
        up = is_up(outcome.error) if any(result.tries for result in results) else None
        self._turns.leave(
            ticket,
            started,
            up=up,
            success=any(result.status is Status.SENT for result in results),
            status=429 if 429 in statuses else None,  # noqa: PLR2004 - the one that limits
            retry_after=outcome.retry_after,
        )

    # Verdicts.

    async def _settle(self, part: Part, outcome: BatchOutcome, *, repeated: bool) -> Sequence[Part]:
        """Note what follows for each row; return the halves of a batch that was refused as a whole."""
        rows = part.rows
        attempts = [self._outcomes.attempt_of(result) for result in outcome.results]
        for place in outcome.unknown:
            attempts[place] = attrs.evolve(attempts[place], is_unknown=True)
        now, retry = self._outcomes.now(), self._outcomes.retry_of(rows[0].subscription)
        tries = [row.tries for row in rows]
        firsts = [None if row.first is None else row.first / _MILLISECONDS for row in rows]
        if outcome.error is None:
            # What is said of some items alone says nothing of the credentials.
            attempts = [
                attrs.evolve(each, is_refusal=False) if each.is_refusal else each for each in attempts
            ]
            verdicts, keep = judge_members(
                attempts, tries=tries, firsts=firsts, now=now, retry=retry, repeated=repeated
            )
        else:
            attempt = Attempt.from_error(outcome.error, outcome.retry_after)
            attempts = [attrs.evolve(attempt, is_unknown=attempt.is_unknown or bool(outcome.unknown))] * len(
                rows
            )
            judged = judge_batch(
                attempts[0],
                members=len(rows),
                tries=max(tries),
                first=min([first for first in firsts if first is not None], default=None),
                now=now,
                retry=retry,
                repeated=repeated,
            )
            if judged.divide:
                return await self._divide(part)
            verdicts, keep = [judged.verdict] * len(rows), judged.keep
        ended = zip(rows, outcome.results, attempts, verdicts, outcome.sent, strict=True)
        self._outcomes.settle([Ended(*each) for each in ended], keep=keep)
        return ()

    async def _divide(self, part: Part) -> Sequence[Part]:
        parts = [Part(rows, items) for rows, items in zip(halves(part.rows), halves(part.items), strict=True)]
        number = part.rows[0].subscription
        await self._writer.regroup(number, [[row.event for row in half.rows] for half in parts])
        return parts

    async def close(self, grace: float) -> None:
        """Claim nothing more; end what is sent within `grace` seconds, and wait for no job.

        The next process that has these rows sends them under the same key, and waits for the same job.
        """
        self._closing = True
        for task in self._at_jobs:
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=grace)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
