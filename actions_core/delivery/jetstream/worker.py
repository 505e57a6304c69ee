"""A worker: delivers what a broker holds for the instances of its workspace, with an engine of its own.

    broker ─► source of each instance ─► pump ─► engine ─► verdict ─► source ─► broker

Sources pull no more than their instance bears, so that what one worker cannot take is left to the others. An
instance that says it is gone (410), or asks for a longer pause (`Retry-After`), is paused in the broker, for
all workers.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

import attrs

from actions_core.delivery.attempts import Attempts
from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.brokers import broker_of, kept_for
from actions_core.delivery.jetstream.connection import connect
from actions_core.delivery.jetstream.layout import FOR_GOOD, ensure_consumer, open_layout
from actions_core.delivery.jetstream.source import Source, SourceOptions
from actions_core.delivery.pump import Pump
from actions_core.delivery.routing import find_targets
from actions_core.delivery.rules import Again, Dead, Done
from actions_core.engine import Engine
from actions_core.engine.executor import Breaker, RateBudget
from actions_core.engine.workspace import Workspace
from actions_core.errors import WorkspaceError
from actions_core.values.times import SteadyClock

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Layout
    from actions_core.delivery.pump import Settled
    from actions_core.delivery.routing import Target
    from actions_core.delivery.store import Claimed
    from actions_core.engine.engine import Options
    from actions_core.engine.instances import Instance
    from actions_core.engine.results import Result

_LOGGER: Final = logging.getLogger("actions_core")
_GRACE: Final = 10.0
#: Seconds for what is delivered and not confirmed by the broker yet, after the grace of deliveries.
_CONFIRM: Final = 5.0
#: A shorter pause of an instance concerns this worker alone.
_LONG_PAUSE: Final = 5.0
_GONE: Final = 410
#: Seconds within which the broker hands out nothing more of an instance that is gone.
_PAUSED_WITHIN: Final = 5.0
#: What all workers together may have in their hands, for each place of one.
_MOST_FACTOR: Final = 64


class BrokerWorker:
    """Delivers with an engine what the workspace's broker holds, while its context is entered.

    `url` stands in for the broker of the workspace. Closing the worker closes the engine.
    """

    def __init__(self, engine: Engine, url: str | None = None) -> None:
        self.engine = engine
        self.spec = broker_of(engine.workspace, url)
        self._targets = find_targets(engine.workspace, engine.instances.values())
        self._clock = SteadyClock()
        self._connection: Connection | None = None
        self._layout: Layout | None = None
        self._lines: dict[str, tuple[Source, Pump]] = {}
        self._gone: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def __repr__(self) -> str:
        return f"<BrokerWorker {self.engine.workspace.name}>"

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], url: str | None = None, **options: Unpack[Options]
    ) -> BrokerWorker:
        """Make a worker for the workspace in a file; `options` are the engine's."""
        workspace = Workspace.from_file(os.fspath(path))
        broker_of(workspace, url)  # before an engine is made
        return cls(Engine(workspace, **options), url)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect and begin to deliver. Raises `BrokerError` where the broker cannot be used."""
        workspace, spec = self.engine.workspace, self.spec
        url: Any = spec.url
        connection = await connect(url, credentials=spec.credentials, name=f"actions worker {workspace.name}")
        self._connection = connection
        try:
            keep = kept_for(workspace).keep
            self._layout = await open_layout(connection, workspace.name, spec, keep=keep)
            for instance in self.engine.instances.values():
                if instance.enabled:
                    await self._start(instance)
        except BaseException:
            await self.close(0.0)
            raise

    async def _start(self, instance: Instance) -> None:
        connection, layout = self._parts()
        targets = [target for target in self._targets if target.instance is instance]
        admission = instance.lane.connection.admission
        breaker = Breaker() if admission is None else admission.breaker
        budget = RateBudget(instance.lane.concurrency) if admission is None else admission.budget
        delivery = instance.spec.delivery
        ordered, pinned = delivery.ordered_by is not None, delivery.rate is not None
        most = max(1000, _MOST_FACTOR * budget.concurrency)
        consumers = layout.consumers(instance.id, most, ordered=ordered, pinned=pinned)
        await asyncio.gather(*(ensure_consumer(connection, each, self.spec.takeover) for each in consumers))
        enabled = dict(enumerate(target for target in targets if target.enabled))
        options = SourceOptions(
            budget.concurrency,
            self.spec.takeover,
            {target.pipeline.name: number for number, target in enabled.items()},
            frozenset(target.pipeline.name for target in targets if not target.enabled),
            kept_for(self.engine.workspace).oldest,
        )
        source = Source(connection, layout, instance.id, consumers, options, self._clock)

        attempts = Attempts(self.engine, enabled)

        async def deliver(row: Claimed) -> Result:
            self._revive(enabled[row.subscription])
            return await attempts.one(row)

        pump = Pump(
            source,
            {number: target.retry for number, target in enabled.items()},
            deliver,
            breaker=breaker,
            budget=budget,
            now=self._clock,
            note=self._note,
            suffixes={number: target.pipeline.scope.key_suffix for number, target in enabled.items()},
        )
        source.breaker, source.arrived = breaker, pump.look
        self._lines[instance.id] = source, pump
        pump.start()
        await source.open()

    def _revive(self, target: Target) -> None:
        """Deliver again to an instance that was gone, if it was resumed: nothing comes of it before."""
        gone = self._gone.get(target.instance.id, 0.0)
        if target.lane.disabled and self._clock() - gone > _PAUSED_WITHIN:
            for each in self._targets:
                if each.instance is target.instance:
                    each.lane.disabled = ""

    def _note(self, settled: Settled) -> None:
        result = settled.result
        if isinstance(settled.verdict, Done | Dead):
            self.engine.note_outcome(attrs.evolve(result, tries=settled.tries))
        elif isinstance(settled.verdict, Again):
            self.engine.note_retry(result)
        source, pump = self._lines[result.instance]
        if result.error is not None and result.error.status == _GONE:
            words = "broker: %s is gone, and its events wait until it is resumed: %s"
            _LOGGER.error(words, result.instance, result.error)
            self._gone[result.instance] = self._clock()
            self._spawn(source.pause(FOR_GOOD))
        elif pump.budget.pause_left > _LONG_PAUSE:
            self._spawn(source.pause_for(pump.budget.pause_left))

    # Looking, ending.

    async def resume(self, instance: str) -> None:
        """Have the broker hand out the deliveries of an instance again, which was gone or paused."""
        self._parts()
        await self._line(instance)[0].pause(None)

    async def is_paused(self, instance: str) -> bool:
        """Return whether the broker hands out nothing of an instance, to no worker."""
        self._parts()
        return await self._line(instance)[0].is_paused()

    def is_leading(self, instance: str) -> bool:
        """Return whether this worker may deliver to an instance; one with a rate has one worker at a time."""
        return self._line(instance)[0].is_leading

    def _line(self, instance: str) -> tuple[Source, Pump]:
        if instance not in self._lines:
            known = ", ".join(self._lines)
            raise WorkspaceError(f"there is no instance {instance!r} that is delivered to; there are {known}")
        return self._lines[instance]

    async def close(self, grace: float = _GRACE) -> None:
        """Take nothing more, give what is in progress `grace` seconds and the rest back, and close."""
        if self._closing:
            return
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._end(source, pump, grace) for source, pump in self._lines.values()))
        if self._connection is not None:
            await self._connection.close()
        await self.engine.close(0.0)

    async def _end(self, source: Source, pump: Pump, grace: float) -> None:
        await source.stop()
        await pump.close(grace)
        await source.close(min(grace, _CONFIRM))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("broker: %s: %s", type(error).__name__, error)

    def _parts(self) -> tuple[Connection, Layout]:
        if self._connection is None or self._layout is None:
            raise BrokerError(
                "the worker is not open: use 'async with', or await open()",
                code="BROKER_CLOSED",
                retryable=False,
            )
        return self._connection, self._layout
