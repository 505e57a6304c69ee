"""The cost of each stage of the hot path: where an event spends its time on the way to the network.

Each stage is measured alone, as the pipeline calls it, with the result of the stage before it. The rest is
the whole less the costs of the stages.
"""

from __future__ import annotations

import asyncio
import os
import platform
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Final

import uvloop
from ours import ORDER, SHOP, StubTransport, WritingTransport, make_engine

from actions_core.destination.context import Context
from actions_core.engine.executor.client import EventClient
from actions_core.engine.pipeline import Step
from actions_core.engine.results import Report, Result, Status
from actions_core.http.requests import Request
from actions_core.values.events import check_event
from actions_core.values.json_bytes import json_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actions_core import Engine

EVENT: Final = SHOP[ORDER]["event"]

_LOOP: Final = 200
_ROUNDS: Final = 60
_CROWD: Final = 1000


def _cost(run: Callable[[], object]) -> float:
    """Return the median of many short measures, in time of the processor: others may be busy too."""
    found = []
    for _ in range(_ROUNDS):
        started = process_time()
        for _ in range(_LOOP):
            run()
        found.append((process_time() - started) / _LOOP)
    return median(found)


def _finish(work: Coroutine[object, None, object]) -> None:
    """Run a coroutine that never waits to its end, without an event loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise SystemExit("a stage waited for something")


def stages(runner: asyncio.Runner) -> list[tuple[str, float]]:
    """Return each stage and its cost in seconds, in the order of an event."""

    async def inside() -> list[tuple[str, float]]:
        instance = make_engine(transport=StubTransport())._enabled[0]  # noqa: SLF001 - seen from within
        lane, connection = instance.lane, instance.lane.connection
        pipeline = instance.pipelines[0]
        mapping, validator, handler = pipeline.mapping, pipeline.validator, pipeline.handler
        if mapping is None or validator is None or handler is None:
            raise SystemExit("the pipeline is not complete")
        context = Context(pipeline.scope, EVENT)
        client = EventClient(connection, context, pipeline.hints)
        mapped = mapping.resolve(EVENT)
        payload = validator.check(mapped)
        request = handler.call(payload, context, client)
        complete = connection.prepare(request, context)
        result = await lane.deliver(Step(pipeline, EVENT))
        response = result.response
        steps: list[tuple[str, Callable[[], object]]] = [
            ("check_event", lambda: check_event(EVENT)),
            ("match", lambda: pipeline.matches(EVENT)),
            ("mapping", lambda: mapping.resolve(EVENT)),
            ("validation", lambda: validator.check(mapped)),
            (
                "context and client",
                lambda: EventClient(connection, Context(pipeline.scope, EVENT), pipeline.hints),
            ),
            ("handler", lambda: handler.call(payload, Context(pipeline.scope, EVENT), client)),
            ("… of which a Request", lambda: Request("POST", "/v2/events", headers={}, json=EVENT)),
            ("prepare, complete", lambda: connection.prepare(request, context)),
            ("client, its tries and deadlines", lambda: _finish(client._deliver(complete))),  # noqa: SLF001 - as above
            (
                "result",
                lambda: Result(
                    "i", "s", "a", Status.SENT, None, "", 1, 0.1, (), request, response, connection.mask
                ),
            ),
            ("report", lambda: Report("m", (result,), None, 0)),
            (
                "lane, with all of it but check and match",
                lambda: _finish(lane.deliver(Step(pipeline, EVENT))),
            ),
            ("JSON of the body (transport)", lambda: json_bytes(complete.json)),
        ]
        return [(name, _cost(run)) for name, run in steps]

    return runner.run(inside())


def _of_many(run: Callable[[], object]) -> float:
    """Return the median seconds of the processor for one of the events that `run` sends."""
    found = []
    for _ in range(_ROUNDS):
        started = process_time()
        run()
        found.append((process_time() - started) / _CROWD)
    return median(found)


async def _send(engine: Engine) -> None:
    for _ in range(_CROWD):
        await engine.send(EVENT)


async def _send_many(engine: Engine) -> None:
    async for _ in engine.send_many(EVENT for _ in range(_CROWD)):
        pass


def main() -> None:
    """Measure and print as Markdown."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = stages(runner)
        engine = make_engine(transport=WritingTransport())
        rows.append(("engine.send, the whole", _of_many(lambda: runner.run(_send(engine)))))
        rows.append(("engine.send_many, the whole", _of_many(lambda: runner.run(_send_many(engine)))))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {machine}\n")
    print("| stage | µs |\n|---|---:|")
    for name, seconds in rows:
        print(f"| {name} | {seconds * 1e6:.2f} |")


if __name__ == "__main__":
    main()
