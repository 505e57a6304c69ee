"""Delivers lines through an engine until they end, or until somebody interrupts."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from actions_core.apps.cli.output import err
from actions_core.errors import EventError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from actions_core.apps.cli.run.ndjson import LineReader
    from actions_core.apps.cli.run.tally import Ledger
    from actions_core.engine import Engine
    from actions_core.values.types import Json

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STOPPED = "the run was stopped before its outcome was known"


class Interruption:
    """What signals do: the first ends the intake and gives what is under way its time, the second ends that.

    Both end in order, so that every event has a result. Only the third breaks off, in case a handler
    does not let itself be ended.
    """

    def __init__(self, engine: Engine, reader: LineReader, grace: float) -> None:
        self._engine = engine
        self._reader = reader
        self._grace = grace
        self._run = asyncio.current_task()
        self._closing: list[asyncio.Task[None]] = []

    @property
    def happened(self) -> bool:
        """Whether there was a signal."""
        return bool(self._closing)

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Take the signals over, and give them back at the end."""
        loop = asyncio.get_running_loop()
        before = [(number, signal.getsignal(number)) for number in _SIGNALS]
        for number in _SIGNALS:
            try:
                loop.add_signal_handler(number, self._signalled)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self._signalled))
        try:
            yield
        except asyncio.CancelledError:
            if not self.happened or self._run is None:
                raise
            self._run.uncancel()
        finally:
            for number, handler in before:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _signalled(self) -> None:
        self._reader.stop()
        if len(self._closing) > 1:
            if self._run is not None:
                self._run.cancel()
            return
        grace = 0.0 if self._closing else self._grace
        if grace:
            line = f"interrupted: what is under way has {grace:g} s to finish; once more ends it at once"
            err().print(line, soft_wrap=True)
        self._closing.append(asyncio.ensure_future(self._engine.close(grace=grace)))


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
