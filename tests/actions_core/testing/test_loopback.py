"""The server on this machine answers as it is told, and notes what it was asked."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from actions_core import Request, Response
from actions_core.testing import LoopbackServer
from actions_core.testing.loopback import Answer, Reply
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def serve(
    answer: Answer, check: Callable[[LoopbackServer, aiohttp.ClientSession], Awaitable[None]]
) -> list[Request]:
    """Run `check` against a server that gives this answer, and tell what the server was asked."""

    async def handler(_: Request) -> Answer:
        return answer

    async def main() -> list[Request]:
        async with LoopbackServer(handler) as server, aiohttp.ClientSession() as session:
            await check(server, session)
            return list(server.requests)

    return asyncio.run(main())


def test_a_plain_function_serves_too() -> None:
    """A handler need not be asynchronous: what it returns is the response."""

    async def main() -> tuple[int, str]:
        async with (
            LoopbackServer(lambda request: Response(201, {}, request.method.encode())) as server,
            aiohttp.ClientSession() as session,
            session.put(server.url) as response,
        ):
            return response.status, await response.text()

    assert asyncio.run(main()) == (201, "PUT")


def test_request_and_response() -> None:
    """A request is noted as it stood on the wire, and the response goes out as it is."""

    async def check(server: LoopbackServer, session: aiohttp.ClientSession) -> None:
        url = URL(f"{server.url}/a%2Fb?x=%20", encoded=True)
        async with session.put(url, json={"a": [1]}, headers={"X-One": "1"}) as answer:
            assert (answer.status, await answer.read(), answer.headers["x-two"]) == (203, b"body", "2")
        async with session.post(
            f"{server.url}/raw", data=b"\xff", headers={"content-type": "text/x"}
        ) as answer:
            assert answer.status == 203

    first, second = serve(Response(203, {"x-two": "2"}, b"body"), check)
    assert first.method == "PUT"
    assert first.url.endswith("/a%2Fb?x=%20")
    assert first.url.startswith("http://127.0.0.1:")
    assert (first.json, first.headers["x-one"], first.body) == ({"a": [1]}, "1", None)
    assert (second.json, second.body) == (MISSING, b"\xff")


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000, b"\xff"], ids=["open", "deep", "not UTF-8"])
def test_json_that_is_none(text: bytes) -> None:
    """A body that says it is JSON and is not comes as bytes."""

    async def check(server: LoopbackServer, session: aiohttp.ClientSession) -> None:
        async with session.post(
            server.url, data=text, headers={"content-type": "application/json"}
        ) as answer:
            assert answer.status == 200

    (request,) = serve(Response(200), check)
    assert (request.json, request.body) == (MISSING, text)


def test_large_bodies() -> None:
    """Bodies of several megabytes are taken."""

    async def check(server: LoopbackServer, session: aiohttp.ClientSession) -> None:
        async with session.post(server.url, data=io.BytesIO(b"x" * 3_000_000)) as answer:
            assert answer.status == 200

    (request,) = serve(Response(200), check)
    assert request.body is not None
    assert len(request.body) == 3_000_000


@pytest.mark.parametrize("reply", [Reply(delay=0.05), Reply(Response(200, {}, b"abcd"), drip=0.02)])
def test_slow_replies(reply: Reply) -> None:
    """A reply sets out late, or drips."""

    async def check(server: LoopbackServer, session: aiohttp.ClientSession) -> None:
        start = asyncio.get_running_loop().time()
        async with session.get(server.url) as answer:
            assert await answer.read() == reply.response.body
        assert asyncio.get_running_loop().time() - start >= 0.05

    serve(reply, check)


@pytest.mark.parametrize("body", [b"", b"a", b"abcdef"])
@pytest.mark.parametrize("cut", ["before", "within"])
def test_cut_replies(cut: Any, body: bytes) -> None:
    """A connection is cut before the response or within its body, and the next request is served."""

    async def check(server: LoopbackServer, session: aiohttp.ClientSession) -> None:
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                async with session.post(server.url) as answer:
                    await answer.read()

    assert len(serve(Reply(Response(200, {}, body), cut=cut), check)) == 2


def test_slow_handlers_do_not_hold_up_the_end() -> None:
    """A server that stops does not wait for those that wait for it."""

    async def main() -> float:
        arrived = asyncio.Event()

        async def handler(_: Request) -> Response:
            arrived.set()
            await asyncio.sleep(60)
            return Response(200)

        async with aiohttp.ClientSession() as session:
            async with LoopbackServer(handler) as server:
                task = asyncio.create_task(session.get(server.url))
                await arrived.wait()
                start = asyncio.get_running_loop().time()
            with pytest.raises(aiohttp.ClientError):
                await task
            return asyncio.get_running_loop().time() - start

    assert asyncio.run(main()) < 5


def test_only_so_many_are_kept() -> None:
    """The record of requests has a limit: the latest stay."""

    async def main() -> list[str]:
        async def handler(_: Request) -> Response:
            return Response(200)

        async with LoopbackServer(handler, keep=2) as server, aiohttp.ClientSession() as session:
            for path in "abc":
                async with session.get(f"{server.url}/{path}"):
                    pass
            return [request.url[-1] for request in server.requests]

    assert asyncio.run(main()) == ["b", "c"]


def test_a_port_that_is_taken() -> None:
    """A port in use is an OSError, and nothing stays open."""

    async def main() -> None:
        async def handler(_: Request) -> Response:
            return Response(200)

        async with LoopbackServer(handler) as server:
            port = URL(server.url).port
            assert port is not None
            with pytest.raises(OSError, match="address"):
                await LoopbackServer(handler, port=port).__aenter__()

    asyncio.run(main())
