"""Breaker and rate budget of an instance, as events without an outbox meet them: real servers, real time."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from typing import Any

import pytest

from actions_core import Context, Engine, Registry, Request, Response, Status, Workspace, load_destination
from actions_core.testing import LoopbackServer

LONG = os.environ.get("ACTIONS_LONG_TESTS")
_QUIET = logging.getLogger("actions_core.tests.quiet")
_QUIET.setLevel(logging.CRITICAL)

DEFINITION = {
    "name": "Target",
    "slug": "target",
    "mode": "cloud",
    "authentication": {
        "scheme": "custom",
        "fields": {
            "url": {"label": "URL", "description": "Where it is.", "type": "string", "required": True}
        },
    },
    "actions": {
        "send": {
            "title": "Send",
            "description": "Send an event.",
            "fields": {"n": {"label": "N", "description": "A number.", "type": "integer"}},
        },
    },
}


def registry() -> Registry:
    """A registry with one destination that posts a number to its URL."""
    target = load_destination(DEFINITION)

    @target.action("send")
    def send(context: Context, n: int | None = None) -> Request:
        return Request("POST", context.settings["url"], json={"n": n})

    found = Registry()
    found.register(target)
    return found


def workspace(urls: dict[str, str], **delivery: Any) -> Workspace:
    """A workspace with an instance for each URL."""
    subscription = {
        "partnerAction": "send",
        "subscribe": 'type = "track"',
        "mapping": {"n": {"@path": "$.properties.n"}},
    }
    return Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": name,
                    "destination": "target",
                    "settings": {"url": url},
                    "subscriptions": [subscription],
                    "delivery": delivery,
                }
                for name, url in urls.items()
            ]
        }
    )


def track(n: int, **more: Any) -> dict[str, Any]:
    """An event with a number."""
    return {"type": "track", "event": "E", "userId": "u", "properties": {"n": n}, **more}


class LimitedServer:
    """Takes so many requests in each second of the clock, after a latency, and refuses the rest."""

    def __init__(self, limit: int, latency: float = 0.02) -> None:
        self.limit, self.latency = limit, latency
        self.taken_in: Counter[int] = Counter()
        self.taken: Counter[int] = Counter()
        self.refused = 0

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        second = int(time.time())
        self.taken_in[second] += 1
        good = self.taken_in[second] <= self.limit
        if good:
            self.taken[request.json["n"]] += 1  # type: ignore[index,call-overload] - our own body
        else:
            self.refused += 1
        await asyncio.sleep(self.latency)
        return Response(200) if good else Response(429, {"retry-after": "1"})


@pytest.mark.parametrize(
    ("count", "concurrency"),
    [(500, 10), pytest.param(3000, 50, marks=pytest.mark.skipif(not LONG, reason="a minute and more"))],
)
def test_a_server_that_limits_loses_no_event(count: int, concurrency: int) -> None:
    """Without a rate of its own an instance finds the server's: no event fails, few requests are wasted."""

    async def main() -> None:
        limited = LimitedServer(50)
        async with LoopbackServer(limited.handle) as server:
            engine = Engine(workspace({"a": server.url}, concurrency=concurrency), registry=registry())
            async with engine:
                reports = [report async for report in engine.send_many(track(n) for n in range(count))]
        assert all(report.ok for report in reports)
        assert len(limited.taken) == count
        assert max(limited.taken.values()) == 1
        assert limited.refused <= 0.05 * (count + limited.refused)

    asyncio.run(main())


def test_a_rate_is_kept() -> None:
    """`rate` bounds the requests from the first one on: each has its turn, whatever is late on its way."""

    async def main() -> None:
        times: list[float] = []

        async def handle(_request: Request) -> Response:
            times.append(time.monotonic())
            return Response(200)

        async with LoopbackServer(handle) as server:
            rate = {"requests": 20, "per": 0.5, "burst": 5}
            engine = Engine(workspace({"a": server.url}, rate=rate), registry=registry())
            async with engine:
                begun = time.monotonic()
                reports = [report async for report in engine.send_many(track(n) for n in range(30))]
        assert all(report.ok for report in reports)
        for place, at in enumerate(times):
            assert at - begun >= (place + 1 - 5) / 40 - 0.001

    asyncio.run(main())


def test_an_open_breaker_fails_at_once() -> None:
    """After enough failures in a row nothing is asked of the instance until a probe succeeds."""

    async def main() -> None:
        requests, status = 0, 500

        async def handle(_request: Request) -> Response:
            nonlocal requests
            requests += 1
            return Response(status)

        async with LoopbackServer(handle) as server:
            breaker = {"failures": 3, "pause": 0.3}
            engine = Engine(
                workspace({"a": server.url}, breaker=breaker, retry={"base": 0.01}), registry=registry()
            )
            async with engine:
                first = (await engine.send(track(1))).results[0]
                assert (first.status, first.tries, requests) == (Status.FAILED, 3, 3)
                second = (await engine.send(track(2))).results[0]
                assert second.error is not None
                assert (second.error.code, second.error.retryable) == ("INSTANCE_UNAVAILABLE", True)
                assert (second.tries, requests) == (0, 3)
                await asyncio.sleep(0.35)
                status = 200
                assert (await engine.send(track(3))).ok
                assert (await engine.send(track(4))).ok
                assert engine.instances["a"].lane.connection.admission is not None
                assert engine.instances["a"].lane.connection.admission.quiet

    asyncio.run(main())


def test_a_retry_after_beyond_the_time_fails_at_once() -> None:
    """A 429 whose Retry-After is longer than `retry.within` ends the event, retryable, without waiting."""

    async def main() -> None:
        async def handle(_request: Request) -> Response:
            return Response(429, {"retry-after": "30"})

        async with LoopbackServer(handle) as server:
            engine = Engine(workspace({"a": server.url}, retry={"within": 25}), registry=registry())
            async with engine:
                result = (await asyncio.wait_for(engine.send(track(1)), 20)).results[0]
                assert result.error is not None
                assert (result.error.status, result.error.retryable, result.tries) == (429, True, 1)

    asyncio.run(main())


@pytest.mark.parametrize("asked", ["1e9", "100000", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_retry_after_stops_an_instance_for_good(asked: str) -> None:
    """Events that come in a pause longer than `retry.within` fail at once; the pause has a bound itself."""

    async def main() -> None:
        async def handle(_request: Request) -> Response:
            return Response(429, {"retry-after": asked})

        async with LoopbackServer(handle) as server:
            async with Engine(workspace({"a": server.url}), registry=registry()) as engine:
                async with asyncio.timeout(10):
                    first, *others = [(await engine.send(track(n))).results[0] for n in range(3)]
                    batch = await engine.send_batch([track(4), track(5)])
                admission = engine.instances["a"].lane.connection.admission
            assert admission is not None
            assert 800 < admission.budget.pause_left <= 900
        assert first.error is not None
        assert (first.error.status, first.error.retryable, first.tries) == (429, True, 1)
        for result in others:
            assert result.error is not None
            assert (result.error.code, result.error.retryable) == ("INSTANCE_UNAVAILABLE", True)
            assert "it asked not to be called for another" in result.reason
            assert result.tries == 0
        assert {node.errortype for node in batch.results[0].nodes} == {"INSTANCE_UNAVAILABLE"}

    asyncio.run(main())


def test_what_waits_for_the_budget_is_not_tried_when_the_engine_closes() -> None:
    """An event that waits for its turn says that it was not tried, and nothing is sent."""

    async def main() -> None:
        requests = 0

        async def handle(_request: Request) -> Response:
            nonlocal requests
            requests += 1
            return Response(200)

        async with LoopbackServer(handle) as server:
            rate = {"requests": 1, "per": 60}
            engine = Engine(workspace({"a": server.url}, rate=rate), registry=registry())
            waiting = [asyncio.create_task(engine.send(track(n))) for n in range(5)]
            await asyncio.sleep(0.2)
            await engine.close()
            statuses = Counter([(await task).results[0].status for task in waiting])
        assert statuses == {Status.SENT: 1, Status.NOT_TRIED: 4}
        assert requests == 1

    asyncio.run(main())


def test_a_person_does_not_wait_behind_an_open_breaker() -> None:
    """A test of the settings goes to the destination whatever state the instance is in."""

    async def main() -> None:
        async def handle(_request: Request) -> Response:
            return Response(503)

        async with LoopbackServer(handle) as server:
            found = Registry()
            target = load_destination(DEFINITION)

            @target.action("send")
            def send(context: Context, n: int | None = None) -> Request:
                return Request("POST", context.settings["url"], json={"n": n})

            @target.test_authentication
            def test_authentication(context: Context) -> Request:
                """Ask for the URL."""
                return Request("GET", context.settings["url"])

            found.register(target)
            options: dict[str, Any] = {"breaker": {"failures": 1}, "retry": {"tries": 1}}
            async with Engine(workspace({"a": server.url}, **options), registry=found) as engine:
                await engine.send(track(1))
                result = await engine.test_authentication("a")
                assert (result.tries, result.error is not None and result.error.status) == (1, 503)

    asyncio.run(main())


async def _seconds_for_the_healthy(urls: dict[str, str], events: int) -> float:
    """Send events to all instances in turn, and return the seconds until the healthy ones had theirs."""
    engine = Engine(workspace(urls, timeout=60), registry=registry(), logger=_QUIET)
    async with engine:
        started = time.perf_counter()
        reports = [report async for report in engine.send_many(track(n) for n in range(events))]
        seconds = time.perf_counter() - started
    healthy = [result for report in reports for result in report.results if result.instance != "i0"]
    assert len(healthy) == events * (len(urls) - 1)
    assert all(result.ok for result in healthy)
    return seconds


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(9, marks=pytest.mark.skipif(not LONG, reason="a minute and more"))]
)
def test_one_dead_instance_of_twenty_does_not_slow_the_others(rounds: int) -> None:
    """The rate of nineteen instances, with a twentieth that refuses connections, and with one that works."""

    async def main() -> list[float]:
        async def handle(_request: Request) -> Response:
            return Response(200)

        async with LoopbackServer(handle) as server, LoopbackServer(handle) as gone:
            dead = gone.url
            await gone.__aexit__(None, None, None)
            alive = {f"i{n}": server.url for n in range(20)}
            ratios = []
            for _ in range(rounds):  # by pairs, since the machine's pace changes
                without = await _seconds_for_the_healthy(alive, 40)
                ratios.append(without / await _seconds_for_the_healthy({**alive, "i0": dead}, 40))
        return ratios

    ratios = sorted(asyncio.run(main()))
    assert ratios[len(ratios) // 2] >= (0.95 if LONG else 0.7), ratios
