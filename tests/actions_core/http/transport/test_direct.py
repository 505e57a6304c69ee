"""The direct way: what goes it, what it writes, which connections are kept, and where redirects lead."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions_core.errors import PayloadError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request, Response
from actions_core.http.transport.http import AiohttpTransport
from actions_core.testing import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scenario = Callable[[AiohttpTransport, str], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request on a connection with the next of its texts, and counts connections."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heads: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                self.heads.append(head)
                writer.write(self.answers.pop(0))
                await writer.drain()
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def run(server: Server, scenario: Scenario) -> None:
    """Run a scenario with a transport and the server's URL."""

    async def main() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        transport = AiohttpTransport()
        try:
            async with asyncio.timeout(10):
                await scenario(transport, f"http://127.0.0.1:{port}")
        finally:
            await transport.close()
            listening.close()
            await listening.wait_closed()

    asyncio.run(main())


def plain(url: str, **options: Any) -> Request:
    """A request that goes the direct way."""
    return Request("POST", url, **{"json": {"a": 1}, **options})


def goes_directly(request: Request) -> bool:
    """Whether a request goes the direct way."""

    async def ask() -> bool:
        transport = AiohttpTransport()
        try:
            direct = transport._open()
            return direct.written(request, *request.content()) is not None
        finally:
            await transport.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "request_",
    [
        plain("http://x.test/v2/events?a=b%2Fc"),
        plain("https://x.test:8443/", headers={"Authorization": "k", "Content-Type": "application/x+json"}),
        plain("http://[::1]:80/ä"),
        Request("PUT", "https://x.test/a", form={"a": "b"}),
        Request("PATCH", "https://x.test/a", body="text"),
        Request("POST", "https://x.test/a", body=b"x" * 256 * 1024, follow_redirects=False),
    ],
)
def test_what_is_plain_goes_directly(request_: Request) -> None:
    """A body that is not large, under ordinary headers, to an ordinary URL."""
    assert goes_directly(request_)


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "https://x.test/a"),
        Request("DELETE", "https://x.test/a", json={}),
        Request("POST", "https://x.test/a"),
        Request("POST", "https://x.test/a", body=b"x" * (256 * 1024 + 1)),
        plain("https://user:password@x.test/a"),
        plain("https://x.test"),
        plain("https://x.test?a=/b"),
        plain("https://x.test#/b"),
        plain("https://x.test/a#b"),
        plain("https:///a"),
        plain("https://x.test:99999/"),
        plain("https://x.test/a\r\nX: y"),
        *[
            plain("https://x.test/a", headers={name: "x"})
            for name in ("Host", "connection", "Content-Length", "Transfer-Encoding", "EXPECT", "a\r\nb", "ä")
        ],
        *[
            plain("https://x.test/a", headers={"a": value})
            for value in ("b\r\nc: d", "b\nc: d", "b\r", "b\0")
        ],
    ],
)
def test_what_is_not_plain_is_the_sessions(request_: Request) -> None:
    """What needs more than to be written down, and what must not be written at all."""
    assert not goes_directly(request_)


def test_the_request_as_it_is_written() -> None:
    """The request line, what every request has, its own headers in its own order, and its length."""
    server = Server(OK, OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        await transport.send(plain(f"{url}/p%2F?a=b", headers={"X-One": "ü", "x-two": ""}))
        await transport.send(plain(f"{url}/", headers={"user-AGENT": "me", "accept": "text/*"}))

    run(server, scenario)
    first, second = (head.decode().split("\r\n") for head in server.heads)
    host = next(line for line in first if line.startswith("Host: "))
    assert first[0] == "POST /p%2F?a=b HTTP/1.1"
    assert first[1:6] == [
        host,
        next(line for line in first if line.startswith("User-Agent: actions-core/")),
        "Accept: */*",
        next(line for line in first if line.startswith("Accept-Encoding: gzip")),
        "Content-Type: application/json",
    ]
    assert first[6:] == ["X-One: ü", "x-two: ", "Content-Length: 7", "", ""]
    assert second[1:4] == [host, second[2], "Content-Type: application/json"]
    assert second[4:] == ["user-AGENT: me", "accept: text/*", "Content-Length: 7", "", ""]


def test_the_host_is_written_as_the_url_spells_it() -> None:
    """What a URL says is not spelled anew on its way, not in its host either."""

    async def scenario(transport: AiohttpTransport, _url: str) -> None:
        request = plain("https://Shop.X.test:8443/")
        written = transport._open().written(request, *request.content())
        assert written is not None
        assert written[0].headers["Host"] == "Shop.X.test:8443"

    run(Server(), scenario)


def test_few_servers_are_remembered() -> None:
    """A thousand hosts, as users may name them, take no more memory than the last 256 of them."""

    async def scenario(transport: AiohttpTransport, _url: str) -> None:
        direct = transport._open()
        for number in range(1000):
            request = plain(f"https://x{number}.test/", headers={f"X-{number}": "y"})
            assert direct.written(request, *request.content()) is not None
        assert direct._origin.cache_info().currsize == 256

    run(Server(), scenario)


NAMES = st.sampled_from(["Authorization", "accept", "X-A", "content-type", "User-Agent", "Accept-Encoding"])
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(str.strip)


@given(
    st.dictionaries(NAMES, TEXTS, max_size=4),
    st.sampled_from(["POST", "PUT", "PATCH"]),
    st.sampled_from([{"json": [1]}, {"form": {"a": "ü"}}, {"body": "text"}, {"body": b"\0\xff"}]),
    st.sampled_from(["/", "/a%2Fb?c=%20d", "/a//b", "/a?b=c?d&e"]),
)
def test_both_ways_bring_the_same(
    headers: dict[str, str], method: str, content: dict[str, Any], path: str
) -> None:
    """A server cannot tell which way a request came: same line, same headers, same body."""

    async def scenario() -> None:
        async def handler(_request: Request) -> Response:
            return Response(200)

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            request = Request(method, server.url + path, headers=headers, **content)
            try:
                await transport.send(request)
                direct = transport._direct
                assert direct is not None
                assert direct.written(request, *request.content()) is not None
                direct.written = lambda *_: None  # type: ignore[method-assign] # so that the session has to do it
                await transport.send(request)
            finally:
                await transport.close()
            one, other = server.requests
        assert one == other

    asyncio.run(scenario())


def test_a_connection_is_kept_for_the_next_request() -> None:
    """Requests one after the other share a connection, requests at once have one each."""
    server = Server(*[OK] * 6)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        for _ in range(3):
            assert (await transport.send(plain(f"{url}/"))).body == b"ok"
        assert server.connections == 1
        await asyncio.gather(*(transport.send(plain(f"{url}/")) for _ in range(3)))
        assert server.connections == 3

    run(server, scenario)


@pytest.mark.parametrize(
    "answer",
    [OK.replace(b"Content", b"Connection: close\r\nContent"), OK.replace(b"1.1", b"1.0"), OK + b"more"],
)
def test_a_connection_in_doubt_is_not_kept(answer: bytes) -> None:
    """After an answer that ends it, or behind which there was more, comes another connection."""
    server = Server(answer, OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        try:
            await transport.send(plain(f"{url}/"))
        except TransportError:
            assert answer.endswith(b"more")
        assert (await transport.send(plain(f"{url}/"))).body == b"ok"
        assert server.connections == 2

    run(server, scenario)


def test_an_answer_that_is_cut_at_the_limit_takes_its_connection_along() -> None:
    """What is left of an answer cannot become the next one's beginning."""
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        assert (await transport.send(plain(f"{url}/", max_body=3))).body == b"123"
        assert (await transport.send(plain(f"{url}/"))).body == b"ok"

    run(server, scenario)


def test_what_comes_before_the_answer_is_passed_over() -> None:
    """An interim answer is not the answer."""
    server = Server(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        answer = await transport.send(plain(f"{url}/"))
        assert (answer.status, answer.body) == (200, b"ok")

    run(server, scenario)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"220 mail.test ESMTP\r\n\r\n", "not HTTP: Bad status line"),
        (b"z" * 3000 + b"\r\n\r\n", "not HTTP: Bad status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "not HTTP: Invalid character in Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "no response: ."),
    ],
)
def test_what_is_no_answer_is_a_transport_error(answer: bytes, wrong: str, question: Request) -> None:
    """A server that speaks something else gives no answer; that may be tried again, and is said in a line."""
    server = Server(answer)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        with pytest.raises(TransportError, match=wrong) as caught:
            await transport.send(question.with_base(url))
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400

    run(server, scenario)


@pytest.mark.parametrize("fields", [[60_000], [30_000, 30_000], [100] * 600])
def test_long_headers_are_read(fields: list[int], question: Request) -> None:
    """A response with up to 64 KB of headers is a response like any other."""
    lines = b"".join(b"X-%d: %b\r\n" % (number, b"v" * size) for number, size in enumerate(fields))
    server = Server(OK.replace(b"Content-Length", lines + b"Content-Length"))

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        response = await transport.send(question.with_base(url))
        assert (response.body, len(response.headers["x-0"])) == (b"ok", fields[0])

    run(server, scenario)
    assert len(server.heads) == 1


def test_a_connection_on_which_something_lies_is_not_used(question: Request) -> None:
    """What a server says while nobody asks is not the response to the next request."""

    async def main() -> None:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(length or 0))
                    writer.write(OK)
                    await asyncio.sleep(0.02)
                    writer.write(OK.replace(b"200 OK", b"201 Created"))
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport = AiohttpTransport()
        asked = question.with_base(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        try:
            for number in range(1, 4):
                assert (await transport.send(asked)).status == 200
                assert connections == number
                await asyncio.sleep(0.08)
        finally:
            await transport.close()
            listening.close()
            await listening.wait_closed()

    asyncio.run(main())


def test_a_request_that_is_given_up_takes_its_connection_along() -> None:
    """Its answer cannot become the answer to the next one."""
    server = Server(b"", OK, OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        slow = asyncio.create_task(transport.send(plain(f"{url}/slow")))
        while not server.heads:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
        slow.cancel()
        assert (await transport.send(plain(f"{url}/next"))).body == b"ok"
        assert server.connections == 2

    run(server, scenario)


def test_what_is_closed_before_it_was_written_is_not_written() -> None:
    """Requests are written at the end of a turn: a connection that broke within it gets nothing more."""
    server = Server(OK, OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        await transport.send(plain(f"{url}/first"))
        direct = transport._direct
        assert direct is not None
        second = asyncio.create_task(transport.send(plain(f"{url}/second")))
        await asyncio.sleep(0)
        assert direct._outbox
        await transport.close()
        with pytest.raises(TransportError):
            await second

    run(server, scenario)
    assert [head.split(b" ")[1] for head in server.heads] == [b"/first"]


#: Of ten numbers the ways in which the connection ends with the answer, and those of no whole answer.
ENDING, LOST = (4, 8, 9), (8, 9)


def ways_to_answer(body: bytes) -> list[list[bytes]]:
    """The same body in ten ways, each in the parts that are written one after the other."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    small = gzip.compress(body)
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(small)
    return [
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", whole],
        [chunked, b"%x\r\n%b\r\n" % (len(body), body), b"0\r\n\r\n"],
        [packed, small],
        [bytes([byte]) for byte in whole],
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body],
        *[[whole]] * 3,
        [whole[:-1]],
        [],
    ]


async def answer_in_many_ways(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send each body back, in the way that its number says."""
    way = 0
    try:
        while way not in ENDING:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
            way = int(body) % 10
            for part in ways_to_answer(body)[way]:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def test_answers_find_their_requests() -> None:
    """With many requests under way at once, each gets the answer to itself, or none, however answers come."""

    async def scenario() -> None:
        listening = await asyncio.start_server(answer_in_many_ways, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        transport = AiohttpTransport()
        numbers = iter(range(1000))
        answers: dict[int, object] = {}

        async def work() -> None:
            for number in numbers:
                try:
                    answers[number] = (await transport.send(plain(url, json=number))).json
                except TransportError:
                    answers[number] = None

        try:
            await asyncio.gather(*(work() for _ in range(30)))
        finally:
            await transport.close()
            listening.close()
            await listening.wait_closed()
        assert answers == {number: None if number % 10 in LOST else number for number in range(1000)}

    asyncio.run(scenario())


def test_a_transport_outlives_a_loop() -> None:
    """Used in one event loop after another, a transport opens new connections in each."""
    transport = AiohttpTransport()

    async def scenario() -> None:
        async def handler(_request: Request) -> Response:
            return Response(200)

        async with LoopbackServer(handler) as server:
            assert (await transport.send(plain(f"{server.url}/"))).ok
            assert (await transport.send(Request("GET", server.url))).ok

    for _ in range(3):
        asyncio.run(scenario())
    asyncio.run(transport.close())


def test_a_line_break_brings_no_header_along() -> None:
    """Not from a header, which is refused, nor from a URL, also where there is no engine to look first."""
    server = Server(OK)

    async def scenario(transport: AiohttpTransport, url: str) -> None:
        for headers in ({"a": "b\r\nc: d"}, {"a": "b\nc: d"}, {"a": "b\0"}, {"a": "\ud800"}, {"a\r\nb": "c"}):
            with pytest.raises(PayloadError):
                await transport.send(plain(f"{url}/", headers=headers))
        assert server.heads == []
        await transport.send(plain(f"{url}/a\r\nX: y"))

    run(server, scenario)
    assert b"X: y" not in server.heads[0].split(b"\r\n")
