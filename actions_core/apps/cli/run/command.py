"""`actions run`: deliver a stream of events as a workspace says."""

import time
from pathlib import Path
from typing import Annotated

import typer

from actions_core.apps.cli.event_loop import run_async
from actions_core.apps.cli.options import AsJson, Settings, WorkspaceFile, load_workspace
from actions_core.apps.cli.output import fail
from actions_core.apps.cli.run.delivery import deliver
from actions_core.apps.cli.run.dry_run import rehearse
from actions_core.apps.cli.run.failures import FailureFile, default_path
from actions_core.apps.cli.run.ndjson import LineReader
from actions_core.apps.cli.run.progress import ProgressBar
from actions_core.apps.cli.run.summary import print_summary, print_summary_json
from actions_core.apps.cli.run.tally import Ledger
from actions_core.engine import Engine

Events = Annotated[Path, typer.Argument(metavar="EVENTS", help="An NDJSON file; - is standard input.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the requests, secrets masked; send nothing.")]
Failures = Annotated[
    Path | None,
    typer.Option("--failures", metavar="FILE", dir_okay=False, help="Where to write what was not delivered."),
]
Concurrency = Annotated[
    int | None,
    typer.Option("--concurrency", metavar="N", min=1, help="How many events are under way at once."),
]
Grace = Annotated[
    float,
    typer.Option("--grace", metavar="SECONDS", min=0, help="After Ctrl-C: the time for what is under way."),
]


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

    They come from an NDJSON file or from standard input. What is not delivered goes to a file with its
    reason. Ctrl-C stops in order: the summary then tells what was sent, failed and not tried.
    """
    source = None if str(events) == "-" else events
    if source is not None and (source.is_dir() or not source.exists()):
        raise typer.BadParameter(f"file {str(source)!r} does not exist or is a folder", param_hint="EVENTS")
    _check_failures(failures, source)
    engine = Engine(load_workspace(workspace, settings))
    if dry_run:
        raise typer.Exit(run_async(rehearse(engine, source, as_json=as_json)))
    started = time.monotonic()
    with FailureFile(failures or default_path(source)) as file:
        ledger = run_async(_deliver(engine, source, file, concurrency=concurrency, grace=grace))
    written = file.path if file.count else None
    show = print_summary_json if as_json else print_summary
    show(ledger, time.monotonic() - started, written)
    raise typer.Exit(ledger.exit_code)


def _check_failures(failures: Path | None, source: Path | None) -> None:
    """Refuse now what would fail at the first failure, in the middle of the run."""
    if failures is None:
        return
    if source is not None and failures.exists() and failures.samefile(source):
        fail(f"{failures} cannot be both the events and the failures")
    if not failures.parent.is_dir():
        fail(f"{failures}: there is no folder {failures.parent}")


async def _deliver(
    engine: Engine, source: Path | None, file: FailureFile, *, concurrency: int | None, grace: float
) -> Ledger:
    reader = LineReader(source)
    ledger = Ledger(file)
    async with ProgressBar(reader, ledger):
        await deliver(engine, reader, ledger, concurrency=concurrency, grace=grace)
    return ledger
