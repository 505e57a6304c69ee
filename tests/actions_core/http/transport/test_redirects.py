"""Where redirects lead what went the direct way: method, body and credentials on each hop."""

from __future__ import annotations

import asyncio

import pytest

from actions_core.errors import RequestError
from actions_core.http.requests import Request, Response
from actions_core.http.transport.http import AiohttpTransport
from actions_core.testing import LoopbackServer


@pytest.mark.parametrize(
    ("status", "method", "arrives"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (301, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
    ],
)
def test_a_redirect_keeps_or_changes_the_method_as_http_says(status: int, method: str, arrives: str) -> None:
    """301 and 302 make a POST a GET, 303 anything; 307 and 308 send the same again."""

    async def scenario() -> None:
        async def handler(request: Request) -> Response:
            if request.url.endswith("/new%20place"):
                return Response(200)
            return Response(status, {"Location": "new place"})

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            try:
                request = Request(method, f"{server.url}/old", json={"a": 1}, headers={"Authorization": "k"})
                assert (await transport.send(request)).ok
            finally:
                await transport.close()
            first, second = server.requests
        assert (first.method, second.method) == (method, arrives)
        assert second.headers["authorization"] == "k"
        assert ("content-type" in second.headers) == (arrives != "GET")
        assert second.json == first.json or arrives == "GET"

    asyncio.run(scenario())


def test_credentials_do_not_follow_a_redirect_elsewhere() -> None:
    """A redirect to another host or port does not take the key along."""

    async def scenario() -> None:
        async def end(_request: Request) -> Response:
            return Response(200)

        transport = AiohttpTransport()
        async with LoopbackServer(end) as other:

            async def start(_request: Request) -> Response:
                return Response(307, {"Location": f"{other.url}/"})

            async with LoopbackServer(start) as server:
                try:
                    headers = {"Authorization": "key", "Cookie": "c", "X-Kept": "yes"}
                    assert (
                        await transport.send(Request("POST", f"{server.url}/", json=[1], headers=headers))
                    ).ok
                finally:
                    await transport.close()
            (request,) = other.requests
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
        assert request.headers["x-kept"] == "yes"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("location", "wrong"),
    [
        ("ftp://x.test/", "away from HTTP"),
        ("http://x.test:99999/", "invalid URL"),
        ("http://[x/", "invalid URL"),
        ("/", "more than 5"),
    ],
)
def test_a_redirect_that_leads_nowhere_is_not_tried_again(location: str, wrong: str) -> None:
    """Away from HTTP, to what is no URL, or round in a circle: five hops, then an error."""

    async def scenario() -> int:
        async def handler(_request: Request) -> Response:
            return Response(308, {"Location": location})

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            try:
                with pytest.raises(RequestError, match=wrong) as caught:
                    await transport.send(Request("POST", f"{server.url}/", json=[1]))
                assert not caught.value.retryable
            finally:
                await transport.close()
            return len(server.requests)

    assert asyncio.run(scenario()) == (5 if location == "/" else 1)


@pytest.mark.parametrize("follow", [True, False])
def test_a_redirect_without_a_place_is_the_answer(follow: bool) -> None:  # noqa: FBT001 - the rule in question
    """So is one that the request does not follow."""

    async def scenario() -> Response:
        async def handler(_request: Request) -> Response:
            return Response(302, {} if follow else {"Location": "/"})

        transport = AiohttpTransport()
        async with LoopbackServer(handler) as server:
            try:
                return await transport.send(
                    Request("POST", f"{server.url}/", json=[1], follow_redirects=follow)
                )
            finally:
                await transport.close()

    assert asyncio.run(scenario()).status == 302
