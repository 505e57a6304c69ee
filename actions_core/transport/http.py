"""The only door to the network: how a `Request` becomes a `Response`.

The aiohttp session is made at the first request, inside the running loop, so an engine can be made
anywhere. A body is read up to a limit that also holds for what decompression makes of it.

Whether an address may be reached is asked for the very address that a socket is about to connect to, so
nothing can change between the question and the connection: not the name, not a redirect.
"""

from __future__ import annotations

import importlib.metadata
import io
import socket
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from actions_core.addresses import is_public, refuse
from actions_core.errors import PayloadError, RequestError, TransportError
from actions_core.requests import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import AddrInfoType

    from actions_core.requests import Request

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_REDIRECTS: Final = 5
_LARGE: Final = 256 * 1024


def user_agent() -> str:
    """Our own name and version."""
    try:
        return f"actions-core/{importlib.metadata.version('actions-core')}"
    except importlib.metadata.PackageNotFoundError:
        return "actions-core"


def _in_parts(body: bytes | None) -> bytes | io.BytesIO | None:
    """A body as aiohttp wants it: a large one is written part by part, with turns for others in between."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE else body


@lru_cache(maxsize=256)
def _is_typed(names: tuple[str, ...]) -> bool:
    """Whether headers of these names say what the body is: remembered, since names hardly change."""
    return "content-type" in map(str.lower, names)


def _described(headers: Mapping[str, str], content_type: str | None) -> Mapping[str, str]:
    """The headers with the content type of the body, where they do not have one."""
    if content_type is None or _is_typed(tuple(headers)):
        return headers
    return {**headers, "content-type": content_type}


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items()}


class AddressNotAllowedError(OSError):
    """A socket was asked for whose address is not public.

    All of them say the same: of several failures with one text aiohttp raises the first, of others a sum.
    """

    def __init__(self) -> None:
        super().__init__("the address is not public")


def public_socket(info: AddrInfoType) -> socket.socket:
    """The socket for a connection, unless the address it would go to is not public."""
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

    async def send(self, request: Request) -> Response:
        """Send one absolute request."""
        session = self._session or self._open()
        body, content_type = request.content()
        headers = _described(request.headers, content_type)
        try:
            # encoded: yarl would otherwise decode what a handler encoded on purpose, such as %2F in an id.
            # Awaited as it is: a body that is read to its end gives the connection back by itself.
            answer = await session.request(
                request.method,
                URL(request.url, encoded=True),
                data=_in_parts(body),
                headers=headers,
                allow_redirects=request.follow_redirects,
                max_redirects=MAX_REDIRECTS,
            )
            content = await self._read(answer, request.max_body or self._max_body_bytes)
            return Response(answer.status, _lower(answer.headers), content)
        except aiohttp.TooManyRedirects:
            raise RequestError(f"more than {MAX_REDIRECTS} redirects", code="REQUEST_INVALID") from None
        except aiohttp.NonHttpUrlRedirectClientError:
            raise RequestError("a redirect leads away from HTTP", code="REQUEST_INVALID") from None
        except aiohttp.InvalidURL:
            # Without the URL itself: a path can be as secret as a key.
            raise RequestError("the URL, or that of a redirect, is none", code="REQUEST_INVALID") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise RequestError(f"the certificate is not accepted: {_reason(error)}") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, AddressNotAllowedError):
                refuse(error.host)
            raise TransportError(f"no answer: {_reason(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"no answer: {_reason(error)}") from None
        except ValueError as error:
            # aiohttp says so when a part of the request cannot be written on the wire.
            raise PayloadError(f"the request cannot be sent: {error}") from None

    async def _read(self, answer: aiohttp.ClientResponse, limit: int) -> bytes:
        try:
            length = answer.content_length
            if length is not None and length <= limit and "content-encoding" not in answer.headers:
                return await answer.read()
            return await _read_up_to(limit, answer)
        except BaseException:
            # Half an answer is on the connection, which nobody can use after that.
            answer.close()
            raise

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            # The lanes bound how many requests are under way; a second bound here would only hide that.
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=0,
                ttl_dns_cache=60,
                socket_factory=public_socket if self._public_only else None,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # The client limits the time of a whole try, this transport's or any other's.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            headers={"user-agent": user_agent()},
            raise_for_status=False,
        )
        # Left to itself aiohttp sends a GET, PUT or DELETE once more when a kept connection is cut, and
        # says nothing. Whether and when to try again is the client's to decide, and to count.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch; a test watches it
        return self._session

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _read_up_to(limit: int, answer: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    left = limit
    async for part in answer.content.iter_any():
        parts.append(part[:left])
        left -= len(part)
        if left <= 0:
            # The rest is not wanted, and reading it is what a decompression bomb hopes for.
            answer.close()
            break
    return b"".join(parts)


def _reason(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    # The URL, and with it perhaps a key, stands in some of aiohttp's messages.
    return text.split("?", 1)[0][:300]
