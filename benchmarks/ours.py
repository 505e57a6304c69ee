"""Our side: the same measures through the public names of `actions_core`."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from actions_fullstory import destination

from actions_core import (
    Engine,
    PayloadValidator,
    Registry,
    Response,
    Workspace,
    compile_mapping,
    parse_fql,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from actions_core import Request, Transport
    from actions_core.values.types import JsonObject

INPUTS = json.loads((Path(__file__).parent / "inputs.json").read_text(encoding="utf-8"))
EVENT = INPUTS["event"]
SHOP = INPUTS["shop"]
ORDER = "Order Completed"
TRACK = destination.spec.actions["trackEventV2"]
CONCURRENCY = 50

#: Runs in one sample: of a quick function, of an event, and of concurrent events.
_LOOP = 100
_EVENTS = 100
_CROWD = 2000
_OK = Response(200, {"content-type": "application/json"}, b"{}")


def expect(good: object, found: object) -> None:
    """End the run when a measure does not do what it should."""
    if not good:
        raise SystemExit(f"a measure went wrong: {found}")


class StubTransport:
    """A transport that responds with 200 at once, for measures without a network."""

    async def send(self, request: Request) -> Response:  # noqa: ARG002 - whatever the request
        """Return a response."""
        return _OK

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class WritingTransport(StubTransport):
    """A transport that writes the request's body first, as the reference does before its network."""

    async def send(self, request: Request) -> Response:
        """Write the body and return a response."""
        expect(request.content()[0], request)
        return _OK


def make_engine(*settings: JsonObject, of: str = ORDER, transport: Transport | None = None) -> Engine:
    """Return an engine with an instance of FullStory for each of the settings, by default one.

    It takes the shop's event `of` with its mapping; without `transport` it uses the network.
    """
    registry = Registry()
    registry.register(destination)
    shop = SHOP[of]
    subscription = {"name": "Benchmark", "partnerAction": shop["action"], "subscribe": shop["subscribe"]}
    if "mapping" in shop:
        subscription["mapping"] = shop["mapping"]
    instances = [
        {
            "id": f"fullstory-{number}",
            "destination": destination.spec.slug,
            "settings": {**INPUTS["settings"], **own},
            "subscriptions": [subscription],
            "delivery": {"concurrency": CONCURRENCY},
        }
        for number, own in enumerate(settings or ({},))
    ]
    return Engine(Workspace.from_dict({"destinations": instances}), registry=registry, transport=transport)


def _measures() -> dict[str, Callable[[], Any]]:
    default = compile_mapping(TRACK.default_mapping).resolve
    six = compile_mapping(INPUTS["sixDirectives"]).resolve
    check = PayloadValidator(TRACK.fields).check
    payload = default(EVENT)
    measures: dict[str, Callable[[], Any]] = {
        "default mapping": lambda: default(EVENT),
        "six directives": lambda: six(EVENT),
        "validation": lambda: check(payload),
    }
    for name, text in INPUTS["subscriptions"].items():
        matches = parse_fql(text).matches
        measures[f"match: {name}"] = lambda matches=matches: matches(EVENT)
    return measures


MEASURES = _measures()


def timed(measure: str, duration: float) -> float:
    """Return the seconds of one run: the median of short samples, so that an interruption counts little."""
    run = MEASURES[measure]
    samples = []
    started = perf_counter()
    end = started + duration
    while started < end:
        for _ in range(_LOOP):
            run()
        now = perf_counter()
        samples.append((now - started) / _LOOP)
        started = now
    return median(samples)


class WholeEvent:
    """An engine with a stubbed network, kept between the rounds as the reference's is."""

    def __init__(self, runner: asyncio.Runner, of: str = ORDER) -> None:
        self._runner = runner
        self._event = SHOP[of]["event"]
        self._engine = make_engine(of=of, transport=WritingTransport())

    def one_by_one(self, duration: float) -> float:
        """Return the seconds for one event through `send`, one after the other."""
        return self._runner.run(self._send(duration))

    def many(self, _duration: float) -> float:
        """Return the seconds for one event through `send_many`: the median of as many events as in `send`."""
        return self._runner.run(self._send_many())

    async def _send(self, duration: float) -> float:
        send = self._engine.send
        samples = []
        started = perf_counter()
        end = started + duration
        while started < end:
            for _ in range(_EVENTS):
                report = await send(self._event)
            now = perf_counter()
            samples.append((now - started) / _EVENTS)
            started = now
            expect(report.ok, report.results)
        return median(samples)

    async def _send_many(self) -> float:
        samples = []
        done = 0
        started = perf_counter()
        async for report in self._engine.send_many(self._event for _ in range(_CROWD)):
            done += report.ok
            if done % _EVENTS == 0:
                now = perf_counter()
                samples.append((now - started) / _EVENTS)
                started = now
        expect(done == _CROWD, done)
        return median(samples)
