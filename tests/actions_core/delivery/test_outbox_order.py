"""Order by key, from acceptance to the destination: one at a time, whatever fails in between."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import attrs
import pytest

from actions_core import Context, Engine, Registry, Request, Response, Workspace, load_destination
from actions_core.delivery.outbox import Outbox
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.support import kill, until
from tests.actions_core.delivery.test_outbox import DEFINITION

KEYS = 7


def registry() -> Registry:
    """A registry with one destination that posts key, number and subscription to its URL."""
    target = load_destination(DEFINITION)

    @target.action("send")
    def send(context: Context, n: int | None = None) -> Request:
        body = {"n": n, "key": context.event.get("userId"), "type": context.event["type"]}
        return Request("POST", context.settings["url"], json=body)

    found = Registry()
    found.register(target)
    return found


def workspace(url: str) -> Workspace:
    """An instance that is ordered by user, with a subscription for every event and one for each third."""
    mapping = {"n": {"@path": "$.properties.n"}}
    subscriptions = [
        {"name": "All", "partnerAction": "send", "subscribe": 'type = "track"', "mapping": mapping},
        {
            "name": "Third",
            "partnerAction": "send",
            "subscribe": "properties.third = true",
            "mapping": mapping,
        },
    ]
    delivery = {"orderedBy": "userId", "retry": {"base": 0.005, "cap": 0.01}, "breaker": {"failures": 1000}}
    instance = {"destination": "target", "settings": {"url": url}, "subscriptions": subscriptions}
    return Workspace.from_dict(
        {"destinations": [{**instance, "id": each, "delivery": delivery} for each in ("a", "b")]}
    )


def event(n: int) -> dict[str, Any]:
    """An event of one of the keys; each eighth one has none."""
    made = {"type": "track", "event": "E", "properties": {"n": n, "third": n % 3 == 0}}
    return made if n % 8 == 7 else {**made, "userId": f"u{n % KEYS}"}


class Server:
    """Fails some tries, as a digest says, and notes what of a key is in progress, and what arrived."""

    def __init__(self) -> None:
        self.in_progress: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.arrived: dict[str, list[int]] = defaultdict(list)
        self.tries: Counter[tuple[str, int]] = Counter()
        self.held = asyncio.Event()
        self.held.set()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        body: Any = request.json
        key, n = str(body["key"]), body["n"]
        self.tries[key, n] += 1
        drawn = hashlib.sha256(f"{key}-{n}-{self.tries[key, n]}".encode()).digest()
        self.in_progress[key] += 1
        self.most[key] = max(self.most[key], self.in_progress[key])
        try:
            await asyncio.sleep(drawn[0] / 255 * 0.003)
            await self.held.wait()
        finally:
            self.in_progress[key] -= 1
        if drawn[1] % 4 == 0:
            return Response(503)
        self.arrived[key].append(n)
        return Response(200)


def check_order(server: Server, count: int) -> None:
    """Each delivery of a key came after all earlier ones of it had arrived, and alone."""
    rows = [n for n in range(count) for _ in range(2 if n % 3 == 0 else 1)]
    for place in range(KEYS):
        own = [n for n in rows if n % KEYS == place and n % 8 != 7]
        assert server.arrived[f"u{place}"] == own
        assert server.most[f"u{place}"] == 1
    assert sorted(server.arrived["None"]) == [n for n in rows if n % 8 == 7]
    assert server.most["None"] > 1


def test_a_key_goes_one_by_one_whatever_fails(tmp_path: Path) -> None:
    """Never two deliveries of a key at once, never a later one before an earlier, also with retries."""

    async def main() -> None:
        one, two = Server(), Server()
        async with LoopbackServer(one.handle) as first, LoopbackServer(two.handle) as second:
            made = workspace(first.url)
            a, b = made.destinations
            made = attrs.evolve(made, destinations=(a, attrs.evolve(b, settings={"url": second.url})))
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                async for receipt in outbox.enqueue_many((event(n) for n in range(96)), group=7):
                    assert receipt.error is None
                total = 96 + 32
                await until(lambda: all(sum(map(len, each.arrived.values())) == total for each in (one, two)))
                await outbox.drain(20)
        check_order(one, 96)
        check_order(two, 96)

    asyncio.run(main())


@pytest.mark.parametrize("held", [True, False])
def test_order_outlives_a_kill(tmp_path: Path, *, held: bool) -> None:
    """After a kill, what was in progress goes again before all that is later of its key."""

    async def main() -> None:
        server = Server()
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url)
            made = type(made)(destinations=made.destinations[:1])
            path = tmp_path / "events.db"
            outbox = Outbox(Engine(made, registry=registry()), path)
            await outbox.open()
            async for _ in outbox.enqueue_many(event(n) for n in range(60)):
                pass
            await until(lambda: sum(map(len, server.arrived.values())) >= 20)
            if held:
                server.held.clear()
                await asyncio.sleep(0.05)
            await kill(outbox)
            server.held.set()
            await until(lambda: not server.in_progress.total())
            async with Outbox(Engine(made, registry=registry()), path) as second:
                async for _ in second.enqueue_many(event(n) for n in range(60, 80)):
                    pass
                await until(lambda: {n for each in server.arrived.values() for n in each} == set(range(80)))
                await second.drain(20)
        for place in range(KEYS):
            arrived = server.arrived[f"u{place}"]
            first_time = list(dict.fromkeys(arrived))
            assert first_time == sorted(first_time)
            # What was answered and not noted may come again, and nothing else.
            assert len(arrived) - len([n for n in first_time for _ in range(2 if n % 3 == 0 else 1)]) <= 2

    asyncio.run(main())
