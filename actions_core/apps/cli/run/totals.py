"""The totals of a run: every event is counted exactly once.

No event is kept longer than until the engine has reported on it.
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from actions_core.apps.cli.output import Exit
from actions_core.apps.cli.run.failures import reason_of
from actions_core.engine.results import Status
from actions_core.errors import RequestError
from actions_core.http.errors import TransportError, is_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.events.inputs import InputEvent
    from actions_core.engine.results import Report, Result

#: Reasons may quote a destination's response, so their number has no bound of its own.
_MOST_REASONS: Final = 1000
_LONGEST_REASON: Final = 300
_OTHER: Final = "other reasons"


class EventStatus(enum.StrEnum):
    """The outcome of an event over all its subscriptions."""

    SENT = "sent"  #: every subscription that it matched was delivered
    FAILED = "failed"  #: at least one was not, or the line was not an event
    SKIPPED = "skipped"  #: there was nothing to send for any subscription that it matched
    UNMATCHED = "unmatched"  #: no subscription matched it
    NOT_TRIED = "not_tried"  #: the run ended before its turn came, or before its outcome was known


@attrs.frozen
class Row:
    """A row of the summary."""

    instance: str
    subscription: str
    action: str


@attrs.frozen
class Reason:
    """A failure or a warning and its place; for a line that is not an event, both names are empty."""

    instance: str
    subscription: str
    text: str


@attrs.frozen
class Progress:
    """How far a run has come: the number of events that are done, and what else is to be shown."""

    events: int
    words: str


class FailureSink(Protocol):
    """Takes what was not delivered."""

    def write(self, given: InputEvent, reason: str, results: Sequence[Result]) -> None:
        """Keep an event with the reason why it was not delivered, and the results that say so."""

    def reject(self, given: InputEvent, reason: str) -> None:
        """Keep an input that is not an event, with the reason."""


class Blame:
    """Learns from failures if nothing could be delivered: no connection, or credentials that are refused."""

    def __init__(self) -> None:
        self._unreachable = 0
        self._refused = 0

    def learn(self, result: Result) -> None:
        """Note the result of a failure."""
        error = result.error
        if isinstance(error, TransportError) or is_refusal(error):
            self._unreachable += 1
        elif isinstance(error, RequestError):
            self._refused += 1

    @property
    def is_unreachable(self) -> bool:
        """True where there was no response that speaks of an event."""
        return self._unreachable > 0 and not self._refused


class RunTotals:
    """The totals of one run, by event, by subscription and by reason.

    `left_out` counts the inputs that the run was not asked to deliver; `read` does not contain them.
    """

    def __init__(self, failures: FailureSink) -> None:
        self._failures = failures
        self._pending: dict[int, InputEvent] = {}
        self._begun = 0
        self.read = 0
        self.left_out = 0
        self.unread: int | None = 0
        self.interrupted = False
        self.events: Counter[EventStatus] = Counter()
        self.rows: dict[Row, Counter[Status]] = {}
        self.reasons: Counter[Reason] = Counter()
        self.warnings: Counter[Reason] = Counter()
        self._blame = Blame()

    def begin(self, given: InputEvent) -> int:
        """Note an event that goes to the engine; return its index, which counts the events begun before."""
        index = self._begun
        self.read += 1
        self._pending[index] = given
        self._begun += 1
        return index

    def pending(self, index: int) -> InputEvent:
        """Return the event of an index that is not settled yet."""
        return self._pending[index]

    def reject(self, given: InputEvent) -> None:
        """Count an input that is not an event."""
        self.read += 1
        self._reject(given, str(given.error))

    def settle(self, report: Report, lost: Sequence[Result] = ()) -> None:
        """Count an event on which the engine has reported; `lost` are deliveries that it knows nothing of."""
        given = self._pending.pop(report.index)
        if report.error is not None:
            self._reject(given, str(report.error))
            return
        undelivered = []
        results = (*report.results, *lost)
        for result in results:
            row = Row(result.instance, result.subscription, result.action)
            self.rows.setdefault(row, Counter())[result.status] += 1
            for warning in result.warnings:
                count_reason(self.warnings, Reason(row.instance, row.subscription, str(warning)))
            if not result.ok:
                undelivered.append(result)
                self._count_failure(result)
        self.events[_event_status(results)] += 1
        if undelivered:
            reasons = dict.fromkeys(map(reason_of, undelivered))
            self._failures.write(given, "; ".join(reasons), undelivered)

    def abandon(self, reason: str) -> None:
        """Count as not tried what the engine has not reported on: the run ends here."""
        for given in self._pending.values():
            self.events[EventStatus.NOT_TRIED] += 1
            self._failures.write(given, reason, ())
        self._pending.clear()

    def progress(self) -> Progress:
        """Return how far the run has come."""
        return Progress(self.events.total(), f"{self.events[EventStatus.FAILED]:,} failed")

    @property
    def exit_code(self) -> Exit:
        """The exit code of the run as a whole."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if not self.events[EventStatus.FAILED] and not self.events[EventStatus.NOT_TRIED]:
            return Exit.OK
        delivered = any(counts[Status.SENT] for counts in self.rows.values())
        if self._blame.is_unreachable and not delivered:
            return Exit.UNDELIVERABLE
        return Exit.FAILURES

    def _reject(self, given: InputEvent, reason: str) -> None:
        self.events[EventStatus.FAILED] += 1
        count_reason(self.reasons, Reason("", "", reason))
        self._failures.reject(given, reason)

    def _count_failure(self, result: Result) -> None:
        if result.status is not Status.FAILED:
            return
        self._blame.learn(result)
        count_reason(self.reasons, Reason(result.instance, result.subscription, reason_of(result)))


def count_reason(counter: Counter[Reason], reason: Reason) -> None:
    """Count a reason, or, where there are very many, others together."""
    reason = attrs.evolve(reason, text=" ".join(reason.text.split())[:_LONGEST_REASON])
    if reason not in counter and len(counter) >= _MOST_REASONS:
        reason = attrs.evolve(reason, text=_OTHER)
    counter[reason] += 1


def _event_status(results: tuple[Result, ...]) -> EventStatus:
    statuses = {result.status for result in results}
    if Status.FAILED in statuses:
        return EventStatus.FAILED
    if Status.NOT_TRIED in statuses:
        return EventStatus.NOT_TRIED
    if Status.SENT in statuses:
        return EventStatus.SENT
    return EventStatus.SKIPPED if any(result.matched for result in results) else EventStatus.UNMATCHED
