"""`actions run`: deliver a stream of events as a workspace says, or print what would be sent."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from actions_core.apps.cli.ndjson import LineReader
from actions_core.apps.cli.output import Exit, counted, fail, print_request, printable, stderr, stdout
from actions_core.apps.cli.run.summary import ProgressBar, print_summary, print_summary_json
from actions_core.apps.cli.run.totals import FailureFile, RunTotals, default_path
from actions_core.apps.cli.shared import AsJson, Settings, WorkspaceFile, load_workspace, run_async
from actions_core.engine import Engine, SubscriptionExplanation
from actions_core.errors import ActionsError, EventError
from actions_core.http.curl import request_json
from actions_core.http.requests import Request
from actions_core.values.types import Json

Events = Annotated[Path, typer.Argument(metavar="EVENTS", help="An NDJSON file; - is standard input.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the requests, secrets masked; send nothing.")]
Failures = Annotated[
    Path | None,
    typer.Option("--failures", metavar="FILE", dir_okay=False, help="Where to write what was not delivered."),
]
Concurrency = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", min=1, help="How many events are in progress at once."),
]
Grace = Annotated[
    float,
    typer.Option("--grace", metavar="SECONDS", min=0, help="After Ctrl-C: the time for events in progress."),
]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPPED = "the run was stopped before its outcome was known"


def run(
    workspace: WorkspaceFile,
    events: Events,
    *,
    dry_run: DryRun = False,
    failures: Failures = None,
    settings: Settings = None,
    concurrency: Concurrency = None,
    grace: Grace = 10.0,
    as_json: AsJson = False,
) -> None:
    """Deliver events as a workspace says.

    Events come from an NDJSON file or from standard input. Those that are not delivered are written to a
    file with the reason. After Ctrl-C, events in progress may finish, and the summary says what was sent,
    what failed and what was not tried.
    """
    source = None if str(events) == "-" else events
    if source is not None and (source.is_dir() or not source.exists()):
        raise typer.BadParameter(f"file {str(source)!r} does not exist or is a folder", param_hint="EVENTS")
    _check_failures(failures, source)
    engine = Engine(load_workspace(workspace, settings))
    if dry_run:
        raise typer.Exit(run_async(_dry_run(engine, source, as_json=as_json)))
    started = time.monotonic()
    with FailureFile(failures or default_path(source)) as file:
        totals = run_async(_deliver(engine, source, file, concurrency=concurrency, grace=grace))
    written = file.path if file.count else None
    show = print_summary_json if as_json else print_summary
    show(totals, time.monotonic() - started, written)
    raise typer.Exit(totals.exit_code)


def _check_failures(failures: Path | None, source: Path | None) -> None:
    """Refuse now what would go wrong at the first failure, in the middle of the run."""
    if failures is None:
        return
    if source is not None and failures.exists() and failures.samefile(source):
        fail(f"{failures} cannot be both the events and the failures")
    if not failures.parent.is_dir():
        fail(f"{failures}: there is no folder {failures.parent}")


async def _deliver(
    engine: Engine, source: Path | None, file: FailureFile, *, concurrency: int | None, grace: float
) -> RunTotals:
    """Send every line through the engine until they end, or until a signal interrupts the run."""
    reader = LineReader(source)
    totals = RunTotals(file)
    interruption = _Interruption(engine, reader, grace)
    async with ProgressBar(reader, totals):
        with interruption.handle_signals():
            try:
                async for report in engine.send_many(_events(reader, totals), concurrency=concurrency):
                    totals.settle(report)
            finally:
                await (engine.close(grace=0) if interruption.happened else engine.close())
        if interruption.happened:
            totals.interrupted = True
            totals.abandon(_STOPPED)
            totals.unread = reader.count_rest()
    return totals


async def _events(reader: LineReader, totals: RunTotals) -> AsyncIterator[Json]:
    async for line in reader.lines():
        try:
            event = line.parse()
        except EventError as error:
            totals.reject(line, error)
            continue
        totals.begin(line)
        yield event


class _Interruption:
    """The way that signals end a run.

    The first stops reading and gives events in progress their time, the second ends that time. After
    both, every event has a result. Only the third cancels the run, in case a handler does not end.
    """

    def __init__(self, engine: Engine, reader: LineReader, grace: float) -> None:
        self._engine = engine
        self._reader = reader
        self._grace = grace
        self._run = asyncio.current_task()
        self._closing: list[asyncio.Task[None]] = []

    @property
    def happened(self) -> bool:
        """Whether there was a signal."""
        return bool(self._closing)

    @contextlib.contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handle the signals while the context is entered, then restore their handlers."""
        loop = asyncio.get_running_loop()
        before = [(number, signal.getsignal(number)) for number in _SIGNALS]
        for number in _SIGNALS:
            try:
                loop.add_signal_handler(number, self._on_signal)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._on_signal))
        try:
            yield
        except asyncio.CancelledError:
            if not self.happened or self._run is None:
                raise
            self._run.uncancel()
        finally:
            for number, handler in before:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _on_signal(self) -> None:
        self._reader.stop()
        if len(self._closing) > 1:
            if self._run is not None:
                self._run.cancel()
            return
        grace = 0.0 if self._closing else self._grace
        if grace:
            line = (
                f"interrupted: events in progress have {grace:g} s to finish; interrupt again to end them now"
            )
            stderr().print(line, soft_wrap=True)
        self._closing.append(asyncio.ensure_future(self._engine.close(grace=grace)))


async def _dry_run(engine: Engine, source: Path | None, *, as_json: bool) -> Exit:
    """Print the requests in the order of the events to standard output, and failures to standard error."""
    read = requests = failed = 0
    async with engine:
        async for line in LineReader(source).lines():
            read += 1
            try:
                explanation = await engine.explain(line.parse())
            except ActionsError as error:
                failed += 1
                _print_failure(line.number, "", str(error))
                continue
            for delivery in explanation.deliveries:
                if delivery.request is not None:
                    requests += 1
                    _print_delivery(line.number, delivery, delivery.request, as_json=as_json)
                elif delivery.matched:
                    failed += 1
                    _print_failure(line.number, delivery.subscription, delivery.reason)
    counts = (counted(read, "event"), counted(requests, "request"), counted(failed, "failure"))
    stderr().print("{} read, {}, {}; nothing was sent".format(*counts), soft_wrap=True)
    return Exit.FAILURES if failed else Exit.OK


def _print_failure(number: int, subscription: str, reason: str) -> None:
    where = f"line {number}: {subscription}: " if subscription else f"line {number}: "
    line = Text(printable(where), style="bold").append(printable(reason), style="not bold")
    stderr().print(line, soft_wrap=True)


def _print_delivery(
    number: int, delivery: SubscriptionExplanation, request: Request, *, as_json: bool
) -> None:
    if as_json:
        entry = {
            "line": number,
            "instance": delivery.instance,
            "subscription": delivery.subscription,
            "action": delivery.action,
            "request": request_json(request),
        }
        sys.stdout.write(json.dumps(entry) + "\n")
        return
    console = stdout()
    head = f"# line {number}: {delivery.instance}, {delivery.subscription} → {delivery.action}"
    console.print(Text(printable(head), style="dim"), soft_wrap=True)
    if delivery.note:
        console.print(Text(f"# {printable(delivery.note)}", style="yellow"), soft_wrap=True)
    print_request(request)
    console.print()
