"""The summary of a run through an outbox: what was stored, delivered, given up, and what waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs
from rich.text import Text

from actions_core.apps.cli.output import cell, counted, make_table, print_json, printable, stdout
from actions_core.apps.cli.run.summary import print_failures, print_reasons, reasons_json

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.apps.cli.run.stored_totals import StoredTotals
    from actions_core.delivery.store import Backlog
    from actions_core.values.types import JsonObject

_MILLISECONDS = 1000


@attrs.frozen
class StoredOutcome:
    """What a run through an outbox came to. `failures` is where inputs are that are not events."""

    totals: StoredTotals
    seconds: float
    outbox: Path
    workspace: Path
    failures: Path | None = None
    lost: int = 0


def print_stored_summary(outcome: StoredOutcome) -> None:
    """Print the summary for people."""
    console = stdout()
    totals, done = outcome.totals, outcome.totals.sum()
    counts = {
        "stored": totals.stored,
        "known already": totals.duplicates,
        "matched no subscription": totals.unmatched,
        "failed": totals.rejected,
    }
    line = f"{counted(totals.read, 'event')} read in {outcome.seconds:.1f} s"
    console.print(Text(_with(line, counts), style="bold"), soft_wrap=True)
    counts = {
        "delivered": done.sent,
        "handed to the broker": totals.handed_over,
        "skipped": done.skipped,
        "waiting": totals.waiting,
        "dead": done.dead,
    }
    line = counted(sum(counts.values()), "delivery")
    console.print(Text(_with(line, counts), style="bold"), soft_wrap=True)
    if totals.left_out:
        console.print(f"{totals.left_out:,} left out, as the options say", soft_wrap=True)
    if totals.rows:
        console.print()
        _print_rows(totals)
    for counter, title, style in ((totals.reasons, "Why not", "red"), (totals.warnings, "Warning", "yellow")):
        if counter:
            console.print()
            print_reasons(counter, title, style)
    _print_remarks(outcome)
    console.file.flush()


def _with(line: str, counts: dict[str, int]) -> str:
    named = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    return f"{line}: {named}" if named else line


def _print_rows(totals: StoredTotals) -> None:
    titles = {"Delivered": "green", "Skipped": "dim", "Tried again": "yellow", "Dead": "red"}
    shown = make_table("Instance", "Subscription", "Action", *titles, numbers=titles)
    for row, counts in totals.rows.items():
        numbers = [
            cell(f"{count:,}" if count else "·", style if count else "dim")
            for count, style in zip(
                (counts.sent, counts.skipped, counts.retries, counts.dead), titles.values(), strict=True
            )
        ]
        shown.add_row(cell(row.instance, "cyan"), cell(row.subscription), cell(row.action), *numbers)
    stdout().print(shown)


def _print_remarks(outcome: StoredOutcome) -> None:
    console = stdout()
    totals = outcome.totals
    outbox, workspace = printable(outcome.outbox), printable(outcome.workspace)
    if totals.waiting or totals.sum().dead or totals.stopped:
        console.print()
    if totals.stopped:
        line = Text("stopped: ", style="bold red").append(printable(totals.stopped), style="not bold default")
        console.print(line, soft_wrap=True)
    for each in totals.backlog:
        if waiting := each.due + each.later + each.in_hand:
            line = Text(f"{printable(each.instance)}: ", style="bold")
            said = f"{counted(waiting, 'delivery')} waiting{_why(each)}"
            console.print(line.append(printable(said), style="not bold"), soft_wrap=True)
    if totals.waiting and totals.broker_error:
        line = Text("the broker takes nothing at present: ", style="bold red")
        console.print(line.append(printable(totals.broker_error), style="not bold default"), soft_wrap=True)
    if totals.waiting or totals.stopped:
        console.print(
            f"What waits is safe in {outbox}; another run delivers it, and so does: "
            f"actions worker {workspace} --outbox {outbox}",
            soft_wrap=True,
        )
    if totals.sum().dead:
        console.print(
            f"What was given up: actions dlq list --outbox {outbox}; once the cause is mended, actions dlq "
            "replay has it tried again",
            soft_wrap=True,
        )
    print_failures(outcome.failures, outcome.lost)


def _why(backlog: Backlog) -> str:
    """Return why an instance's deliveries wait, as far as it is known."""
    state = backlog.state
    if state.state == "gone":
        return f": it is gone ({state.reason}); actions outbox resume {backlog.instance} has it tried again"
    if state.state == "refused":
        resume = f"actions outbox resume {backlog.instance}"
        return f": {state.reason}; once they are good, {resume} has it tried again"
    if state.state == "paused" and state.until is not None and state.until > time.time() * _MILLISECONDS:
        return f": it asked for a pause of {state.until / _MILLISECONDS - time.time():.0f} s more"
    if backlog.breaker not in ("", "closed"):
        return ": it has failed many times in a row, and is left alone for a moment"
    if backlog.in_hand:
        return ": another process has some in hand"
    return " for another try" if backlog.later else ""


def print_stored_summary_json(outcome: StoredOutcome) -> None:
    """Print the summary for programs."""
    totals, done = outcome.totals, outcome.totals.sum()
    print_json(
        {
            "read": totals.read,
            "stored": totals.stored,
            "duplicates": totals.duplicates,
            "unmatched": totals.unmatched,
            "rejected": totals.rejected,
            "leftOut": totals.left_out,
            "deliveries": {
                "delivered": done.sent,
                "handedOver": totals.handed_over,
                "skipped": done.skipped,
                "waiting": totals.waiting,
                "dead": done.dead,
                "retries": done.retries,
            },
            "brokerError": totals.broker_error or None,
            "interrupted": totals.interrupted,
            "stopped": totals.stopped or None,
            "seconds": round(outcome.seconds, 3),
            "subscriptions": [
                {
                    "instance": row.instance,
                    "subscription": row.subscription,
                    "action": row.action,
                    "delivered": counts.sent,
                    "skipped": counts.skipped,
                    "dead": counts.dead,
                    "retries": counts.retries,
                }
                for row, counts in totals.rows.items()
            ],
            "waiting": [_backlog_json(each) for each in totals.backlog],
            "reasons": reasons_json(totals.reasons),
            "warnings": reasons_json(totals.warnings),
            "outbox": str(outcome.outbox),
            "failures": None if outcome.failures is None else str(outcome.failures),
            "lost": outcome.lost,
        }
    )
    stdout().file.flush()


def _backlog_json(backlog: Backlog) -> JsonObject:
    return {
        "instance": backlog.instance,
        "due": backlog.due,
        "later": backlog.later,
        "inHand": backlog.in_hand,
        "state": backlog.state.state,
        "reason": backlog.state.reason or None,
    }
