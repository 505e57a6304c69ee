"""The short way of a plain request: on aiohttp's connections and through its parser, past its session.

For each request a session does what hardly any of ours needs (cookies, proxies, traces, compression, a task
that writes the body), and that takes more than the request itself. What is plain, a body under ordinary
headers, is written here as one piece; the pool of connections, names, TLS, the parser and decompression stay
aiohttp's. All else is the session's.
"""

from __future__ import annotations

import asyncio
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from actions_core.http.requests import Response
from actions_core.http.transport.connections import MAX_HEADER_BYTES, MAX_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.http.requests import Request

    #: What finds a connection to the server, and the whole request as it is written there.
    Written: TypeAlias = tuple[aiohttp.ClientRequest, bytes]

#: A larger body is written part by part, with turns for others in between, by the session.
LARGE: Final = 256 * 1024

_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
#: What says how the body goes over the wire: a request that has it is not plain.
_FRAMING: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
#: How bodies may be compressed, and the windows by which zlib tells (a deflated one comes in two forms).
ENCODINGS: Final = "gzip, deflate"
_WINDOWS: Final = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
#: The client limits the time of a whole try, this transport's or any other's.
NO_LIMITS: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
#: URLs and names may come from users, so there is a limit to how many of each are remembered.
_REMEMBERED: Final = 256
_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL_STATUS: Final = 200


def usual_headers(user_agent: str) -> dict[str, str]:
    """Return the headers of every request that does not have its own."""
    return {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": ENCODINGS}


class _Start(NamedTuple):
    """Return the headers that go before those of a request, and how many lines they are."""

    text: str
    lines: int


class _Origin:
    """A server: what the pool finds or makes a connection by, and the headers that go with every request."""

    def __init__(self, url: URL, user_agent: str, loop: asyncio.AbstractEventLoop) -> None:
        self.initiator = aiohttp.ClientRequest("GET", url, headers=usual_headers(user_agent), loop=loop)
        self._headers = {name: str(text) for name, text in self.initiator.headers.items()}
        #: How a request starts, by its content type and the names of its headers; None when it is not plain.
        self.start = lru_cache(maxsize=_REMEMBERED)(self._new_start)

    def _new_start(self, content_type: str | None, names: tuple[str, ...]) -> _Start | None:
        own = {name.lower() for name in names}
        if own & _FRAMING or not all(name.isprintable() and name.isascii() for name in names):
            return None
        headers = {**self._headers, "Content-Type": content_type or "application/octet-stream"}
        lines = [f"{name}: {text}" for name, text in headers.items() if name.lower() not in own]
        return _Start("\r\n".join(lines), len(lines))


class Direct:
    """Sends what is plain over the connections of a session."""

    def __init__(self, connector: aiohttp.BaseConnector, user_agent: str) -> None:
        self._connector = connector
        self._user_agent = user_agent
        self._loop = asyncio.get_running_loop()
        self._origin = lru_cache(maxsize=_REMEMBERED)(self._new_origin)
        self._outbox: list[tuple[asyncio.Transport, bytes]] = []

    @property
    def is_over(self) -> bool:
        """Whether the loop has ended, and with it every connection: a transport may outlive a loop."""
        return not self._loop.is_running()

    def written(self, request: Request, body: bytes | None, content_type: str | None) -> Written | None:
        """Return the bytes of a request and the key of its connection; None when it is not plain."""
        method, url = request.method, request.url
        if not body or len(body) > LARGE or method not in _METHODS:
            return None
        # Behind the two slashes: a query or fragment in front of the first slash makes no plain origin.
        end = url.find("/", url.find("//") + 2)
        if end < 0:
            return None
        origin = self._origin(url[:end])
        if origin is None:
            return None
        headers = request.headers
        start = origin.start(content_type, tuple(headers))
        if start is None or "#" in url:
            return None
        fields = "\r\n".join([start.text, *map(": ".join, headers.items())])
        head = f"{method} {url[end:]} HTTP/1.1\r\n{fields}\r\nContent-Length: {len(body)}\r\n\r\n"
        # Nothing in it may begin a line of its own: with ours there are three lines around the headers.
        lines = start.lines + len(headers) + 3
        if head.count("\n") != lines or head.count("\r") != lines or "\0" in head:
            return None
        return origin.initiator, head.encode() + body

    def _new_origin(self, text: str) -> _Origin | None:
        try:
            url = URL(text, encoded=True)
            if (
                url.raw_user is not None
                or url.raw_password is not None
                or url.raw_query_string
                or url.raw_fragment
            ):
                return None
            return _Origin(url, self._user_agent, self._loop)
        except ValueError:
            return None  # the session finds the words for what is wrong

    async def exchange(self, written: Written, limit: int) -> Response:
        """Write a request and read its response, the body up to a limit. Raises what a session would."""
        initiator, wire = written
        connection = await self._connector.connect(initiator, [], NO_LIMITS)
        try:
            # The pool gives what is connected; the type checker cannot know.
            protocol = connection.protocol
            assert protocol is not None  # noqa: S101 - see above
            transport = protocol.transport
            assert transport is not None  # noqa: S101 - see above
            protocol.set_response_params(
                read_until_eof=True,
                auto_decompress=False,
                max_line_size=MAX_HEADER_BYTES,
                max_field_size=MAX_HEADER_BYTES,
                max_headers=MAX_HEADERS,
            )
            self._write(transport, wire)
            while True:
                message, content = await protocol.read()
                if message.code >= _FIRST_FINAL_STATUS or message.code == _SWITCHING_PROTOCOLS:
                    break
            headers = message.headers
            body, unreadable = await read_body(headers, content, limit)
        except BaseException as error:  # cancelled, too
            # Half a response is on the connection, which nobody can use after that.
            connection.close()
            if isinstance(error, HttpProcessingError):
                raise aiohttp.ClientPayloadError(f"the response is not HTTP: {error.message}") from None
            if isinstance(error, aiohttp.EofStream):
                raise aiohttp.ServerDisconnectedError from None
            raise
        # One whose response was not read to its end is closed by the pool.
        connection.release()
        return Response(message.code, lower(headers), body, unreadable)

    def _write(self, transport: asyncio.Transport, wire: bytes) -> None:
        """Have a request written when everybody had their turn, together with what others want to write.

        A write in the middle of a turn sends the processor through the kernel's network and back, and all
        that comes after it runs on cold caches: with many requests under way that is a third of their price.
        """
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append((transport, wire))

    def _flush(self) -> None:
        outbox, self._outbox = self._outbox, []
        for transport, wire in outbox:
            # One that broke meanwhile, or was given up, has told its reader so; one that breaks now does.
            if not transport.is_closing():
                try:
                    transport.write(wire)
                except (OSError, RuntimeError):
                    transport.abort()


async def read_body(
    headers: Mapping[str, str], content: aiohttp.StreamReader, limit: int
) -> tuple[bytes, str]:
    """Return the body of a response up to a limit, decoded, and why it cannot be decoded, where it cannot.

    The status has come by then, and says what the server did: a body that cannot be decoded changes nothing
    about that. One that is cut does: the network failed in the middle of the response, of which the handler
    may need every byte, so that is raised, and may be tried again under the same idempotency key.
    """
    raw = await _read_up_to(limit, content)
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if not raw or encoding in {"", "identity"}:
        return raw, ""
    # Not by aiohttp's parser: it forgets status and headers over a body that it cannot decode.
    for window in _WINDOWS.get(encoding, ()):
        decoder = zlib.decompressobj(window)
        try:
            body = decoder.decompress(raw, limit)
        except zlib.error:
            continue
        # What was cut at the limit is meant to be incomplete.
        if decoder.eof or len(body) >= limit or len(raw) >= limit:
            return body, ""
    return b"", f"its body cannot be decoded ({encoding[:40]})"


async def _read_up_to(limit: int, content: aiohttp.StreamReader) -> bytes:
    """Read a body up to a limit, as it comes; what is beyond that is not waited for."""
    parts: list[bytes] = []
    left = limit
    while left > 0 and (part := await content.readany()):
        parts.append(part[:left])
        left -= len(part)
    return b"".join(parts)


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with their names in lower case."""
    return {name.lower(): text for name, text in headers.items()}
