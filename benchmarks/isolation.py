"""One dead of 20 instances: what rate the others keep, from memory and through an outbox.

    .venv/bin/python benchmarks/isolation.py [--rounds 3] [--seconds 20] [--timeout 1] [--pace 10]

In each round every side runs once, in turns: all well, one instance refuses connections, one accepts them and
never responds. Shares are of the rate that the same round has with all well. Events come at a pace that
the machine bears, or as fast as they are taken: then a destination that hangs holds `send_many` up once,
for its `timeout`, until its breaker opens.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server import serving

from actions_core import Context, Engine, Registry, Request, Workspace, load_destination
from actions_core.delivery.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from actions_core import Result

INSTANCES: Final = 20
#: Events that the outbox may have accepted and not delivered to those that are well.
MOST_AHEAD: Final = 500
DEAD: Final = "i0"
FIELD: Final = {"label": "L", "description": "D", "type": "string"}
DEFINITION: Final[dict[str, Any]] = {
    "slug": "target",
    "name": "Target",
    "mode": "cloud",
    "authentication": {"scheme": "custom", "fields": {"url": {**FIELD, "required": True}}},
    "actions": {
        "send": {
            "title": "Send",
            "description": "D",
            "fields": {
                "name": {**FIELD, "required": True},
                "properties": {**FIELD, "type": "object", "required": True},
            },
        }
    },
}
EVENT: Final = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "properties": {"order_id": "o-1", "total": 99.5, "products": [{"sku": "a", "price": 10}]},
}


def registry() -> Registry:
    """Return a registry with one destination, which posts its payload."""
    target = load_destination(DEFINITION)

    @target.action("send")
    def send(context: Context, name: str, properties: dict[str, Any]) -> Request:
        return Request(
            "POST", context.settings["url"] + "/events", json={"name": name, "properties": properties}
        )

    found = Registry()
    found.register(target)
    return found


def workspace(url: str, dead: str | None, timeout: float) -> Workspace:
    """Return a workspace with 20 instances, of which one may be at a dead address."""
    mapping = {"name": {"@path": "$.event"}, "properties": {"@path": "$.properties"}}
    subscription = {
        "name": "All",
        "partnerAction": "send",
        "subscribe": 'type = "track"',
        "mapping": mapping,
    }
    return Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": f"i{place}",
                    "destination": "target",
                    "settings": {"url": dead if dead and f"i{place}" == DEAD else url},
                    "subscriptions": [subscription],
                    "delivery": {"timeout": timeout, "concurrency": 10},
                }
                for place in range(INSTANCES)
            ]
        }
    )


class Counter:
    """Counts the results of the instances that are well."""

    def __init__(self) -> None:
        self.sent = 0
        self.last = time.perf_counter()

    def __call__(self, result: Result) -> None:
        """Count a result."""
        if result.instance != DEAD and result.ok:
            self.sent += 1
            self.last = time.perf_counter()


async def events(seconds: float, pace: float) -> AsyncIterator[Any]:
    """Yield events for so many seconds: so many a second, or with a pace of 0 as fast as they are taken."""
    started = time.perf_counter()
    count = 0
    while (now := time.perf_counter() - started) < seconds:
        if pace and count >= now * pace:
            await asyncio.sleep(0.002)
            continue
        count += 1
        yield EVENT


async def from_memory(url: str, dead: str | None, given: argparse.Namespace, pace: float) -> float:
    """Return the deliveries a second of the instances that are well, through `send_many`."""
    counter = Counter()
    made = workspace(url, dead, given.timeout)
    async with Engine(made, registry=registry(), on_result=counter) as engine:
        await engine.send(EVENT)  # connections, and the first time of everything
        counter.sent, started = 0, time.perf_counter()
        async for _ in engine.send_many(events(given.seconds, pace)):
            pass
        return counter.sent / max(counter.last - started, given.seconds)


async def through_outbox(url: str, dead: str | None, given: argparse.Namespace, pace: float) -> float:
    """Return the deliveries a second of the instances that are well, through an outbox."""
    counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(workspace(url, dead, given.timeout), registry=registry(), on_result=counter)
        async with Outbox(engine, Path(folder) / "events.db") as outbox:
            await outbox.enqueue(EVENT)
            await until(lambda: counter.sent == INSTANCES - 1)
            accepted, started = 1, time.perf_counter()
            source = events(given.seconds, pace)
            async for receipt in outbox.enqueue_many(source, group=50):
                accepted += receipt.deliveries > 0
                # As fast as they are delivered, not as they can be stored.
                while accepted - counter.sent / (INSTANCES - 1) > MOST_AHEAD:  # noqa: ASYNC110 - as below
                    await asyncio.sleep(0.002)
            await until(lambda: counter.sent >= accepted * (INSTANCES - 1))
            rate = (counter.sent - INSTANCES + 1) / max(counter.last - started, given.seconds)
            await outbox.close(0.1)
            return rate


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.002)


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """Yield a URL at which every connection is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    """Yield a URL at which connections are accepted by the kernel and nobody ever responds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4096)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def main() -> None:
    """Run all rounds, and print the shares."""
    logging.disable(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--timeout", type=float, default=1.0)
    parser.add_argument("--pace", type=float, default=10.0, help="events a second, where they are paced")
    given = parser.parse_args()
    with serving() as (url, name), refusing() as refused, hanging() as hung:
        print(f"{INSTANCES} instances, one dead; the server is {name}")
        sides = {"all well": None, "one refuses": refused, "one hangs": hung}
        for way, run in (("from memory", from_memory), ("through an outbox", through_outbox)):
            for load, pace in (("paced", given.pace), ("saturated", 0.0)):
                shares: dict[str, list[float]] = {side: [] for side in sides}
                for _ in range(given.rounds):
                    rates: dict[str, float] = {}
                    for side, dead in sides.items():
                        used = time.process_time()
                        rates[side] = asyncio.run(run(url, dead, given, pace))
                        used = time.process_time() - used
                        shares[side].append(rates[side] / rates["all well"])
                        print(f"  {way}, {load}, {side}: {rates[side]:,.0f}/s, {used:.1f} s of the processor")
                for side in ("one refuses", "one hangs"):
                    found = ", ".join([f"{share:.0%}" for share in sorted(shares[side])])
                    median = statistics.median(shares[side])
                    print(f"{way}, {load}, {side}: the others keep {median:.0%} of their rate ({found})")


if __name__ == "__main__":
    main()
