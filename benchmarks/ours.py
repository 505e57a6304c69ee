"""Our side: the same measures by the public names of `actions_core`."""

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
TRACK = destination.spec.actions["trackEventV2"]
CONCURRENCY = 50

#: Runs in one sample: of what is quick, of an event, and of events that are under way together.
_LOOP = 100
_EVENTS = 100
_CROWD = 2000
_OK = Response(200, {"content-type": "application/json"}, b"{}")


def expect(good: object, found: object) -> None:
    """End the run when what is measured does not do what it should."""
    if not good:
        raise SystemExit(f"a measure went wrong: {found}")


class StubTransport:
    """Answers 200 at once: the network of the measures that have none."""

    async def send(self, request: Request) -> Response:  # noqa: ARG002 - whatever is asked
        """Answer."""
        return _OK

    async def close(self) -> None:
        """There is nothing to give back."""


class WritingTransport(StubTransport):
    """Writes the request's body first, as the reference has done when it comes to its network."""

    async def send(self, request: Request) -> Response:
        """Answer."""
        expect(request.content()[0], request)
        return _OK


def make_engine(*settings: JsonObject, transport: Transport | None = None) -> Engine:
    """An engine with an instance of FullStory for each of the settings, by default with one.

    Track events go there with the default mapping of their action; without `transport` over the network.
    """
    registry = Registry()
    registry.register(destination)
    subscription = {"name": "Track", "partnerAction": "trackEventV2", "subscribe": 'type = "track"'}
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
    """Seconds that one takes: the median of many short samples, so that an interrupted one counts little."""
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
    """An engine over a stub of the network, kept between the rounds, as the reference's is."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._engine = make_engine(transport=StubTransport())
        self._writing = make_engine(transport=WritingTransport())

    def one_by_one(self, duration: float) -> float:
        """Seconds for one event through `send`, one after the other."""
        return self._runner.run(self._send(self._engine, duration))

    def written(self, duration: float) -> float:
        """The same, with the body's JSON."""
        return self._runner.run(self._send(self._writing, duration))

    def many(self, _duration: float) -> float:
        """Seconds for one event through `send_many`: so many that its start and end count for little."""
        return self._runner.run(self._send_many())

    async def _send(self, engine: Engine, duration: float) -> float:
        send = engine.send
        samples = []
        started = perf_counter()
        end = started + duration
        while started < end:
            for _ in range(_EVENTS):
                report = await send(EVENT)
            now = perf_counter()
            samples.append((now - started) / _EVENTS)
            started = now
            expect(report.ok, report.results)
        return median(samples)

    async def _send_many(self) -> float:
        started = perf_counter()
        done = 0
        async for report in self._engine.send_many(EVENT for _ in range(_CROWD)):
            done += report.ok
        expect(done == _CROWD, done)
        return (perf_counter() - started) / _CROWD
