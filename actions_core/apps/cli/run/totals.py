"""The totals of a run and the file of its failures: every line is counted exactly once.

No line is kept longer than until the engine has reported on it.
"""

from __future__ import annotations

import contextlib
import enum
import json
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

import attrs

from actions_core.apps.cli.output import Exit, print_error
from actions_core.engine.results import Status
from actions_core.errors import EventError, RequestError
from actions_core.http.errors import AuthenticationError, TransportError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from actions_core.apps.cli.ndjson import EventLine
    from actions_core.engine.results import Report, Result
    from actions_core.errors import ActionsError
    from actions_core.values.types import JsonObject

#: Reasons may quote a destination's response, so their number has no bound of its own.
_MOST_REASONS = 1000
_LONGEST_REASON = 300
_OTHER = "other reasons"
_CREDENTIALS = {401, 403}
_LONGEST_TEXT = 2000


class EventStatus(enum.StrEnum):
    """The outcome of an event over all its subscriptions."""

    SENT = "sent"  #: every subscription that it matched was delivered
    FAILED = "failed"  #: at least one was not, or the line was not an event
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


class FailureSink(Protocol):
    """Takes what was not delivered."""

    def write(self, line: EventLine, reason: str, results: tuple[Result, ...]) -> None:
        """Keep a line with the reason why it was not delivered, and the results that say so."""


class RunTotals:
    """The totals of one run, by event, by subscription and by reason."""

    def __init__(self, failures: FailureSink) -> None:
        self._failures = failures
        self._pending: dict[int, EventLine] = {}
        self._begun = 0
        self.read = 0
        self.unread: int | None = 0
        self.interrupted = False
        self.events: Counter[EventStatus] = Counter()
        self.rows: dict[Row, Counter[Status]] = {}
        self.reasons: Counter[Reason] = Counter()
        self.warnings: Counter[Reason] = Counter()
        self._unreachable = 0
        self._refused = 0

    def begin(self, line: EventLine) -> None:
        """Note a line that goes to the engine; the index of its report counts the events begun before."""
        self.read += 1
        self._pending[self._begun] = line
        self._begun += 1

    def reject(self, line: EventLine, error: ActionsError) -> None:
        """Count a line that is not an event."""
        self.read += 1
        self._fail(line, str(error))

    def settle(self, report: Report) -> None:
        """Count an event on which the engine has reported."""
        line = self._pending.pop(report.index)
        if report.error is not None:
            self._fail(line, str(report.error))
            return
        undelivered = []
        for result in report.results:
            row = Row(result.instance, result.subscription, result.action)
            self.rows.setdefault(row, Counter())[result.status] += 1
            for warning in result.warnings:
                _count(self.warnings, Reason(row.instance, row.subscription, str(warning)))
            if not result.ok:
                undelivered.append(result)
                self._count_failure(result)
        self.events[_event_status(report.results)] += 1
        if undelivered:
            reasons = dict.fromkeys(map(reason_of, undelivered))
            self._failures.write(line, "; ".join(reasons), tuple(undelivered))

    def abandon(self, reason: str) -> None:
        """Count as not tried what the engine has not reported on: the run ends here."""
        for line in self._pending.values():
            self.events[EventStatus.NOT_TRIED] += 1
            self._failures.write(line, reason, ())
        self._pending.clear()

    @property
    def exit_code(self) -> Exit:
        """The exit code of the run as a whole."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if not self.events[EventStatus.FAILED] and not self.events[EventStatus.NOT_TRIED]:
            return Exit.OK
        delivered = any(counts[Status.SENT] for counts in self.rows.values())
        if self._unreachable and not self._refused and not delivered:
            return Exit.UNDELIVERABLE
        return Exit.FAILURES

    def _fail(self, line: EventLine, reason: str) -> None:
        self.events[EventStatus.FAILED] += 1
        _count(self.reasons, Reason("", "", reason))
        self._failures.write(line, reason, ())

    def _count_failure(self, result: Result) -> None:
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
    """Return why a result was not delivered, in one sentence."""
    return result.reason or (str(result.error) if result.error else "") or str(result.status)


def _event_status(results: tuple[Result, ...]) -> EventStatus:
    statuses = {result.status for result in results}
    if Status.FAILED in statuses:
        return EventStatus.FAILED
    if Status.NOT_TRIED in statuses:
        return EventStatus.NOT_TRIED
    return EventStatus.SENT if Status.SENT in statuses else EventStatus.UNMATCHED


def default_path(events: Path | None) -> Path:
    """Return a free name in the working directory: `events.failures.ndjson`, numbered where that exists."""
    stem = "stdin" if events is None else events.name.removesuffix(".ndjson").removesuffix(".jsonl")
    path = Path(f"{stem}.failures.ndjson")
    number = 2
    while path.exists():
        path = Path(f"{stem}.failures.{number}.ndjson")
        number += 1
    return path


class FailureFile:
    """A file of NDJSON, one line for each event that was not delivered, made when there is a first one.

    Each line is `{"line", "reason", "failures": […], "event" | "text"}`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what is still in its buffer meets the same full disk
                self._file.close()

    def write(self, line: EventLine, reason: str, results: tuple[Result, ...]) -> None:
        """Write a line that was not delivered. When the disk is full, the run goes on without the file."""
        if self._broken:
            return
        try:
            self._write(line, reason, results)
        except OSError as error:
            self._broken = True
            print_error(
                f"{self.path}: {error.strerror or error}; failures from now on are counted but not kept"
            )

    def _write(self, line: EventLine, reason: str, results: tuple[Result, ...]) -> None:
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
        entry: JsonObject = {"line": line.number, "reason": reason}
        if results:
            entry["failures"] = [_failure(result) for result in results]
        self._file.write(f"{json.dumps(entry)[:-1]}, {_original(line)}}}\n")
        self._file.flush()
        self.count += 1


def _original(line: EventLine) -> str:
    """Return the line unchanged, so that nothing is lost: an event as JSON, anything else as text."""
    text = line.text.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    try:
        line.parse()
    except EventError:
        return f'"text": {json.dumps(text[:_LONGEST_TEXT])}'
    return f'"event": {text}'


def _failure(result: Result) -> JsonObject:
    error = result.error
    return {
        "instance": result.instance,
        "subscription": result.subscription,
        "action": result.action,
        "status": str(result.status),
        "code": None if error is None else error.code,
        "answer": None if error is None else error.status,
        "retryable": error is not None and error.retryable,
        "tries": result.tries,
        "reason": reason_of(result),
        "problems": [] if error is None else [[problem.path, problem.message] for problem in error.problems],
    }
