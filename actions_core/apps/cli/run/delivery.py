"""The run itself: events go from files through the engine to the totals, until they end or a signal comes."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.cli.interruption import Interruption
from actions_core.apps.cli.run.selection import Gate
from actions_core.apps.cli.run.summary import ProgressBar
from actions_core.apps.events.inputs import RestOfFile
from actions_core.apps.events.lines import read_file
from actions_core.engine.results import Report, Result, Status
from actions_core.errors import ActionsError, EventError, RequestError
from actions_core.http.errors import TransportError
from actions_core.http.retry import is_retryable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actions_core.apps.cli.events.reader import EventReader, Rest
    from actions_core.apps.cli.run.failures import FailureFile
    from actions_core.apps.cli.run.selection import Selection
    from actions_core.apps.cli.run.totals import RunTotals
    from actions_core.apps.events.inputs import InputEvent
    from actions_core.apps.events.lines import EventLine
    from actions_core.destination.multistatus import Node
    from actions_core.engine import Engine
    from actions_core.engine.pipeline import Step
    from actions_core.engine.results import BatchReport, BatchResult
    from actions_core.values.types import Json

_STOPPED: Final = "the run was stopped before its outcome was known"
_UNTRIED: Final = "the run was interrupted before it was tried"
#: The longest that an interrupted run counts what it has not read.
_COUNTING_TIME: Final = 1.0
#: The errors of a batch's node that say that the input was not an event.
_EVENT_ERRORS: Final = {EventError.default_code, "EVENT_TOO_LARGE"}


@attrs.frozen
class Pace:
    """How much is in progress at once; `batch` is None where events go one by one."""

    concurrency: int | None = None
    batch: int | None = None
    grace: float = 10.0


#: Batches in progress at once, where nothing else is asked for.
_BATCHES: Final = 4


class Delivery:
    """One run. `gate` knows afterwards which instances were given up."""

    def __init__(
        self,
        engine: Engine,
        reader: EventReader,
        selection: Selection,
        totals: RunTotals,
        failures: FailureFile,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._selection = selection
        self._totals = totals
        self._failures = failures
        self._wanted = 0
        self.gate = Gate(selection, totals.pending)

    async def run(self, pace: Pace) -> None:
        """Send every event through the engine until they end, or until a signal interrupts the run."""
        interruption = Interruption(self._reader.stop, self._engine.close, pace.grace)
        with interruption.handle_signals():
            async with ProgressBar(self._reader, self._totals.progress):
                try:
                    if pace.batch is None:
                        await self._send_singly(pace.concurrency)
                    else:
                        await self._send_batches(pace.batch, pace.concurrency or _BATCHES)
                finally:
                    await (self._engine.close(grace=0) if interruption.happened else self._engine.close())
        self._totals.abandon(_STOPPED)
        if interruption.happened:
            self._totals.interrupted = True
            await self._keep_unread()

    async def _send_singly(self, concurrency: int | None) -> None:
        reports = self._engine.send_many(self._values(), concurrency=concurrency, hold=self.gate.hold)
        async for report in reports:
            self._settle(report)

    def _settle(self, report: Report) -> None:
        for result in report.results:
            self.gate.learn(result)
        given = self._totals.pending(report.index)
        self._totals.settle(report, self._selection.lost_targets(given, self._engine))

    async def _values(self) -> AsyncIterator[Json]:
        async for _, given in self._inputs():
            yield given.value

    async def _inputs(self) -> AsyncIterator[tuple[int, InputEvent]]:
        """Yield the events that are wanted, with their indexes; count all others."""
        async for line in self._reader.lines():
            given = self._take(line)
            if given is None:
                continue
            yield self._totals.begin(given), given
            self._wanted += 1
            if self._wanted == self._selection.limit:
                return

    def _take(self, line: EventLine) -> InputEvent | None:
        """Return the event of a line; None where there is none to deliver, which is counted."""
        wanted = self._selection.take(line, self._totals)
        if wanted is not None and wanted.made:
            wanted = attrs.evolve(wanted, value={**wanted.value, **wanted.made})
        return wanted

    async def _send_batches(self, size: int, concurrency: int) -> None:
        inputs = self._inputs()
        turn = asyncio.Lock()

        async def work() -> None:
            while True:
                async with turn:
                    batch = [item async for item in _first(inputs, size)]
                if not batch:
                    return
                await self._send_batch(batch)

        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(work())

    async def _send_batch(self, batch: list[tuple[int, InputEvent]]) -> None:
        def hold(place: int, step: Step) -> Result | None:
            return self.gate.hold(batch[place][0], step)

        report = await self._engine.send_batch([given.value for _, given in batch], hold=hold)
        for place, (index, _) in enumerate(batch):
            self._settle(_report_of(report, place, index))

    async def _keep_unread(self) -> None:
        """Write down what was not read, so that the file of failures has everything that is left."""
        async for line in self._reader.taken_back():
            if (given := self._take(line)) is not None:
                self._totals.begin(given)
        self._totals.abandon(_UNTRIED)
        rests = self._reader.rest()
        for rest in rests:
            self._failures.write_rest(RestOfFile.of(rest.path, rest.taken))
        self._totals.unread = None if self._reader.is_open() else _count(rests)


async def _first(
    inputs: AsyncIterator[tuple[int, InputEvent]], size: int
) -> AsyncIterator[tuple[int, InputEvent]]:
    for _ in range(size):
        try:
            yield await anext(inputs)
        except StopAsyncIteration:
            return


def _count(rests: list[Rest]) -> int | None:
    """Count what is left of files; None where that takes too long, or cannot be done."""
    end = monotonic() + _COUNTING_TIME
    count = 0
    for rest in rests:
        try:
            for line in read_file(rest.path):
                count += line.ordinal > rest.taken
                if monotonic() > end:
                    return None
        except (OSError, ActionsError):
            return None
    return count


def _report_of(report: BatchReport, place: int, index: int) -> Report:
    """Return what a batch came to for one of its events."""
    results = [_result_of(result, place) for result in report.results]
    for result in results:
        if isinstance(result.error, EventError):
            return Report(None, (), result.error, index)
    return Report(None, tuple(results), None, index)


def _result_of(result: BatchResult, place: int) -> Result:
    node = result.nodes[place]
    status = result.status_of(place)
    said = node.errormessage or ""
    error = _error_of(node, said) if status is Status.FAILED else None
    return Result(
        result.instance,
        result.subscription,
        result.action,
        status,
        error,
        said,
        tries=int(status in (Status.SENT, Status.FAILED)),
        warnings=tuple(result.warnings.get(place, ())),
    )


def _error_of(node: Node, said: str) -> ActionsError:
    """Return the error that a single event would have had."""
    if node.errortype in _EVENT_ERRORS:
        return EventError(said, code=node.errortype)
    if node.errortype == TransportError.default_code:
        return TransportError(said)
    retryable = is_retryable(node.status)
    kind = ActionsError if node.errorreporter == "INTEGRATIONS" and not retryable else RequestError
    return kind(said, code=node.errortype, status=node.status, retryable=retryable)
