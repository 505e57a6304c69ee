"""The transport against real servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from actions_core.errors import ActionsError, PayloadError, RequestError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request, Response
from actions_core.http.transport.http import MAX_BODY_BYTES, AiohttpTransport
from actions_core.testing import LoopbackServer
from actions_core.testing.loopback import Reply
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.testing.loopback import Answer


def exchange(request: Request, answer: Answer) -> tuple[Response, Request]:
    """Send the request (its URL below the server's) and give the answer and what the server got."""

    async def scenario() -> tuple[Response, Request]:
        async def handler(_request: Request) -> Answer:
            return answer

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            try:
                response = await transport.send(request.with_base(server.url))
            finally:
                await transport.close()
            return response, server.requests[-1]

    return asyncio.run(scenario())


def test_json_goes_out_and_comes_back() -> None:
    """A JSON body is sent as such; status, headers in lower case and body come back."""
    answer = Response(201, {"X-Thing": "a", "Content-Type": "application/json"}, b'{"b":2}')
    response, got = exchange(Request("POST", "/a?b=c", json={"ü": [1, None]}), answer)
    assert (response.status, response.headers["x-thing"], response.json) == (201, "a", {"b": 2})
    assert (got.method, got.json, got.headers["content-type"]) == (
        "POST",
        {"ü": [1, None]},
        "application/json",
    )
    assert got.headers["user-agent"].startswith("actions-core/")


def test_what_was_encoded_stays_encoded() -> None:
    """A percent-encoded path is not decoded and encoded anew on its way."""
    _, got = exchange(Request("GET", "/users/a%2Fb%40c%20d?x=%2B"), Response(200))
    assert got.url.endswith("/users/a%2Fb%40c%20d?x=%2B")


def test_forms_and_own_content_types() -> None:
    """A form goes out as such; a content type that the request has wins."""
    _, got = exchange(Request("POST", "/", form={"a": "b c"}), Response(200))
    assert (got.body, got.headers["content-type"]) == (b"a=b%20c", "application/x-www-form-urlencoded")
    _, got = exchange(
        Request("POST", "/", json=[], headers={"Content-Type": "application/x+json"}), Response(200)
    )
    assert got.headers["content-type"] == "application/x+json"


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_a_decompression_bomb_stops_at_the_limit(encode: object, question: Request) -> None:
    """What decompression makes of a body is bounded too."""
    name = "gzip" if encode is gzip.compress else "deflate"
    bomb = encode(bytes(50 * 1024 * 1024))  # type: ignore[operator]  # one of two functions
    response, _ = exchange(question, Response(200, {"Content-Encoding": name}, bomb))
    assert len(response.body) == MAX_BODY_BYTES


def test_a_long_body_is_cut_at_the_limit(question: Request) -> None:
    """A body longer than the limit is read up to the limit."""
    response, _ = exchange(question, Response(200, {}, b"x" * (MAX_BODY_BYTES + 5)))
    assert len(response.body) == MAX_BODY_BYTES


@pytest.mark.parametrize("limit", [10, MAX_BODY_BYTES * 2])
def test_a_request_has_a_limit_of_its_own(limit: int, question: Request) -> None:
    """A request may say how much of its answer is read, less or more than of others."""
    answer = Response(200, {}, b"x" * (MAX_BODY_BYTES * 2 + 5))
    response, _ = exchange(question.evolve(max_body=limit), answer)
    assert len(response.body) == limit


def test_a_large_body_goes_out_whole() -> None:
    """A large body is written part by part, and arrives as it was, over a redirect too."""
    text = "x" * (3 * 1024 * 1024)
    _, got = exchange(Request("POST", "/", json=[text]), Response(200))
    assert got.json == [text]
    assert got.headers["content-length"] == str(len(text) + 4)

    async def scenario() -> Response:
        async def handler(request: Request) -> Response:
            if request.url.endswith("/second"):
                return Response(200, {}, str(len(request.json[0])).encode())
            return Response(307, {"Location": "/second"})

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            try:
                return await transport.send(Request("POST", f"{server.url}/first", json=[text]))
            finally:
                await transport.close()

    assert asyncio.run(scenario()).body == str(len(text)).encode()


@pytest.mark.parametrize("cut", ["before", "within"])
def test_a_cut_connection_is_no_answer(cut: str, question: Request) -> None:
    """A connection that breaks before the answer or within its body is a TransportError."""
    with pytest.raises(TransportError):
        exchange(question, Reply(Response(200, {}, b"0123456789"), cut=cut))  # type: ignore[arg-type]  # one of its two words


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_a_cut_connection_that_was_kept_sends_nothing_again(method: str) -> None:
    """One call is one request, also when the connection was kept from the call before and is cut now."""

    async def scenario() -> list[str]:
        async def handler(request: Request) -> Answer:
            return Response(200) if request.url.endswith("/first") else Reply(cut="before")

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            try:
                for json in (MISSING, [1]):
                    await transport.send(Request(method, f"{server.url}/first", json=json))
                    with pytest.raises(TransportError):
                        await transport.send(Request(method, f"{server.url}/second", json=json))
            finally:
                await transport.close()
            return [request.url.removeprefix(server.url) for request in server.requests]

    assert asyncio.run(scenario()) == ["/first", "/second"] * 2


def test_aiohttp_still_has_the_switch_for_its_own_tries() -> None:
    """The attribute that keeps aiohttp from trying again by itself exists before it is set."""

    async def scenario() -> bool:
        async with aiohttp.ClientSession() as session:
            return session._retry_connection is True

    assert asyncio.run(scenario())


def failure(url: str, method: str = "GET", **options: Any) -> ActionsError:
    """The error of a request to `url`."""

    async def scenario() -> None:
        transport = AiohttpTransport()
        try:
            await transport.send(Request(method, url, **options))
        finally:
            await transport.close()

    with pytest.raises(ActionsError) as caught:
        asyncio.run(scenario())
    return caught.value


def test_a_refused_connection_and_an_unknown_name_are_no_answer() -> None:
    """Nobody listening, or nobody of that name, is a TransportError in plain words, without the URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for options in ({}, {"method": "POST", "json": [1]}):
        error = failure(f"http://127.0.0.1:{port}/?key=secret", **options)
        assert isinstance(error, TransportError)
        assert str(error) == f"no response: cannot connect to 127.0.0.1:{port}: connection refused"
        unknown = failure("http://name.invalid/?key=secret", **options)
        assert isinstance(unknown, TransportError)
        assert str(unknown).startswith("no response: cannot connect to name.invalid:80: ")
        assert "secret" not in str(unknown)


def test_a_url_that_is_none_is_refused() -> None:
    """A URL without a host, or with a port that is none, is an error that is not tried again."""
    for url in ("http://", "http:///a", "http://x.test:99999/"):
        assert not failure(url).retryable
        assert not failure(url, "POST", json=[1]).retryable


def test_a_bad_certificate_is_never_accepted(question: Request) -> None:
    """A server whose certificate nobody vouches for gets no request."""

    async def scenario() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        transport = AiohttpTransport()
        try:
            await transport.send(question.with_base(f"https://127.0.0.1:{port}"))
        finally:
            await transport.close()
            server.close()

    with pytest.raises(RequestError):
        asyncio.run(scenario())


def test_redirects_are_followed_unless_the_request_says_no() -> None:
    """`follow_redirects` False gives the redirect itself; a loop of redirects ends as an error."""
    answer = Response(302, {"Location": "/again"})
    assert exchange(Request("GET", "/", follow_redirects=False), answer)[0].status == 302
    with pytest.raises(RequestError, match="redirect|0"):
        exchange(Request("GET", "/"), answer)


def test_a_method_that_breaks_the_line_is_refused() -> None:
    """What aiohttp cannot write on the wire is an error of the payload."""
    with pytest.raises(PayloadError):
        exchange(Request("GET\r\nX: y", "/"), Response(200))
