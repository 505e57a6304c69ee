"""Processes on one outbox that are killed again and again while events are accepted and delivered.

They deliver to a server that counts the idempotency keys of each delivery. What is counted at the end:
nothing that was acknowledged is lost, each delivery has one key, no more goes twice than was in somebody's
hands, the order of a key holds, and nothing is left over.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from actions_core import Request, Response
from actions_core.testing import LoopbackServer
from tests.forks import ACTIONS, FORKS, Fork

ROOT = Path(__file__).parents[2]
KEY = "na1.chaos"
CONCURRENCY = 20
INSTANCES = ("plain", "ordered")
IN_FLIGHT = len(INSTANCES) * CONCURRENCY
#: What a killed process repeats at most: requests in flight, and twice the outcomes that are not noted: where
#: there are 200 of those nothing new begins, and what is in flight adds to them.
IN_HAND = IN_FLIGHT + 2 * (200 + IN_FLIGHT)
CALLERS = 8
#: Of a process that only accepts, beside workers: they have to keep up with it.
PRODUCERS = 2
_TABLES = ("event", "delivery", "dead", "worker")


@attrs.define
class Figures:
    """What was counted."""

    accepted: int = 0
    delivered: int = 0
    requests: int = 0
    lost: int = 0
    two_keys: int = 0
    duplicates: int = 0
    disordered: int = 0
    kills: int = 0
    left: int = 0
    integrity: str = ""
    seconds: float = 0.0

    def check(self, *, duplicates: bool = True) -> None:
        """Raise `AssertionError` where something is not as promised."""
        faults = self.lost, self.two_keys, self.disordered, self.left
        assert (*faults, self.integrity) == (0, 0, 0, 0, "ok"), self
        assert self.duplicates <= (IN_HAND * self.kills if duplicates else 0), self
        assert self.accepted, self

    def __str__(self) -> str:
        return (
            f"{self.accepted:,} events acknowledged, {self.lost} lost; {self.delivered:,} deliveries in "
            f"{self.requests:,} requests, {self.duplicates:,} twice (allowed: {IN_HAND * self.kills:,}), "
            f"{self.two_keys} with two keys, {self.disordered} out of order, {self.left} left, integrity "
            f"{self.integrity}, {self.kills} kills in {self.seconds:.0f} s"
        )


class Target:
    """The server: it answers late, fails as often as it is told to, and keeps what arrived."""

    def __init__(self, failures: float, latency: float = 0.005) -> None:
        self.requests = 0
        self.times: Counter[tuple[str, str]] = Counter()
        self.keys: dict[tuple[str, str], set[str]] = {}
        self.first: list[tuple[str, str]] = []
        self._failures = failures
        self._latency = latency
        self._chance = random.Random(1)

    async def handle(self, request: Request) -> Response:
        """Answer one delivery."""
        self.requests += 1
        body: Any = request.json
        instance, _, message = body["name"].partition(" ")
        self.keys.setdefault((instance, message), set()).add(request.headers["idempotency-key"])
        if self._latency:
            await asyncio.sleep(self._chance.uniform(0, self._latency))
        if self._chance.random() < self._failures:
            return Response(503)
        self.times[instance, message] += 1
        if self.times[instance, message] == 1:
            self.first.append((instance, message))
        return Response(200, body=b"{}")

    def disordered(self) -> int:
        """Count the events of a user that came later for the first time than one after them."""
        latest: dict[str, int] = {}
        count = 0
        for instance, message in self.first:
            if instance == "ordered":
                user, _, number = message.rpartition("-")
                count += int(number) < latest.get(user, 0)
                latest[user] = max(int(number), latest.get(user, 0))
        return count


class Chaos:
    """A folder with an outbox, a server, and the processes that work on it."""

    def __init__(self, folder: Path, failures: float = 0.0, *, latency: float = 0.005, **outbox: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.figures = Figures()
        self.target = Target(failures, latency)
        self.chance = random.Random(2)
        self._outbox = outbox
        self._names = iter(range(100_000))
        self._running: list[Fork] = []

    @asynccontextmanager
    async def serving(self, instances: Sequence[str] = INSTANCES) -> AsyncIterator[None]:
        """Run the server meanwhile, and kill what is left in the end."""
        started = time.monotonic()
        async with LoopbackServer(self.target.handle, keep=1) as server:
            self._write_workspace(server.url, instances)
            try:
                yield
            finally:
                for process in self._running:
                    if process.returncode is None:
                        process.kill()
                    await process.ended()
        self.figures.seconds = time.monotonic() - started

    def _write_workspace(self, url: str, instances: Sequence[str]) -> None:
        workspace = {
            "outbox": {"path": "events.db", "synchronous": "normal", **self._outbox},
            "destinations": [
                {
                    "id": instance,
                    "destination": "fullstory",
                    "settings": {"apiKey": KEY, "baseUrl": url},
                    "subscriptions": [
                        {
                            "name": "Track",
                            "partnerAction": "trackEventV2",
                            "subscribe": 'type = "track"',
                            "mapping": {
                                "name": {"@template": f"{instance} {{{{event}}}}"},
                                "userId": {"@path": "$.userId"},
                            },
                        }
                    ],
                    "delivery": {
                        "concurrency": CONCURRENCY,
                        "retry": {"base": 0.02, "cap": 0.05},
                        "breaker": {"failures": 1000},
                        **({"orderedBy": "userId"} if instance == "ordered" else {}),
                    },
                }
                for instance in instances
            ],
        }
        (self.folder / "w.json").write_text(json.dumps(workspace), encoding="utf-8")

    def start(self, *arguments: str) -> Fork:
        """Start a process; what it says goes to a file."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self.folder / "said").open("ab") as said:
            process = FORKS.start(*arguments, cwd=self.folder, env=environment, stdout=said, stderr=said)
        self._running.append(process)
        return process

    def start_program(self, kind: str = "p", callers: int = CALLERS) -> Fork:
        """Start a process that accepts and delivers; one that only accepts for the kind `store`."""
        name = f"{kind}{next(self._names)}"
        return self.start("-m", "tests.chaos.program", "w.json", "accepted", name, str(callers))

    def start_worker(self) -> Fork:
        """Start `actions worker`."""
        return self.start(ACTIONS, "worker", "w.json", "--log-format", "text")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that tells nobody when it happens."""
        try:
            async with asyncio.timeout(120):
                while not condition():  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError((self.folder / "said").read_text()[-4000:]) from None

    async def delivered_more(self, count: int) -> None:
        """Wait until so much more was delivered, and a moment longer."""
        before = len(self.target.times)
        await self.until(lambda: len(self.target.times) >= before + count)
        await asyncio.sleep(self.chance.uniform(0, 0.1))

    async def until_delivered(self, count: int, process: Fork) -> None:
        """Wait until so much was delivered, as long as the process runs."""
        while len(self.target.times) < count and process.returncode is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    def stored(self) -> list[str]:
        """Return the ids of what waits, once for each delivery."""
        file = self.folder / "events.db"
        if not file.exists():
            return []
        database = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
        try:
            query = "SELECT json_extract(body, '$.messageId') FROM delivery JOIN event ON seq = event"
            return [message for (message,) in database.execute(query)]
        except sqlite3.OperationalError:  # the file has no tables yet
            return []
        finally:
            database.close()

    async def end(self, process: Fork, number: int = signal.SIGKILL) -> int:
        """Send a signal, and return how the process ended."""
        process.send_signal(number)
        code = await process.ended()
        self._running.remove(process)
        self.figures.kills += number == signal.SIGKILL
        return code

    async def settle(self) -> None:
        """Have everything that is left delivered, and count."""
        for process in list(self._running):
            await self.end(process)
        last = self.start_program("drain", callers=0)
        try:
            code = await asyncio.wait_for(last.ended(), 300)
        except TimeoutError:
            code = None
        assert code == 0, (self.folder / "said").read_text()[-4000:]
        self.count((self.folder / "accepted").read_text().split("\n")[:-1], INSTANCES)

    def count(self, accepted: Sequence[str], instances: Sequence[str]) -> None:
        """Compare what was acknowledged with what arrived."""
        figures, target = self.figures, self.target
        figures.accepted = len(accepted)
        figures.lost = sum(not target.times[each, message] for each in instances for message in accepted)
        figures.delivered = len(target.first)
        figures.requests = target.requests
        figures.two_keys = sum(len(keys) > 1 for keys in target.keys.values())
        figures.duplicates = sum(target.times.values()) - len(target.first)
        figures.disordered = target.disordered()
        database = sqlite3.connect(self.folder / "events.db")
        figures.integrity = database.execute("PRAGMA integrity_check").fetchone()[0]
        counts = [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES]  # noqa: S608 - our own tables
        database.close()
        figures.left = sum(counts)

    def write_logs(self, events: int, files: int) -> list[str]:
        """Write a folder of packed files with so many events, and return their ids."""
        folder = self.folder / "logs"
        folder.mkdir()
        messages = [f"log-{number}" for number in range(events)]
        for place in range(files):
            own = messages[place * events // files : (place + 1) * events // files]
            lines = [
                json.dumps({"type": "track", "event": each, "messageId": each, "userId": "u"}) for each in own
            ]
            text = "".join(f"{line}\n" for line in lines).encode()
            (folder / f"{place:03}.ndjson.gz").write_bytes(gzip.compress(text, 1))
        return messages


async def killed(folder: Path, kills: int, *, processes: int = 1, failures: float = 0.0) -> Figures:
    """Kill processes that accept and deliver."""
    chaos = Chaos(folder, failures)
    async with chaos.serving():
        running: list[Fork] = []
        for _ in range(kills):
            while len(running) < processes:
                running.append(chaos.start_program())
            await chaos.delivered_more(40)
            await chaos.end(running.pop(0))
        await chaos.settle()
    return chaos.figures


async def terminated(folder: Path, times: int) -> Figures:
    """End workers by SIGTERM while others accept events."""
    chaos = Chaos(folder)
    async with chaos.serving():
        producer = chaos.start_program("store", PRODUCERS)
        for _ in range(times):
            worker = chaos.start_worker()
            await chaos.delivered_more(100)
            code = await chaos.end(worker, signal.SIGTERM)
            assert code == 0, (chaos.folder / "said").read_text()[-4000:]
        await chaos.end(producer)
        await chaos.settle()
    return chaos.figures


async def stopped(folder: Path, times: int, seconds: float) -> Figures:
    """Stop one of two workers with SIGSTOP for a while: what it holds is not delivered by the other."""
    chaos = Chaos(folder)
    async with chaos.serving():
        producer = chaos.start_program("store", PRODUCERS)
        workers = [chaos.start_worker(), chaos.start_worker()]
        for number in range(times):
            await chaos.delivered_more(100)
            workers[number % 2].send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            workers[number % 2].send_signal(signal.SIGCONT)
        await chaos.delivered_more(100)
        for worker in workers:
            assert await chaos.end(worker, signal.SIGTERM) == 0
        await chaos.end(producer)
        await chaos.settle()
    return chaos.figures


async def storing_killed(folder: Path, events: int, kills: int, *, files: int = 10) -> Figures:
    """Kill `actions run` while it stores a folder of files, and start it again.

    As in `run_killed`, only the places in the files keep events from being stored twice: not one may be.
    """
    chaos = Chaos(folder, dedupe=0)
    messages = chaos.write_logs(events, files)
    command = (ACTIONS, "run", "w.json", "logs", "--store-only", "--json")
    figures = chaos.figures
    async with chaos.serving(instances=("plain",)):
        for number in range(kills):
            process = chaos.start(*command)
            goal = events * (number + 1) // (kills + 1)
            while process.returncode is None and len(chaos.stored()) < goal:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            if process.returncode is None:
                await chaos.end(process)
        process = chaos.start(*command)
        assert await process.ended() == 0, (chaos.folder / "said").read_text()[-4000:]
    counts = Counter(chaos.stored())
    figures.accepted, figures.delivered, figures.integrity = events, len(counts), "ok"
    figures.lost = sum(not counts[message] for message in messages)
    figures.duplicates = sum(counts.values()) - len(counts)
    return figures


async def run_killed(folder: Path, events: int, kills: int, *, files: int = 10) -> Figures:
    """Kill `actions run` in the middle of a folder of files, and start it again.

    Nothing is known of duplicates by their id here: only the places in the files keep events from being
    stored twice.
    """
    chaos = Chaos(folder, latency=0.0, dedupe=0)
    messages = chaos.write_logs(events, files)
    command = (ACTIONS, "run", "w.json", "logs", "--json")
    async with chaos.serving(instances=("plain",)):
        for number in range(kills):
            process = chaos.start(*command)
            goal = events * (number + 1) // (kills + 1)
            await chaos.until_delivered(goal, process)
            await chaos.end(process)
        process = chaos.start(*command)
        code = await process.ended()
        assert code == 0, (chaos.folder / "said").read_text()[-4000:]
        chaos.count(messages, ("plain",))
    return chaos.figures
