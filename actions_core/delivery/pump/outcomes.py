"""What becomes of rows after an attempt: the store notes it, and somebody is told."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from actions_core.delivery.rules import AGAIN_AFTER_REFUSAL, Again, Attempt, Dead, Done, DurableRetry, judge
from actions_core.delivery.store import Burial, Retry, Settlement
from actions_core.engine.results import Status
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.delivery.rules import Refusals, Verdict
    from actions_core.delivery.store import Claimed, Key
    from actions_core.engine.results import Result
    from actions_core.values.types import Json

_LOGGER: Final = logging.getLogger("actions_core")
_MILLISECONDS: Final = 1000
_SENT: Final = Attempt(Status.SENT)
_DONE: Final = Done()
#: A member of an enumeration takes far longer to find than a name of the module.
_IS_SENT: Final = Status.SENT


class OutcomeWriter(Protocol):
    """The part of a writer that notes outcomes."""

    def done(self, event: int, subscription: int) -> None:
        """Note that a row is done, soon."""

    def settle(self, settlement: Settlement) -> None:
        """Note outcomes, soon."""


@attrs.frozen(slots=False)  # made for each event: quicker so
class Settled:
    """A try and what followed from it. `tries` are those of all processes, this one included.

    `sent` is the payload of an event that went in a batch, whose result has no request of its own.
    """

    row: Claimed
    result: Result
    verdict: Verdict
    tries: int
    sent: Json = MISSING


@attrs.frozen
class Ended:
    """An attempt of one row that ended, and what follows."""

    row: Claimed
    result: Result
    attempt: Attempt
    verdict: Verdict
    sent: Json = MISSING

    @property
    def key(self) -> Key:
        """The key of the row."""
        return self.row.event, self.row.subscription

    @property
    def settled(self) -> Settled:
        """What those are told who want to know."""
        verdict = self.verdict
        counted = verdict.counted if isinstance(verdict, Again) else isinstance(verdict, Done | Dead)
        return Settled(self.row, self.result, verdict, self.row.tries + counted, self.sent)


class Outcomes:
    """The outcomes of one instance's rows.

    `retries` are the policies of its subscriptions and `suffixes` their parts of the idempotency key.
    `refusals` knows which refusals of credentials are final; without it, all are. `now` is the time in
    seconds, as the store has it. `note` is told of each try; of a row that was sent alone, which most are,
    `note_sent` is told in its place. `next_due` is when each subscription's first row that waits is due, in
    milliseconds: None where none waits, missing where nobody has looked.
    """

    def __init__(
        self,
        writer: OutcomeWriter,
        retries: Mapping[int, DurableRetry],
        now: Callable[[], float],
        note: Callable[[Settled], None] | None,
        suffixes: Mapping[int, str],
        refusals: Refusals | None = None,
        note_sent: Callable[[Claimed, Result], None] | None = None,
    ) -> None:
        self.now = now
        self.next_due: dict[int, int | None] = {}
        self._writer = writer
        self._retries = retries
        self._note = note
        self._note_sent = note_sent
        self._suffixes = suffixes
        self._refusals = refusals

    def now_ms(self) -> int:
        """Return the time in milliseconds."""
        return int(self.now() * _MILLISECONDS)

    def is_due(self, number: int) -> bool:
        """Tell if rows of a subscription may be due."""
        due = self.next_due.get(number, 0)
        return due is not None and due <= self.now() * _MILLISECONDS

    def note_due(self, number: int) -> None:
        """Note that a row of a subscription is due, of which no claim has told yet."""
        if not self.is_due(number):
            self.next_due[number] = self.now_ms()

    def retry_of(self, number: int) -> DurableRetry:
        """Return the retry policy of a subscription."""
        return self._retries.get(number) or DurableRetry()

    def attempt_of(self, result: Result) -> Attempt:
        """Return an attempt for its verdict."""
        return _SENT if result.status is _IS_SENT else Attempt.from_result(result)

    def judge(self, row: Claimed, attempt: Attempt) -> Verdict:
        """Return what follows for one row."""
        first = None if row.first is None else row.first / _MILLISECONDS
        retry = self.retry_of(row.subscription)
        return judge(attempt, tries=row.tries, first=first, now=self.now(), retry=retry)

    def settle_one(self, row: Claimed, result: Result, attempt: Attempt) -> None:
        """Judge the attempt of one row, and note what follows."""
        if attempt.status is _IS_SENT:
            if self._refusals is not None and self._refusals.are_known:
                self._note_taken(self._refusals, row, result)
            self._writer.done(row.event, row.subscription)
            self._tell_sent(row, result)
            return
        ended = Ended(row, result, attempt, self.judge(row, attempt))
        if isinstance(ended.verdict, Done):
            self._writer.done(row.event, row.subscription)
            self._tell(ended.settled)
        else:
            self.settle([ended])

    def settle(self, all_ended: Sequence[Ended], *, keep: bool = False) -> None:
        """Note verdicts in one transaction; with `keep` the rows stay members of their batch."""
        if self._refusals is not None:
            all_ended = self._with_refusals(self._refusals, all_ended)
        done: list[Key] = []
        retries: list[Retry] = []
        burials: list[Burial] = []
        released: list[Key] = []
        for ended in all_ended:
            key, verdict, attempt = ended.key, ended.verdict, ended.attempt
            if isinstance(verdict, Done):
                done.append(key)
            elif isinstance(verdict, Again):
                retries.append(
                    self._retry(ended.row, verdict, attempt.http_status, attempt.reason, keep=keep)
                )
            elif isinstance(verdict, Dead):
                burials.append(self._burial(ended, verdict))
            else:
                released.append(key)
        self._writer.settle(Settlement(done, retries, burials, released))
        for ended in all_ended:
            self._tell(ended.settled)

    @staticmethod
    def _note_taken(refusals: Refusals, row: Claimed, result: Result) -> None:
        refusals.take((result.message_id, row.subscription), time.monotonic() - result.duration)

    def _with_refusals(self, refusals: Refusals, all_ended: Sequence[Ended]) -> Sequence[Ended]:
        """Have rows go again whose refusal may be the fault of the credentials."""
        if refusals.are_known:
            for ended in all_ended:
                if ended.attempt.status is Status.SENT:
                    self._note_taken(refusals, ended.row, ended.result)
        refused = [each for each in all_ended if each.attempt.is_refusal and isinstance(each.verdict, Dead)]
        if not refused:
            return all_ended
        keys = [(ended.result.message_id, ended.row.subscription) for ended in refused]
        own = refusals.refuse(keys, time.monotonic())
        waiting = {ended.key for ended, is_own in zip(refused, own, strict=True) if not is_own}
        due = self.now() + random.uniform(*AGAIN_AFTER_REFUSAL)  # noqa: S311 - it spreads tries
        again = Again(due, counted=False, timed=False)
        return [attrs.evolve(each, verdict=again) if each.key in waiting else each for each in all_ended]

    def _tell_sent(self, row: Claimed, result: Result) -> None:
        if self._note_sent is None:
            self._tell(Settled(row, result, _DONE, row.tries + 1))
            return
        try:
            self._note_sent(row, result)
        except Exception:  # the outcome stands, whatever those do who are told of it
            _LOGGER.exception("outbox: an outcome could not be told")

    def _tell(self, settled: Settled) -> None:
        if self._note is not None:
            try:
                self._note(settled)
            except Exception:  # the outcome stands, whatever those do who are told of it
                _LOGGER.exception("outbox: an outcome could not be told")

    def put_off(self, rows: Sequence[Claimed], verdict: Again, reason: str, *, keep: bool = False) -> None:
        """Have rows go again for a reason that has nothing to do with their destination."""
        retries = [self._retry(row, verdict, None, reason, keep=keep) for row in rows]
        self._writer.settle(Settlement(retries=retries))

    def _retry(self, row: Claimed, verdict: Again, status: int | None, reason: str, *, keep: bool) -> Retry:
        due = int(verdict.due * _MILLISECONDS)
        known = self.next_due.get(row.subscription)
        self.next_due[row.subscription] = due if known is None else min(known, due)
        tried_at = self.now_ms() if verdict.timed else None
        return Retry(
            row.event, row.subscription, due, tried_at, verdict.counted, status, reason, keep_batch=keep
        )

    def _burial(self, ended: Ended, verdict: Dead) -> Burial:
        row, attempt, response = ended.row, ended.attempt, ended.result.response
        return Burial(
            row.event,
            row.subscription,
            verdict.code,
            self.now_ms(),
            status=attempt.http_status,
            reason=attempt.reason,
            answer="" if response is None else response.text,
            suffix=self._suffixes.get(row.subscription, ""),
        )
