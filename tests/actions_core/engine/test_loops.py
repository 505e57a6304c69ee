"""One event loop after another: a program without a loop of its own may call `asyncio.run` for each event."""

from __future__ import annotations

import asyncio
import socket

from actions_core import Context, Engine, Registry, Report, Request, RequestError, Response, Tokens, Workspace
from actions_core.destination import Destination, load_destination
from actions_core.testing import LoopbackServer, make_event


class Service:
    """What stands behind the destination: a new token in each loop, and one 503 for each event."""

    def __init__(self) -> None:
        self.token = ""
        self.renewals = 0
        self.tries: dict[str, int] = {}

    def expire(self) -> None:
        """Take only a token from now on that nobody has yet."""
        self.token = f"token-{self.renewals + 1}"
        self.tries = {}

    async def handle(self, request: Request) -> Response:
        """Answer 401 to an old token, 503 to the first try, and 200."""
        if request.headers["authorization"] != f"Bearer {self.token}":
            return Response(401)
        key = request.json["id"]
        self.tries[key] = self.tries.get(key, 0) + 1
        return Response(503 if self.tries[key] == 1 else 200)


def destination_of(service: Service) -> Destination:
    """A destination that gets its tokens from the service."""
    destination = load_destination(
        {
            "slug": "sample",
            "name": "Sample",
            "mode": "cloud",
            "authentication": {
                "scheme": "oauth2",
                "fields": {"baseUrl": {"label": "L", "description": "D", "type": "string"}},
            },
            "actions": {"go": {"title": "T", "description": "D", "fields": {}}},
        }
    )

    @destination.refresh_access_token
    async def refresh() -> Tokens:
        await asyncio.sleep(0.001)
        service.renewals += 1
        return Tokens(service.token)

    @destination.prepare
    def prepare(request: Request, context: Context) -> Request:
        return request.with_base(context.settings["baseUrl"]).with_bearer(str(context.auth.access_token))

    @destination.action("go")
    def go(context: Context) -> Request:
        return Request("POST", "/", json={"id": context.event["messageId"]})

    return destination


def engine_of(service: Service, port: int) -> Engine:
    """An engine with an instance that sends to a port of this machine."""
    registry = Registry()
    registry.register(destination_of(service))
    instance = {
        "id": "one",
        "destination": "sample",
        "settings": {"baseUrl": f"http://127.0.0.1:{port}", "oauth": {"access_token": "none"}},
        "subscriptions": [{"name": "S", "partnerAction": "go", "subscribe": 'type = "track"'}],
        "delivery": {"concurrency": 3, "retry": {"tries": 2, "base": 0.001}},
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_an_engine_works_in_one_loop_after_another() -> None:
    """Connections, tries, lanes that are full and tokens that expire: nothing of it is bound to a loop."""
    service, port = Service(), free_port()
    engine = engine_of(service, port)

    async def scenario() -> None:
        service.expire()
        async with LoopbackServer(service.handle, port=port):
            events = [make_event(messageId=f"{index}") for index in range(10)]
            alone = await asyncio.gather(*map(engine.send, events))
            assert all(report.ok for report in alone)
            # Three are under way when the token has expired; then each gets one 503.
            assert sorted(report.results[0].tries for report in alone) == [2] * 7 + [3] * 3
            service.tries.clear()
            assert all([report.ok async for report in engine.send_many(events)])
            service.tries.clear()
            assert (await engine.send_batch(events)).ok

    for _ in range(3):
        asyncio.run(scenario())
    assert service.renewals == 3
    asyncio.run(engine.close())


def test_a_loop_that_only_rests_may_come_again() -> None:
    """Two runners in turns, neither of them closed: each delivers."""
    service, port = Service(), free_port()
    engine = engine_of(service, port)

    async def scenario() -> None:
        service.expire()
        async with LoopbackServer(service.handle, port=port):
            report = await engine.send(make_event())
            assert report.ok, report.results

    with asyncio.Runner() as one, asyncio.Runner() as other:
        for runner in (one, other, one, other):
            runner.run(scenario())
        other.run(engine.close())


def test_another_thread_is_told_to_have_an_engine_of_its_own() -> None:
    """While a loop of one thread is at work with an engine, an event of another thread fails and says why."""
    service, port = Service(), free_port()
    engine = engine_of(service, port)

    async def scenario() -> Report:
        service.expire()
        async with LoopbackServer(service.handle, port=port):
            report = await engine.send(make_event())
            assert report.ok, report.results
            return await asyncio.to_thread(asyncio.run, engine.send(make_event()))

    (result,) = asyncio.run(scenario()).results
    assert isinstance(result.error, RequestError)
    assert (result.error.code, result.error.retryable) == ("OTHER_THREAD", False)
    asyncio.run(engine.close())
