"""Access tokens: asked for where there is none, one request for all, and a failure that all share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core import (
    Client,
    Context,
    Destination,
    Engine,
    Registry,
    Report,
    Request,
    Response,
    Tokens,
    Workspace,
)
from actions_core.testing import LoopbackServer, make_event


class Service:
    """Gives tokens, unless it is `down`, and takes what comes with one."""

    def __init__(self, *, down: int = 0) -> None:
        self.down = down
        self.tokens = 0
        self.taken = 0

    async def handle(self, request: Request) -> Response:
        """Answer a request for a token, or one with it."""
        await asyncio.sleep(0.002)
        if request.url.endswith("/token"):
            self.tokens += 1
            return Response(self.down) if self.down else Response(200, {}, f"token-{self.tokens}".encode())
        if request.headers.get("authorization") != "Bearer token-1":
            return Response(401)
        self.taken += 1
        return Response(200)


def destination_of(scheme: str, *, in_handler: bool) -> Destination:
    """A destination of client credentials; `prepare` or the handler puts the token into the request."""
    made = Destination.from_definition(
        {
            "slug": "grants",
            "name": "Grants",
            "authentication": {
                "scheme": scheme,
                "fields": {"url": {"label": "L", "description": "D", "type": "string", "required": True}},
            },
            "actions": {"add": {"title": "T", "description": "D", "fields": {}}},
        }
    )

    @made.refresh_access_token
    async def refresh(client: Client, context: Context) -> Tokens:
        response = await client.send(
            Request("POST", f"{context.settings['url']}/token", form={"grant": "it"})
        )
        return Tokens(response.text)

    @made.prepare
    def prepare(request: Request, context: Context) -> Request:
        if in_handler:
            return request
        return request.with_bearer(str(context.auth.access_token))

    @made.action("add")
    def add(context: Context) -> Request:
        request = Request("POST", f"{context.settings['url']}/add")
        return request.with_bearer(str(context.auth.access_token)) if in_handler else request

    @made.batch("add")
    def together(payloads: list[Any], context: Context) -> Request:
        return add(context)

    return made


def engine_of(destination: Destination, url: str) -> Engine:
    """An engine with one instance, which has no token."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "id": "one",
        "destination": "grants",
        "settings": {"url": url},
        "subscriptions": [{"partnerAction": "add", "subscribe": 'type = "track"'}],
        "delivery": {"concurrency": 200, "retry": {"tries": 1}},
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry)


@pytest.mark.parametrize("scheme", ["oauth2", "oauth-managed", "custom", "basic"])
@pytest.mark.parametrize("in_handler", [True, False])
def test_without_a_token_one_is_asked_for_first(scheme: str, in_handler: bool) -> None:  # noqa: FBT001 - a case
    """A hundred events, none with a token, make one request for it before the first handler is called."""

    async def scenario() -> None:
        service = Service()
        async with (
            LoopbackServer(service.handle) as server,
            engine_of(destination_of(scheme, in_handler=in_handler), server.url) as engine,
        ):
            reports = await asyncio.gather(*(engine.send(make_event()) for _ in range(100)))
            assert all(report.ok for report in reports), reports[0].results[0].reason
            assert (service.tokens, service.taken) == (1, 100)
            assert (await engine.send_batch([make_event()] * 3)).ok
            assert (service.tokens, service.taken) == (1, 101)

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [400, 503])
def test_a_failure_is_shared_too(status: int) -> None:
    """Where no token is to be had, those who wait for it fail together; those who come later ask again."""

    async def scenario() -> None:
        service = Service(down=status)
        async with (
            LoopbackServer(service.handle) as server,
            engine_of(destination_of("oauth2", in_handler=False), server.url) as engine,
        ):
            reports: list[Report] = await asyncio.gather(*(engine.send(make_event()) for _ in range(100)))
            errors = [report.results[0].error for report in reports]
            assert {(error.code, error.retryable) for error in errors if error} == {
                ("OAUTH_REFRESH_FAILED", status == 503)
            }
            assert "there is no access token" in str(errors[99])
            assert (service.tokens, service.taken) == (1, 0)
            service.down = service.tokens = 0
            assert (await engine.send(make_event())).ok

    asyncio.run(scenario())


def test_explaining_asks_for_no_token() -> None:
    """What only explains makes no request, not for a token either."""

    async def scenario() -> None:
        service = Service()
        async with (
            LoopbackServer(service.handle) as server,
            engine_of(destination_of("oauth2", in_handler=False), server.url) as engine,
        ):
            (found,) = (await engine.explain(make_event())).deliveries
            assert found.request is not None
            assert service.tokens == 0

    asyncio.run(scenario())
