"""A real HTTP server on this machine, for tests and for sandboxes of APIs.

It serves one function from a `Request` to a `Response`. Real networks also respond late, slowly or not at
all: a `Reply` says how a response gets to the client.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

import attrs
from aiohttp import web

from actions_core.http.requests import Request, Response
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from types import TracebackType

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
#: Seconds that requests in progress get when the server stops.
_GRACE: Final = 0.1


@attrs.frozen
class Reply:
    """A response and how it is sent.

    It is sent after `delay` seconds, with `drip` seconds between the bytes of its body. `cut` breaks the
    connection `before` the response or `within` its body.
    """

    response: Response = attrs.field(factory=lambda: Response(200))
    delay: float = 0.0
    drip: float = 0.0
    cut: Literal["before", "within"] | None = None


Answer: TypeAlias = Response | Reply
Handler: TypeAlias = Callable[[Request], Awaitable[Answer] | Answer]


class LoopbackServer:
    """Serves `handler`, a plain or an asynchronous function, at `url` while its context is entered.

    The handler gets the request as it came: its URL as on the wire, its headers in lower case, a JSON body
    parsed and any other as bytes. `requests` contains the latest `keep` of them.
    """

    def __init__(
        self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0, keep: int = 10_000
    ) -> None:
        self._handler = handler
        self._host = host
        self._port = port
        self._runner: web.ServerRunner | None = None
        self.requests: deque[Request] = deque(maxlen=keep)
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen, on a free port unless one was given."""
        server = web.Server(
            self._serve, request_factory=_LargeRequest, handler_cancellation=True, access_log=None
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_GRACE)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._stop()
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, and break connections in progress."""
        await self._stop()

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, received: web.BaseRequest) -> web.StreamResponse:
        request = await self._read(received)
        self.requests.append(request)
        served = self._handler(request)
        answer = served if isinstance(served, Response | Reply) else await served
        reply = Reply(answer) if isinstance(answer, Response) else answer
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.cut == "before":
            return _break(received)
        if reply.drip or reply.cut:
            return await _trickle(received, reply)
        response = reply.response
        return web.Response(status=response.status, headers=response.headers, body=response.body)

    async def _read(self, received: web.BaseRequest) -> Request:
        body = await received.read()
        parsed: Json = MISSING
        if received.content_type == "application/json":
            parsed = _parsed(body)
        return Request(
            received.method,
            f"{self.url}{received.raw_path}",
            headers={name.lower(): value for name, value in received.headers.items()},
            json=parsed,
            body=body if parsed is MISSING else None,
        )


class _LargeRequest(web.BaseRequest):
    """A request whose body may be longer than aiohttp allows by default."""

    def __init__(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> None:
        super().__init__(
            message,
            payload,
            protocol,
            writer,
            task,
            asyncio.get_running_loop(),
            client_max_size=MAX_BODY_BYTES,
        )


def _parsed(body: bytes) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return MISSING


def _break(received: web.BaseRequest) -> web.StreamResponse:
    if received.transport is not None:
        received.transport.abort()
    return web.Response(status=500)  # never sent, but a handler has to return something


async def _trickle(received: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    body = reply.response.body
    stream = web.StreamResponse(status=reply.response.status, headers=reply.response.headers)
    # A cut body has to be shorter than announced, or the client would not miss the rest.
    stream.content_length = max(len(body), 1) if reply.cut else len(body)
    await stream.prepare(received)
    for at in range(len(body) // 2 if reply.cut else len(body)):
        await stream.write(body[at : at + 1])
        if reply.drip:
            await asyncio.sleep(reply.drip)
    return _break(received) if reply.cut else stream
