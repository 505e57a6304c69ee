"""A process that accepts and delivers events until it is killed: see `test_chaos.py`.

    python chaos.py OUTBOX ACCEPTED DELIVERED NAME FAILURES

An event's id is written to ACCEPTED once it is acknowledged, and to DELIVERED, with its number, at the moment
at which it would be sent. FAILURES is the share of deliveries that go again a moment later. With NAME `drain`
nothing is accepted, and the process ends when nothing waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path

from actions_core.delivery.file import FileOptions, FileStore, Writer
from actions_core.delivery.store import Arrival, NewDelivery, Retry, Settlement

KEYS = 7
PLAIN, ORDERED = 1, 2
CONCURRENCY = 20


class Process:
    """One process: callers that enqueue, and pumps that deliver."""

    def __init__(self, outbox: Path, accepted: Path, delivered: Path, name: str, failures: float) -> None:
        self.store = FileStore.open(outbox, FileOptions(synchronous="normal"))
        assert list(self.store.register([("a", "plain"), ("a", "ordered")]).values()) == [PLAIN, ORDERED]
        self.writer = Writer(self.store)
        self.accepted = os.open(accepted, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.delivered = os.open(delivered, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.name = name
        self.failures = failures
        self.chance = random.Random(name)
        self.idle = 0

    async def enqueue(self, caller: int) -> None:
        """Accept one event after the other; each goes to both subscriptions, in one of them in order."""
        number = 0
        while True:
            number += 1
            message = f"{self.name}-{caller}-{number}"
            body = json.dumps({"messageId": message})
            key = f"k{caller % KEYS}"
            rows = NewDelivery(PLAIN, owned=False), NewDelivery(ORDERED, ordered=key)
            await self.writer.accept([Arrival(message, body, rows)])
            os.write(self.accepted, f"{message}\n".encode())
            await asyncio.sleep(self.chance.uniform(0, 0.01))

    async def deliver(self, subscription: int) -> None:
        """Take what is due and deliver it, at most so much at once."""
        while True:
            await self.writer.wait_noted(200)
            claim = await self.writer.claim(subscription, CONCURRENCY)
            if not claim.rows:
                self.idle += 1
                await asyncio.sleep(0.01)
                continue
            self.idle = 0
            await asyncio.gather(*[self.send(subscription, row.event, row.body) for row in claim.rows])

    async def send(self, subscription: int, event: int, body: str) -> None:
        """Deliver one event, or fail."""
        await asyncio.sleep(self.chance.uniform(0, 0.005))
        if self.chance.random() < self.failures:
            due = self.store.now() + 20
            retry = Retry(event, subscription, due, self.store.now(), status=503)
            self.writer.settle(Settlement(retries=[retry]))
            return
        message = json.loads(body)["messageId"]
        os.write(self.delivered, f"{subscription} {event} {message}\n".encode())
        self.writer.done(event, subscription)

    async def run(self) -> None:
        """Work until killed, or until nothing waits."""
        tasks = [asyncio.create_task(self.deliver(number)) for number in (PLAIN, ORDERED)]
        if self.name != "drain":
            tasks += [asyncio.create_task(self.enqueue(caller)) for caller in range(14)]
            await asyncio.gather(*tasks)
        count = "SELECT count(*) FROM delivery"
        # Another process would tell nobody that it is done: this looks.
        while await self.writer.run(lambda store: store._connection.read(count)[0][0]):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        self.writer.close()


if __name__ == "__main__":
    outbox, accepted, delivered, name, failures = sys.argv[1:]
    asyncio.run(Process(Path(outbox), Path(accepted), Path(delivered), name, float(failures)).run())
