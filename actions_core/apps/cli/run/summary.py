"""What people see of a run: a progress bar at a terminal, and the summary at its end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import attrs
import rich.progress
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from actions_core.apps.cli.output import cell, counted, make_table, print_json, printable, stderr, stdout
from actions_core.apps.cli.run.totals import EventStatus
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from actions_core.apps.cli.events.reader import EventReader
    from actions_core.apps.cli.run.totals import Progress, Reason, RunTotals
    from actions_core.values.types import JsonObject

#: Seconds between two refreshes, and the time over which the rate is measured.
_REFRESH_EVERY = 0.1
_RATE_OVER = 2.0
_MOST_SHOWN = 20
_WORDS = {
    EventStatus.SENT: "sent",
    EventStatus.FAILED: "failed",
    EventStatus.SKIPPED: "had nothing to send",
    EventStatus.UNMATCHED: "matched no subscription",
    EventStatus.NOT_TRIED: "not tried",
}
_COLUMNS = {
    Status.SENT: ("Sent", "green"),
    Status.FAILED: ("Failed", "red"),
    Status.SKIPPED: ("Skipped", "dim"),
    Status.NOT_TRIED: ("Not tried", "yellow"),
}


class ProgressBar:
    """A progress bar on standard error, silent where that is not a terminal.

    A task of the event loop draws it: a thread would read the totals while they change.
    """

    def __init__(self, reader: EventReader, progress: Callable[[], Progress]) -> None:
        console = stderr()
        self._reader = reader
        self._look = progress
        self._progress = rich.progress.Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("delivering", total=None, counts="")
        self._drawing: asyncio.Task[None] | None = None
        self._marks: list[tuple[float, int]] = []

    async def __aenter__(self) -> Self:
        self._progress.start()
        if not self._progress.disable:
            self._drawing = asyncio.create_task(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
        self._progress.stop()

    async def _draw(self) -> None:
        while True:
            self._refresh()
            await asyncio.sleep(_REFRESH_EVERY)

    def _refresh(self) -> None:
        found = self._look()
        rate = self._rate(time.monotonic(), found.events)
        counts = f"{found.events:,} events  {rate:,.0f}/s  {found.words}"
        size = self._reader.size
        self._progress.update(self._task, total=size, completed=self._reader.done, counts=counts)
        self._progress.refresh()

    def _rate(self, now: float, settled: int) -> float:
        self._marks = [(at, count) for at, count in self._marks if now - at < _RATE_OVER]
        self._marks.append((now, settled))
        first, count = self._marks[0]
        return (settled - count) / (now - first) if now > first else 0.0


@attrs.frozen
class Outcome:
    """What a run came to: its totals, how long it took, what was given up, and where the failures are.

    `halted` has, by instance, why it was not tried any more. `lost` counts failures that could not be kept.
    """

    totals: RunTotals
    seconds: float
    halted: Mapping[str, str]
    failures: Path | None = None
    lost: int = 0


def print_summary(outcome: Outcome) -> None:
    """Print the summary for people."""
    console = stdout()
    totals = outcome.totals
    counts = [f"{totals.events[status]:,} {word}" for status, word in _WORDS.items() if totals.events[status]]
    line = f"{counted(totals.read, 'event')} read in {outcome.seconds:.1f} s"
    console.print(Text(f"{line}: {', '.join(counts)}" if counts else line, style="bold"), soft_wrap=True)
    if totals.left_out:
        console.print(f"{totals.left_out:,} left out, as the options say", soft_wrap=True)
    if totals.unread is None:
        console.print("the run was interrupted before the end of its input; how much is left is unknown")
    elif totals.unread:
        console.print(f"{totals.unread:,} more not tried: interrupted before they were read", soft_wrap=True)
    if totals.rows:
        console.print()
        _print_rows(totals)
    for counter, title, style in ((totals.reasons, "Why not", "red"), (totals.warnings, "Warning", "yellow")):
        if counter:
            console.print()
            print_reasons(counter, title, style)
    _print_remarks(outcome)
    console.file.flush()


def _print_remarks(outcome: Outcome) -> None:
    console = stdout()
    if outcome.halted:
        console.print()
    for instance, reason in outcome.halted.items():
        line = Text(f"{printable(instance)}: not tried any more: ", style="bold red")
        console.print(line.append(printable(reason), style="not bold default"), soft_wrap=True)
    print_failures(outcome.failures, outcome.lost)


def print_failures(file: Path | None, lost: int) -> None:
    """Print where the failures are that were kept, and how many could not be."""
    console = stdout()
    if file is not None:
        console.print()
        path = printable(file)
        console.print(f"What was not delivered, with reasons: {path}", soft_wrap=True)
        console.print(f"Try it again: actions run WORKSPACE {path}", soft_wrap=True)
    if lost:
        said = f"{counted(lost, 'failure')} could not be written to the file of failures"
        console.print(Text(said, style="bold red"), soft_wrap=True)


def _print_rows(totals: RunTotals) -> None:
    titles = [title for title, _ in _COLUMNS.values()]
    shown = make_table("Instance", "Subscription", "Action", *titles, numbers=titles)
    for row, counts in totals.rows.items():
        numbers = [
            cell(f"{counts[status]:,}" if counts[status] else "·", style if counts[status] else "dim")
            for status, (_, style) in _COLUMNS.items()
        ]
        shown.add_row(cell(row.instance, "cyan"), cell(row.subscription), cell(row.action), *numbers)
    stdout().print(shown)


def print_reasons(counter: Counter[Reason], title: str, style: str) -> None:
    """Print how often each reason was given, the most frequent ones first."""
    shown = make_table("Times", "Where", title, numbers=["Times"])
    for reason, count in counter.most_common(_MOST_SHOWN):
        shown.add_row(cell(f"{count:,}", style), cell(_where(reason)), cell(reason.text))
    stdout().print(shown)
    hidden = len(counter) - _MOST_SHOWN
    if hidden > 0:
        stdout().print(f"and {hidden:,} more")


def _where(reason: Reason) -> str:
    return f"{reason.instance}: {reason.subscription}" if reason.instance else "the event itself"


def print_summary_json(outcome: Outcome) -> None:
    """Print the summary for programs."""
    totals = outcome.totals
    print_json(
        {
            "read": totals.read,
            "events": {str(status): totals.events[status] for status in EventStatus},
            "leftOut": totals.left_out,
            "unread": totals.unread,
            "interrupted": totals.interrupted,
            "seconds": round(outcome.seconds, 3),
            "subscriptions": [
                {
                    "instance": row.instance,
                    "subscription": row.subscription,
                    "action": row.action,
                    **{str(status): counts[status] for status in Status},
                }
                for row, counts in totals.rows.items()
            ],
            "reasons": reasons_json(totals.reasons),
            "warnings": reasons_json(totals.warnings),
            "halted": dict(outcome.halted),
            "failures": None if outcome.failures is None else str(outcome.failures),
            "lost": outcome.lost,
        }
    )
    stdout().file.flush()


def reasons_json(counter: Counter[Reason]) -> list[JsonObject]:
    """Return how often each reason was given, for programs."""
    return [
        {
            "instance": reason.instance or None,
            "subscription": reason.subscription or None,
            "text": reason.text,
            "count": count,
        }
        for reason, count in counter.most_common()
    ]
