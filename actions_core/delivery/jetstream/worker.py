"""A worker: delivers what a broker holds for the instances of its workspace, with an engine of its own.

    broker ─► source of each instance ─► pump ─► engine ─► verdict ─► source ─► broker

Sources pull no more than their instance bears, so that what one worker cannot take is left to the others. An
instance that says it is gone (410), asks for a longer pause (`Retry-After`), or refuses its credentials again
and again, is paused in the broker, for all workers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Final, Self, Unpack

import attrs

from actions_core.delivery.attempts import Attempts
from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.broker import Broker, broker_of, kept_for
from actions_core.delivery.jetstream.layout import FOR_GOOD, PIN_TIMEOUT, ensure_consumer
from actions_core.delivery.jetstream.source import Source, SourceOptions
from actions_core.delivery.pump import Pump
from actions_core.delivery.routing import find_targets
from actions_core.delivery.rules import MOST_REFUSALS, Again, Dead, Done, Refusals
from actions_core.engine import Engine
from actions_core.engine.executor import Breaker, RateBudget
from actions_core.engine.workspace import Workspace
from actions_core.errors import Problem, WorkspaceError
from actions_core.http.errors import is_refusal
from actions_core.values.times import SteadyClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from actions_core.delivery.letters import DeadLetters
    from actions_core.delivery.pump import Settled
    from actions_core.delivery.store import Backlog
    from actions_core.engine.instances import Instance
    from actions_core.engine.options import Options

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


@attrs.frozen(eq=False)
class _Line:
    """What delivers to one instance."""

    instance: Instance
    source: Source
    pump: Pump
    refusals: Refusals

    async def end(self, grace: float) -> None:
        """Take nothing more, let what is in progress end, and give the rest back."""
        await self.source.stop()
        await self.pump.close(grace)
        await self.source.close(min(grace, _CONFIRM))


class BrokerWorker:
    """Delivers with an engine what the workspace's broker holds, while its context is entered.

    `url` stands in for the broker of the workspace. Closing the worker closes the engine.
    """

    def __init__(self, engine: Engine, url: str | None = None) -> None:
        self.engine = engine
        #: Told of each try and what follows from it, in the event loop; it must not raise or block.
        self.on_try: Callable[[Settled], None] | None = None
        self._url = url
        self._spec = broker_of(engine.workspace, url)
        self._targets = find_targets(engine.workspace, engine.instances.values())
        self._clock = SteadyClock()
        self._broker: Broker | None = None
        self._lines: dict[str, _Line] = {}
        self._gone: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._replacing = asyncio.Lock()
        self._closing = self._closed = False

    def __repr__(self) -> str:
        return f"<BrokerWorker {self.engine.workspace.name}>"

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], url: str | None = None, **options: Unpack[Options]
    ) -> BrokerWorker:
        """Make a worker for the workspace in a file; `options` are the engine's."""
        workspace = Workspace.from_file(os.fspath(path), lenient=True)
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
        self._broker = await Broker.open(self.engine.workspace, self._url, client="actions worker")
        try:
            await self._start_missing()
        except BaseException:  # whatever it is, the connection is open
            await self.close(0.0)
            raise

    async def replace(self, workspace: Workspace) -> None:
        """Take up a changed workspace, all or nothing, while events are delivered.

        Raises `WorkspaceError` with every problem, and goes on as before then. Instances that have not
        changed go on; what is in progress in the others ends by the old workspace. The name and the broker
        cannot change here.
        """
        async with self._replacing:
            before = self.engine.workspace
            kept = {"name": (before.name, workspace.name), "broker": (before.broker, workspace.broker)}
            if changed := [key for key, (old, new) in kept.items() if old != new]:
                problems = [
                    Problem(f"$.{key}", f"the {key} cannot be changed while a worker runs: start it anew")
                    for key in changed
                ]
                raise WorkspaceError(f"{workspace.source} is faulty:", problems=problems)
            compiled = self.engine.compile(workspace)
            targets = find_targets(workspace, compiled.instances.values())
            self.engine.replace(compiled)
            self._targets = targets
            if self._broker is None or self._closing:
                return
            self._broker.workspace = workspace
            present = self.engine.instances
            for name, line in list(self._lines.items()):
                if present.get(name) is not line.instance:
                    del self._lines[name]
                    self._spawn(line.end(_GRACE))
                    if line.refusals.are_pausing(time.monotonic()):  # the settings may be good now
                        await self.resume(name)
            await self._start_missing()

    async def _start_missing(self) -> None:
        for instance in self.engine.instances.values():
            if instance.enabled and instance.id not in self._lines and not self._closing:
                await self._start(instance)

    async def _start(self, instance: Instance) -> None:
        targets = [target for target in self._targets if target.instance is instance]
        admission = instance.lane.connection.admission
        breaker = Breaker() if admission is None else admission.breaker
        budget = RateBudget(instance.lane.concurrency) if admission is None else admission.budget
        enabled = dict(enumerate(target for target in targets if target.enabled))
        batches = {number: target.batch for number, target in enabled.items() if target.batch is not None}
        options = SourceOptions(
            budget.concurrency,
            self._spec.takeover,
            {target.pipeline.name: number for number, target in enabled.items()},
            batches=frozenset(batches),
            waiting=frozenset(target.pipeline.name for target in targets if not target.enabled),
            oldest=kept_for(self.engine.workspace).oldest,
        )
        source = await self._make_source(instance, options)
        attempts = Attempts(self.engine, enabled)
        refusals = Refusals()
        pump = Pump(
            source,
            {number: target.retry for number, target in enabled.items()},
            attempts.one,
            breaker=breaker,
            budget=budget,
            now=self._clock,
            note=self._note,
            batches=batches,
            attempts=attempts,
            suffixes={number: target.pipeline.scope.key_suffix for number, target in enabled.items()},
            refusals=refusals,
        )

        def arrived() -> None:
            self._revive(instance)
            pump.look()

        source.breaker, source.arrived = breaker, arrived
        self._lines[instance.id] = _Line(instance, source, pump, refusals)
        pump.start()
        await source.open()

    async def _make_source(self, instance: Instance, options: SourceOptions) -> Source:
        """Make what an instance's deliveries come from, and the consumers of it that are missing."""
        broker, delivery = self._opened(), instance.spec.delivery
        pinned = 0.0 if delivery.rate is None else min(PIN_TIMEOUT, options.takeover)
        most = max(1000, _MOST_FACTOR * options.concurrency)
        ordered = delivery.ordered_by is not None
        consumers = broker.layout.consumers(instance.id, most, ordered=ordered, pinned=pinned)
        await asyncio.gather(
            *(ensure_consumer(broker.connection, each, options.takeover) for each in consumers)
        )
        return Source(broker.connection, broker.layout, instance.id, consumers, options, self._clock)

    def _revive(self, instance: Instance) -> None:
        """Deliver again to an instance that was gone, if it was resumed: nothing comes of it before."""
        gone = self._gone.get(instance.id)
        if gone is not None and self._clock() - gone > _PAUSED_WITHIN:
            del self._gone[instance.id]
            for target in self._targets:
                if target.instance is instance:
                    for lane in (target.lane, target.batch_lane):
                        if lane is not None:
                            lane.disabled = ""

    def _note(self, settled: Settled) -> None:
        if self.on_try is not None:
            self.on_try(settled)
        result = settled.result
        if isinstance(settled.verdict, Done | Dead):
            self.engine.note_outcome(attrs.evolve(result, tries=settled.tries))
        elif isinstance(settled.verdict, Again):
            self.engine.note_retry(result)
        line = self._lines.get(result.instance)
        if line is None:
            return
        if result.error is not None and result.error.status == _GONE:
            words = "broker: %s is gone, and its events wait until it is resumed: %s"
            _LOGGER.error(words, result.instance, result.error)
            self._gone[result.instance] = self._clock()
            self._spawn(line.source.pause(FOR_GOOD))
        elif is_refusal(result.error) and line.refusals.are_too_many:
            pause = line.refusals.start_pause(time.monotonic())
            words = "broker: %s gets nothing for %.0f s: its credentials were refused %d times in a row: %s"
            _LOGGER.error(words, result.instance, pause, MOST_REFUSALS, result.error)
            self._spawn(line.source.pause_for(pause))
        elif line.pump.budget.pause_left > _LONG_PAUSE:
            self._spawn(line.source.pause_for(line.pump.budget.pause_left))

    # Looking, ending.

    async def backlog(self) -> list[Backlog]:
        """Return what waits in the broker for each instance, with its breaker and its budget here."""
        return [self._with_limits(each) for each in await self._opened().backlog()]

    def _with_limits(self, backlog: Backlog) -> Backlog:
        line = self._lines.get(backlog.instance)
        if line is None:
            return backlog
        return attrs.evolve(
            backlog,
            breaker=line.pump.breaker.state,
            cap=int(line.pump.budget.cap),
            learned_rate=line.pump.budget.learned_rate,
        )

    @property
    def dead_letters(self) -> DeadLetters:
        """The deliveries that were given up."""
        return self._opened().dead_letters

    async def resume(self, instance: str) -> None:
        """Have the broker hand out the deliveries of an instance again, which was gone or paused."""
        await self._opened().resume(instance)

    def is_leading(self, instance: str) -> bool:
        """Return whether this worker may deliver to an instance; one with a rate has one worker at a time."""
        return instance in self._lines and self._lines[instance].source.is_leading

    @property
    def place(self) -> str:
        """The broker's address without its secrets, for people."""
        return "a broker" if self._broker is None else f"the broker at {self._broker.connection.shown}"

    @property
    def closed(self) -> str:
        """Why the worker can no longer be used: never for a broker, which is waited for."""
        return ""

    @property
    def in_progress(self) -> int:
        """The number of deliveries in progress."""
        return sum(line.pump.in_progress for line in self._lines.values())

    async def stop(self, grace: float = _GRACE) -> None:
        """Take nothing more, give what is in progress `grace` seconds, and the rest back."""
        if self._closing:
            return
        self._closing = True
        await asyncio.gather(*(line.end(grace) for line in self._lines.values()))
        if self._tasks:  # lines that a replaced workspace has ended, and pauses
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self, grace: float = _GRACE) -> None:
        """Stop, and close the connection and the engine."""
        if self._closed:
            return
        self._closed = True
        try:
            await self.stop(grace)
        finally:
            try:
                if self._broker is not None:
                    await self._broker.close()
            finally:
                await self.engine.close(0.0)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("broker: %s: %s", type(error).__name__, error)

    def _opened(self) -> Broker:
        if self._broker is None:
            raise BrokerError(
                "the worker is not open: use 'async with', or await open()",
                code="BROKER_CLOSED",
                retryable=False,
            )
        return self._broker
