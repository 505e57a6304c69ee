"""What is read of a response: its encodings, its limit, and what comes in place of one."""

from __future__ import annotations

import asyncio
import gzip
import random
import zlib
from typing import TYPE_CHECKING, Final

import pytest

from actions_core.http.errors import TransportError
from actions_core.http.requests import Request, Response
from actions_core.http.transport.http import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scenario = Callable[[AiohttpTransport, str], Awaitable[None]]

TEXT: Final = b'{"status":"ok"}' * 20
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDLESS: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def run(scenario: Scenario, *parts: bytes) -> None:
    """Run a scenario with a server that answers each request with the same parts, one after the other."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                for number, part in enumerate(parts):
                    if number:  # so that parts come one by one
                        await asyncio.sleep(0.01)
                    writer.write(part)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport = AiohttpTransport()
        try:
            async with asyncio.timeout(10):
                await scenario(transport, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        finally:
            await transport.close()
            listening.close()
            await listening.wait_closed()

    asyncio.run(main())


def received(request: Request, *parts: bytes) -> Response:
    """Return what a request gets from a server that answers with these parts."""
    responses: list[Response] = []

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        responses.append(await transport.send(request.with_base(url)))

    run(scenario, *parts)
    return responses[0]


def encoded(encoding: str, body: bytes) -> bytes:
    """Return a whole response with a body that is said to have an encoding."""
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        encoding.encode(),
        len(body),
        body,
    )


def raw_deflate(body: bytes) -> bytes:
    """Compress without the header and the checksum of zlib, as some servers do."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        (" GZip ", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
        ("", TEXT),
    ],
)
def test_a_body_is_decoded_by_the_encoding_that_it_names(
    encoding: str, body: bytes, question: Request
) -> None:
    """Gzip under both of its names, deflate in both of its forms, and what is not encoded as it is."""
    response = received(question, encoded(encoding, body))
    assert (response.body, response.unreadable) == (TEXT, "")


@pytest.mark.parametrize(
    ("encoding", "body", "named"),
    [
        ("gzip", zlib.compress(TEXT), "gzip"),
        ("gzip", raw_deflate(TEXT), "gzip"),
        ("x-gzip", zlib.compress(TEXT), "x-gzip"),
        ("deflate", gzip.compress(TEXT, mtime=0), "deflate"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-1], "gzip"),
        ("br", TEXT, "br"),
        ("y" * 60, TEXT, "y" * 40),
    ],
)
def test_a_body_in_another_encoding_than_it_names_is_not_decoded(
    encoding: str, body: bytes, named: str, question: Request
) -> None:
    """Nor one that ends too early, or in an encoding that nobody asked for; the response names it."""
    response = received(question, encoded(encoding, body))
    assert response.body == b""
    assert response.unreadable == f"its body cannot be decoded ({named})"


@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request"])
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
def test_a_body_that_cannot_be_decoded_leaves_the_status(
    status: bytes, framing: bytes, question: Request
) -> None:
    """The server has said what it did: the response is that, and the next request gets its own."""

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        for _ in range(2):
            response = await transport.send(question.with_base(url))
            assert (response.status, response.body) == (int(status[:3]), b"")
            assert "cannot be decoded (gzip)" in response.unreadable

    run(scenario, b"HTTP/1.1 " + status + b"\r\nContent-Encoding: gzip\r\n" + framing)


def test_an_encoded_body_that_is_cut_at_the_limit_is_decoded_up_to_there(question: Request) -> None:
    """Where compression gains nothing, the limit cuts what was sent: that much of the body can be read."""
    noise = random.Random(1).randbytes(5000)
    response = received(question.evolve(max_body=2000), encoded("gzip", gzip.compress(noise, mtime=0)))
    assert 1000 < len(response.body) < 2000
    assert noise.startswith(response.body)
    assert response.unreadable == ""


def test_what_is_beyond_the_limit_is_not_waited_for(question: Request) -> None:
    """A body is complete at its limit, though the server is slow with the rest or never sends it."""
    assert received(question.evolve(max_body=4), ENDLESS + b"ab", b"cd").body == b"abcd"
    assert received(question.evolve(max_body=4), ENDLESS + b"ab", b"cdef").body == b"abcd"


@pytest.mark.parametrize("parts", [(b"abc", b"d"), (b"a", b"bcd"), (b"a", b"b", b"c", b"d")])
def test_a_body_up_to_the_limit_is_whole(parts: tuple[bytes, ...], question: Request) -> None:
    """In whatever parts it comes."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
    assert received(question.evolve(max_body=4), head + parts[0], *parts[1:]).body == b"abcd"


def test_a_body_that_is_cut_is_no_response(question: Request) -> None:
    """A connection that ends in the middle of a body is a fault of the network, to be tried again."""

    async def main() -> None:
        async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123")
            writer.close()

        listening = await asyncio.start_server(cut, "127.0.0.1", 0)
        transport = AiohttpTransport()
        try:
            with pytest.raises(TransportError) as caught:
                await transport.send(
                    question.with_base(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
                )
            assert caught.value.retryable
        finally:
            await transport.close()
            listening.close()
            await listening.wait_closed()

    asyncio.run(main())


def test_a_server_that_changes_the_protocol_has_answered() -> None:
    """After a 101 comes no other response: it is the last one, though smaller than 200."""
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    assert received(Request("POST", "/", json=[1]), switching).status == 101


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_every_other_status_below_200_comes_before_the_response(status: int) -> None:
    """However many of them there are."""
    interim = b"HTTP/1.1 %d Wait\r\n\r\n" % status
    whole = OK
    response = received(Request("POST", "/", json=[1]), interim * 2, whole)
    assert (response.status, response.body) == (200, b"ok")


def test_a_connection_that_refuses_a_request_is_alone_in_that() -> None:
    """Requests are written together: where one cannot be written it fails at once, and the others go out."""

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        paths = ["/one", "/broken", "/other"]
        requests = [Request("POST", url + path, json=[1]) for path in paths]
        await asyncio.gather(*map(transport.send, requests))
        direct = transport._direct
        assert direct is not None
        write = direct._write
        direct._write = lambda connection, wire: write(  # type: ignore[method-assign] # so that one breaks
            Refusing(connection) if b"/broken" in wire else connection, wire
        )
        results = await asyncio.gather(*map(transport.send, requests), return_exceptions=True)
        assert [type(result) for result in results] == [Response, TransportError, Response]

    run(scenario, OK)


class Refusing(asyncio.Transport):
    """A connection on which nothing can be written."""

    def __init__(self, real: asyncio.Transport) -> None:
        super().__init__()
        self._real = real

    def is_closing(self) -> bool:
        """Tell nothing of what is to come."""
        return False

    def write(self, _data: object) -> None:
        """Refuse it."""
        raise RuntimeError("the handle is closed")

    def abort(self) -> None:
        """Close the real one."""
        self._real.abort()


def test_a_connection_that_ends_without_a_word_is_no_response() -> None:
    """Neither words nor a fault, as when a pool is closed: that is a TransportError like any other."""

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        request = Request("POST", f"{url}/", json=[1])
        await transport.send(request)
        direct = transport._direct
        assert direct is not None
        sending = asyncio.create_task(transport.send(request))
        while not direct._connector._acquired:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        (protocol,) = direct._connector._acquired
        protocol.feed_eof()
        with pytest.raises(TransportError, match="no response"):
            await sending

    run(scenario, OK)
