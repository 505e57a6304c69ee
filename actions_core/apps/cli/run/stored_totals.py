"""The totals of a run through an outbox: events as they are stored, deliveries as they end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from actions_core.apps.cli.output import Exit
from actions_core.apps.cli.run.failures import reason_of
from actions_core.apps.cli.run.totals import Blame, Progress, Reason, Row, count_reason
from actions_core.delivery.rules import Again, Dead, Done
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.cli.run.totals import FailureSink
    from actions_core.apps.events.inputs import InputEvent
    from actions_core.delivery.outbox import Receipt
    from actions_core.delivery.pump import Settled
    from actions_core.delivery.store import Backlog
    from actions_core.engine.results import Result


@attrs.define
class Deliveries:
    """The deliveries of one subscription that ended in this run, those to be tried again counted by tries."""

    sent: int = 0
    dead: int = 0
    skipped: int = 0
    retries: int = 0


class StoredTotals:
    """The totals of one run through an outbox.

    `read` counts inputs: each of them is `stored`, a `duplicate` of one that is known, `unmatched` (stored
    for no subscription), or `rejected` because it is not an event. `left_out` were not asked for.
    """

    def __init__(self, failures: FailureSink, *, store_only: bool = False) -> None:
        self._failures = failures
        self._store_only = store_only
        self.read = 0
        self.left_out = 0
        self.stored = 0
        self.duplicates = 0
        self.unmatched = 0
        self.rejected = 0
        self.interrupted = False
        self.stopped = ""
        self.rows: dict[Row, Deliveries] = {}
        self.reasons: Counter[Reason] = Counter()
        self.warnings: Counter[Reason] = Counter()
        self.backlog: tuple[Backlog, ...] = ()
        #: Deliveries that a broker has taken over; its workers know what became of them.
        self.handed_over = 0
        #: Why the broker takes nothing; empty where it does, or there is none.
        self.broker_error = ""
        self._blame = Blame()

    # Events.

    def reject(self, given: InputEvent) -> None:
        """Count and keep an input that is not an event."""
        self.reject_because(given, str(given.error))

    def reject_because(self, given: InputEvent, reason: str) -> None:
        """Count and keep an input that cannot be stored."""
        self.read += 1
        self.rejected += 1
        count_reason(self.reasons, Reason("", "", reason))
        self._failures.reject(given, reason)

    def lose(self, given: InputEvent, lost: Sequence[Result]) -> None:
        """Count and keep the deliveries of an event that the workspace no longer has."""
        for result in lost:
            count_reason(self.reasons, Reason(result.instance, result.subscription, reason_of(result)))
        self.rejected += 1
        self._failures.write(given, reason_of(lost[0]), lost)

    def store(self, receipts: Sequence[Receipt]) -> None:
        """Count events that are on disk now."""
        for receipt in receipts:
            self.read += 1
            if receipt.duplicate:
                self.duplicates += 1
            elif receipt.deliveries:
                self.stored += 1
            else:
                self.unmatched += 1

    # Deliveries.

    def learn(self, settled: Settled) -> None:
        """Count a try and what follows from it."""
        result = settled.result
        row = Row(result.instance, result.subscription, result.action)
        if (counts := self.rows.get(row)) is None:
            counts = self.rows[row] = Deliveries()
        verdict = settled.verdict
        if isinstance(verdict, Done):
            if result.status is Status.SKIPPED:
                counts.skipped += 1
            else:
                counts.sent += 1
                for warning in result.warnings:
                    count_reason(self.warnings, Reason(row.instance, row.subscription, str(warning)))
        elif isinstance(verdict, Dead):
            counts.dead += 1
            count_reason(self.reasons, Reason(row.instance, row.subscription, reason_of(result)))
            self._blame.learn(result)
        elif isinstance(verdict, Again):
            counts.retries += 1
            self._blame.learn(result)

    def sum(self) -> Deliveries:
        """Return the deliveries of all subscriptions together."""
        every = self.rows.values()
        return Deliveries(
            sum([row.sent for row in every]),
            sum([row.dead for row in every]),
            sum([row.skipped for row in every]),
            sum([row.retries for row in every]),
        )

    @property
    def waiting(self) -> int:
        """The deliveries that were in the outbox at the end, whoever stored them."""
        return sum([each.due + each.later + each.in_hand for each in self.backlog])

    def progress(self) -> Progress:
        """Return how far the run has come."""
        done = self.sum()
        words = f"stored  {done.sent:,} delivered  {done.retries:,} to try again  {done.dead:,} dead"
        return Progress(self.read, words)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the run as a whole."""
        if self.interrupted:
            return Exit.INTERRUPTED
        done = self.sum()
        waiting = 0 if self._store_only else self.waiting
        if not (done.dead or waiting or self.rejected or self.stopped):
            return Exit.OK
        if self._blame.is_unreachable and not done.sent:
            return Exit.UNDELIVERABLE
        return Exit.FAILURES
