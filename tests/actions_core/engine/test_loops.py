"""One event loop after another: a program without a loop of its own may call `asyncio.run` for each event."""

from __future__ import annotations

import asyncio
import socket

from actions_core import Context, Engine, Registry, Request, Response, Tokens, Workspace
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
        if request.headers["authorization"] != self.token:
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

    @destination.action("go")
    def go(context: Context) -> Request:
        headers = {"Authorization": str(context.auth.access_token)}
        url = f"{context.settings['baseUrl']}/"
        return Request("POST", url, headers=headers, json={"id": context.event["messageId"]})

    return destination


def test_an_engine_works_in_one_loop_after_another() -> None:
    """Connections, tries, lanes that are full and tokens that expire: nothing of it is bound to a loop."""
    service = Service()
    registry = Registry()
    registry.register(destination_of(service))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    instance = {
        "id": "one",
        "destination": "sample",
        "settings": {"baseUrl": f"http://127.0.0.1:{port}", "oauth": {"access_token": "none"}},
        "subscriptions": [{"name": "S", "partnerAction": "go", "subscribe": 'type = "track"'}],
        "delivery": {"concurrency": 3, "retry": {"tries": 2, "base": 0.001}},
    }
    engine = Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry)

    async def scenario() -> None:
        service.expire()
        async with LoopbackServer(service.handle, port=port):
            events = [make_event(messageId=f"{index}") for index in range(10)]
            alone = await asyncio.gather(*map(engine.send, events))
            assert [(report.ok, report.results[0].tries) for report in alone[3:]] == [(True, 2)] * 7
            service.tries.clear()
            assert all([report.ok async for report in engine.send_many(events)])
            service.tries.clear()
            assert (await engine.send_batch(events)).ok

    for _ in range(3):
        asyncio.run(scenario())
    assert service.renewals == 3
    asyncio.run(engine.close())
