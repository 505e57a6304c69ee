"""`actions serve`: take events over HTTP as Segment's own service does, and deliver them."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from rich.text import Text

from actions_core.apps.cli.interruption import Interruption
from actions_core.apps.cli.output import Exit, fail, printable, stderr, stdout
from actions_core.apps.cli.run.command import AcceptLoss, Grace, Rate
from actions_core.apps.cli.shared import AsJson, Settings, load_workspace, run_async, with_outbox, with_rate
from actions_core.apps.cli.worker.command import LogFormat, LogKind, OutboxFile
from actions_core.destination import Destination
from actions_core.engine.workspace import Workspace

if TYPE_CHECKING:
    from actions_core.apps.server.server import EventServer
    from actions_core.delivery.outbox import Outbox

WorkspaceOrNone = Annotated[
    Path | None,
    typer.Argument(metavar="WORKSPACE", exists=True, dir_okay=False, readable=True, help="A workspace file."),
]
DestinationName = Annotated[
    str | None,
    typer.Option(
        "--destination",
        metavar="DESTINATION",
        help="Instead of a workspace: try this destination (a slug, an alias, its folder, or "
        "its definition's file).",
    ),
]
Host = Annotated[str, typer.Option("--host", help="The address to listen at.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=0,
        max=65535,
        help="The port, by default 8810, with --destination 3000; 0 takes a free one.",
    ),
]
StoreOnly = Annotated[
    bool, typer.Option("--store-only", help="Only store events; 'actions worker' delivers them.")
]
Connections = Annotated[
    int, typer.Option("--connections", metavar="N", min=1, help="The most connections at once.")
]

_PORT: Final = 8810
_TESTER_PORT: Final = 3000
_CONNECTIONS: Final = 1000
#: Seconds between two looks if the outbox can still be used.
_CHECK: Final = 1.0


def serve(  # noqa: PLR0913 - each option of a command is a parameter
    workspace: WorkspaceOrNone = None,
    *,
    destination: DestinationName = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    store_only: StoreOnly = False,
    outbox: OutboxFile = None,
    connections: Connections = _CONNECTIONS,
    grace: Grace = 10.0,
    rate: Rate = None,
    log_format: LogFormat = None,
    accept_loss: AcceptLoss = False,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Take events from Segment's client libraries, and deliver them as a workspace says.

    A client is told that its events were accepted once they are in the outbox, on disk. Without 'sources' in
    the workspace, only programs of this machine can send events. A change of the workspace is taken up
    without a restart. SIGTERM and Ctrl-C let what is in progress finish; the rest stays in the outbox. The
    exit code is 0 after SIGTERM, 130 after Ctrl-C.

    With --destination, authors try a destination instead, with Segment's Actions Tester or a script.
    """
    if destination is not None:
        if workspace is not None:
            raise typer.BadParameter("give a workspace or a destination", param_hint="--destination")
        serve_destination(destination, host, _TESTER_PORT if port is None else port, as_json=as_json)
    if workspace is None:
        raise typer.BadParameter("give a workspace, or --destination", param_hint="WORKSPACE")

    load = partial(_load, workspace, settings, rate, outbox)
    # Here: they load aiohttp's server and SQLite, which other commands do not need.
    from actions_core.apps.server.assembly import make_server
    from actions_core.apps.server.listener import Limits

    place = host, _PORT if port is None else port
    made = make_server(
        load(),
        host=host,
        port=place[1],
        store_only=store_only,
        accept_loss=accept_loss,
        limits=Limits(connections=connections),
        grace=grace,
    )
    kind = log_format or (None if stderr().is_terminal else LogKind.JSON)
    running = Serving(*made, workspace, load, grace, kind)
    raise typer.Exit(_listening(running.run(as_json=as_json), place))


def _load(file: Path, settings: list[str] | None, rate: float | None, outbox: Path | None) -> Workspace:
    """Load the workspace as it is now, with what the options replace."""
    return with_outbox(with_rate(load_workspace(file, settings), rate), outbox)


def _listening(work: Coroutine[Any, Any, Exit], place: tuple[str, int]) -> Exit:
    try:
        return run_async(work)
    except OSError as error:
        fail(f"cannot listen at {place[0]}:{place[1]}: {error.strerror or error}")


class Serving:
    """A server, from its start to its end. `load` loads the workspace in `file` as it is now."""

    def __init__(
        self,
        outbox: "Outbox",
        server: "EventServer",
        file: Path,
        load: Callable[[], Workspace],
        grace: float,
        log: LogKind | None,
    ) -> None:
        self._outbox = outbox
        self._server = server
        self._file = file
        self._load = load
        self._grace = grace
        self._log = log
        self._stopping = asyncio.Event()
        self._ends_now = False

    async def run(self, *, as_json: bool) -> Exit:
        """Serve until a signal comes, or the outbox can no longer be used."""
        from actions_core.apps.cli.worker.logs import log_try, logging_to_stderr
        from actions_core.apps.cli.worker.watching import WorkspaceWatch

        outbox, server = self._outbox, self._server
        if self._log is not None:
            outbox.on_try = log_try
        present = outbox.engine.workspace
        interruption = Interruption(
            self._stopping.set, self._end_requests, self._grace, what="requests and deliveries"
        )
        with (
            contextlib.nullcontext() if self._log is None else logging_to_stderr(self._log.value),
            interruption.handle_signals(),
        ):
            await outbox.open()
            watching = asyncio.create_task(
                WorkspaceWatch(self._file, self._load, server.replace, present).run()
            )
            try:
                async with server:
                    self._announce(as_json=as_json)
                    await self._until_stopped()
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await outbox.stop(0.0 if self._ends_now else self._grace)
                broken = outbox.closed
                await outbox.close(0.0)
        if broken:
            fail(f"{outbox.spec.path}: {broken}")
        return Exit.INTERRUPTED if interruption.number == signal.SIGINT else Exit.OK

    async def _until_stopped(self) -> None:
        while not self._stopping.is_set() and not self._outbox.closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK):
                    await self._stopping.wait()

    async def _end_requests(self, grace: float) -> None:
        if not grace:
            self._ends_now = True
            await self._outbox.engine.close(0.0)

    def _announce(self, *, as_json: bool) -> None:
        url, path = self._server.url, self._outbox.spec.path
        if as_json:
            # One line, because the output has no end until Ctrl-C.
            sys.stdout.write(json.dumps({"url": url, "outbox": str(path)}) + "\n")
            sys.stdout.flush()
            return
        console = stdout()
        line = Text("events: ", style="bold").append(printable(url), style="not bold cyan")
        console.print(line, soft_wrap=True)
        console.print(f"  outbox: {printable(path)}", soft_wrap=True)
        names = [source.name for source in self._outbox.engine.workspace.sources]
        who = ", ".join(names) if names else "programs of this machine, with any write key"
        console.print(f"  sources: {printable(who)}", soft_wrap=True)
        console.file.flush()


def serve_destination(name: str, host: str, port: int, *, as_json: bool) -> NoReturn:
    """Serve a destination to Segment's tester until a signal comes."""
    from actions_core.apps.server.hosts import is_loopback
    from actions_core.apps.server.tester.server import DestinationServer
    from actions_core.apps.server.tester.subject import Subject

    if not is_loopback(host):
        message = "a destination is tried at addresses of this machine only, such as 127.0.0.1"
        raise typer.BadParameter(message, param_hint="--host")
    subject = Subject(name)
    server = DestinationServer(subject, host=host, port=port)

    async def run() -> Exit:
        stopped = asyncio.Event()
        interruption = Interruption(stopped.set, _nothing, 0.0)
        with interruption.handle_signals():
            async with server:
                _announce_destination(server.url, subject.destination, as_json=as_json)
                await stopped.wait()
        return Exit.INTERRUPTED if interruption.number == signal.SIGINT else Exit.OK

    raise typer.Exit(_listening(run(), (host, port)))


async def _nothing(_grace: float) -> None:
    """Do nothing: what an author tries needs no time to end."""


def _announce_destination(url: str, destination: Destination, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"url": url, "destination": destination.slug}) + "\n")
        sys.stdout.flush()
    else:
        console = stdout()
        line = Text(f"{printable(destination.slug)}: ", style="bold").append(url, style="not bold cyan")
        console.print(line, soft_wrap=True)
        for path in ("/manifest", "/authenticate", *(f"/{key}" for key in destination.spec.actions)):
            console.print(f"  {printable(path)}", soft_wrap=True)
        console.file.flush()
