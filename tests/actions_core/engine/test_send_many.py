"""Many events: where they come from, how many are in progress, and that each is accounted for."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination import load_destination
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.results import Report, Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import EventError
from actions_core.http.requests import Request, Response
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from actions_core.values.types import JsonObject


def make_engine(transport: Any = None, **delivery: Any) -> Engine:
    """An engine with one instance that has one subscription."""
    field = {"label": "L", "description": "D", "type": "string", "default": {"@path": "$.event"}}
    action = {"title": "Plain", "description": "D", "fields": {"name": field}}
    destination = load_destination(
        {"slug": "sample", "name": "Sample", "mode": "cloud", "actions": {"plain": action}}
    )

    @destination.action("plain")
    def plain(name: str = "") -> Request:
        return Request("POST", "https://sample.test/plain", json={"name": name})

    registry = Registry()
    registry.register(destination)
    instance = {
        "id": "one",
        "destination": "sample",
        "subscriptions": [{"name": "S", "partnerAction": "plain", "subscribe": 'type = "track"'}],
        "delivery": {"retry": {"tries": 2, "base": 0}, **delivery},
    }
    workspace = Workspace.from_dict({"destinations": [instance]})
    return Engine(workspace, registry=registry, transport=transport or RecordingTransport())


def test_what_is_no_event_raises_in_send_and_is_a_report_in_send_many() -> None:
    """`send` raises EventError; `send_many` reports it in its place and goes on."""

    async def scenario() -> list[Report]:
        async with make_engine() as engine:
            with pytest.raises(EventError):
                await engine.send([])
            return [
                report async for report in engine.send_many([make_event(), 5, {"type": "x"}, make_event()])
            ]

    reports = sorted(asyncio.run(scenario()), key=lambda report: report.index)
    assert [report.ok for report in reports] == [True, False, False, True]
    assert isinstance(reports[1].error, EventError)


def test_send_many_takes_any_source() -> None:
    """Lists, generators and asynchronous generators all are sources of events."""

    async def later() -> AsyncIterator[JsonObject]:
        for number in range(30):
            await asyncio.sleep(0)
            yield make_event(messageId=str(number))

    async def scenario(events: Any) -> list[int]:
        async with make_engine() as engine:
            return sorted([report.index async for report in engine.send_many(events, concurrency=4)])

    for events in ([make_event()] * 30, (make_event() for _ in range(30)), later()):
        assert asyncio.run(scenario(events)) == list(range(30))
    assert asyncio.run(scenario([])) == []


def test_a_source_that_breaks_is_told_after_what_came_before() -> None:
    """What a source raises comes out of the loop when the events before it are reported."""

    def broken() -> Iterator[JsonObject]:
        yield make_event()
        yield make_event()
        raise OSError("the disk is gone")

    async def scenario() -> int:
        seen = 0
        async with make_engine() as engine:
            with pytest.raises(OSError, match="disk"):
                async for _report in engine.send_many(broken(), concurrency=2):
                    seen += 1
        return seen

    assert asyncio.run(scenario()) == 2


class Slow:
    """A transport that takes its time and counts how many requests are under way."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0
        self.most = 0
        self.done = 0

    async def send(self, request: Request) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        self.done += 1
        return Response(200)

    async def close(self) -> None:
        pass


def test_concurrency_is_bounded_for_each_instance() -> None:
    """No more requests than `delivery.concurrency` are under way to one instance."""
    slow = Slow(0.005)

    async def scenario() -> int:
        engine = make_engine(slow, concurrency=3)
        async with engine:
            return sum([1 async for _ in engine.send_many(make_event() for _ in range(40))])

    assert asyncio.run(scenario()) == 40
    assert slow.most == 3


def test_intake_waits_for_a_slow_reader() -> None:
    """No more events are taken from the source than are under way or wait to be read."""
    taken = 0

    def source() -> Iterator[JsonObject]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield make_event()

    async def scenario() -> None:
        async with make_engine() as engine:
            reports = engine.send_many(source(), concurrency=10)
            await anext(reports)
            await asyncio.sleep(0.05)
            assert taken <= 30
            await reports.aclose()  # type: ignore[attr-defined]  # a generator

    asyncio.run(scenario())


def test_closing_accounts_for_every_event() -> None:
    """Closed under load: what was in progress is done, what waited was not tried, the rest is untaken."""
    slow = Slow(0.2)
    source = iter([make_event() for _ in range(500)])

    async def scenario() -> list[Report]:
        engine = make_engine(slow, concurrency=5)
        asyncio.get_running_loop().call_later(0.05, lambda: tasks.append(asyncio.create_task(engine.close())))
        tasks: list[asyncio.Task[None]] = []
        reports = [report async for report in engine.send_many(source, concurrency=20)]
        await tasks[0]
        return reports

    reports = asyncio.run(scenario())
    found = [report.results[0].status for report in reports]
    assert found.count(Status.SENT) == slow.done == 5
    assert found.count(Status.NOT_TRIED) == 15
    assert len(reports) + len(list(source)) == 500


def test_memory_stays_flat() -> None:
    """Twenty thousand events need no more memory than two thousand."""

    async def peak(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        transport = RecordingTransport()
        async with make_engine(transport) as engine:
            async for _report in engine.send_many((make_event() for _ in range(count)), concurrency=50):
                transport.requests.clear()
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    small, large = asyncio.run(peak(500)), asyncio.run(peak(5000))
    assert large < small * 1.2 + 200_000
