"""The tester's server: routes, the pages that may use it, and the socket that tells of changes.

It runs what an author's destination does with whatever settings come in, so it answers on this machine only,
and to Segment's own pages: a request of any other page is refused, not merely left unread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote

import attrs
from aiohttp import web

from actions_core.apps.server.hosts import is_local_name
from actions_core.apps.server.listener import Listener
from actions_core.apps.server.responses import error_response, json_response
from actions_core.apps.server.tester import calls
from actions_core.errors import DefinitionError, EventError
from actions_core.http.requests import Response
from actions_core.http.transport import LazyTransport
from actions_core.values.json_wire import read_wire

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import TracebackType

    from actions_core.apps.server.listener import Incoming, Limits
    from actions_core.apps.server.tester.subject import Subject
    from actions_core.destination import Destination
    from actions_core.http.requests import Transport
    from actions_core.values.types import JsonObject

_LOGGER: Final = logging.getLogger("actions_core")
#: The pages of Segment's tester.
ORIGINS: Final = frozenset(
    {
        "https://app.segment.com",
        "https://eu1.app.segment.com",
        "https://app.segment.build",
        "https://eu1.app.segment.build",
        "http://localhost:8000",
    }
)
#: Ports that are tried where any will do.
_PORTS: Final = 20
_METHODS: Final = "GET,HEAD,PUT,PATCH,POST,DELETE"
#: These come before actions, so an action of such a name is not reached.
_FIXED: Final = {
    "authenticate": calls.authenticate,
    "authentication": calls.authenticate_wrapped,
    "refreshaccesstoken": calls.refresh_access_token,
    "delete": calls.delete,
    "createaudience": calls.create_audience,
    "getaudience": calls.get_audience,
}
_NO_ROUTE: Final = error_response(404, "not_found", "the destination has nothing of this name")


class DestinationServer:
    """Serves one destination at `url` while its context is entered, and loads it again when it changes.

    Whoever listens to the WebSocket at the next port is told of each change.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        host: str = "127.0.0.1",
        port: int = 3000,
        limits: Limits | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._subject = subject
        self._host = host
        self._port = port
        self._transport = LazyTransport() if transport is None else transport
        self._listener = Listener(self.respond, host=host, port=port, limits=limits, grace=1.0)
        self._changes = _Changes()
        self._watching: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address at which this listens."""
        return self._listener.url

    async def __aenter__(self) -> Self:
        await self._listen()
        self._watching = asyncio.create_task(self._subject.watch(self._changes.tell))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._changes.close()
        await self._listener.close()
        await self._transport.close()

    async def _listen(self) -> None:
        """Listen at a port and the next one; where any port will do, at one whose next one is free."""
        for left in reversed(range(_PORTS)):
            await self._listener.__aenter__()
            try:
                await self._changes.open(self._host, int(self.url.rpartition(":")[2]) + 1)
            except OSError as error:
                await self._changes.close()
                if self._port or not left:
                    text = "pages are not told of changes, since the next port cannot be used: %s"
                    _LOGGER.warning(text, error.strerror)
                    return
                await self._listener.close()
            else:
                return

    async def respond(self, given: Incoming) -> Response:
        """Respond to a request."""
        origin = given.origin
        if not is_local_name(given.headers.get("Host", "")):
            return error_response(403, "host_not_allowed", "this answers to names of this machine only")
        if origin is not None and origin not in ORIGINS:
            return error_response(403, "origin_not_allowed", "pages of this origin may not use this")
        response = _preflight(given) if given.method == "OPTIONS" else await self._routed(given)
        _LOGGER.info("%s %s: %d", given.method, given.path, response.status)
        if origin is None:
            return response
        headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        return attrs.evolve(response, headers={**response.headers, **headers})

    async def _routed(self, given: Incoming) -> Response:
        steps = [unquote(step) for step in given.path.split("/") if step]
        try:
            destination = self._subject.destination
        except DefinitionError as error:
            return json_response([{"statusCode": 500, "message": str(error), "requestError": True}], 500)
        if len(steps) == 1 and steps[0].lower() == "manifest" and given.method in ("GET", "HEAD"):
            return calls.manifest(destination, self._subject.folder.name)
        if given.method != "POST":
            return _NO_ROUTE
        try:
            body = _body(given)
        except EventError as error:
            return error_response(400, error.code.lower(), str(error))
        work = _route(destination, steps, calls.Call.of(destination, body, self._transport))
        return _NO_ROUTE if work is None else await work


def _route(destination: Destination, steps: list[str], call: calls.Call) -> Awaitable[Response] | None:
    """Return what does the work of a path; None where the destination has no such thing."""
    fixed = _FIXED.get(steps[0].lower()) if len(steps) == 1 else None
    if fixed is not None:
        return fixed(call) if _has(destination, steps[0].lower()) else None
    actions = {key.lower(): key for key in destination.spec.actions}
    action = actions.get(steps[0].lower()) if steps else None
    return None if action is None else _route_of_action(destination, action, steps[1:], call)


def _route_of_action(
    destination: Destination, action: str, steps: list[str], call: calls.Call
) -> Awaitable[Response] | None:
    hooks = destination.spec.actions[action].hooks
    match steps:
        case []:
            return calls.perform(call, action)
        case [field]:
            return calls.list_choices(call, action, field)
        case ["hooks", hook] if hook in hooks:
            return calls.run_hook(call, action, hook)
        case ["hooks", hook, "dynamic", field] if hook in hooks:
            return calls.list_choices(call, action, field, hook)
    return None


def _has(destination: Destination, name: str) -> bool:
    needed = {
        "delete": destination.deletion_handler,
        "createaudience": destination.create_audience_handler,
        "getaudience": destination.get_audience_handler,
    }
    return name not in needed or needed[name] is not None


def _body(given: Incoming) -> JsonObject:
    """Return the body where it says that it is JSON; nothing where it does not."""
    kind = given.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or not given.body:
        return {}
    read = read_wire(given.body)
    if not isinstance(read, dict):
        raise EventError("the body must be a JSON object", code="BAD_BODY")
    return read


def _preflight(given: Incoming) -> Response:
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": given.headers.get("Access-Control-Request-Headers", ""),
    }
    # An https page that reaches this machine: browsers ask for leave, in one way or another.
    if given.headers.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return Response(204, headers)


class _Changes:
    """A WebSocket that tells everyone who listens that a file has changed, and nothing else."""

    def __init__(self) -> None:
        self._runner: web.ServerRunner | None = None
        self._sockets: set[web.WebSocketResponse] = set()

    async def open(self, host: str, port: int) -> None:
        """Listen. Raises `OSError` where that cannot be done."""
        runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.5)
        await runner.setup()
        self._runner = runner
        await web.TCPSite(runner, host, port).start()

    async def tell(self) -> None:
        """Tell everyone of a change."""
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError, RuntimeError):
                await socket.send_str("change")

    async def close(self) -> None:
        """End all connections."""
        for socket in list(self._sockets):
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: Any) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if (origin is not None and origin not in ORIGINS) or not is_local_name(
            request.headers.get("Host", "")
        ):
            return web.Response(status=403)
        socket = web.WebSocketResponse(heartbeat=30)
        if not socket.can_prepare(request):
            return web.Response(status=426)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for _ in socket:
                pass  # nothing is read here
        finally:
            self._sockets.discard(socket)
        return socket
