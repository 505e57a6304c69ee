"""`actions run`: deliver a stream of events as a workspace says, or print what would be sent."""

import contextlib
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypedDict

import attrs
import typer

from actions_core.apps.cli.events.reader import EventReader
from actions_core.apps.cli.events.sources import Source, Sources, find_sources
from actions_core.apps.cli.output import Exit, fail, printable, stderr
from actions_core.apps.cli.run.delivery import Delivery, Pace
from actions_core.apps.cli.run.dry_run import DryRun
from actions_core.apps.cli.run.failures import FailureFile, default_path
from actions_core.apps.cli.run.selection import Selection, read_moment
from actions_core.apps.cli.run.summary import Outcome, print_summary, print_summary_json
from actions_core.apps.cli.run.totals import RunTotals
from actions_core.apps.cli.shared import (
    AsJson,
    Instances,
    Settings,
    WorkspaceFile,
    check_instances,
    load_workspace,
    quiet_failures,
    run_async,
    with_outbox,
    with_rate,
)
from actions_core.apps.events.decoding import DecodingError
from actions_core.apps.events.inputs import RestOfFile, is_failure, read_rest
from actions_core.apps.events.lines import read_file
from actions_core.engine import Engine
from actions_core.engine.workspace import OutboxSpec, Workspace
from actions_core.errors import EventError, PayloadError, Problem

Events = Annotated[
    list[str],
    typer.Argument(
        metavar="EVENTS",
        help="Files of events, folders of them, patterns such as 'logs/*.gz'; - is standard input.",
    ),
]
Subscriptions = Annotated[
    list[str] | None,
    typer.Option("--subscription", metavar="NAME", help="Only this subscription; may be repeated."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only events with a timestamp from this time on."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only events with a timestamp before this time.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="Deliver no more than so many events.")
]
Retryable = Annotated[
    bool, typer.Option("--retryable", help="Of a file of failures, only what may succeed another time.")
]
Batch = Annotated[
    bool, typer.Option("--batch", help="Send events together where a destination takes batches.")
]
BatchSize = Annotated[
    int, typer.Option("--batch-size", metavar="N", min=1, help="With --batch: how many events go together.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the requests, secrets masked; send nothing.")
]
Failures = Annotated[
    Path | None,
    typer.Option("--failures", metavar="FILE", help="Where to write what was not delivered."),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency", metavar="N", min=1, help="How many events, or batches, are in progress at once."
    ),
]
Grace = Annotated[
    float,
    typer.Option("--grace", metavar="SECONDS", min=0, help="After Ctrl-C: the time for events in progress."),
]

OutboxFile = Annotated[
    Path | None,
    typer.Option(
        "--outbox",
        metavar="FILE",
        dir_okay=False,
        help="Store events in this file before they are delivered; by default in the workspace's outbox, "
        "where it has one. Killed and started again, the run goes on where it was.",
    ),
]
NoOutbox = Annotated[
    bool, typer.Option("--no-outbox", help="Deliver from memory, although the workspace has an outbox.")
]
StoreOnly = Annotated[
    bool, typer.Option("--store-only", help="Only store events in the outbox; a worker delivers them.")
]
Again = Annotated[
    bool,
    typer.Option(
        "--again", help="Read files from their start, also where an earlier run has stored their events."
    ),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        help="With an outbox: stop when no delivery has ended for so long. What waits stays in the outbox.",
    ),
]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Go on with an outbox from which accepted events are gone.")
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        metavar="N",
        help="The most requests a second to each instance, in place of the rate in the workspace.",
    ),
]

_BATCH_SIZE: Final = 1000


def run(  # noqa: PLR0913 - each option of a command is a parameter
    workspace: WorkspaceFile,
    events: Events,
    *,
    dry_run: DryRunOption = False,
    instance: Instances = None,
    subscription: Subscriptions = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    retryable: Retryable = False,
    batch: Batch = False,
    batch_size: BatchSize = _BATCH_SIZE,
    failures: Failures = None,
    settings: Settings = None,
    concurrency: Concurrency = None,
    rate: Rate = None,
    outbox: OutboxFile = None,
    no_outbox: NoOutbox = False,
    store_only: StoreOnly = False,
    again: Again = False,
    wait: Wait = 60.0,
    accept_loss: AcceptLoss = False,
    grace: Grace = 10.0,
    as_json: AsJson = False,
) -> None:
    """Deliver events as a workspace says.

    Events come from files, from folders of them, or from standard input: NDJSON, JSON lists, or events over
    many lines, also in .gz and .zst. Those that are not delivered are written to a file with the reason;
    give that file to run, and they are tried again where they failed. After Ctrl-C, events in progress may
    finish, and the summary says what was sent, what failed and what was not tried.

    With an outbox, events are stored on disk together with the place in their file, and delivered from
    there: a run that was killed goes on where it was when it is started again. What is given up becomes a
    dead letter, see actions dlq; only what is not an event goes to the file of failures.
    """
    loaded = with_rate(load_workspace(workspace, settings), rate)
    spec = _outbox_spec(loaded, outbox, none=no_outbox)
    needed = {"--store-only": store_only, "--again": again, "--accept-loss": accept_loss}
    _check_options(spec, {"--batch": batch, "--concurrency": concurrency is not None}, needed)
    selection = Selection(
        **_period(since, until),
        limit=limit,
        retryable=retryable,
        instances=frozenset(instance) if instance else None,
        subscriptions=frozenset(subscription) if subscription else None,
    )
    work = _prepare(loaded, selection, events, failures)
    if dry_run:
        raise typer.Exit(run_async(_dry_run(work, as_json=as_json)))
    with FailureFile(failures or default_path(events[0])) as file:
        file.check()
        if spec is None:
            pace = Pace(concurrency, batch_size if batch else None, grace)
            raise typer.Exit(_run_from_memory(work, file, pace, as_json=as_json))
        from actions_core.apps.cli.run.stored import StoredPace  # with SQLite, as the next one
        from actions_core.apps.cli.run.stored_command import StoredOptions, run_stored

        stored_pace = StoredPace(wait, grace, again)
        options = StoredOptions(spec, workspace, store_only, accept_loss, stored_pace, as_json)
        raise typer.Exit(run_stored(work.engine, work.selection, file, options, work.sources, work.skips))


@attrs.frozen
class _Work:
    """What a run is to deliver, and with what. `skips` are lines that an earlier run has taken."""

    engine: Engine
    selection: Selection
    sources: tuple[Source, ...]
    skips: dict[Path, int]

    @property
    def reader(self) -> EventReader:
        """A reader of the events."""
        return EventReader(self.sources, self.skips)


def _prepare(workspace: Workspace, selection: Selection, events: list[str], failures: Path | None) -> _Work:
    """Find the events, and refuse what does not fit together before anything is sent."""
    check_instances(sorted(selection.instances or ()), [spec.id for spec in workspace.destinations])
    sources = find_sources(events)
    _check_failures(failures, sources)
    sources, skips, selection = _with_rests(sources, selection)
    engine = Engine(_only(workspace, selection))
    _check_subscriptions(engine, sorted(selection.subscriptions or ()))
    for note in sources.notes:
        stderr().print(printable(note), style="yellow", soft_wrap=True)
    return _Work(engine, selection, sources.files, skips)


async def _dry_run(work: _Work, *, as_json: bool) -> int:
    return await DryRun(work.engine, work.selection, as_json=as_json).run(work.reader)


def _run_from_memory(work: _Work, file: FailureFile, pace: Pace, *, as_json: bool) -> Exit:
    """Deliver from memory, and print what became of it."""
    started = time.monotonic()
    totals = RunTotals(file)
    with quiet_failures():
        halted = run_async(_deliver(work, totals, file, pace))
    seconds = time.monotonic() - started
    outcome = Outcome(totals, seconds, halted, file.path if file.count else None, file.lost)
    (print_summary_json if as_json else print_summary)(outcome)
    return totals.exit_code


async def _deliver(work: _Work, totals: RunTotals, file: FailureFile, pace: Pace) -> dict[str, str]:
    delivery = Delivery(work.engine, work.reader, work.selection, totals, file)
    await delivery.run(pace)
    return delivery.gate.halted


def _outbox_spec(workspace: Workspace, given: Path | None, *, none: bool) -> OutboxSpec | None:
    """Return the outbox of the run; None where it delivers from memory."""
    if none:
        if given is not None:
            raise typer.BadParameter("it contradicts --outbox", param_hint="--no-outbox")
        return None
    return with_outbox(workspace, given).outbox


def _check_options(spec: OutboxSpec | None, without: dict[str, bool], within: dict[str, bool]) -> None:
    """Refuse options that mean nothing with an outbox, or nothing without one."""
    for option, given in (without if spec is not None else within).items():
        if not given:
            continue
        if spec is None:
            raise typer.BadParameter("it needs an outbox: give --outbox FILE", param_hint=option)
        raise typer.BadParameter(
            "it is for deliveries from memory (--no-outbox); with an outbox, `delivery` of each instance in "
            "the workspace says how much goes at once",
            param_hint=option,
        )


class _Period(TypedDict):
    since: datetime | None
    until: datetime | None


def _period(since: str | None, until: str | None) -> _Period:
    """Read from when to when; a period without a moment in it is a mistake."""
    begin, end = _moment(since, "--since"), _moment(until, "--until")
    if begin is not None and end is not None and begin >= end:
        raise typer.BadParameter("no time lies from --since on and before --until", param_hint="--until")
    return {"since": begin, "until": end}


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        return read_moment(text)
    except PayloadError as error:
        raise typer.BadParameter(
            f"{error} Write it as 2026-01-31 or 2026-01-31T12:00:00Z.", param_hint=option
        ) from None


def _only(workspace: Workspace, selection: Selection) -> Workspace:
    """Return the workspace with all instances disabled that were not chosen."""
    if selection.instances is None:
        return workspace
    chosen = (
        spec if spec.id in selection.instances else attrs.evolve(spec, enabled=False)
        for spec in workspace.destinations
    )
    return attrs.evolve(workspace, destinations=tuple(chosen))


def _check_subscriptions(engine: Engine, wanted: list[str]) -> None:
    known = {
        pipeline.name: None
        for instance in engine.instances.values()
        if instance.enabled
        for pipeline in instance.with_deletion()
    }
    check_instances(wanted, known, option="--subscription", kind="subscription")


def _check_failures(failures: Path | None, sources: Sources) -> None:
    """Refuse a file of failures that is read at the same time."""
    if failures is None or not failures.exists():
        return
    for source in sources.files:
        if source.path is not None and failures.samefile(source.path):
            fail(f"{failures} cannot be both the events and the failures")


def _with_rests(sources: Sources, selection: Selection) -> tuple[Sources, dict[Path, int], Selection]:
    """Add the files that an interrupted run has not read to their end, as its file of failures says."""
    files = list(sources.files)
    skips: dict[Path, int] = {}
    rests: set[Path] = set()
    problems: list[Problem] = []
    for source in sources.files:
        for rest in _rests_in(source, problems):
            rests.add(rest.path)
            if why := rest.why_unusable():
                problems.append(Problem(source.name, why))
                continue
            known = (file.path for file in files if file.path is not None and file.path.samefile(rest.path))
            path = next(known, None)
            if path is None:
                path = rest.path
                files.append(Source(path, rest.size))
            skips[path] = max(rest.taken, skips.get(path, 0))
    if problems:
        raise EventError("these events cannot be read:", problems=problems)
    found = attrs.evolve(sources, files=tuple(files))
    return found, skips, attrs.evolve(selection, rests=frozenset(rests))


def _rests_in(source: Source, problems: list[Problem]) -> list[RestOfFile]:
    """Return the rests that a file of failures names; other files have none."""
    found: list[RestOfFile] = []
    if source.path is None or source.size is None:
        return found
    with contextlib.suppress(OSError, DecodingError):  # what is wrong with a file is said when it is read
        for line in read_file(source.path):
            try:
                value = line.parse()
            except EventError:
                continue
            if line.ordinal == 1 and not is_failure(value):
                break
            try:
                rest = read_rest(value)
            except EventError as error:
                problems.append(Problem(f"{source.name}, line {line.number}", str(error)))
                continue
            if rest is not None:
                found.append(rest)
    return found
