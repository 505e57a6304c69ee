"""The part of `actions run` that is for an outbox; it loads SQLite."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from actions_core.apps.cli.run.stored import StoredPace, StoredRun
from actions_core.apps.cli.run.stored_summary import (
    StoredOutcome,
    print_stored_summary,
    print_stored_summary_json,
)
from actions_core.apps.cli.run.stored_totals import StoredTotals
from actions_core.apps.cli.shared import quiet_failures, run_async
from actions_core.delivery.outbox import Outbox

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.apps.cli.events.sources import Source
    from actions_core.apps.cli.output import Exit
    from actions_core.apps.cli.run.failures import FailureFile
    from actions_core.apps.cli.run.selection import Selection
    from actions_core.engine import Engine
    from actions_core.engine.workspace import OutboxSpec


@attrs.frozen
class StoredOptions:
    """The options of a run through an outbox; `workspace` is the file that was named."""

    spec: OutboxSpec
    workspace: Path
    store_only: bool
    accept_loss: bool
    pace: StoredPace
    as_json: bool


def run_stored(
    engine: Engine,
    selection: Selection,
    file: FailureFile,
    options: StoredOptions,
    sources: tuple[Source, ...],
    skips: dict[Path, int],
) -> Exit:
    """Run events through an outbox, print the summary, and return the exit code."""
    started = time.monotonic()
    totals = StoredTotals(file, store_only=options.store_only)
    outbox = Outbox(engine, options.spec, store_only=options.store_only, accept_loss=options.accept_loss)

    async def work() -> None:
        await StoredRun(outbox, selection, totals, sources, skips).run(options.pace)

    with quiet_failures():
        run_async(work())
    outcome = StoredOutcome(
        totals,
        time.monotonic() - started,
        options.spec.path,
        options.workspace,
        file.path if file.count else None,
        file.lost,
    )
    (print_stored_summary_json if options.as_json else print_stored_summary)(outcome)
    return totals.exit_code
