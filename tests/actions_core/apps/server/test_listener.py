"""The bounds of the server: sizes, connections and times."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from actions_core.apps.server.hosts import is_loopback
from actions_core.apps.server.listener import _WRITTEN, Limits, Listener
from actions_core.apps.server.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.apps.server.listener import Incoming
    from actions_core.http.requests import Response

#: Long enough for anything that a busy machine does meanwhile.
_LONG = 60.0


def listen(check: Callable[[Listener], Awaitable[Any]], respond: Any = None, **limits: Any) -> Any:
    """Run a check against a listener that says how large each body was."""

    async def size(given: Incoming) -> Response:
        return json_response(len(given.body))

    async def main() -> Any:
        given = {"header_time": _LONG, "body_time": _LONG, **limits}
        async with Listener(respond or size, host="127.0.0.1", port=0, limits=Limits(**given)) as listener:
            async with asyncio.timeout(_LONG):
                return await check(listener)

    return asyncio.run(main())


async def connect(listener: Listener) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection."""
    return await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))


async def exchange(listener: Listener, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request on a connection of its own, and return status and body."""
    reader, writer = await connect(listener)
    length = "" if "chunked" in head else f"Content-Length: {len(body)}\r\n"
    writer.write(f"{head}\r\nHost: x\r\n{length}Connection: close\r\n\r\n".encode() + body)
    received = await reader.read()
    writer.close()
    first, _, rest = received.partition(b"\r\n\r\n")
    return int(first.split()[1]), rest


def test_bodies_are_bounded() -> None:
    """A body up to the limit is read; a larger one is a 400, however it comes."""

    async def check(listener: Listener) -> None:
        assert await exchange(listener, "POST / HTTP/1.1", b"x" * 1000) == (200, b"1000")
        status, body = await exchange(listener, "POST / HTTP/1.1", b"x" * 1001)
        assert (status, json.loads(body)["code"]) == (400, "too_large")
        chunked = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
        status, body = await exchange(listener, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked", chunked)
        assert (status, json.loads(body)["code"]) == (400, "too_large")

    listen(check, body=1000)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)], ids=["gzip", "deflate"]
)
def test_bodies_are_bounded_after_unpacking(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """Ten megabytes in ten kilobytes are refused, without being held."""

    async def check(listener: Listener) -> None:
        head = f"POST / HTTP/1.1\r\nContent-Encoding: {encoding}"
        status, body = await exchange(listener, head, pack(b"\0" * 10_000_000))
        assert (status, json.loads(body)["code"]) == (400, "too_large")
        assert await exchange(listener, head, pack(b"\0" * 100_000)) == (200, b"100000")

    listen(check, body=100_000)


def test_all_bodies_together_are_bounded() -> None:
    """What is in progress takes no more memory than allowed: the next one is a 503 that can be sent again."""
    gate = asyncio.Event()

    async def wait(given: Incoming) -> Response:
        if given.path == "/wait":
            await gate.wait()
        return json_response(len(given.body))

    async def check(listener: Listener) -> None:
        first = asyncio.ensure_future(exchange(listener, "POST /wait HTTP/1.1", b"x" * 900))
        while not listener.held:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        status, body = await exchange(listener, "POST / HTTP/1.1", b"x" * 900)
        assert (status, json.loads(body)["code"]) == (503, "busy")
        gate.set()
        assert await first == (200, b"900")
        assert await exchange(listener, "POST / HTTP/1.1", b"x" * 900) == (200, b"900")
        assert listener.held == 0

    listen(check, wait, held=1000)


def test_connections_are_bounded() -> None:
    """One connection too many is told to come again, and the others go on."""

    async def check(listener: Listener) -> None:
        kept = [await connect(listener) for _ in range(3)]
        for _, writer in kept:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for reader, _ in kept:
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        status, _ = await exchange(listener, "GET / HTTP/1.1")
        assert status == 503
        kept.pop()[1].close()
        while (await exchange(listener, "GET / HTTP/1.1"))[0] == 503:  # noqa: ASYNC110 - until its end has arrived
            await asyncio.sleep(0.01)
        for _, writer in kept:
            writer.close()

    listen(check, connections=3)


def test_headers_have_their_time() -> None:
    """A connection on which no request comes, or only a part of one, is closed."""

    async def check(listener: Listener) -> None:
        silent, slow = await connect(listener), await connect(listener)
        slow[1].write(b"POST / HTTP/1.1\r\nX-Slow: ")
        for reader, writer in (silent, slow):
            assert await reader.read() == b""
            writer.close()

    listen(check, header_time=0.1)


def test_bodies_have_their_time() -> None:
    """A body that does not come is a 408, and its connection is closed."""

    async def check(listener: Listener) -> None:
        reader, writer = await connect(listener)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        received = await reader.read()
        assert received.startswith(b"HTTP/1.1 408")
        writer.close()

    listen(check, body_time=0.1, linger=0.1)


def test_a_request_in_time_keeps_its_connection() -> None:
    """The time for headers ends with the first request: what takes longer after it is not cut off."""

    async def slow(given: Incoming) -> Response:
        await asyncio.sleep(0.3)
        return json_response("late")

    async def check(listener: Listener) -> None:
        assert await exchange(listener, "POST / HTTP/1.1", b"x") == (200, b'"late"')

    listen(check, slow, header_time=0.2)


def test_what_is_not_http() -> None:
    """Noise is a 400, and an error of ours a 500 without its words."""

    async def fail(given: Incoming) -> Response:
        raise ValueError("a secret of ours")

    async def check(listener: Listener) -> None:
        reader, writer = await connect(listener)
        writer.write(b"\x16\x03\x01\x02\x00\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 400")
        writer.close()
        status, body = await exchange(listener, "POST / HTTP/1.1", b"x")
        assert (status, json.loads(body)["code"]) == (500, "internal_error")
        assert b"secret" not in body

    listen(check, fail)


def test_closing_lets_requests_in_progress_end() -> None:
    """From the first moment nobody can connect; who waits for a response gets it."""
    entered, gate = asyncio.Event(), asyncio.Event()

    async def wait(given: Incoming) -> Response:
        entered.set()
        await gate.wait()
        return json_response("done")

    async def check(listener: Listener) -> None:
        idle = await connect(listener)
        pending = asyncio.ensure_future(exchange(listener, "POST / HTTP/1.1", b"x"))
        await entered.wait()
        closing = asyncio.ensure_future(listener.close())
        assert await idle[0].read() == b""
        with pytest.raises(ConnectionError):
            await connect(listener)
        gate.set()
        assert await pending == (200, b'"done"')
        await closing
        idle[1].close()

    listen(check, wait)


@pytest.mark.parametrize(("unread", "aborted"), [(0, False), (64 * 1024, False), (64 * 1024 + 1, True)])
def test_responses_that_nobody_reads(unread: int, *, aborted: bool) -> None:
    """A client that sends and sends, and reads no response, is cut off before they fill the memory."""
    transport = Mock()
    transport.get_write_buffer_size.return_value = unread
    asyncio.run(_WRITTEN.prepare(Mock(transport=transport)))
    assert transport.write.called
    assert transport.abort.called is aborted


HOSTS = {
    "127.0.0.1": True,
    "127.9.9.9": True,
    "::1": True,
    "localhost": True,
    "0.0.0.0": False,  # noqa: S104 - a value of a table
    "::": False,
    "192.0.2.1": False,
    "no.such.name.invalid": False,
    "": False,
}


@pytest.mark.parametrize("host", HOSTS)
def test_loopback(host: str) -> None:
    """A host is loopback where everything that it stands for is."""
    assert is_loopback(host) is HOSTS[host]
