"""What a worker has done, counted, and the line at a terminal that shows it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import rich.progress
from rich.progress import SpinnerColumn, TextColumn

from actions_core.apps.cli.output import stderr
from actions_core.delivery.rules import Again, Dead, Done
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from actions_core.delivery.jetstream.worker import BrokerWorker
    from actions_core.delivery.outbox import Outbox
    from actions_core.delivery.pump import Settled

_MILLISECONDS: Final = 1000
#: Seconds between two refreshes, and the time over which the rate is measured.
_REFRESH_EVERY: Final = 0.25
_RATE_OVER: Final = 3.0
#: What waits is counted by going through it: so many times longer than that took passes before the next look.
_REST: Final = 20


class Counts:
    """Counts tries, and what waits when somebody looks."""

    def __init__(self) -> None:
        self.delivered = 0
        self.skipped = 0
        self.retries = 0
        self.dead = 0
        self.waiting = 0
        self.lag: float | None = None
        self._marks: list[tuple[float, int]] = [(time.monotonic(), 0)]
        self._next_look = 0.0

    def learn(self, settled: Settled) -> None:
        """Count a try and what follows from it."""
        verdict = settled.verdict
        if isinstance(verdict, Done):
            if settled.result.status is Status.SKIPPED:
                self.skipped += 1
            else:
                self.delivered += 1
        elif isinstance(verdict, Dead):
            self.dead += 1
        elif isinstance(verdict, Again):
            self.retries += 1

    async def look(self, outbox: Outbox | BrokerWorker) -> None:
        """Look at what waits, not more often than that is cheap."""
        now = time.monotonic()
        if now < self._next_look:
            return
        backlog = await outbox.backlog()
        taken = time.monotonic() - now
        self._next_look = now + max(1.0, _REST * taken)
        self.waiting = sum([each.due + each.later + each.in_hand for each in backlog])
        oldest = min([each.oldest for each in backlog if each.oldest is not None], default=None)
        self.lag = None if oldest is None else max(0.0, time.time() - oldest / _MILLISECONDS)

    def rate(self) -> float:
        """Return the deliveries a second, over the last seconds."""
        now = time.monotonic()
        self._marks.append((now, self.delivered))
        while len(self._marks) > 1 and now - self._marks[1][0] > _RATE_OVER:
            self._marks.pop(0)
        first, count = self._marks[0]
        return (self.delivered - count) / (now - first) if now > first else 0.0


class LiveLine:
    """A line at the terminal on standard error."""

    def __init__(self, outbox: Outbox | BrokerWorker, counts: Counts) -> None:
        self._outbox = outbox
        self._counts = counts
        self._progress = rich.progress.Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            console=stderr(),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._drawing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._progress.start()
        self._drawing = asyncio.create_task(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.gather(self._drawing, return_exceptions=True)
        self._progress.stop()

    async def _draw(self) -> None:
        while True:
            await self._counts.look(self._outbox)
            self._progress.update(self._task, description=self.words())
            self._progress.refresh()
            await asyncio.sleep(_REFRESH_EVERY)

    def words(self) -> str:
        """Return what the line says."""
        counts = self._counts
        lag = "" if counts.lag is None else f"  lag {counts.lag:,.0f} s"
        return (
            f"{counts.rate():,.0f}/s  {counts.delivered:,} delivered  {counts.waiting:,} waiting{lag}  "
            f"{self._outbox.in_progress:,} in flight  {counts.retries:,} retries  {counts.dead:,} dead"
        )
