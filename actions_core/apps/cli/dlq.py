"""`actions dlq`: list, show, replay and discard dead letters, the deliveries that were given up."""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
import typer
from rich.text import Text

from actions_core.apps.cli.broker import find_broker, open_broker_letters
from actions_core.apps.cli.outbox import OptionalWorkspace, OutboxOption, time_of
from actions_core.apps.cli.output import (
    Exit,
    cell,
    counted,
    make_table,
    print_error,
    print_json,
    printable,
    stdout,
)
from actions_core.apps.cli.shared import AsJson, BrokerOption, run_async
from actions_core.delivery.letters import make_filter
from actions_core.errors import PayloadError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from typing import TypeAlias

    from actions_core.delivery.letters import DeadLetter, DeadLetters
    from actions_core.values.types import JsonObject

    Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[DeadLetters]]

app = typer.Typer(
    no_args_is_help=True, help="List, show, replay and discard dead letters: deliveries that were given up."
)

Instance = Annotated[str | None, typer.Option("--instance", metavar="ID", help="Only of this instance.")]
Subscription = Annotated[
    str | None, typer.Option("--subscription", metavar="NAME", help="Only of this subscription.")
]
Code = Annotated[
    str | None,
    typer.Option("--code", metavar="CODE", help="Only with this code, such as PAYLOAD_VALIDATION_FAILED."),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Only with exactly this reason, as --json shows it."),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only those given up from this time on.")
]
Before = Annotated[
    str | None, typer.Option("--before", metavar="TIME", help="Only those given up before this time.")
]
Ids = Annotated[
    list[int] | None, typer.Option("--id", metavar="ID", help="Only this dead letter; may be repeated.")
]
Everything = Annotated[bool, typer.Option("--all", help="All of them, where no other option says which.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="List no more than so many.")]

_LIMIT: Final = 100
_LONGEST: Final = 200


@attrs.frozen
class Choice:
    """The dead letters that are meant: where they are, and which of them."""

    open_letters: "Opener"
    ids: list[int] | None
    named: dict[str, str | None]


def _choose(  # noqa: PLR0913 - each option of a command is a parameter
    workspace: OptionalWorkspace = None,
    *,
    outbox: OutboxOption = None,
    broker: BrokerOption = None,
    instance: Instance = None,
    subscription: Subscription = None,
    code: Code = None,
    reason: Reason = None,
    since: Since = None,
    before: Before = None,
    ids: Ids = None,
) -> Choice:
    """Return what these options mean; see now that the times can be read."""
    for option, value in (("--since", since), ("--before", before)):
        try:
            make_filter(since=value)
        except PayloadError as error:
            raise typer.BadParameter(
                f"{error} Write it as 2026-01-31 or 2026-01-31T12:00:00Z.", param_hint=option
            ) from None
    named = {
        "instance": instance,
        "subscription": subscription,
        "code": code,
        "reason": reason,
        "since": since,
        "before": before,
    }
    return Choice(_opener(workspace, outbox, broker), ids or None, named)


def _with_choice(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `_choose`, and hand in what they mean in their place."""
    chosen, own = inspect.signature(_choose), inspect.signature(command)

    @wraps(command)
    def run(**given: Any) -> None:
        choice = _choose(**{name: given.pop(name) for name in chosen.parameters})
        command(choice, **given)

    parameters = [*chosen.parameters.values(), *list(own.parameters.values())[1:]]
    # typer reads both
    setattr(run, "__signature__", own.replace(parameters=parameters))  # noqa: B010 - functions do not declare it
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


@app.command("list")
@_with_choice
def list_letters(choice: Choice, *, limit: Limit = _LIMIT, as_json: AsJson = False) -> None:
    """List dead letters, the oldest first, without their events."""
    found, count = run_async(_list(choice, limit))
    if as_json:
        print_json({"count": count, "deadLetters": [_letter_json(letter) for letter in found]})
        return
    console = stdout()
    if found:
        shown = make_table(
            "Id", "Given up", "Instance", "Subscription", "Code", "Tries", "Reason", numbers=["Id", "Tries"]
        )
        for letter in found:
            shown.add_row(
                cell(letter.id),
                cell(time_of(letter.last)),
                cell(letter.instance, "cyan"),
                cell(letter.subscription),
                cell(letter.code),
                cell(letter.tries),
                cell(_cut(letter.reason)),
            )
        console.print(shown)
    hidden = count - len(found)
    line = counted(count, "dead letter") + (f", {hidden:,} of them not shown (--limit)" if hidden > 0 else "")
    console.print(Text(line, style="bold"), soft_wrap=True)


def _cut(reason: str) -> str:
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"


async def _list(choice: Choice, limit: int) -> "tuple[list[DeadLetter], int]":
    found: list[DeadLetter] = []
    async with choice.open_letters() as letters:
        async for letter in letters.list(choice.ids, **choice.named):
            found.append(letter)
            if len(found) == limit:
                break
        return found, await letters.count(choice.ids, **choice.named)


@app.command("show")
def show(
    workspace: OptionalWorkspace = None,
    *,
    outbox: OutboxOption = None,
    broker: BrokerOption = None,
    ids: Annotated[list[int], typer.Option("--id", metavar="ID", help="The dead letter; may be repeated.")],
    as_json: AsJson = False,
) -> None:
    """Show dead letters with their events, and what the destination answered."""
    found = run_async(_show(_opener(workspace, outbox, broker), ids))
    missing = [number for number, letter in zip(ids, found, strict=True) if letter is None]
    letters = [letter for letter in found if letter is not None]
    if as_json:
        print_json([{**_letter_json(letter), **_contents(letter)} for letter in letters])
    else:
        for letter in letters:
            _print_letter(letter)
    for number in missing:
        print_error(f"there is no dead letter {number}")
    raise typer.Exit(Exit.FAILURES if missing else Exit.OK)


async def _show(open_letters: "Opener", ids: list[int]) -> "list[DeadLetter | None]":
    async with open_letters() as letters:
        return [await letters.show(number) for number in ids]


def _print_letter(letter: "DeadLetter") -> None:
    import json

    console = stdout()
    title = f"dead letter {letter.id}: {letter.instance}, {letter.subscription}"
    console.print(Text(printable(title), style="bold"), soft_wrap=True)
    for key, value in _letter_json(letter).items():
        if key not in ("id", "instance", "subscription") and value is not None:
            console.print(Text(printable(f"  {key}: {value}")), soft_wrap=True)
    if letter.answer:
        console.print(Text(printable(f"  response: {letter.answer}")), soft_wrap=True)
    console.print(Text(printable(json.dumps(letter.event, indent=2, ensure_ascii=False))), soft_wrap=True)
    console.print()


@app.command("replay")
@_with_choice
def replay(choice: Choice, *, everything: Everything = False, as_json: AsJson = False) -> None:
    """Have dead letters delivered again, by the workspace as it is now.

    They wait in the outbox until a worker delivers them; one that runs takes them at once.
    """
    count = _change("replay", choice, everything=everything)
    _print_count(count, "replayed", f": a worker delivers {'it' if count == 1 else 'them'}", as_json=as_json)


@app.command("discard")
@_with_choice
def discard(choice: Choice, *, everything: Everything = False, as_json: AsJson = False) -> None:
    """Delete dead letters with their events, for good."""
    count = _change("discard", choice, everything=everything)
    _print_count(count, "discarded", "", as_json=as_json)


def _change(word: str, choice: Choice, *, everything: bool) -> int:
    is_narrowed = choice.ids is not None or any(value is not None for value in choice.named.values())
    if is_narrowed == everything:
        options = ", ".join(["--id", *(f"--{name}" for name in choice.named)])
        message = (
            f"say which to {word}: {options}, or --all" if not everything else f"it contradicts {options}"
        )
        raise typer.BadParameter(message, param_hint="--all")

    async def change() -> int:
        async with choice.open_letters() as letters:
            work = letters.replay if word == "replay" else letters.discard
            return await work(choice.ids, everything=everything, **choice.named)

    return run_async(change())


def _print_count(count: int, key: str, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json({key: count})
    else:
        stdout().print(f"{counted(count, 'dead letter')} {key}{words}", soft_wrap=True)


def _opener(workspace: Path | None, outbox: Path | None, broker: str | None) -> "Opener":
    """Return what opens the dead letters that are meant: those of an outbox, or of a broker."""
    found = find_broker(workspace, outbox, broker)
    if found is not None:
        return partial(open_broker_letters, found, broker)
    from actions_core.apps.cli.outbox_file import find_outbox, open_letters

    return partial(open_letters, find_outbox(workspace, outbox))


def _letter_json(letter: "DeadLetter") -> "JsonObject":
    return {
        "id": letter.id,
        "instance": letter.instance,
        "subscription": letter.subscription,
        "messageId": letter.message,
        "code": letter.code,
        "status": letter.status,
        "reason": letter.reason,
        "tries": letter.tries,
        "accepted": time_of(letter.at),
        "firstTry": time_of(letter.first),
        "givenUp": time_of(letter.last),
    }


def _contents(letter: "DeadLetter") -> "JsonObject":
    return {"response": letter.answer, "event": letter.event}
