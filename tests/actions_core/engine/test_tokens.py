"""Access tokens: asked for where there is none or it ends, once for all, and a failure that all share."""

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
        self.newest = "none"

    async def handle(self, request: Request) -> Response:
        """Answer a request for a token, or one with it."""
        await asyncio.sleep(0.002)
        if request.url.endswith("/token"):
            self.tokens += 1
            if self.down:
                return Response(self.down)
            self.newest = f"token-{self.tokens}"
            return Response(200, {}, self.newest.encode())
        if request.headers.get("authorization") != f"Bearer {self.newest}":
            return Response(401)
        self.taken += 1
        return Response(200)


def destination_of(scheme: str, *, in_handler: bool, life: float | None = None) -> Destination:
    """A destination of client credentials; `prepare` or the handler puts the token into the request."""
    hook = {"label": "H", "description": "D", "inputFields": {}, "outputFields": {}}
    made = Destination.from_definition(
        {
            "slug": "grants",
            "name": "Grants",
            "authentication": {
                "scheme": scheme,
                "fields": {"url": {"label": "L", "description": "D", "type": "string", "required": True}},
            },
            "actions": {
                "add": {"title": "T", "description": "D", "fields": {}, "hooks": {"onMappingSave": hook}}
            },
        }
    )

    @made.refresh_access_token
    async def refresh(client: Client, context: Context) -> Tokens:
        response = await client.send(
            Request("POST", f"{context.settings['url']}/token", form={"grant": "it"})
        )
        return Tokens(response.text, expires_in=life)

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

    @made.hook("add", "onMappingSave")
    async def save(client: Client, context: Context) -> None:
        await client.send(add(context))

    return made


def workspace_of(url: str, **subscription: Any) -> Workspace:
    """A workspace with one instance, which has no token."""
    instance = {
        "id": "one",
        "destination": "grants",
        "settings": {"url": url},
        "subscriptions": [{"partnerAction": "add", "subscribe": 'type = "track"', **subscription}],
        "delivery": {"concurrency": 200, "retry": {"tries": 1}},
    }
    return Workspace.from_dict({"destinations": [instance]})


def engine_of(destination: Destination, url: str) -> Engine:
    """An engine of that workspace."""
    registry = Registry()
    registry.register(destination)
    return Engine(workspace_of(url), registry=registry)


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


@pytest.mark.parametrize("scheme", ["oauth2", "custom"])
def test_whatever_comes_first_asks_for_the_token(scheme: str) -> None:
    """A batch, a hook and the test of others use the token that one of them has asked for."""

    async def scenario() -> None:
        service = Service()
        async with (
            LoopbackServer(service.handle) as server,
            engine_of(destination_of(scheme, in_handler=False), server.url) as engine,
        ):
            assert (await engine.send_batch([make_event()] * 3)).ok
            await engine.run_hook("one", "add", "onMappingSave", {})
            assert (await engine.send(make_event())).ok
            assert (service.tokens, service.taken) == (1, 3)
        async with (
            LoopbackServer(service.handle) as server,
            engine_of(destination_of(scheme, in_handler=False), server.url) as engine,
        ):
            await engine.run_hook("one", "add", "onMappingSave", {})
            assert (await engine.send_batch([make_event()] * 3)).ok
            assert (service.tokens, service.taken) == (2, 5)

    asyncio.run(scenario())


def test_a_token_survives_another_workspace() -> None:
    """Where an instance's settings stay, its token does, and when it ends stays known."""

    async def scenario() -> None:
        service = Service()
        async with (
            LoopbackServer(service.handle) as server,
            engine_of(destination_of("custom", in_handler=False, life=3600), server.url) as engine,
        ):
            assert (await engine.send(make_event())).ok
            before = engine.instances["one"]
            engine.replace(workspace_of(server.url, name="Another"))
            after = engine.instances["one"]
            assert after is not before
            assert (await engine.send(make_event())).ok
            assert (service.tokens, service.taken) == (1, 2)
            assert after.lane.connection.tokens is before.lane.connection.tokens

    asyncio.run(scenario())


def test_a_token_that_has_ended_is_renewed_before_the_request() -> None:
    """A token with a known life is renewed without a refusal: no request goes out with one that has ended."""

    async def scenario() -> None:
        service = Service()
        made = destination_of("custom", in_handler=False, life=1e-9)  # it has ended when it comes
        async with LoopbackServer(service.handle) as server, engine_of(made, server.url) as engine:
            for number in range(1, 4):
                report = await engine.send(make_event())
                assert report.ok
                assert report.results[0].tries == 1
                assert service.taken == number
            assert service.tokens >= 3

    asyncio.run(scenario())
