"""What a person at a terminal sees while events are delivered; anywhere else it is silent."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from actions_core.apps.cli.output import err
from actions_core.apps.cli.run.tally import Outcome

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from actions_core.apps.cli.run.ndjson import LineReader
    from actions_core.apps.cli.run.tally import Ledger

#: Seconds between two pictures, and the time over which the rate is taken.
_EVERY = 0.1
_RATE_OVER = 2.0


class ProgressBar:
    """Draws how far a run is, from a task of the loop: a thread would read the books while they change."""

    def __init__(self, reader: LineReader, ledger: Ledger) -> None:
        console = err()
        self._reader = reader
        self._ledger = ledger
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("delivering", total=None, counts="")
        self._drawing: asyncio.Task[None] | None = None
        self._marks: list[tuple[float, int]] = []

    async def __aenter__(self) -> Self:
        self._progress.start()
        if not self._progress.disable:
            self._drawing = asyncio.create_task(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
        self._progress.stop()

    async def _draw(self) -> None:
        while True:
            self._refresh()
            await asyncio.sleep(_EVERY)

    def _refresh(self) -> None:
        now = time.monotonic()
        events = self._ledger.events
        settled = events.total()
        failed = events[Outcome.FAILED]
        counts = f"{settled:,} events  {self._rate(now, settled):,.0f}/s  {failed:,} failed"
        size = self._reader.size
        self._progress.update(self._task, total=size, completed=self._reader.done, counts=counts)
        self._progress.refresh()

    def _rate(self, now: float, settled: int) -> float:
        self._marks = [(at, count) for at, count in self._marks if now - at < _RATE_OVER]
        self._marks.append((now, settled))
        first, count = self._marks[0]
        return (settled - count) / (now - first) if now > first else 0.0
