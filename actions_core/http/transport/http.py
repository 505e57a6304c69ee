"""The only door to the network: how a `Request` becomes a `Response`.

What is plain goes the direct way (`direct`), all else by aiohttp's session. Both are made at the first
request, inside the running loop, so an engine can be made anywhere. A body is read up to a limit that also
holds for what decompression makes of it.

Whether an address may be reached is asked for the very address that a socket is about to connect to, so
nothing can change between the question and the connection: not the name, not a redirect.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import socket
from typing import TYPE_CHECKING, Final

import aiohttp

from actions_core.errors import PayloadError, RequestError
from actions_core.http.addresses import is_public, not_allowed
from actions_core.http.errors import TransportError
from actions_core.http.requests import Response
from actions_core.http.transport.connections import MAX_HEADER_BYTES, MAX_HEADERS, Connector
from actions_core.http.transport.direct import LARGE, NO_LIMITS, Direct, lower, read_body, usual_headers
from actions_core.http.transport.redirects import REDIRECTS, Hop, first_hop

if TYPE_CHECKING:
    from aiohttp import AddrInfoType

    from actions_core.http.requests import Request

MAX_BODY_BYTES: Final = 1024 * 1024


def user_agent() -> str:
    """Our own name and version."""
    try:
        return f"actions-core/{importlib.metadata.version('actions-core')}"
    except importlib.metadata.PackageNotFoundError:
        return "actions-core"


def _in_parts(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return a body as aiohttp wants it: a large one in parts, so that others get their turns."""
    return io.BytesIO(body) if body is not None and len(body) > LARGE else body


class AddressNotAllowedError(OSError):
    """A socket was asked for whose address is not public.

    All of them say the same: of several failures with one text aiohttp raises the first, of others a sum.
    """

    def __init__(self) -> None:
        super().__init__("the address is not public")


def public_socket(info: AddrInfoType) -> socket.socket:
    """Make the socket of a connection, unless the address it would go to is not public."""
    family, kind, protocol, _, address = info
    # What is not an address in its plain notation would be looked up once more: it is refused too.
    if not is_public(str(address[0])):
        raise AddressNotAllowedError
    return socket.socket(family=family, type=kind, proto=protocol)


class AiohttpTransport:
    """HTTP/1.1 over TCP with kept connections, TLS certificates verified.

    With `public_only` it connects to no address that is private, local or reserved.
    """

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES, public_only: bool = False) -> None:
        self._max_body_bytes = max_body_bytes
        self._public_only = public_only
        self._session: aiohttp.ClientSession | None = None
        self._direct: Direct | None = None

    async def send(self, request: Request) -> Response:
        """Send one absolute request."""
        direct = self._direct
        if direct is None or direct.is_over:
            await self.close()
            direct = self._direct or self._open()
        body, content_type = request.content()
        limit = request.max_body or self._max_body_bytes
        try:
            written = direct.written(request, body, content_type)
            if written is None:
                response = await self._by_session(first_hop(request, body, content_type), limit)
            else:
                response = await direct.exchange(written, limit)
            if response.status not in REDIRECTS or not request.follow_redirects:
                return response
            return await self._follow(first_hop(request, body, content_type), response, limit)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failure(error) from None

    async def _follow(self, hop: Hop, response: Response, limit: int) -> Response:
        """Go where redirects lead; the response is the last one."""
        while response.status in REDIRECTS:
            onward = hop.redirected(response, public_only=self._public_only)
            if onward is None:
                break
            hop = onward
            response = await self._by_session(hop, limit)
        return response

    async def _by_session(self, hop: Hop, limit: int) -> Response:
        """Send what is not plain, and what is redirected."""
        session = self._session
        if session is None:
            raise TransportError("the transport was closed while a redirect was followed")
        # Awaited as it is: a body that is read to its end gives the connection back by itself.
        response = await session.request(
            hop.method, hop.url, data=_in_parts(hop.body), headers=hop.headers, allow_redirects=False
        )
        try:
            content, unreadable = await read_body(response.headers, response.content, limit)
            if unreadable or not response.content.at_eof():
                response.close()
        except BaseException:  # cancelled, too
            # Half a response is on the connection, which nobody can use after that.
            response.close()
            raise
        return Response(response.status, lower(response.headers), content, unreadable)

    def _open(self) -> Direct:
        # The lanes bound how many requests are under way; a second bound here would only hide that.
        connector = Connector(
            limit=0,
            limit_per_host=0,
            ttl_dns_cache=60,
            socket_factory=public_socket if self._public_only else None,
        )
        agent = user_agent()
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=NO_LIMITS,
            headers=usual_headers(agent),
            auto_decompress=False,
            raise_for_status=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )
        # Left to itself aiohttp sends a GET, PUT or DELETE once more when a kept connection is cut, and
        # says nothing. Whether and when to try again is the client's to decide, and to count.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch; a test watches it
        self._direct = Direct(connector, agent)
        return self._direct

    async def close(self) -> None:
        """Close the kept connections."""
        session, self._session, self._direct = self._session, None, None
        if session is not None:
            await session.close()


def _failure(error: Exception) -> RequestError | PayloadError:
    """Say what went wrong, without the URL itself: a path can be as secret as a key."""
    match error:
        case aiohttp.ClientConnectorError(os_error=AddressNotAllowedError()):
            return not_allowed(error.host)
        case aiohttp.ClientConnectorCertificateError():
            return RequestError(f"the certificate is not accepted: {_reason(error)}")
        case aiohttp.ClientConnectorError() if not isinstance(error, aiohttp.ClientSSLError):
            return TransportError(
                f"no response: cannot connect to {error.host}:{error.port}: {_words(error.os_error)}"
            )
        case aiohttp.InvalidURL():
            return RequestError("invalid URL, here or in a redirect", code="REQUEST_INVALID")
        case aiohttp.ClientError() | OSError():
            return TransportError(f"no response: {_reason(error)}")
        case _:
            # A ValueError: a part of the request cannot be written on the wire.
            return PayloadError(f"the request cannot be sent: {error}")


def _words(error: OSError) -> str:
    """Return the system's words for an error; those of asyncio repeat the address."""
    # The errors of name resolution have numbers below 0, and words of their own.
    number = error.errno or 0
    text = os.strerror(number) if number > 0 else error.strerror or str(error)
    return text[:1].lower() + text[1:300]


def _reason(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        # Its own text has the URL in it, and a status that nobody sent.
        text = f"the response is not HTTP: {error.message}"
    else:
        text = str(error) or type(error).__name__
    # aiohttp puts a status of its own, and lines of drawings, around what its parser says.
    text = " ".join(text.rpartition("message:")[2].split())
    # The URL, and with it perhaps a key, stands in some of aiohttp's messages.
    return text.split("?", 1)[0][:300]
