"""Workers and a broker that are killed again and again, while events are accepted and delivered.

One producer, in this process, accepts events in an outbox and hands them to a broker. Workers, processes of
their own, deliver them to a server that counts idempotency keys. What is counted at the end: nothing is lost,
each delivery has one key, and no more goes twice than was in somebody's hands.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from actions_core import Request, Response
from actions_core.delivery.jetstream.connection import connect
from actions_core.delivery.jetstream.layout import token
from actions_core.delivery.outbox import Outbox
from actions_core.testing import LoopbackServer
from actions_core.testing.broker import LoopbackBroker
from tests.forks import ACTIONS, FORKS, Fork

ROOT = Path(__file__).parents[2]
NAME = "chaos"
CONCURRENCY = 20
#: Outcomes of a worker that the broker may not have confirmed, beyond those of its places.
UNCONFIRMED = 200
TAKEOVER = 2.0


@attrs.define
class Figures:
    """What was counted."""

    accepted: int = 0
    requests: int = 0
    delivered: int = 0
    lost: int = 0
    keys: int = 0
    duplicates: int = 0
    killed: int = 0
    broker_killed: int = 0
    left: int = 0
    seconds: float = 0.0

    @property
    def most_duplicates(self) -> int:
        """The deliveries that were in the hands of those that were killed, or not confirmed by the broker."""
        return (self.killed + self.broker_killed * 2) * (CONCURRENCY + UNCONFIRMED)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:,.6g}" for name, value in attrs.asdict(self).items())


class Server:
    """Counts what it is sent, by message and by idempotency key; refuses a share of it with a 503."""

    def __init__(self, delay: float, failures: float, seed: int) -> None:
        self.keys: dict[str, Counter[str]] = {}
        self.requests = 0
        self._delay = delay
        self._failures = failures
        self._chance = random.Random(seed)

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        self.requests += 1
        body: Any = request.json
        await asyncio.sleep(self._delay * self._chance.uniform(0.5, 1.5))
        if self._chance.random() < self._failures:
            return Response(503)
        key = request.headers.get("Idempotency-Key") or request.headers["idempotency-key"]
        self.keys.setdefault(body["name"], Counter())[key] += 1
        return Response(200, body=b"{}")


class Chaos:
    """A broker, a server, a producer and workers below one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        workers: int = 2,
        delay: float = 0.02,
        failures: float = 0.05,
        pace: float = 0.005,
        seed: int = 1,
    ) -> None:
        self.folder = folder
        self.figures = Figures()
        self.server = Server(delay, failures, seed)
        self.broker = LoopbackBroker(folder / "broker")
        self.workers: list[Fork] = []
        self.accepted: list[str] = []
        self._count = workers
        self._pace = pace
        self._chance = random.Random(seed)
        self._workspace = folder / "workspace.json"
        self._accepting: asyncio.Task[None] | None = None
        self._outbox: Outbox | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Chaos]:
        """Run everything, and end it."""
        started = time.monotonic()
        with self.broker:
            async with LoopbackServer(self.server.handle) as loopback:
                self._write_workspace(loopback.url)
                self._outbox = Outbox.from_file(self._workspace)
                async with self._outbox:
                    try:
                        self._accepting = asyncio.create_task(self._accept())
                        for _ in range(self._count):
                            self.start_worker()
                        yield self
                    finally:
                        self._accepting.cancel()
                        for worker in self.workers:
                            worker.kill()
                            await worker.ended()
        self.figures.seconds = time.monotonic() - started

    def _write_workspace(self, url: str) -> None:
        workspace = {
            "name": NAME,
            "outbox": "events.db",
            "broker": {"url": self.broker.url, "takeover": TAKEOVER},
            "destinations": [
                {
                    "id": "fs",
                    "destination": "actions-fullstory-cloud",
                    "settings": {"apiKey": "na1.key", "baseUrl": url},
                    "allowPrivateAddresses": True,
                    "subscriptions": [
                        {
                            "name": "Track",
                            "partnerAction": "trackEventV2",
                            "subscribe": 'type = "track"',
                            "mapping": {"name": {"@path": "$.event"}, "userId": {"@path": "$.userId"}},
                        }
                    ],
                    "delivery": {
                        "concurrency": CONCURRENCY,
                        "retry": {"base": 0.2, "cap": 1},
                        "breaker": {"failures": 1000},
                    },
                }
            ],
        }
        self._workspace.write_text(json.dumps(workspace), encoding="utf-8")

    async def _accept(self) -> None:
        assert self._outbox is not None
        while True:
            name = f"e-{len(self.accepted)}"
            event = {"type": "track", "event": name, "userId": "u", "messageId": name}
            await self._outbox.enqueue(event)
            self.accepted.append(name)
            await asyncio.sleep(self._pace)

    def start_worker(self) -> None:
        """Start one more worker; it is delivering soon after."""
        log = (self.folder / f"worker-{len(self.workers)}.log").open("ab")
        with log:  # a pipe that nobody reads would block the worker
            worker = FORKS.start(
                *(ACTIONS, "worker", self._workspace, "--broker", self.broker.url),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                imported=["actions_core.delivery.jetstream.worker"],
            )
        self.workers.append(worker)

    async def delivered_more(self, count: int) -> None:
        """Wait until so many more events are delivered."""
        goal = len(self.server.keys) + count
        while len(self.server.keys) < goal:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)

    async def kill_worker(self) -> None:
        """Kill one of the workers and start another one."""
        victim = self.workers.pop(self._chance.randrange(len(self.workers)))
        victim.send_signal(signal.SIGKILL)
        await victim.ended()
        self.figures.killed += 1
        self.start_worker()

    async def kill_broker(self) -> None:
        """Kill the broker and start it again."""
        await asyncio.to_thread(self.broker.kill)
        await asyncio.to_thread(self.broker.start)
        self.figures.broker_killed += 1

    async def end_worker(self, within: float = 15.0) -> int:
        """End one of the workers by SIGTERM, start another one, and return the first one's exit code."""
        self.start_worker()
        ending = self.workers.pop(0)
        ending.send_signal(signal.SIGTERM)
        async with asyncio.timeout(within):
            return await ending.ended()

    async def settle(self, within: float = 60.0) -> None:
        """Accept nothing more, and wait until everything is delivered and nothing is left."""
        assert self._accepting is not None
        self._accepting.cancel()
        try:
            async with asyncio.timeout(within):
                while set(self.accepted) - self.server.keys.keys() or await self._left():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        counts = [each.total() for name, each in self.server.keys.items() if name in set(self.accepted)]
        figures = self.figures
        figures.accepted = len(self.accepted)
        figures.requests = self.server.requests
        figures.delivered = len(self.server.keys)
        figures.lost = len(set(self.accepted) - self.server.keys.keys())
        figures.keys = sum(len(each) for each in self.server.keys.values())
        figures.duplicates = sum(counts) - len(counts)
        figures.left = await self._left()

    async def _left(self) -> int:
        """Return how many deliveries the outbox and the broker still have."""
        assert self._outbox is not None
        left = sum(each.due + each.later + each.in_hand for each in await self._outbox.backlog())
        connection = await connect(self.broker.url)
        for stream in ("work", "later", "dead"):
            info: Any = await connection.call(f"STREAM.INFO.{token(NAME)}-{stream}")
            left += info["state"]["messages"]
        await connection.close()
        return left
