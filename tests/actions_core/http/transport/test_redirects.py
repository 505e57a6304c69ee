"""Where redirects lead what went the direct way: method, body and credentials on each hop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from actions_core.errors import RequestError
from actions_core.http.requests import Request, Response
from actions_core.http.transport.http import AiohttpTransport
from actions_core.http.transport.redirects import NOT_FOLLOWED, first_hop
from actions_core.testing import LoopbackServer

Answer: TypeAlias = Callable[[str], Response]


async def send(
    request: Request, answer: Answer
) -> tuple[Response | RequestError, list[Request], list[Request]]:
    """Send to a server that answers so, given another's URL; return what came, and what both servers got."""

    async def end(_request: Request) -> Response:
        return Response(200)

    transport = AiohttpTransport()
    async with LoopbackServer(end) as other:

        async def start(got: Request) -> Response:
            return Response(200) if got.url.endswith("/new%20place") else answer(other.url)

        async with LoopbackServer(start) as server:
            try:
                outcome: Response | RequestError = await transport.send(request.with_base(server.url))
            except RequestError as error:
                outcome = error
            finally:
                await transport.close()
        return outcome, server.requests, other.requests


@pytest.mark.parametrize(
    ("status", "method"),
    [
        (301, "PUT"),
        (302, "DELETE"),
        (307, "POST"),
        (308, "POST"),
        (308, "PUT"),
        (301, "GET"),
        (303, "GET"),
        (302, "HEAD"),
    ],
)
def test_a_redirect_sends_the_same_request_again(status: int, method: str) -> None:
    """On the same server a redirect that keeps the method takes headers and body along."""
    body: dict[str, Any] = {} if method in {"GET", "HEAD"} else {"json": {"a": 1}}
    request = Request(method, "/old", headers={"Authorization": "k"}, **body)
    outcome, (first, second), _ = asyncio.run(
        send(request, lambda _: Response(status, {"Location": "new place"}))
    )
    assert isinstance(outcome, Response)
    assert outcome.ok
    assert (first.method, second.method) == (method, method)
    assert second.headers["authorization"] == "k"
    assert (second.json, second.headers.get("content-type")) == (
        first.json,
        first.headers.get("content-type"),
    )


@pytest.mark.parametrize(
    ("status", "method"), [(301, "POST"), (302, "POST"), (303, "POST"), (303, "PUT"), (303, "DELETE")]
)
def test_a_redirect_that_would_change_the_method_fails(status: int, method: str) -> None:
    """A POST that arrives as a GET delivers nothing: the error names the new address, without its query."""
    location = "/new%20place?key=k#x"
    outcome, requests, _ = asyncio.run(
        send(Request(method, "/old", json=[1]), lambda _: Response(status, {"Location": location}))
    )
    assert isinstance(outcome, RequestError)
    assert (outcome.code, outcome.retryable, len(requests)) == (NOT_FOLLOWED, False, 1)
    assert "/new%20place is" not in str(outcome)
    assert "/new%20place would make" in str(outcome)


def test_only_harmless_headers_go_to_another_origin() -> None:
    """A redirect to another host or port takes no key along, however its header is called."""
    headers = {"Authorization": "k", "Cookie": "c", "X-Api-Key": "k", "Accept": "text/*", "User-Agent": "me"}
    outcome, _, (got,) = asyncio.run(
        send(
            Request("GET", "/", headers=headers),
            lambda other: Response(307, {"Location": other.replace("//", "//user:pw@")}),
        )
    )
    assert isinstance(outcome, Response)
    assert (got.headers["accept"], got.headers["user-agent"]) == ("text/*", "me")
    assert not {"authorization", "cookie", "x-api-key"} & set(got.headers)


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_no_body_goes_to_another_origin(status: int, method: str) -> None:
    """What was meant for one server is not handed to another; the error names it."""
    outcome, requests, others = asyncio.run(
        send(Request(method, "/", json=[1]), lambda other: Response(status, {"Location": f"{other}/in"}))
    )
    assert isinstance(outcome, RequestError)
    assert (outcome.code, len(requests), len(others)) == (NOT_FOLLOWED, 1, 0)
    assert "/in leads to another origin" in str(outcome)


def test_no_redirect_leaves_encryption() -> None:
    """From https to http nothing is sent, not even a GET without headers."""
    hop = first_hop(Request("GET", "https://x.test/a"), None, None)
    with pytest.raises(RequestError, match="http://x.test/b is not encrypted") as caught:
        hop.redirected(Response(301, {"location": "http://x.test/b"}))
    assert caught.value.code == NOT_FOLLOWED


@pytest.mark.parametrize(
    ("location", "wrong"),
    [
        ("ftp://x.test/", "away from HTTP"),
        ("http://x.test:99999/", "invalid URL"),
        ("http://x..test/", "leads to a URL that has a host that cannot be"),
        ("http://[x/", "invalid URL"),
        ("/", "more than 5"),
    ],
)
def test_a_redirect_that_leads_nowhere_is_not_tried_again(location: str, wrong: str) -> None:
    """Away from HTTP, to what is no URL, or round in a circle: five redirects are followed, then an error."""

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

    assert asyncio.run(scenario()) == (6 if location == "/" else 1)


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
