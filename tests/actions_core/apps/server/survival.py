# ruff: noqa: T201 - a command prints
"""Segment's own clients against `actions serve` that is killed: `survival.py --events 10000 --kills 10`.

    client ─► proxy ─► actions serve ─► stand-in        (SIGKILL, and started again, under one address)

The client is unmodified. The proxy and the stand-in kill the server at the three moments that matter: with a
request half taken, with a response that the client never gets to see, with a delivery that was not noted.
Prints what became of the events as JSON, and exits with 1 where one was lost, stored or delivered wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actions_core import Response
from actions_core.testing import LoopbackServer

if TYPE_CHECKING:
    from actions_core import Request

ROOT: Final = Path(__file__).parents[4]
KEY: Final = "survival-key"
CONCURRENCY: Final = 50
#: What a crash may repeat: what was in flight, and outcomes that were not noted yet.
REPEATED: Final = CONCURRENCY + 2 * 200
MOMENTS: Final = ("response", "delivery", "request")
#: Seconds that a busy machine may take for anything of this.
LONG: Final = 300.0


class Server:
    """`actions serve` in a process of its own, under one address whenever it runs."""

    def __init__(self, folder: Path, url: str) -> None:
        self.file = folder / "events.db"
        self.port = 0
        self.kills = 0
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        subscription = {
            "name": "Track",
            "partnerAction": "trackEventV2",
            "subscribe": 'type = "track"',
            "mapping": {"name": {"@path": "$.event"}, "userId": {"@path": "$.userId"}},
        }
        workspace = {
            "outbox": self.file.name,
            "sources": [{"name": "survival", "writeKey": KEY}],
            "destinations": [
                {
                    "id": "fs",
                    "destination": "actions-fullstory-cloud",
                    "settings": {"apiKey": "na1.key", "baseUrl": url},
                    "subscriptions": [subscription],
                    "delivery": {"concurrency": CONCURRENCY},
                }
            ],
        }
        (folder / "workspace.json").write_text(json.dumps(workspace), encoding="utf-8")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "actions_core.apps.cli", "serve", "workspace.json", "--json"]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--port", str(self.port)], cwd=self._folder, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.port = int(json.loads(line)["url"].rpartition(":")[2])

    def kill(self) -> None:
        """End it as a loss of power of the process does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.kills += 1

    def stop(self) -> int:
        """End it as a supervisor does, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(LONG)

    def stored(self) -> tuple[int, int, int]:
        """How many events were ever stored, how many deliveries wait, how many were given up."""
        connection = sqlite3.connect(self.file)
        try:
            queries = (
                "SELECT event FROM counter",
                "SELECT count(*) FROM delivery",
                "SELECT count(*) FROM dead",
            )
            found = [connection.execute(query).fetchone()[0] for query in queries]
        finally:
            connection.close()
        return found[0], found[1], found[2]


class Killer:
    """Kills the server at chosen requests, each time at another moment, and starts it again."""

    def __init__(self, server: Server, requests: list[int]) -> None:
        self._armed: deque[str] = deque()
        self._server = server
        self._at = {number: MOMENTS[place % len(MOMENTS)] for place, number in enumerate(requests)}
        self._seen = 0
        self.restarts: set[asyncio.Task[None]] = set()

    def note_request(self) -> None:
        """Count a request; one that was chosen arms this."""
        self._seen += 1
        if self._seen in self._at:
            self._armed.append(self._at[self._seen])

    def strike(self, moment: str) -> bool:
        """Kill the server if this is the moment; return whether it was."""
        if not self._armed or self._armed[0] != moment or self.restarts:
            return False
        self._armed.popleft()
        self._server.kill()
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self._server.start))
        self.restarts.add(task)
        task.add_done_callback(self.restarts.discard)
        return True


class World:
    """The stand-in and the proxy, in an event loop in a thread of its own."""

    def __init__(self) -> None:
        self.url = ""
        self.proxy = ""
        self.server: Server
        self.killer: Killer
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        self.times: Counter[str] = Counter()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))
        self._thread.start()
        self._ready.wait()

    async def _run(self) -> None:
        async with LoopbackServer(self._deliver, keep=1) as stand_in:
            self.url = stand_in.url
            proxy = await asyncio.start_server(self._forward, "127.0.0.1", 0)
            async with proxy:
                self.proxy = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
                self._ready.set()
                await self._stop.wait()
                await asyncio.gather(*self.killer.restarts)

    async def _deliver(self, request: Request) -> Response:
        body: Any = request.json
        self.times[body["name"]] += 1
        self.keys[body["name"]].add(request.headers["idempotency-key"])
        self.killer.strike("delivery")
        return Response(200, {"content-type": "application/json"}, b"{}")

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one request; where anything is in the way, break the connection."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1]) if length else 0)
            self.killer.note_request()
            inward, outward = await asyncio.open_connection("127.0.0.1", self.server.port)
            outward.write(
                re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head[:-4]) + b"\r\nConnection: close\r\n\r\n"
            )
            outward.write(body)
            await outward.drain()
            if not self.killer.strike("request"):
                response = await inward.read()
                if response and not self.killer.strike("response"):
                    writer.write(response)
                    await writer.drain()
            outward.close()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


def send_from_python(host: str, count: int) -> int:
    """Send events with `segment-analytics-python`; return how many it gave up."""
    from segment.analytics.client import Client

    failed: list[Any] = []
    client = Client(
        KEY, host=host, max_queue_size=2 * count, on_error=lambda _error, batch: failed.extend(batch)
    )
    for number in range(count):
        taken, _ = client.track("u-1", f"E-{number}")
        assert taken
    client.shutdown()
    return len(failed)


def send_from_node(host: str, count: int, modules: Path) -> int:
    """Send events with `@segment/analytics-node`; return how many it gave up."""
    script = Path(__file__).with_name("survival_client.js")
    run = subprocess.run(  # noqa: S603 - our own script
        ["node", script, host, KEY, str(count)],  # noqa: S607 - the one that is installed
        env={**os.environ, "NODE_PATH": str(modules)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=2 * LONG,
    )
    failed: int = json.loads(run.stdout)["failed"]
    return failed


def survive(count: int, kills: int, *, node: Path | None, folder: Path) -> dict[str, Any]:
    """Have all events sent while the server is killed; return what became of them."""
    world = World()
    try:
        world.server = Server(folder, world.url)
        requests = max(count // (15 if node else 100), 1)
        chosen = [1 + requests * (place + 1) // (kills + 1) for place in range(kills)]
        world.killer = Killer(world.server, chosen)
        world.server.start()
        failed = send_from_node(world.proxy, count, node) if node else send_from_python(world.proxy, count)
        end = time.monotonic() + LONG
        while (len(world.times) < count or world.killer.restarts) and time.monotonic() < end:
            time.sleep(0.05)
        code = world.server.stop()
    finally:
        world.close()
    stored, waiting, dead = world.server.stored()
    return {
        "events": count,
        "kills": world.server.kills,
        "given up by the client": failed,
        "lost": count - len(world.times),
        "stored": stored,
        "delivered again": sum(world.times.values()) - len(world.times),
        "most keys of an event": max(map(len, world.keys.values()), default=0),
        "waiting": waiting,
        "dead": dead,
        "exit code": code,
    }


def is_good(found: dict[str, Any], kills: int) -> bool:
    """Return whether nothing was lost, each stored once, and repeated only what was in flight."""
    return (
        found["kills"] == kills
        and found["stored"] == found["events"]
        and found["most keys of an event"] == 1
        and found["delivered again"] <= kills * REPEATED
        and not any(found[key] for key in ("given up by the client", "lost", "waiting", "dead", "exit code"))
    )


def main() -> int:
    """Run what was asked for, print what became of it, and return the exit code."""
    parser = argparse.ArgumentParser(description="Kill `actions serve` while a client sends.")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--node", type=Path, help="send from node; the folder with @segment/analytics-node")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = survive(asked.events, asked.kills, node=asked.node, folder=Path(folder))
    print(json.dumps(found))
    return 0 if is_good(found, asked.kills) else 1


if __name__ == "__main__":
    sys.exit(main())
