"""The pool of connections: aiohttp's, but one on which something lies is not used.

A server that says more than it was asked would otherwise answer the next request before it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp

if TYPE_CHECKING:
    from aiohttp import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

#: Headers of responses may have this much in one line, as those of browsers and proxies.
MAX_HEADER_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 1000


class Connector(aiohttp.TCPConnector):
    """A pool whose idle connections are looked at before they are used."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - the pool's own signature
    ) -> Connection:
        """Return a connection on which nothing was received since its last response."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            # Unread bytes, or a fault: each of these is closed, so that a new one is made in the end.
            connection.close()
