"""Accounts for every line of a run: read once, settled once, and counted without keeping it."""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING, Protocol

import attrs

from actions_core.apps.cli.output import Exit
from actions_core.engine.results import Status
from actions_core.errors import RequestError
from actions_core.http.errors import AuthenticationError, TransportError

if TYPE_CHECKING:
    from actions_core.apps.cli.run.ndjson import Line
    from actions_core.engine.results import Report, Result
    from actions_core.errors import ActionsError

#: Reasons may quote what a destination said, so their number is not bounded by itself.
_MOST_REASONS = 1000
_LONGEST_REASON = 300
_OTHER = "other reasons"
_CREDENTIALS = {401, 403}


class Outcome(enum.StrEnum):
    """What became of an event as a whole."""

    SENT = "sent"  #: every subscription that it matched has taken it
    FAILED = "failed"  #: at least one has not, or the line was no event
    UNMATCHED = "unmatched"  #: no subscription wanted it
    NOT_TRIED = "not_tried"  #: the run ended before its turn came, or before its outcome was known


@attrs.frozen
class Row:
    """One line of the summary."""

    instance: str
    subscription: str
    action: str


@attrs.frozen
class Reason:
    """Why something failed or was warned of, and where; both places are empty for a line that is no event."""

    instance: str
    subscription: str
    text: str


class FailureSink(Protocol):
    """Takes what was not delivered."""

    def write(self, line: Line, reason: str, results: tuple[Result, ...]) -> None:
        """Keep a line with the reason why it was not delivered, and with the results that say so."""


class Ledger:
    """The books of one run."""

    def __init__(self, failures: FailureSink) -> None:
        self._failures = failures
        self._pending: dict[int, Line] = {}
        self._given = 0
        self.read = 0
        self.unread: int | None = 0
        self.interrupted = False
        self.events: Counter[Outcome] = Counter()
        self.rows: dict[Row, Counter[Status]] = {}
        self.reasons: Counter[Reason] = Counter()
        self.warnings: Counter[Reason] = Counter()
        self._unreachable = 0
        self._refused = 0

    def give(self, line: Line) -> None:
        """A line goes to the engine as an event; its report comes under the number of events given before."""
        self.read += 1
        self._pending[self._given] = line
        self._given += 1

    def reject(self, line: Line, error: ActionsError) -> None:
        """A line cannot be an event."""
        self.read += 1
        self._fail(line, str(error))

    def settle(self, report: Report) -> None:
        """The engine has reported on an event."""
        line = self._pending.pop(report.index)
        if report.error is not None:
            self._fail(line, str(report.error))
            return
        undone = []
        for result in report.results:
            row = Row(result.instance, result.subscription, result.action)
            self.rows.setdefault(row, Counter())[result.status] += 1
            for warning in result.warnings:
                _count(self.warnings, Reason(row.instance, row.subscription, str(warning)))
            if not result.ok:
                undone.append(result)
                self._note(result)
        outcome = _outcome(report.results)
        self.events[outcome] += 1
        if undone:
            self._failures.write(line, "; ".join(dict.fromkeys(map(reason_of, undone))), tuple(undone))

    def abandon(self, reason: str) -> None:
        """The run ends here: what the engine has not reported on counts as not tried."""
        for line in self._pending.values():
            self.events[Outcome.NOT_TRIED] += 1
            self._failures.write(line, reason, ())
        self._pending.clear()

    @property
    def exit_code(self) -> Exit:
        """What the run as a whole comes to."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if not self.events[Outcome.FAILED] and not self.events[Outcome.NOT_TRIED]:
            return Exit.OK
        delivered = any(counts[Status.SENT] for counts in self.rows.values())
        if self._unreachable and not self._refused and not delivered:
            return Exit.UNDELIVERABLE
        return Exit.FAILURES

    def _fail(self, line: Line, reason: str) -> None:
        self.events[Outcome.FAILED] += 1
        _count(self.reasons, Reason("", "", reason))
        self._failures.write(line, reason, ())

    def _note(self, result: Result) -> None:
        if result.status is not Status.FAILED:
            return
        error = result.error
        if isinstance(error, (AuthenticationError, TransportError)) or (
            isinstance(error, RequestError) and error.status in _CREDENTIALS
        ):
            self._unreachable += 1
        elif isinstance(error, RequestError):
            self._refused += 1
        _count(self.reasons, Reason(result.instance, result.subscription, reason_of(result)))


def _count(counter: Counter[Reason], reason: Reason) -> None:
    reason = attrs.evolve(reason, text=" ".join(reason.text.split())[:_LONGEST_REASON])
    if reason not in counter and len(counter) >= _MOST_REASONS:
        reason = attrs.evolve(reason, text=_OTHER)
    counter[reason] += 1


def reason_of(result: Result) -> str:
    """Why a result is not what was wanted, in one text."""
    return result.reason or (str(result.error) if result.error else "") or str(result.status)


def _outcome(results: tuple[Result, ...]) -> Outcome:
    statuses = {result.status for result in results}
    if Status.FAILED in statuses:
        return Outcome.FAILED
    if Status.NOT_TRIED in statuses:
        return Outcome.NOT_TRIED
    return Outcome.SENT if Status.SENT in statuses else Outcome.UNMATCHED
