"""Delivers lines through an engine until they end, or until somebody interrupts."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from actions_core.cli.output import err
from actions_core.errors import EventError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from actions_core.cli.ledger import Ledger
    from actions_core.cli.lines import LineReader
    from actions_core.engine import Engine
    from actions_core.types import Json

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPPED = "not tried: the run was interrupted"


class Interruption:
    """The first signal ends the intake and gives what is under way its time; the second ends everything.

    The signals reach the loop between two steps of it, so no event is ever half counted.
    """

    def __init__(self, engine: Engine, reader: LineReader, grace: float) -> None:
        self._engine = engine
        self._reader = reader
        self._grace = grace
        self._run = asyncio.current_task()
        self._closing: asyncio.Task[None] | None = None

    @property
    def happened(self) -> bool:
        """Whether there was a signal."""
        return self._closing is not None

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Take the signals over, and give them back at the end."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled)
        try:
            yield
        except asyncio.CancelledError:
            if not self.happened:
                raise
            if self._run is not None:
                self._run.uncancel()
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _signalled(self) -> None:
        if self._closing is not None:
            if self._run is not None:
                self._run.cancel()
            return
        self._reader.stop()
        err().print(
            f"interrupted: what is under way has {self._grace:g} s to finish; once more to stop at once",
            soft_wrap=True,
        )
        self._closing = asyncio.ensure_future(self._engine.close(grace=self._grace))


async def deliver(
    engine: Engine,
    reader: LineReader,
    ledger: Ledger,
    *,
    concurrency: int | None,
    grace: float,
) -> None:
    """Send every line, and account for each in `ledger`."""
    interruption = Interruption(engine, reader, grace)
    with interruption.awaited():
        try:
            async for report in engine.send_many(_events(reader, ledger), concurrency=concurrency):
                ledger.settle(report)
        finally:
            await (engine.close(grace=0) if interruption.happened else engine.close())
    if interruption.happened:
        ledger.interrupted = True
        ledger.abandon(_STOPPED)
        ledger.unread = reader.count_rest()


async def _events(reader: LineReader, ledger: Ledger) -> AsyncIterator[Json]:
    async for line in reader.lines():
        try:
            event = line.parse()
        except EventError as error:
            ledger.reject(line, error)
            continue
        ledger.give(line)
        yield event
