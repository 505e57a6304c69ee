"""`actions serve`: take events over HTTP as Segment's own service does, and deliver them."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import attrs
import typer
from rich.text import Text

from actions_core.apps.cli.output import Exit, fail, printable, stderr, stdout
from actions_core.apps.cli.shared import AsJson, Settings, load_workspace, run_async
from actions_core.destination import Destination
from actions_core.engine.workspace import OutboxSpec

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
        help="Instead of a workspace: try this destination (a slug, an alias, or its definition's file).",
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
OutboxFile = Annotated[
    Path | None, typer.Option("--outbox", metavar="FILE", help="The outbox, instead of the workspace's.")
]
StoreOnly = Annotated[
    bool, typer.Option("--store-only", help="Only store events; 'actions worker' delivers them.")
]
Connections = Annotated[
    int, typer.Option("--connections", metavar="N", min=1, help="The most connections at once.")
]
Grace = Annotated[
    float,
    typer.Option(
        "--grace", metavar="SECONDS", min=0, help="After SIGTERM or Ctrl-C: the time for what is in progress."
    ),
]

_PORT: Final = 8810
_TESTER_PORT: Final = 3000
_CONNECTIONS: Final = 1000


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
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Take events from Segment's client libraries, and deliver them as a workspace says.

    A client is told that its events were accepted once they are in the outbox, on disk. Without 'sources' in
    the workspace, only programs of this machine can send events. After SIGTERM or Ctrl-C, what is in progress
    may finish; the rest stays in the outbox.

    With --destination, authors try a destination instead, with Segment's Actions Tester or a script.
    """
    if destination is not None:
        if workspace is not None:
            raise typer.BadParameter("give a workspace or a destination", param_hint="--destination")
        serve_destination(destination, host, _TESTER_PORT if port is None else port, as_json=as_json)
    port = _PORT if port is None else port
    # Here: they load aiohttp's server and SQLite, which other commands do not need.
    from actions_core.apps.server.assembly import make_server
    from actions_core.apps.server.listener import Limits

    if workspace is None:
        raise typer.BadParameter("give a workspace, or --destination", param_hint="WORKSPACE")
    loaded = load_workspace(workspace, settings)
    if outbox is not None:
        given = loaded.outbox
        spec = OutboxSpec(outbox) if given is None else attrs.evolve(given, path=outbox)
        loaded = attrs.evolve(loaded, outbox=spec)
    made = make_server(
        loaded,
        host=host,
        port=port,
        store_only=store_only,
        limits=Limits(connections=connections),
        grace=grace,
    )
    names = [source.name for source in loaded.sources]
    announcement = partial(_announce, *made, names, as_json=as_json)
    try:
        run_async(_serve(*made, announcement, grace))
    except OSError as error:
        fail(f"cannot listen at {host}:{port}: {error.strerror or error}")
    raise typer.Exit(Exit.OK)


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

    async def run() -> None:
        stopped = asyncio.Event()
        with _signals(stopped):
            async with server:
                _announce_destination(server.url, subject.destination, as_json=as_json)
                await stopped.wait()

    try:
        run_async(run())
    except OSError as error:
        fail(f"cannot listen at {host}:{port}: {error.strerror or error}")
    raise typer.Exit(Exit.OK)


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
    stderr().print("Press Ctrl-C to stop it.")


async def _serve(outbox: "Outbox", server: "EventServer", announce: Callable[[], None], grace: float) -> None:
    """Serve until a signal comes."""
    stopped = asyncio.Event()
    with _signals(stopped):
        await outbox.open()
        try:
            async with server:
                announce()
                await stopped.wait()
                stderr().print(f"stopping: what is in progress has {grace:g} s to finish", soft_wrap=True)
        finally:
            await outbox.close(grace)


def _announce(outbox: "Outbox", server: "EventServer", sources: list[str], *, as_json: bool) -> None:
    path = outbox.spec.path
    if as_json:
        # One line, because the output has no end until Ctrl-C.
        sys.stdout.write(json.dumps({"url": server.url, "outbox": str(path)}) + "\n")
        sys.stdout.flush()
    else:
        console = stdout()
        line = Text("events: ", style="bold").append(printable(server.url), style="not bold cyan")
        console.print(line, soft_wrap=True)
        console.print(f"  outbox: {printable(path)}", soft_wrap=True)
        who = ", ".join(sources) if sources else "programs of this machine, with any write key"
        console.print(f"  sources: {printable(who)}", soft_wrap=True)
        console.file.flush()
    stderr().print("Press Ctrl-C to stop it.")


@contextlib.contextmanager
def _signals(stopped: asyncio.Event) -> Iterator[None]:
    """Set the event at the first signal; a second one cancels what still runs."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def on_signal() -> None:
        if not stopped.is_set():
            stopped.set()
        elif task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
