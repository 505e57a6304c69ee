"""`actions outbox`: look into an outbox, have an instance tried again, rescue a damaged file."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
import typer
from rich.text import Text

from actions_core.apps.cli.broker import find_broker, look_into_broker, resume_in_broker
from actions_core.apps.cli.output import Exit, cell, counted, fail, make_table, print_json, printable, stdout
from actions_core.apps.cli.shared import AsJson, BrokerOption, run_async
from actions_core.values.times import format_time

if TYPE_CHECKING:
    from actions_core.delivery.store import Backlog, InstanceState, Worker
    from actions_core.values.types import JsonObject

OptionalWorkspace = Annotated[
    Path | None,
    typer.Argument(
        metavar="[WORKSPACE]", exists=True, dir_okay=False, help="A workspace that has an outbox."
    ),
]
OutboxOption = Annotated[
    Path | None, typer.Option("--outbox", metavar="FILE", help="The file of the outbox.")
]

app = typer.Typer(
    no_args_is_help=True, help="Look into an outbox, resume an instance, rescue a damaged file."
)

_MILLISECONDS: Final = 1000
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_NUMBERS: Final = ("Due", "Later", "In hand", "Dead")
_MOST_LOST: Final = 10


@app.command("status")
def status(
    workspace: OptionalWorkspace = None,
    *,
    outbox: OutboxOption = None,
    broker: BrokerOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what waits in an outbox, why, and who delivers it.

    It may be looked at while workers run. With --broker, what waits there is shown.
    """
    found = find_broker(workspace, outbox, broker)
    if found is not None:
        _show_broker(*run_async(look_into_broker(found, broker)), as_json=as_json)
        return
    from actions_core.apps.cli.outbox_file import find_outbox, open_store
    from actions_core.delivery.letters import LetterFilter

    path = find_outbox(workspace, outbox)
    with open_store(path) as store:
        backlog = {each.instance: each for each in store.backlog()}
        letters = {name: store.letters.count(LetterFilter(instance=name)) for name in backlog}
        found_here = _Status(path, backlog, letters, store.letters.count(LetterFilter()), store.workers())
    (_print_status_json if as_json else _print_status)(found_here)


@attrs.frozen
class _Status:
    """What an outbox file says of itself."""

    path: Path
    backlog: "dict[str, Backlog]"
    letters: dict[str, int]
    letters_in_all: int
    workers: "list[Worker]"

    @property
    def size(self) -> int:
        """The bytes that it takes on the disk."""
        files = (self.path, Path(f"{self.path}-wal"))
        return sum([file.stat().st_size for file in files if file.exists()])


def _print_status_json(status: _Status) -> None:
    instances = [_backlog_json(each, status.letters[name]) for name, each in status.backlog.items()]
    print_json(
        {
            "outbox": str(status.path),
            "bytes": status.size,
            "instances": instances,
            "deadLetters": status.letters_in_all,
            "workers": [_worker_json(worker) for worker in status.workers],
        }
    )


def _print_status(status: _Status) -> None:
    console = stdout()
    waiting = sum([each.due + each.later + each.in_hand for each in status.backlog.values()])
    line = (
        f"{status.path}: {counted(waiting, 'delivery')} waiting, "
        f"{counted(status.letters_in_all, 'dead letter')}, {status.size / 1e6:,.1f} MB"
    )
    console.print(Text(printable(line), style="bold"), soft_wrap=True)
    if status.backlog:
        console.print()
        _print_backlog(status.backlog, status.letters)
    console.print()
    for worker in status.workers:
        since = _ago(worker.started)
        console.print(f"worker {worker.id}: process {worker.pid} on {printable(worker.host)}, for {since}")
    if not status.workers:
        console.print("no worker runs")


def _show_broker(place: str, backlog: "list[Backlog]", letters: dict[str, int], *, as_json: bool) -> None:
    if as_json:
        instances = [_backlog_json(each, letters[each.instance]) for each in backlog]
        print_json({"broker": place, "instances": instances, "deadLetters": sum(letters.values())})
        return
    waiting = sum([each.due + each.later + each.in_hand for each in backlog])
    numbers = f"{counted(waiting, 'delivery')} waiting, {counted(sum(letters.values()), 'dead letter')}"
    stdout().print(Text(printable(f"{place}: {numbers}"), style="bold"), soft_wrap=True)
    if backlog:
        stdout().print()
        _print_backlog({each.instance: each for each in backlog}, letters)


def _print_backlog(backlog: "dict[str, Backlog]", letters: dict[str, int]) -> None:
    shown = make_table("Instance", *_NUMBERS, "Oldest", "State", numbers=_NUMBERS)
    for name, each in backlog.items():
        numbers = (each.due, each.later, each.in_hand, letters[name])
        words = _state_words(each.state)
        shown.add_row(
            cell(name, "cyan"),
            *[cell(f"{number:,}" if number else "·", "" if number else "dim") for number in numbers],
            cell("" if each.oldest is None else _ago(each.oldest)),
            cell(words, "" if words == "active" else "yellow"),
        )
    stdout().print(shown)
    for each in backlog.values():
        if each.state.state == "refused":
            said = (
                f"{each.instance} gets nothing while it refuses its credentials: correct them in its "
                f"settings, or have it tried again at once: actions outbox resume {each.instance}"
            )
            stdout().print(Text(printable(said), style="yellow"), soft_wrap=True)


def _state_words(state: "InstanceState") -> str:
    words = state.state
    if words == "active":
        return words
    left = 0.0 if state.until is None else state.until / _MILLISECONDS - time.time()
    if left > 0:
        words = f"{words} for {_span(left)}"
    elif words == "paused":
        return "active"
    return f"{words}: {state.reason}" if state.reason else words


def _backlog_json(backlog: "Backlog", letters: int) -> "JsonObject":
    state = backlog.state
    return {
        "instance": backlog.instance,
        "due": backlog.due,
        "later": backlog.later,
        "inHand": backlog.in_hand,
        "deadLetters": letters,
        "oldest": time_of(backlog.oldest),
        "state": state.state,
        "until": time_of(state.until),
        "since": time_of(state.since),
        "reason": state.reason or None,
    }


def _worker_json(worker: "Worker") -> "JsonObject":
    return {"id": worker.id, "host": worker.host, "pid": worker.pid, "started": time_of(worker.started)}


def time_of(milliseconds: int | None) -> str | None:
    """Return a time of the outbox as events have it."""
    if milliseconds is None:
        return None
    return format_time(datetime.fromtimestamp(milliseconds / _MILLISECONDS, UTC))


def _ago(milliseconds: int) -> str:
    return _span(max(0.0, time.time() - milliseconds / _MILLISECONDS))


def _span(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.1f} days"


@app.command("resume")
def resume(
    instance: Annotated[str, typer.Argument(metavar="INSTANCE", help="The id of the instance.")],
    workspace: OptionalWorkspace = None,
    *,
    outbox: OutboxOption = None,
    broker: BrokerOption = None,
) -> None:
    """Have events delivered to an instance again that is gone (410), paused, or refuses its credentials.

    Workers that run notice it within a second. With --broker it holds for all workers of that broker.
    """
    found = find_broker(workspace, outbox, broker)
    if found is not None:
        run_async(resume_in_broker(found, broker, instance))
        stdout().print(printable(f"{instance} is delivered to from the broker"), soft_wrap=True)
        return
    from actions_core.apps.cli.outbox_file import find_outbox, open_store

    path = find_outbox(workspace, outbox)
    with open_store(path) as store:
        states = store.states()
        if instance not in states:
            known = ", ".join(states) or "none"
            fail(f"{path} knows no instance {instance!r}; it knows {known}")
        was = states[instance].state
        if was == "active":
            stdout().print(printable(f"{instance} is active already"), soft_wrap=True)
            return
        store.set_state(instance, "active")
    stdout().print(printable(f"{instance} was {was}, and is delivered to again"), soft_wrap=True)


@app.command("rescue")
def rescue(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The damaged outbox; it is not changed.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The file to make.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Copy what can be read of a damaged outbox into a new one.

    Stop all that use the old one before.
    """
    from actions_core.delivery.file.rescue import rescue as copy

    found = copy(old, new)
    if as_json:
        print_json(
            {
                "events": found.events,
                "deliveries": found.deliveries,
                "deadLetters": found.letters,
                "lostEvents": list(found.lost_events),
                "lostDeadLetters": list(found.lost_letters),
            }
        )
    else:
        said = (
            f"{new}: {counted(found.deliveries, 'delivery')} of {counted(found.events, 'event')}, "
            f"{counted(found.letters, 'dead letter')}"
        )
        stdout().print(printable(said), soft_wrap=True)
        for lost, noun in ((found.lost_events, "event"), (found.lost_letters, "dead letter")):
            if lost:
                named = ", ".join(map(str, lost[:_MOST_LOST])) + (", …" if len(lost) > _MOST_LOST else "")
                stdout().print(f"not readable: {counted(len(lost), noun)}: {named}", soft_wrap=True)
    raise typer.Exit(Exit.FAILURES if found.lost_events or found.lost_letters else Exit.OK)
