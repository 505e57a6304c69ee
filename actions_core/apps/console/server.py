"""The console's server: its own socket, in the event loop of whoever starts it, and no signals of its own.

The framework keeps its pages and its state for the whole process, so there is one console in a process at a
time.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

import attrs
import uvicorn
from fastapi import FastAPI
from nicegui import Client, ui
from nicegui import app as framework

from actions_core.apps.console import pages
from actions_core.apps.console.guard import TOKEN, Door, Guard
from actions_core.apps.console.pages.not_found import make_failure, make_root
from actions_core.apps.server.hosts import is_loopback
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from actions_core.apps.console.desk import Desk

#: Connections that wait in the kernel.
_QUEUE: Final = 128
_STATIC: Final = f"/_nicegui/console/{version('actions-core')}"
#: The files of this package, for every page. Nothing here comes from a workspace.
_HEAD: Final = (
    f'<link rel="stylesheet" href="{_STATIC}/console.css">'
    f'<link rel="stylesheet" href="{_STATIC}/mapping.css">'
    f'<link rel="stylesheet" href="{_STATIC}/deliveries.css">'
    f'<script defer src="{_STATIC}/console.js"></script>'
    '<meta name="robots" content="noindex">'
)


class Console:
    """Serves the pages of a desk over HTTP while its context is entered.

    Without a `token` a new one is made; `open_to_all` is for those who let something else keep others out.
    `names` are names, beside numeric addresses, by which browsers know this machine.
    """

    _present: ClassVar[Console | None] = None

    def __init__(
        self,
        desk: Desk,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Iterable[str] = (),
        token: str | None = None,
        open_to_all: bool = False,
    ) -> None:
        self.desk = desk
        self._host = host
        self._port = port
        self._names = frozenset(name.lower() for name in names)
        self._token = token
        self._open = open_to_all
        self._stack = contextlib.AsyncExitStack()
        self.door: Door | None = None

    async def __aenter__(self) -> Self:
        if Console._present is not None:
            raise ActionsError("there is a console in this process already, and there can be only one")
        Console._present = self
        try:
            await self._start()
        except BaseException:  # whatever it is, nothing keeps running
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    @property
    def url(self) -> str:
        """The address of the first page, without the token."""
        host = "127.0.0.1" if _is_any(self._host) else self._host
        return f"http://[{host}]:{self._port}/" if ":" in host else f"http://{host}:{self._port}/"

    @property
    def entrance(self) -> str:
        """The address that lets a browser in: it contains the token."""
        token = None if self.door is None else self.door.token
        return self.url if token is None else f"{self.url}?{TOKEN}={token}"

    async def _start(self) -> None:
        listening = self._stack.enter_context(_listen(self._host, self._port))
        self._port = listening.getsockname()[1]
        door = Door(self._port, is_loopback(self._host), self._names | {self._host.lower()})
        if self._open:
            door = attrs.evolve(door, token=None)
        elif self._token is not None:
            door = attrs.evolve(door, token=self._token)
        self.door = door
        outer = _assemble(self.desk)
        server = _Server(
            uvicorn.Config(
                Guard(outer, door),
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws_max_size=4 * 1024 * 1024,
                timeout_graceful_shutdown=1,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listening]))
        self._stack.push_async_callback(server.end, task)
        await server.until_started(task)

    async def _stop(self) -> None:
        try:
            await self._stack.aclose()
        finally:
            Console._present = None


class _Server(uvicorn.Server):
    """A server that leaves signals, and the end of the process, to whoever runs the event loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready.set()

    async def until_started(self, task: asyncio.Task[None]) -> None:
        """Wait until connections are taken; raise what kept the server from starting."""
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            task.result()
            raise ActionsError("the console could not be started: the log says why")

    async def end(self, task: asyncio.Task[None]) -> None:
        """End connections, and wait until all is closed."""
        self.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


def _assemble(desk: Desk) -> FastAPI:
    """Make the application of the pages."""
    # What a former console has left: the framework means to be started once in a process.
    framework.middleware_stack = None
    framework.user_middleware.clear()
    pages.register(desk)
    framework.on_page_exception(make_failure(desk))
    outer = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    framework.remove_route(_STATIC + "/{path:path}")
    framework.add_static_files(_STATIC, Path(__file__).with_name("static"))
    framework.colors(primary="#2f5bd7", positive="#1b6e3c", negative="#b3261e", warning="#865200")
    if _HEAD not in Client.shared_head_html:
        ui.add_head_html(_HEAD, shared=True)
    ui.run_with(
        outer,
        root=make_root(desk),
        title="Console",
        favicon=Path(__file__).with_name("static") / "icon.svg",
        dark=None,
        language="en-US",
        binding_refresh_interval=None,
        gzip_middleware_factory=None,
        reconnect_timeout=30.0,
        show_welcome_message=False,
    )
    return outer


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Listen, and close the socket at the end. Raises `OSError` where that is not possible."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with contextlib.closing(socket.create_server(address[:2], family=family, backlog=_QUEUE)) as listening:
        listening.setblocking(False)  # noqa: FBT003 - the method's only parameter
        yield listening


def _is_any(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return False
