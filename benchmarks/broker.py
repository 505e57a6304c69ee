"""Two workers on a broker beside one, where each request takes 50 ms.

`python broker.py` runs both sides in turns and prints the deliveries in a second, their ratio, and the
processor time of a worker and of the broker for each delivery. `--events N` says how many each run has,
`--concurrency N` how many requests a worker makes at once: few enough that they wait, not the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ours import expect

from actions_core import Response
from actions_core.delivery.jetstream.connection import connect
from actions_core.delivery.jetstream.layout import open_layout
from actions_core.delivery.jetstream.messages import Delivery
from actions_core.delivery.jetstream.worker import BrokerWorker
from actions_core.engine.workspace import BrokerSpec
from actions_core.testing import LoopbackServer
from actions_core.testing.broker import LoopbackBroker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core import Request
    from actions_core.delivery.jetstream.connection import Connection

_LATENCY: Final = 0.05
_AHEAD: Final = 256
_NAME: Final = "bench"


class _Server:
    """Answers each request after 50 ms, and counts."""

    def __init__(self) -> None:
        self.count = 0

    async def handle(self, _: Request) -> Response:
        await asyncio.sleep(_LATENCY)
        self.count += 1
        return Response(200, body=b"{}")


def _workspace(folder: Path, broker: str, url: str, concurrency: int) -> Path:
    path = folder / "workspace.json"
    instance = {
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
        "delivery": {"concurrency": concurrency},
    }
    path.write_text(json.dumps({"name": _NAME, "broker": broker, "destinations": [instance]}))
    return path


async def _publish(connection: Connection, subject: str, run: str, count: int) -> None:
    ahead = asyncio.Semaphore(_AHEAD)

    async def one(number: int) -> None:
        async with ahead:
            event = {"type": "track", "event": "E", "userId": "u", "messageId": f"{run}-{number}"}
            delivery = Delivery.of_event(json.dumps(event), "fs", "Track", at=0)
            await connection.publish(subject, delivery.body, delivery.headers(delivery.key))

    await asyncio.gather(*(one(number) for number in range(count)))


async def _waiting(connection: Connection, count: int) -> None:
    """Wait until so many workers ask for work."""
    while True:
        listed: Any = await connection.call(f"CONSUMER.LIST.{_NAME}-work")
        if sum(consumer["num_waiting"] for consumer in listed["consumers"]) == count:
            return
        await asyncio.sleep(0.05)


async def _run(path: Path, broker: str, server: _Server, workers: int, run: str, count: int) -> float:
    """Return the deliveries in a second of so many workers."""
    processes = [
        subprocess.Popen([sys.executable, __file__, "--worker", str(path)])  # noqa: ASYNC220, S603 - our own
        for _ in range(workers)
    ]
    connection = await connect(broker)
    layout = await open_layout(connection, _NAME, BrokerSpec(broker), keep=3600.0)
    await _waiting(connection, workers)
    before, started = server.count, time.perf_counter()
    # To workers that wait for it: publishing takes a fraction of what delivering does.
    await _publish(connection, layout.work_subject("fs"), run, count)
    while server.count < before + count:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.005)
    took = time.perf_counter() - started
    await connection.close()
    for process in processes:
        process.terminate()
        await asyncio.to_thread(process.wait)
    expect(server.count == before + count, server.count)
    return count / took


async def _compare(count: int, turns: int, concurrency: int) -> None:
    server = _Server()
    rates: dict[int, list[float]] = {1: [], 2: []}
    processor: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder, LoopbackBroker(Path(folder) / "broker") as broker:
        async with LoopbackServer(server.handle) as loopback:
            path = _workspace(Path(folder), broker.url, loopback.url, concurrency)
            for turn in range(turns):
                for workers in (1, 2):
                    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                    rate = await _run(path, broker.url, server, workers, f"{turn}-{workers}", count)
                    rates[workers].append(rate)
                    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent
                    processor[workers].append(used / count * 1e6)
    for workers, found in rates.items():
        print(
            f"{workers} worker{'s' if workers > 1 else ' '}  {statistics.median(found):8,.0f} deliveries/s"
            f"  {statistics.median(processor[workers]):6,.0f} µs of the processor each, starts included"
        )
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    print(f"two beside one: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


async def _work(path: str) -> None:
    import signal

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with BrokerWorker.from_file(path):
        await ended.wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison, or one worker of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    asyncio.run(
        _work(chosen.worker) if chosen.worker else _compare(chosen.events, chosen.turns, chosen.concurrency)
    )


if __name__ == "__main__":
    main()
