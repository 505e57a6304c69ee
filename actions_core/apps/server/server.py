"""`actions serve`: events in over HTTP, on disk, and out to their destinations; health and numbers beside it.

Ending takes the socket away first, lets requests in progress end, and then closes the outbox: what is in
flight has its time, all else stays on disk.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Self

import attrs

from actions_core.apps.server import metrics
from actions_core.apps.server.hosts import is_local_name
from actions_core.apps.server.intake import Intake
from actions_core.apps.server.listener import Listener
from actions_core.apps.server.responses import error_response, json_response, text_response
from actions_core.http.requests import Response

if TYPE_CHECKING:
    from types import TracebackType

    from actions_core.apps.server.listener import Incoming, Limits
    from actions_core.apps.server.sources import Sources
    from actions_core.delivery.outbox import Outbox

#: Seconds for which a look at the backlog holds: it goes through all that waits.
_LOOK: Final = 5.0


class EventServer:
    """Takes events into an outbox over HTTP while its context is entered. The outbox is the caller's.

    Without sources it answers to names of this machine only, so that no page of a foreign name, made to lead
    here, can talk to it.
    """

    def __init__(
        self,
        outbox: Outbox,
        sources: Sources,
        *,
        host: str,
        port: int,
        limits: Limits | None = None,
        numbers: metrics.Metrics | None = None,
        grace: float = 10.0,
    ) -> None:
        self.intake = Intake(outbox, sources, numbers)
        self._outbox = outbox
        self._sources = sources
        self._numbers = numbers
        self._listener = Listener(self.respond, host=host, port=port, limits=limits, grace=grace)
        self._draining = False
        self._looked = -_LOOK
        self._looking = asyncio.Lock()
        self._get = {"/healthz": self._health, "/readyz": self._readiness, "/metrics": self._metrics}

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain()

    @property
    def url(self) -> str:
        """The address at which this listens."""
        return self._listener.url

    async def drain(self) -> None:
        """Take nothing new, and let requests in progress end."""
        self._draining = True
        await self._listener.close()
        self.intake.close()

    async def respond(self, given: Incoming) -> Response:
        """Respond to a request."""
        if self._sources.is_open and not is_local_name(given.headers.get("Host", "")):
            message = "this server has no sources, and answers to names of this machine only"
            return error_response(403, "host_not_allowed", message)
        response = await self.intake.respond(given)
        if response is not None:
            return response
        answer = self._get.get(given.path)
        if answer is None:
            message = "events are sent to /v1/batch, or to /v1/track and the other types"
            return error_response(404, "not_found", message)
        if given.method not in ("GET", "HEAD"):
            return error_response(
                405, "method_not_allowed", "this is only read", headers={"Allow": "GET, HEAD"}
            )
        response = await answer()
        return attrs.evolve(response, body=b"") if given.method == "HEAD" else response

    async def _health(self) -> Response:
        """Respond while the event loop runs."""
        return json_response({"status": "ok"})

    async def _readiness(self) -> Response:
        """Say whether events are accepted."""
        if self._draining:
            return json_response({"status": "unavailable", "reason": "it is shutting down"}, 503)
        if self.intake.trouble:
            return json_response({"status": "unavailable", "reason": "events cannot be stored now"}, 503)
        return json_response({"status": "ok"})

    async def _metrics(self) -> Response:
        if self._numbers is None:
            return text_response(metrics.NOT_INSTALLED, 501)
        async with self._looking:
            if time.monotonic() - self._looked >= _LOOK:
                backlogs = await self._outbox.backlog()
                letters = await self._outbox.dead_letters.count()
                self._numbers.note_backlog(backlogs, letters, time.time())
                self._looked = time.monotonic()
        rendered = await asyncio.to_thread(self._numbers.render)
        return Response(200, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}, rendered)
