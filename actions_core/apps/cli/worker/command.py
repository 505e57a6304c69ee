"""`actions worker`: deliver what is in an outbox, any number of processes on one file."""

import asyncio
import contextlib
import enum
import logging
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
import typer

from actions_core.apps.cli.interruption import Interruption
from actions_core.apps.cli.output import Exit, fail, printable, stderr
from actions_core.apps.cli.run.command import AcceptLoss, Grace, Rate
from actions_core.apps.cli.shared import (
    BrokerOption,
    Settings,
    WorkspaceFile,
    load_workspace,
    run_async,
    with_outbox,
    with_rate,
)
from actions_core.delivery.errors import BrokerError
from actions_core.engine import Engine
from actions_core.engine.workspace import Workspace

if TYPE_CHECKING:
    from actions_core.apps.cli.worker.counts import Counts
    from actions_core.delivery.jetstream.worker import BrokerWorker
    from actions_core.delivery.outbox import Outbox
    from actions_core.delivery.pump import Settled

#: Seconds between two looks if the file can still be used, and between two lines that say how it goes.
_CHECK: Final = 1.0
_STATUS: Final = 60.0


class LogKind(enum.StrEnum):
    """How a worker logs."""

    JSON = "json"
    TEXT = "text"


OutboxFile = Annotated[
    Path | None,
    typer.Option(
        "--outbox",
        metavar="FILE",
        dir_okay=False,
        help="The file of the outbox, in place of the workspace's.",
    ),
]
LogFormat = Annotated[
    LogKind | None,
    typer.Option(
        "--log-format", help="Log each try, as JSON (the default where there is no terminal) or text."
    ),
]


@attrs.frozen
class WorkerOptions:
    """The options of a worker."""

    file: Path
    outbox: Path | None
    settings: tuple[str, ...]
    rate: float | None
    grace: float
    log: LogKind | None

    def load(self) -> Workspace:
        """Load the workspace as it is now."""
        return with_outbox(with_rate(load_workspace(self.file, list(self.settings)), self.rate), self.outbox)


def work(
    workspace: WorkspaceFile,
    *,
    outbox: OutboxFile = None,
    broker: BrokerOption = None,
    settings: Settings = None,
    rate: Rate = None,
    log_format: LogFormat = None,
    accept_loss: AcceptLoss = False,
    grace: Grace = 10.0,
) -> None:
    """Deliver what is in an outbox or a broker, until the process is told to stop.

    Any number of workers may run on one file, beside programs that store events. With --broker, or where the
    workspace has a broker and no outbox, a worker takes what outboxes have handed to the broker, on any
    number of machines. Where the workspace has both, a worker hands over what is in the outbox.

    A change of the workspace is taken up without a restart. At a terminal, a line shows how it goes;
    elsewhere each try is logged, without its payload. SIGTERM and Ctrl-C let what is in progress finish and
    give back the rest; a second one stops at once. The exit code is 0 after SIGTERM, 130 after Ctrl-C.
    """
    kind = log_format or (None if stderr().is_terminal else LogKind.JSON)
    options = WorkerOptions(workspace, outbox, tuple(settings or ()), rate, grace, kind)
    loaded = options.load()
    if broker is not None and outbox is not None:
        raise typer.BadParameter("a worker has one of --outbox and --broker", param_hint="--broker")
    if broker is None and loaded.outbox is None and loaded.broker is None:
        fail(f'{workspace} has no outbox: give it one, such as "outbox": "events.db", or name one (--outbox)')
    raise typer.Exit(run_async(_run(options, loaded, broker, accept_loss=accept_loss)))


async def _run(
    options: WorkerOptions, workspace: Workspace, broker: str | None, *, accept_loss: bool
) -> Exit:
    from actions_core.apps.cli.worker.counts import Counts  # with SQLite, as those below
    from actions_core.apps.cli.worker.logs import logging_to_stderr

    if broker is not None or workspace.outbox is None:
        outbox = _broker_worker(Engine(workspace), broker)
    else:
        outbox = _outbox(Engine(workspace), accept_loss=accept_loss)
    counts = Counts()
    with contextlib.nullcontext() if options.log is None else logging_to_stderr(options.log.value):
        return await Worker(outbox, counts, options).run(workspace)


def _broker_worker(engine: Engine, broker: str | None) -> "Outbox | BrokerWorker":
    from actions_core.delivery.jetstream.worker import BrokerWorker

    return BrokerWorker(engine, broker)


def _outbox(engine: Engine, *, accept_loss: bool) -> "Outbox | BrokerWorker":
    from actions_core.delivery.outbox import Outbox

    return Outbox(engine, accept_loss=accept_loss)


class Worker:
    """A worker, from its start to its end."""

    def __init__(self, outbox: "Outbox | BrokerWorker", counts: "Counts", options: WorkerOptions) -> None:
        self._outbox = outbox
        self._counts = counts
        self._options = options
        self._stopping = asyncio.Event()
        self._ends_now = False
        outbox.on_try = self._learn

    async def run(self, workspace: Workspace) -> Exit:
        """Deliver until a signal comes, or the outbox can no longer be used."""
        from actions_core.apps.cli.worker.logs import log
        from actions_core.apps.cli.worker.watching import WorkspaceWatch

        options, outbox = self._options, self._outbox
        watch = WorkspaceWatch(options.file, options.load, outbox.replace, workspace)
        try:
            await outbox.open()
        except BrokerError as error:
            fail(str(error), Exit.UNDELIVERABLE if error.retryable else Exit.FAULTY)
        interruption = Interruption(
            self._stopping.set, self._end_requests, options.grace, what="deliveries", say=self._say
        )
        with interruption.handle_signals():
            self._say(f"delivering from {outbox.place}", pid=os.getpid(), instances=_names(outbox))
            tasks = [asyncio.create_task(watch.run()), asyncio.create_task(self._report())]
            try:
                async with self._line():
                    await self._until_stopped()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await outbox.stop(0.0 if self._ends_now else options.grace)
                broken = outbox.closed
                await outbox.close(0.0)
        if broken:
            fail(f"{outbox.place}: {broken}")
        counts = self._counts
        said = f"stopped: {counts.delivered:,} delivered, {counts.retries:,} retries, {counts.dead:,} dead"
        if options.log is None:
            stderr().print(said, soft_wrap=True)
        else:
            log("stopped", delivered=counts.delivered, retries=counts.retries, dead=counts.dead)
        return Exit.INTERRUPTED if interruption.number == signal.SIGINT else Exit.OK

    def _learn(self, settled: "Settled") -> None:
        from actions_core.apps.cli.worker.logs import log_try

        self._counts.learn(settled)
        if self._options.log is not None:
            log_try(settled)

    def _say(self, text: str, **fields: str | int) -> None:
        from actions_core.apps.cli.worker.logs import log

        if self._options.log is None:
            stderr().print(printable(text), soft_wrap=True)
        else:
            log(text, logging.INFO, **fields)

    def _line(self) -> "contextlib.AbstractAsyncContextManager[object]":
        from actions_core.apps.cli.worker.counts import LiveLine

        return LiveLine(self._outbox, self._counts) if self._options.log is None else contextlib.nullcontext()

    async def _until_stopped(self) -> None:
        while not self._stopping.is_set() and not self._outbox.closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK):
                    await self._stopping.wait()

    async def _report(self) -> None:
        """Log how it goes from time to time."""
        from actions_core.apps.cli.worker.logs import log

        counts = self._counts
        while self._options.log is not None:
            started, delivered = time.monotonic(), counts.delivered
            await asyncio.sleep(_STATUS)
            await counts.look(self._outbox)
            log(
                "status",
                perSecond=round((counts.delivered - delivered) / (time.monotonic() - started), 1),
                waiting=counts.waiting,
                lag=None if counts.lag is None else round(counts.lag, 1),
                inFlight=self._outbox.in_progress,
                delivered=counts.delivered,
                retries=counts.retries,
                dead=counts.dead,
            )

    async def _end_requests(self, grace: float) -> None:
        if not grace:
            self._ends_now = True
            await self._outbox.engine.close(0.0)


def _names(outbox: "Outbox | BrokerWorker") -> str:
    return ", ".join(outbox.engine.instances)
