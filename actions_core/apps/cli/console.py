"""`actions console`: a workspace in the browser, with its mappings, settings and deliveries."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import attrs
import typer
from rich.text import Text

from actions_core.apps.cli.interruption import Interruption
from actions_core.apps.cli.output import Exit, fail, print_problems, printable, stderr, stdout
from actions_core.apps.cli.shared import AsJson, Settings, load_workspace, run_async, with_outbox
from actions_core.apps.cli.worker.command import LogKind, OutboxFile
from actions_core.engine.workspace import Workspace

if TYPE_CHECKING:
    from actions_core.apps.console.server import Console
    from actions_core.apps.server.server import EventServer
    from actions_core.delivery.outbox import Outbox

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="WORKSPACE [FAILURES]...",
        exists=True,
        dir_okay=False,
        readable=True,
        help="A workspace file, and files of failures that 'actions run' has written.",
    ),
]
WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="The workspace, where all arguments are files of failures.",
    ),
]
Host = Annotated[str, typer.Option("--host", help="The address to listen at.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]
Name = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="HOST", help="Another name by which browsers reach it; may be repeated."),
]
NoToken = Annotated[
    bool,
    typer.Option(
        "--no-token", help="Let everyone in who reaches it: only where something else keeps others out."
    ),
]
Deliver = Annotated[bool, typer.Option("--deliver", help="Deliver what is in the outbox, too.")]
Serve = Annotated[
    bool, typer.Option("--serve", help="Take events from Segment's client libraries too, and deliver them.")
]
EventsPort = Annotated[
    int, typer.Option("--events-port", min=0, max=65535, help="The port for events, with --serve.")
]

_PORT: Final = 8820
_EVENTS_PORT: Final = 8810
_GRACE: Final = 10.0
#: A token that is given, for those who must know the address beforehand.
_TOKEN: Final = "ACTIONS_CONSOLE_TOKEN"  # noqa: S105 - a variable's name


def console(  # noqa: PLR0913 - each option of a command is a parameter
    files: Files,
    *,
    workspace: WorkspaceOption = None,
    outbox: OutboxFile = None,
    host: Host = "127.0.0.1",
    port: Port = _PORT,
    name: Name = None,
    no_token: NoToken = False,
    deliver: Deliver = False,
    serve: Serve = False,
    events_port: EventsPort = _EVENTS_PORT,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Open a workspace in the browser: its settings, its mappings, what was delivered, and what was not.

    It edits the workspace file, and looks at the outbox of whatever delivers events; it delivers nothing
    itself but what you send by a button, unless --deliver or --serve is given. The printed address contains
    a token that lets your browser in; ACTIONS_CONSOLE_TOKEN sets it. The exit code is 0 after SIGTERM, 130
    after Ctrl-C.
    """
    with _no_collection():
        try:
            from actions_core.apps.console import server as _  # noqa: F401 - whether it is installed
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("nicegui", "fastapi", "uvicorn"):
                raise
            fail("the console needs NiceGUI: pip install 'actions-core[cli,console]'")
        file, *failures = files if workspace is None else [workspace, *files]

        def load() -> Workspace:
            return with_outbox(load_workspace(file, settings), outbox)

        running = Running(file, tuple(failures), load)
        if deliver or serve:
            running.deliver(events_port if serve else None, host)
        place = Place(host, port, tuple(name or ()), open_to_all=no_token)
        try:
            raise typer.Exit(run_async(running.run(place, as_json=as_json)))
        except OSError as error:
            fail(f"cannot listen at {host}:{port}: {error.strerror or error}")


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Look for no garbage while a console starts: what is loaded stays, and to look at it again takes long.

    It is switched on again once the console runs, and at the end of the block.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@attrs.frozen
class Place:
    """Where a console listens, and whom it lets in."""

    host: str
    port: int
    names: tuple[str, ...]
    open_to_all: bool


class Running:
    """A console, from its start to its end. `load` loads the workspace in `file` as it is now."""

    def __init__(self, file: Path, failures: tuple[Path, ...], load: Callable[[], Workspace]) -> None:
        self._file = file
        self._failures = failures
        self._load = load
        self._outbox: Outbox | None = None
        self._server: EventServer | None = None
        self._stopped = asyncio.Event()

    def deliver(self, events_port: int | None, host: str) -> None:
        """Deliver the outbox too, and take events at a port where one is given.

        Raises `WorkspaceError` where the workspace is faulty or has no outbox.
        """
        # Here: they load aiohttp's server and SQLite, which a console that only looks does not need at once.
        from actions_core.apps.server.assembly import make_server

        outbox, server = make_server(self._load(), host=host, port=events_port or 0)
        self._outbox = outbox
        self._server = server if events_port is not None else None

    async def run(self, place: Place, *, as_json: bool) -> Exit:
        """Serve the pages until a signal comes."""
        from actions_core.apps.cli.worker.logs import logging_to_stderr
        from actions_core.apps.cli.worker.watching import WorkspaceWatch
        from actions_core.apps.console.assembly import make_desk
        from actions_core.apps.console.server import Console

        interruption = Interruption(self._stopped.set, self._close, _GRACE, what="requests and deliveries")
        kind = LogKind.TEXT if stderr().is_terminal else LogKind.JSON
        with logging_to_stderr(kind.value), interruption.handle_signals():
            async with contextlib.AsyncExitStack() as stack:
                present = self._load()
                if self._outbox is not None:
                    await stack.enter_async_context(self._outbox)
                if self._server is not None:
                    await stack.enter_async_context(self._server)
                desk = await stack.enter_async_context(
                    make_desk(
                        present,
                        file=self._file,
                        failures=self._failures,
                        outbox=self._outbox,
                        load=self._load,
                    )
                )
                if desk.problems and not as_json:
                    print_problems(desk.problems, file=str(self._file))
                console = Console(
                    desk,
                    host=place.host,
                    port=place.port,
                    names=place.names,
                    token=os.environ.get(_TOKEN) or None,
                    open_to_all=place.open_to_all,
                )
                await stack.enter_async_context(console)
                await stack.enter_async_context(
                    _task(WorkspaceWatch(self._file, self._load, desk.take_up, present).run())
                )
                gc.freeze()
                gc.enable()
                self._announce(console, as_json=as_json)
                await self._stopped.wait()
        return Exit.INTERRUPTED if interruption.number == signal.SIGINT else Exit.OK

    async def _close(self, grace: float) -> None:
        if not grace and self._outbox is not None:
            await self._outbox.engine.close(0.0)

    def _announce(self, console: "Console", *, as_json: bool) -> None:
        events = None if self._server is None else self._server.url
        if as_json:
            # One line, because the output has no end until Ctrl-C.
            sys.stdout.write(json.dumps({"url": console.entrance, "events": events}) + "\n")
            sys.stdout.flush()
            return
        printer = stdout()
        line = Text("console: ", style="bold").append(printable(console.entrance), style="not bold cyan")
        printer.print(line, soft_wrap=True)
        if events is not None:
            printer.print(f"  events: {printable(events)}", soft_wrap=True)
        if self._outbox is None:
            printer.print(
                "  it delivers nothing by itself; --deliver has it deliver the outbox", soft_wrap=True
            )
        printer.file.flush()


@contextlib.asynccontextmanager
async def _task(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a coroutine beside the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
