"""The end of a run: what became of the events, where, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from actions_core.apps.cli.output import cell, counted, out, plain, print_json, table
from actions_core.apps.cli.run.tally import Outcome
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from actions_core.apps.cli.run.tally import Ledger, Reason
    from actions_core.values.types import JsonObject

_MOST_SHOWN = 20
_WORDS = {
    Outcome.SENT: "sent",
    Outcome.FAILED: "failed",
    Outcome.UNMATCHED: "matched no subscription",
    Outcome.NOT_TRIED: "not tried",
}
_COLUMNS = {
    Status.SENT: ("Sent", "green"),
    Status.FAILED: ("Failed", "red"),
    Status.SKIPPED: ("Skipped", "dim"),
    Status.NOT_TRIED: ("Not tried", "yellow"),
}


def print_summary(ledger: Ledger, seconds: float, failures: Path | None) -> None:
    """The summary for people."""
    console = out()
    counts = [
        f"{ledger.events[outcome]:,} {word}" for outcome, word in _WORDS.items() if ledger.events[outcome]
    ]
    line = f"{counted(ledger.read, 'event')} read in {seconds:.1f} s"
    console.print(Text(f"{line}: {', '.join(counts)}" if counts else line, style="bold"), soft_wrap=True)
    if ledger.unread is None:
        console.print("the run was interrupted before the end of its input; how much is left is not known")
    elif ledger.unread:
        console.print(f"{ledger.unread:,} more not tried: interrupted before they were read", soft_wrap=True)
    if ledger.rows:
        console.print()
        _print_rows(ledger)
    for counter, head, style in ((ledger.reasons, "Why not", "red"), (ledger.warnings, "Warning", "yellow")):
        if counter:
            console.print()
            _print_reasons(counter, head, style)
    if failures is not None:
        console.print()
        console.print(f"What was not delivered, with reasons: {plain(failures)}", soft_wrap=True)


def _print_rows(ledger: Ledger) -> None:
    heads = [head for head, _ in _COLUMNS.values()]
    shown = table("Instance", "Subscription", "Action", *heads, numbers=heads)
    for row, counts in ledger.rows.items():
        numbers = [
            cell(f"{counts[status]:,}" if counts[status] else "·", style if counts[status] else "dim")
            for status, (_, style) in _COLUMNS.items()
        ]
        shown.add_row(cell(row.instance, "cyan"), cell(row.subscription), cell(row.action), *numbers)
    out().print(shown)


def _print_reasons(counter: Counter[Reason], head: str, style: str) -> None:
    shown = table("Times", "Where", head, numbers=["Times"])
    for reason, count in counter.most_common(_MOST_SHOWN):
        shown.add_row(cell(f"{count:,}", style), cell(_where(reason)), cell(reason.text))
    out().print(shown)
    hidden = len(counter) - _MOST_SHOWN
    if hidden > 0:
        out().print(f"and {hidden:,} more")


def _where(reason: Reason) -> str:
    return f"{reason.instance}: {reason.subscription}" if reason.instance else "the event itself"


def print_summary_json(ledger: Ledger, seconds: float, failures: Path | None) -> None:
    """The summary for programs."""
    print_json(
        {
            "read": ledger.read,
            "events": {str(outcome): ledger.events[outcome] for outcome in Outcome},
            "unread": ledger.unread,
            "interrupted": ledger.interrupted,
            "seconds": round(seconds, 3),
            "subscriptions": [
                {
                    "instance": row.instance,
                    "subscription": row.subscription,
                    "action": row.action,
                    **{str(status): counts[status] for status in Status},
                }
                for row, counts in ledger.rows.items()
            ],
            "reasons": _reasons_json(ledger.reasons),
            "warnings": _reasons_json(ledger.warnings),
            "failures": None if failures is None else str(failures),
        }
    )


def _reasons_json(counter: Counter[Reason]) -> list[JsonObject]:
    return [
        {
            "instance": reason.instance or None,
            "subscription": reason.subscription or None,
            "text": reason.text,
            "count": count,
        }
        for reason, count in counter.most_common()
    ]
