"""Measure how fast `actions serve` takes events, beside what bounds it: `python benchmarks/intake.py`.

Single events: beside a bare aiohttp server that reads the body and answers 200. Batches of 100: beside
`Outbox.enqueue_many`, which is given events that are parsed already. Each side runs in a process of its own,
and they take turns within one run, since absolute times of a shared machine mean nothing. Beside the rates
stands the processor time of the server for each event, which other programs touch less.

The server only stores, on the disk of `--folder`, with the default of one fsync for each group.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import attrs
import uvloop
from aiohttp import web

from actions_core import Outbox, Workspace
from actions_core.apps.server.assembly import make_server

_CONNECTIONS: Final = 256
_BATCH: Final = 100
_BATCH_CONNECTIONS: Final = 8
_MARK: Final = b"0123456789ab"
_MICROSECONDS: Final = 1_000_000
_KILOBYTES: Final = 1024

#: About 700 bytes, as a client library sends it.
EVENT: Final = {
    "type": "track",
    "event": "Order Completed",
    "userId": "user-123456",
    "anonymousId": "5f3c1b0a-8f8e-4c43-9f8e-1a2b3c4d5e6f",
    "messageId": f"bench-{_MARK.decode()}",
    "timestamp": "2026-03-01T10:00:00.123000+00:00",
    "context": {
        "library": {"name": "analytics-python", "version": "2.4.0"},
        "ip": "203.0.113.7",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0",
        "page": {"path": "/checkout", "url": "https://shop.example/checkout", "title": "Checkout"},
    },
    "properties": {
        "total": 99.5,
        "currency": "EUR",
        "products": [{"sku": "A-1", "price": 49.75, "quantity": 2}],
    },
    "integrations": {},
}


def workspace(folder: Path) -> Workspace:
    """Return a workspace with one subscription that matches."""
    return Workspace.from_dict(
        {
            "outbox": str(folder / "events.db"),
            "sources": [{"writeKey": "bench"}],
            "destinations": [
                {
                    "id": "fs",
                    "destination": "actions-fullstory-cloud",
                    "settings": {"apiKey": "na1.bench"},
                    "subscriptions": "presets",
                }
            ],
        }
    )


# The sides, each in a process of its own.


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _size() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def _serve_until_closed() -> None:
    """Say processor time and memory for each line on standard input, until there is none."""
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        _say({"used": _used(), "size": _size()})


async def serve_bare() -> None:
    """Serve a bare aiohttp server that reads the body and answers 200."""

    async def respond(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=b'{"success":true}', content_type="application/json")

    runner = web.ServerRunner(web.Server(respond, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _say({"port": runner.addresses[0][1]})
    await _serve_until_closed()
    await runner.cleanup()


async def serve_ours(folder: Path) -> None:
    """Serve the tracking API, and only store."""
    outbox, server = make_server(workspace(folder), store_only=True)
    async with outbox, server:
        _say({"port": int(server.url.rpartition(":")[2])})
        await _serve_until_closed()


async def enqueue(folder: Path) -> None:
    """For each number on standard input, store so many events by `enqueue_many`, and say how fast."""
    loop = asyncio.get_running_loop()
    from actions_core import Engine

    async with Outbox(Engine(workspace(folder)), store_only=True) as outbox:
        _say({})
        begun = 0
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            count = int(line)
            text = json.dumps(EVENT)
            mark = _MARK.decode()
            events = [json.loads(text.replace(mark, f"{begun + n:012d}")) for n in range(count)]
            begun += count
            used, started = _used(), time.perf_counter()
            async for _ in outbox.enqueue_many(events):
                pass
            _say({"rate": count / (time.perf_counter() - started), "used": (_used() - used) / count})


# The client.


class _Connection(asyncio.Protocol):
    """Sends one request after another, as soon as the response is there."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._data = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.send()

    def send(self) -> None:
        request = self._load.next()
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0 or not self._data.endswith(b"}"):
            return
        self._load.note(good=self._data.startswith(b"HTTP/1.1 200") and b"rejected" not in self._data)
        self._data = b""
        self.send()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._load.ended()


@attrs.define
class Load:
    """Requests of so many events each, until the time is up; ids are never sent twice."""

    batch: int
    seconds: float
    first: int
    sent: int = 0
    done: int = 0
    bad: int = 0
    until: float = 0.0
    left: int = 0
    over: asyncio.Event = attrs.field(factory=asyncio.Event)
    _parts: list[bytes] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        item = json.dumps(EVENT)
        if self.batch == 1:
            text = json.dumps({**EVENT, "sentAt": "2026-03-01T10:00:01.000Z", "writeKey": "bench"})
            path = "/v1/track"
        else:
            text = f'{{"batch": [{", ".join([item] * self.batch)}], "sentAt": "2026-03-01T10:00:01+00:00"}}'
            path = "/v1/batch"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic YmVuY2g6\r\n"
            f"User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        self._parts = (head + text).encode().split(_MARK)

    def next(self) -> bytes | None:
        """Return the next request; None when the time is up."""
        if time.perf_counter() >= self.until:
            return None
        parts = self._parts
        pieces = [parts[0]]
        number = self.first + self.sent * self.batch
        for place in range(1, len(parts)):
            pieces += (b"%012d" % (number + place), parts[place])
        self.sent += 1
        return b"".join(pieces)

    def note(self, *, good: bool) -> None:
        """Count a response."""
        self.done += 1
        self.bad += not good

    def ended(self) -> None:
        """Note that a connection has ended."""
        self.left -= 1
        if not self.left:
            self.over.set()


async def send(port: int, load: Load, connections: int) -> float:
    """Send a load, and return the events in a second."""
    loop = asyncio.get_running_loop()
    load.left = connections
    started = time.perf_counter()
    load.until = started + load.seconds
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
    await load.over.wait()
    if load.bad:
        raise SystemExit(f"{load.bad} of {load.done} responses were not as expected")
    return load.done * load.batch / (time.perf_counter() - started)


# The run.


class Side:
    """One side in its process."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir()
        command = [sys.executable, __file__, "--side", name, "--folder", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this file
        self.sent = 0
        self.port = self._read().get("port", 0)

    def ask(self, line: str = "") -> Any:
        """Give it a line, and return what it says."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe; the type checker cannot know
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101 - as above
        return json.loads(self._process.stdout.readline())

    def measure(self, batch: int, seconds: float) -> tuple[float, float]:
        """Return the events in a second, and the processor time of the server for each in microseconds."""
        used = self.ask()["used"]
        load = Load(batch, seconds, self.sent)
        connections = _CONNECTIONS if batch == 1 else _BATCH_CONNECTIONS
        rate = uvloop.run(send(self.port, load, connections))
        self.sent += load.sent * batch + 1
        return rate, (self.ask()["used"] - used) / (load.done * batch) * _MICROSECONDS

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.close()
        self._process.wait()


def _fsync(folder: Path) -> float:
    """Return how many milliseconds an fsync takes here."""
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def _row(name: str, pairs: list[tuple[float, float]]) -> None:
    rates, used = zip(*pairs, strict=True)
    rate, cost = statistics.median(rates), statistics.median(used)
    print(f"  {name:<24}{rate:>10,.0f}/s{cost:>10,.1f} µs of the processor")


def _ratio(ours: list[tuple[float, float]], theirs: list[tuple[float, float]], goal: float) -> None:
    """Print the ratios of both measures: of pairs that ran one after the other."""
    rate = statistics.median(a[0] / b[0] for a, b in zip(ours, theirs, strict=True))
    used = statistics.median(b[1] / a[1] for a, b in zip(ours, theirs, strict=True))
    print(f"  {'ratio':<24}{rate:>11.0%} by rate, {used:.0%} by processor time; the goal is {goal:.0%}\n")


def run(folder: Path, rounds: int, seconds: float) -> None:
    """Measure everything, and print it."""
    print(f"an fsync takes {_fsync(folder):.2f} ms here; {rounds} rounds of {seconds:g} s for each side\n")
    bare, ours = Side("bare", folder / "bare"), Side("ours", folder / "ours")
    many = Side("enqueue", folder / "many")
    pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in ("bare", "single", "batch", "many")}
    sizes = []
    for side in (bare, ours):
        side.measure(1, seconds / 2)
    for _ in range(rounds):
        pairs["bare"].append(bare.measure(1, seconds))
        pairs["single"].append(ours.measure(1, seconds))
        sizes.append(ours.ask()["size"] / _KILOBYTES / _KILOBYTES)
    print(f"single events, {_CONNECTIONS} connections:")
    _row("a bare aiohttp server", pairs["bare"])
    _row("actions serve", pairs["single"])
    _ratio(pairs["single"], pairs["bare"], 0.5)
    many.ask("5000")
    ours.measure(_BATCH, seconds / 2)
    for _ in range(rounds):
        found = many.ask("20000")
        pairs["many"].append((found["rate"], found["used"] * _MICROSECONDS))
        pairs["batch"].append(ours.measure(_BATCH, seconds))
        sizes.append(ours.ask()["size"] / _KILOBYTES / _KILOBYTES)
    print(f"batches of {_BATCH}, {_BATCH_CONNECTIONS} connections:")
    _row("enqueue_many", pairs["many"])
    _row("actions serve", pairs["batch"])
    _ratio(pairs["batch"], pairs["many"], 0.8)
    print(f"memory of the server after each round, {ours.sent:,} events in all, in MB:")
    print("  " + " ".join(f"{size:.0f}" for size in sizes))
    for side in (bare, ours, many):
        side.close()


def main() -> None:
    """Run the benchmark, or one side of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--side", choices=("bare", "ours", "enqueue"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side == "bare":
        uvloop.run(serve_bare())
    elif asked.side == "ours":
        uvloop.run(serve_ours(asked.folder))
    elif asked.side == "enqueue":
        uvloop.run(enqueue(asked.folder))
    else:
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            run(Path(folder), asked.rounds, asked.seconds)


if __name__ == "__main__":
    main()
