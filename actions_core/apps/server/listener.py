"""The HTTP side of a server: connections, bodies and times, all of them bounded.

It knows no protocol. A function is given each request, read whole and unpacked, and returns the response.
Whoever sends slowly, too much, or from too many connections takes nothing from the others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import attrs
from aiohttp import HttpVersion11, web
from aiohttp.http import HttpProcessingError

from actions_core.apps.server.responses import SUCCESS, error_response
from actions_core.http.requests import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

_LOGGER: Final = logging.getLogger("actions_core")
#: A proxy closes its idle connections first, usually after 60 s: else it would send into a closed one.
_IDLE: Final = 75.0
#: Bytes of responses that a client may leave unread.
_MOST_UNREAD: Final = 64 * 1024
#: Connections that wait in the kernel.
_QUEUE: Final = 1024
_BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


@attrs.frozen
class Limits:
    """The bounds of a server. Sizes are bytes after unpacking, times are seconds.

    `body` bounds each body, `held` all bodies together that are in memory; `header_time` is for the first
    request line and its headers, `body_time` for a body. What a client still sends after a refusal is thrown
    away for `linger`, so that it gets to see the response.
    """

    body: int = 1024 * 1024
    held: int = 64 * 1024 * 1024
    connections: int = 1000
    header_time: float = 10.0
    body_time: float = 30.0
    linger: float = 2.0


@attrs.frozen(slots=False)  # set at half the price
class Incoming:
    """A request as it came in. `path` is without the query; names of `headers` have any case."""

    method: str
    path: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    peer: str = ""

    @property
    def origin(self) -> str | None:
        """The origin of the web page that sends this; None where it is none."""
        return self.headers.get("Origin")


Respond: TypeAlias = "Callable[[Incoming], Awaitable[Response]]"


class Listener:
    """Serves `respond` at `url` while its context is entered.

    Leaving it closes the socket at once, and gives requests in progress `grace` seconds. `held` are the bytes
    of bodies that are in memory.
    """

    def __init__(
        self, respond: Respond, *, host: str, port: int, limits: Limits | None = None, grace: float = 10.0
    ) -> None:
        self._respond = respond
        self._host = host
        self._port = port
        self._grace = grace
        self.limits = Limits() if limits is None else limits
        self._runner: web.ServerRunner | None = None
        self.held = 0
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen, on a free port where the port is 0. Raises `OSError` where that cannot be done."""
        server = _BoundedServer(
            self._serve,
            self.limits,
            access_log=None,
            keepalive_timeout=_IDLE,
            lingering_time=self.limits.linger,
        )
        runner = self._runner = web.ServerRunner(server, shutdown_timeout=self._grace)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=_QUEUE).start()
        except BaseException:  # whatever it is, nothing may keep listening
            await self.close()
            raise
        host, port = runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening, and let requests in progress end."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        protocol: Any = request.protocol  # one of ours
        if protocol.waiting_for_headers is not None:
            protocol.note_request()
        taken = [0]
        try:
            body = await self._read(request, taken)
            if isinstance(body, Response):
                response = body
            else:
                path = request.raw_path.partition("?")[0]
                response = await self._respond(
                    Incoming(request.method, path, request.headers, body, request.remote or "")
                )
        except Exception:  # one request's failure is not the others'
            _LOGGER.exception("%s %s failed in a way that is not foreseen", request.method, request.raw_path)
            response = error_response(500, "internal_error", "this failed in a way that is not foreseen")
        finally:
            self.held -= taken[0]
        if response is SUCCESS and self._is_plain(request):
            return _WRITTEN
        made = web.Response(body=response.body, status=response.status, headers=response.headers)
        if not request.content.is_eof() or self._runner is None:
            made.force_close()
        return made

    def _is_plain(self, request: web.BaseRequest) -> bool:
        """Return whether the connection goes on after a request, without a word about it in the response."""
        return request.keep_alive and request.version == HttpVersion11 and self._runner is not None

    async def _read(self, request: web.BaseRequest, taken: list[int]) -> bytes | Response:
        """Read the body, and note what it takes; a response where it is refused."""
        content = request.content
        try:
            if content.is_eof():
                parts = [content.read_nowait()]
                return self._take(len(parts[0]), taken) or parts[0]
            parts = []
            async with asyncio.timeout(self.limits.body_time):
                while chunk := await content.readany():
                    parts.append(chunk)
                    refusal = self._take(len(chunk), taken)
                    if refusal is not None:
                        return refusal
        except TimeoutError:
            message = f"the body was not complete within {self.limits.body_time:g} s"
            return error_response(408, "too_slow", message)
        except web.RequestPayloadError:
            return error_response(400, "bad_body", "the body cannot be unpacked: see its Content-Encoding")
        return b"".join(parts)

    def _take(self, size: int, taken: list[int]) -> Response | None:
        """Note so many bytes more; return a response where that is too much."""
        taken[0] += size
        self.held += size
        if taken[0] > self.limits.body:
            # Not 413: clients take both for final, and Segment says 400.
            message = f"the body is larger than {self.limits.body:,} bytes"
            return error_response(400, "too_large", message)
        if self.held > self.limits.held:
            return error_response(503, "busy", "too much is in progress", retry_after=1)
        return None


class _Written(web.StreamResponse):
    """The response to an accepted event, written in one piece: nearly all responses are this one.

    It has no state of its own, so that one object serves all requests.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second = 0
        self._content = b""

    @property
    def keep_alive(self) -> bool:
        """True: it is only used where the connection stays."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything."""
        second = int(time.time())
        if second != self._second:
            head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(second, usegmt=True)}\r\n"
            lines = [f"{name}: {value}\r\n" for name, value in SUCCESS.headers.items()]
            lines.append(f"Content-Length: {len(SUCCESS.body)}\r\n\r\n")
            self._content = (head + "".join(lines)).encode() + SUCCESS.body
            self._second = second
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.write(self._content)
        if transport.get_write_buffer_size() > _MOST_UNREAD:
            transport.abort()  # a client that sends and sends, and reads no response

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: everything is written."""


_WRITTEN: Final = _Written()


class _BoundedServer(web.Server):
    """Makes the handlers of connections, as many as there may be."""

    def __init__(self, handler: Any, limits: Limits, **options: Any) -> None:
        super().__init__(handler, **options)
        self.limits = limits
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _BoundedHandler(self, loop=self._loop, **self._options)

    @property
    def is_full(self) -> bool:
        """True while there are as many connections as there may be."""
        return len(self._connections) >= self.limits.connections


class _BoundedHandler(web.RequestHandler):
    """A connection that is refused where there are too many, and closed where no request comes."""

    __slots__ = ("_bounds", "waiting_for_headers")

    def __init__(self, server: _BoundedServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._bounds = server
        self.waiting_for_headers: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._bounds.is_full:
            assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - sockets are; the type checker cannot know
            transport.write(_BUSY)
            transport.close()
            # As after the end of a connection: what still comes is thrown away.
            self._manager = None
            self._force_close = True
            return
        super().connection_made(transport)
        time = self._bounds.limits.header_time
        self.waiting_for_headers = self._loop.call_later(time, self.force_close)

    def note_request(self) -> None:
        """Note that the headers of a request are complete."""
        if self.waiting_for_headers is not None:
            self.waiting_for_headers.cancel()
            self.waiting_for_headers = None

    def connection_lost(self, exc: BaseException | None) -> None:
        self.note_request()
        super().connection_lost(exc)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Log an error, unless it is that of a client which does not speak HTTP: there is always one."""
        if not isinstance(options.get("exc_info"), HttpProcessingError):
            super().log_exception(*args, **options)
