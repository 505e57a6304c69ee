"""The price of an outbox, side by side with `send_many`, and what a million waiting events cost.

    .venv/bin/python benchmarks/outbox.py [--rounds 3] [--events 4000] [--waiting 1000000]

Sides run in turns within one run, with the processor's time of this process and the disk's fsync beside: on
one machine rates move by a factor of two within the hour, and fsync by far more. Judge by ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from isolation import EVENT, refusing, registry, until, workspace
from server import serving

from actions_core import Engine, Workspace
from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.store import Arrival, NewDelivery, Settlement
from actions_core.engine.workspace import OutboxSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core import Result

CALLERS: Final = 256
#: Microseconds of one Python event loop for each of many callers that it answers.
ANSWER_US: Final = 15
_GROUP: Final = 4096
_CLAIM: Final = 500
_TIMEOUT: Final = 30.0


def events(count: int, mark: str) -> Iterable[dict[str, Any]]:
    """Return so many events with ids that nobody has had yet."""
    return ({**EVENT, "messageId": f"{mark}-{number}"} for number in range(count))


def one_instance(url: str) -> Workspace:
    """Return a workspace with one instance, as the others here have it."""
    made = workspace(url, None, _TIMEOUT)
    return Workspace(made.destinations[:1])


def measure_fsync(folder: Path) -> float:
    """Return the microseconds of one fsync of a page."""
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(30):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def rss() -> float:
    """Return the megabytes of this process's memory now, or at most where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


class Spent:
    """The time of a block: of the clock, and of the processor in this process."""

    def __enter__(self) -> Self:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu


# End to end.


async def through_send_many(url: str, count: int, mark: str) -> tuple[float, float]:
    """Return events a second, and microseconds of the processor for each, from memory."""
    async with Engine(one_instance(url), registry=registry()) as engine:
        await engine.send(EVENT)
        good = 0
        with Spent() as spent:
            async for report in engine.send_many(events(count, mark)):
                good += report.ok
    if good != count:
        raise SystemExit(f"{count - good} events failed")
    return count / spent.wall, spent.cpu / count * 1e6


async def through_outbox(url: str, count: int, mark: str) -> tuple[float, float]:
    """Return the same through an outbox: accepted, delivered, noted."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(one_instance(url), registry=registry())
        async with Outbox(engine, Path(folder) / "events.db") as outbox:
            await outbox.enqueue(EVENT)
            await outbox.drain(10)
            with Spent() as spent:
                async for receipt in outbox.enqueue_many(events(count, mark)):
                    if receipt.deliveries != 1:
                        raise SystemExit("an event was not accepted")
                left = await outbox.drain(120)
            if any(each.due + each.later + each.in_hand for each in left):
                raise SystemExit("events were not delivered")
    return count / spent.wall, spent.cpu / count * 1e6


def end_to_end(url: str, rounds: int, count: int) -> None:
    """Compare the two in turns."""
    shares, more = [], []
    for place in range(rounds):
        rate, price = asyncio.run(through_send_many(url, count, f"a{place}"))
        durable, durable_price = asyncio.run(through_outbox(url, count, f"b{place}"))
        shares.append(durable / rate)
        more.append(durable_price - price)
        print(f"  send_many {rate:,.0f}/s, {price:.0f} us; outbox {durable:,.0f}/s, {durable_price:.0f} us")
    print(
        f"end to end: {statistics.median(shares):.0%} of send_many's events a second, and "
        f"{statistics.median(more):.0f} us of the processor more for each (goals: 65%, 55 us)"
    )


# Accepting.


async def enqueue(url: str, count: int, mark: str, dedupe: float) -> tuple[float, float, float]:
    """Return events a second, microseconds of the processor for each, and of fsync, with 256 callers."""
    with tempfile.TemporaryDirectory() as folder:
        fsync = measure_fsync(Path(folder))
        spec = OutboxSpec(Path(folder) / "events.db", dedupe=dedupe)
        async with Outbox(Engine(one_instance(url), registry=registry()), spec, store_only=True) as outbox:
            waiting = iter(events(count, mark))

            async def call() -> None:
                for event in waiting:
                    await outbox.enqueue(event)

            with Spent() as spent:
                await asyncio.gather(*(call() for _ in range(CALLERS)))
    return count / spent.wall, spent.cpu / count * 1e6, fsync


def accepting(url: str, rounds: int, count: int) -> None:
    """Measure how many events 256 callers have accepted in a second."""
    for words, dedupe in (("known ids", 86400.0), ("no known ids", 0.0)):
        found = [asyncio.run(enqueue(url, count, f"c{place}", dedupe)) for place in range(rounds)]
        for rate, price, fsync in found:
            print(f"  {words}: {rate:,.0f}/s, {price:.0f} us, fsync {fsync:,.0f} us")
        share = statistics.median(
            [rate / (CALLERS / ((fsync + CALLERS * ANSWER_US) / 1e6)) for rate, _, fsync in found]
        )
        price = statistics.median([price for _, price, _ in found])
        print(
            f"enqueue by {CALLERS} callers, {words}: {price:.0f} us of the processor each, {share:.0%} of "
            f"256 / (fsync + 256 x {ANSWER_US} us) (goals: 35 us, 50%)"
        )


# A million waiting.


def fill(path: Path, count: int, names: list[tuple[str, str]]) -> None:
    """Store so many events for the first subscription."""
    store = FileStore.open(path, FileOptions(dedupe=0, synchronous="normal"), worker=False)
    number = store.register(names)[names[0]]
    body = json.dumps({**EVENT, "messageId": "m"})
    arrival = Arrival(None, body, (NewDelivery(number, size=len(body)),))
    with Spent() as spent:
        for start in range(0, count, _GROUP):
            store.accept([arrival] * min(_GROUP, count - start))
    print(f"  {count:,} stored at {count / spent.wall:,.0f}/s; RSS {rss():.0f} MB")
    store.close()


def claims(path: Path, names: list[tuple[str, str]], most: int) -> None:
    """Claim and finish rows while the others wait."""
    store = FileStore.open(path, FileOptions(dedupe=0, synchronous="normal"))
    number = store.register(names)[names[0]]
    done = 0
    before = rss()
    with Spent() as spent:
        while done < most:
            rows = store.claim(number, _CLAIM).rows
            if not rows:
                break
            store.settle(Settlement(done=[(row.event, number) for row in rows]))
            done += len(rows)
    print(
        f"claims with all that waiting: {done / spent.wall:,.0f}/s claimed and done, "
        f"{spent.cpu / done * 1e6:.0f} us each; RSS {before:.0f} -> {rss():.0f} MB (goal: 50,000/s, flat)"
    )
    store.close()


async def neighbour(path: Path, url: str, dead: str, count: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of `enqueue`, and until delivered, of a neighbour of a dead instance."""
    taken: dict[str, float] = {}
    delivered: dict[str, float] = {}

    def note(result: Result) -> None:
        if result.instance != "i0" and result.message_id in taken:
            delivered[result.message_id] = time.perf_counter() - taken[result.message_id]

    made = workspace(url, dead, _TIMEOUT)
    engine = Engine(Workspace(made.destinations[:2]), registry=registry(), on_result=note)
    accepting: list[float] = []
    async with Outbox(engine, OutboxSpec(path, dedupe=0)) as outbox:
        await asyncio.sleep(1.0)
        for number, event in enumerate(events(count, f"d{path.name}")):
            taken[event["messageId"]] = started = time.perf_counter()
            await outbox.enqueue(event)
            accepting.append((time.perf_counter() - started) * 1000)
            if number % 10 == 0:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            await until(lambda: len(delivered) >= count)
        await outbox.close(0.1)
    return accepting, [seconds * 1000 for seconds in delivered.values()]


def a_million(url: str, count: int) -> None:
    """Show that what waits for one instance costs no memory, and nothing of the others."""
    names = [("i0", "All"), ("i1", "All")]
    with tempfile.TemporaryDirectory() as folder, refusing() as dead:
        full, empty = Path(folder) / "full.db", Path(folder) / "empty.db"
        fill(full, count, names)
        for path, words in [(empty, "nothing"), (full, f"{count:,}")] * 2:
            accepting, delivering = asyncio.run(neighbour(path, url, dead, 500))
            taken, p99 = statistics.median(accepting), sorted(accepting)[-6]
            print(
                f"  {words} waiting for a dead neighbour: enqueue p50 {taken:.1f} ms, p99 {p99:.1f} ms; "
                f"delivered p50 {statistics.median(delivering):.1f} ms; RSS {rss():.0f} MB"
            )
        claims(full, names, min(count, 200_000))


def main() -> None:
    """Run what was asked for."""
    logging.disable(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=("end", "enqueue", "waiting"))
    given = parser.parse_args()
    parts = given.only or ("end", "enqueue", "waiting")
    with serving() as (url, name):
        print(f"the server is {name}")
        if "end" in parts:
            end_to_end(url, given.rounds, given.events)
        if "enqueue" in parts:
            accepting(url, given.rounds, 5 * given.events)
        if "waiting" in parts:
            a_million(url, given.waiting)


if __name__ == "__main__":
    main()
