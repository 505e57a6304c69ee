"""What commands share: arguments and options, the workspace and events that they name, the event loop."""

import asyncio
import contextlib
import importlib
import importlib.util
import logging
import math
import sys
from collections.abc import Collection, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import attrs
import typer

from actions_core.apps.cli.streams import stdin_was_closed
from actions_core.apps.events.decoding import DecodingError, decode
from actions_core.apps.events.lines import EventLine, EventSplitter
from actions_core.engine.observers import is_no_failure
from actions_core.engine.workspace import OutboxSpec, RateSpec, Workspace
from actions_core.errors import EventError
from actions_core.values.types import Json

T = TypeVar("T")

WorkspaceFile = Annotated[
    Path,
    typer.Argument(metavar="WORKSPACE", exists=True, dir_okay=False, readable=True, help="A workspace file."),
]
BrokerOption = Annotated[
    str | None,
    typer.Option("--broker", metavar="URL", help="A broker (nats://host:4222) in place of an outbox."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Instances = Annotated[
    list[str] | None, typer.Option("--instance", metavar="ID", help="Only this instance; may be repeated.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="INSTANCE.SETTING=VALUE", help="Replace a setting for this run; may be repeated."
    ),
]
_FORM: Final = "INSTANCE.SETTING=VALUE"


def load_workspace(file: Path, settings: list[str] | None) -> Workspace:
    """Load the workspace from a file, with the settings that the command line replaces."""
    workspace = Workspace.from_file(file, lenient=True)
    for text in settings or ():
        name, sign, value = text.partition("=")
        instance, dot, setting = name.rpartition(".")
        if not (sign and dot and setting):
            raise typer.BadParameter(f"{name!r} is not of the form {_FORM}", param_hint="--set")
        check_instances([instance], [spec.id for spec in workspace.destinations], option="--set")
        workspace = _replace(workspace, instance, setting, value)
    return workspace


def with_outbox(workspace: Workspace, file: Path | None) -> Workspace:
    """Return a workspace with the outbox in another file, if one is given; its other options stay."""
    if file is None:
        return workspace
    given = workspace.outbox
    return attrs.evolve(
        workspace, outbox=OutboxSpec(file) if given is None else attrs.evolve(given, path=file)
    )


def with_rate(workspace: Workspace, rate: float | None) -> Workspace:
    """Return the workspace with so many requests a second to each instance; as it is for None."""
    if rate is None:
        return workspace
    if not 0 < rate < math.inf:
        raise typer.BadParameter("it must be a number above 0", param_hint="--rate")
    specs = [
        attrs.evolve(spec, delivery=attrs.evolve(spec.delivery, rate=RateSpec(rate)))
        for spec in workspace.destinations
    ]
    return attrs.evolve(workspace, destinations=tuple(specs))


def _replace(workspace: Workspace, instance: str, setting: str, value: str) -> Workspace:
    changed = (
        attrs.evolve(spec, settings={**spec.settings, setting: value}) if spec.id == instance else spec
        for spec in workspace.destinations
    )
    return attrs.evolve(workspace, destinations=tuple(changed))


def check_instances(
    wanted: Collection[str], known: Collection[str], *, option: str = "--instance", kind: str = "instance"
) -> None:
    """Raise `BadParameter` for the first of the wanted instances that is not among the known ones."""
    for instance in wanted:
        if instance not in known:
            message = f"no {kind} is called {instance!r}; there are {', '.join(known)}"
            raise typer.BadParameter(message, param_hint=option)


@attrs.frozen
class EventInput:
    """An event from the command line, or its error; `place` says where it stands among several."""

    place: str
    event: Json = None
    error: EventError | None = None


def read_events(source: str, *, option: str) -> list[EventInput]:
    """Read the events of a source: a file, `-`, or JSON itself; one JSON value, a list of them, or NDJSON."""
    if source == "-":
        if stdin_was_closed():
            raise typer.BadParameter("standard input is closed", param_hint=option)
        text = _decode(sys.stdin.buffer.read(), "standard input", option)
    elif source.lstrip().startswith(("{", "[")):
        text = source.encode("utf-8", "surrogatepass")
    else:
        path = Path(source)
        if path.is_dir() or not path.exists():
            message = f"file {source!r} does not exist or is a folder; an event can also be given as JSON"
            raise typer.BadParameter(message, param_hint=option)
        text = _decode(path.read_bytes(), source, option)
    found = _parse_events(text)
    if not found:
        raise typer.BadParameter(f"{source!r} contains no event", param_hint=option)
    return found if len(found) > 1 else [attrs.evolve(found[0], place="")]


def _decode(data: bytes, name: str, option: str) -> bytes:
    """Return the UTF-8 of a file that may be packed, or UTF-16."""
    try:
        return b"".join(decode([data]))
    except DecodingError as error:
        raise typer.BadParameter(f"{name}: {error}", param_hint=option) from None


def _parse_events(text: bytes) -> list[EventInput]:
    whole = _parse_line(EventLine(1, text), "")
    if whole.error is None and isinstance(whole.event, list):
        return [EventInput(f"item {index}", item) for index, item in enumerate(whole.event)]
    if whole.error is None:
        return [whole]
    lines = list(_parse_lines(text))
    # Where no line is JSON, it is one value over many lines, and the error of the whole says more.
    return lines if any(line.error is None for line in lines) or len(lines) <= 1 else [whole]


def _parse_lines(text: bytes) -> Iterator[EventInput]:
    splitter = EventSplitter()
    for lines in (splitter.feed(text), splitter.end()):
        for line in lines:
            yield _parse_line(line, f"line {line.number}")


def _parse_line(line: EventLine, place: str) -> EventInput:
    try:
        return EventInput(place, line.parse())
    except EventError as error:
        return EventInput(place, error=error)


@contextlib.contextmanager
def quiet_failures() -> Iterator[None]:
    """Log no failures meanwhile: the summary and the file of failures tell of all of them."""
    logger = logging.getLogger("actions_core")
    logger.addFilter(is_no_failure)
    try:
        yield
    finally:
        logger.removeFilter(is_no_failure)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop where it is installed."""
    factory = None
    if importlib.util.find_spec("uvloop") is not None:
        factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
