"""A run through an outbox: events go from files to the disk, and from there to their destinations.

Events and how far their file has been read are stored in one transaction, so that a run that was killed goes
on where it was. What is not an event goes to the file of failures before that, so that it may stand there
twice after a kill, but is not missed.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.cli.events.reader import EventReader
from actions_core.apps.cli.interruption import Interruption
from actions_core.apps.cli.output import printable, stderr
from actions_core.apps.cli.run.positions import resume
from actions_core.apps.cli.run.summary import ProgressBar
from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.errors import EventError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from actions_core.apps.cli.events.sources import Source
    from actions_core.apps.cli.run.positions import Place, Resumption
    from actions_core.apps.cli.run.selection import Selection
    from actions_core.apps.cli.run.stored_totals import StoredTotals
    from actions_core.apps.events.inputs import InputEvent
    from actions_core.apps.events.lines import EventLine
    from actions_core.delivery.outbox import CheckedEvent, Outbox
    from actions_core.delivery.store import Backlog

#: The most events that are stored at once, and that are read ahead.
_GROUP: Final = 256
_AHEAD: Final = 4 * _GROUP
#: Seconds between two looks at what waits, and until a full outbox is tried again.
_LOOK: Final = 0.25
#: Seconds after which a look is taken at what waits although more is due: it goes through all of it.
_DRAIN: Final = 2.0


@attrs.frozen
class StoredPace:
    """How a run ends: the seconds without progress after which it stops waiting, and those to finish."""

    wait: float = 60.0
    grace: float = 10.0
    again: bool = False


@attrs.frozen
class _Read:
    """A line with its source, None for what is left of a pipe."""

    source: Source | None
    line: EventLine


class StoredRun:
    """One run through an outbox. It ends with the outbox closed."""

    def __init__(
        self,
        outbox: Outbox,
        selection: Selection,
        totals: StoredTotals,
        sources: tuple[Source, ...],
        skips: dict[Path, int],
    ) -> None:
        self._outbox = outbox
        self._selection = selection
        self._totals = totals
        self._sources = sources
        self._skips = skips
        self._reader = EventReader(sources)
        self._stopping = asyncio.Event()
        self._ends_now = False
        self._wanted = 0
        outbox.on_try = totals.learn

    async def run(self, pace: StoredPace) -> None:
        """Store every event, deliver what is due, and stop; at a signal earlier.

        Raises `OutboxError` where the outbox cannot be opened, and `EventError` for a file that cannot be
        read on; what happens later is in the totals.
        """
        await self._outbox.open()
        try:
            found = await resume(self._sources, self._outbox.read_position, again=pace.again)
            for note in found.notes:
                stderr().print(printable(note), style="yellow", soft_wrap=True)
            skips = {
                path: max(self._skips.get(path, 0), found.skips.get(path, 0))
                for path in self._skips.keys() | found.skips.keys()
            }
            self._reader = EventReader(self._sources, skips)
        except BaseException:  # whatever ends the run, the outbox is open
            await self._outbox.close(0.0)
            raise
        interruption = Interruption(self._stop, self._end_requests, pace.grace, what="deliveries")
        with interruption.handle_signals():
            async with ProgressBar(self._reader, self._totals.progress):
                try:
                    await self._store_all(found, pace.wait)
                    await self._deliver(pace.wait)
                    await self._outbox.stop(0.0 if self._ends_now else pace.grace)
                    self._totals.backlog = tuple(await self._outbox.backlog())
                    self._totals.handed_over = self._outbox.handed_over
                    self._totals.broker_error = self._outbox.broker_error
                except OutboxError as error:
                    self._totals.stopped = str(error)
                finally:
                    await self._outbox.close(0.0 if self._ends_now else pace.grace)
        self._totals.interrupted = interruption.happened

    def _stop(self) -> None:
        self._stopping.set()
        self._reader.stop()

    async def _end_requests(self, grace: float) -> None:
        if not grace:
            self._ends_now = True
            await self._outbox.engine.close(0.0)

    # Storing.

    async def _store_all(self, found: Resumption, wait: float) -> None:
        queue: asyncio.Queue[_Read | None] = asyncio.Queue(_AHEAD)
        reading = asyncio.create_task(self._read(queue))
        try:
            async for group in _groups(queue):
                await self._store(group, found, wait)
                if self._is_enough:
                    return
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, queue: asyncio.Queue[_Read | None]) -> None:
        try:
            async for line in self._reader.lines():
                await queue.put(_Read(self._reader.source, line))
            if self._stopping.is_set():  # nobody else will get what a pipe has given already
                async for line in self._reader.taken_back():
                    await queue.put(_Read(None, line))
        finally:
            await queue.put(None)

    @property
    def _is_enough(self) -> bool:
        return self._wanted == self._selection.limit

    async def _store(self, group: Sequence[_Read], found: Resumption, wait: float) -> None:
        """Store the events of lines of one file, with the place of the last one."""
        events = []
        taken = 0
        for item in group:
            taken = item.line.ordinal
            given = self._selection.take(item.line, self._totals)
            checked = None if given is None else self._check(given)
            if checked is not None:
                events.append((taken, checked))
                self._wanted += 1
                if self._is_enough:
                    break
        source = group[0].source
        place = None if source is None or source.path is None else found.places.get(source.path)
        await self._enqueue(events, taken, place, _Patience(wait))

    def _check(self, given: InputEvent) -> CheckedEvent | None:
        """Return an event as it is stored; None for what is none, which is counted and kept."""
        lost = self._selection.lost_targets(given, self._outbox.engine)
        selection = self._selection
        narrowed = given.targets is not None or selection.subscriptions is not None
        try:
            checked = self._outbox.check(
                given.value, (lambda target: selection.wants(target, given)) if narrowed else None
            )
        except EventError as error:
            self._totals.reject_because(given, str(error))
            return None
        if lost:
            self._totals.lose(given, lost)
        return checked

    async def _enqueue(
        self,
        events: Sequence[tuple[int, CheckedEvent]],
        taken: int,
        place: Place | None,
        patience: _Patience,
    ) -> None:
        """Store events, with `taken` as the place in their file; while there is no space, wait for some.

        All of them or none are stored at once, in halves where that is more than fits.
        """
        position = None if place is None else place.at(taken)
        while True:
            try:
                receipts = await self._outbox.enqueue_checked([event for _, event in events], position)
            except OutboxFullError:
                if self._stopping.is_set() or patience.is_over(self._ended):
                    raise
                if len(events) > 1:
                    middle = len(events) // 2
                    await self._enqueue(events[:middle], events[middle - 1][0], place, patience)
                    await self._enqueue(events[middle:], taken, place, patience)
                    return
                await asyncio.sleep(_LOOK)
            else:
                self._totals.store(receipts)
                if place is not None:
                    place.position = taken
                return

    # Delivering.

    async def _deliver(self, wait: float) -> None:
        """Wait until everything is delivered or dead, or until nothing moves for `wait` seconds."""
        patience = _Patience(wait)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set() and not self._outbox.store_only:
                was_connecting = self._outbox.is_connecting
                draining = asyncio.create_task(self._outbox.drain(_DRAIN))
                await asyncio.wait((draining, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not draining.done():
                    draining.cancel()
                    await asyncio.gather(draining, return_exceptions=True)
                    return
                left = sum([_left(each) for each in draining.result()])
                is_done = not left and not was_connecting
                if is_done or patience.is_over((self._ended, left)):
                    return
                await asyncio.wait((stopping,), timeout=_LOOK)
        finally:
            stopping.cancel()

    @property
    def _ended(self) -> int:
        done = self._totals.sum()
        return done.sent + done.dead + done.skipped


class _Patience:
    """Patience for `seconds` in which nothing changes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: object = None
        self._since = monotonic()

    def is_over(self, now: object) -> bool:
        """Return whether what is seen has been the same for so long."""
        if now != self._seen:
            self._seen, self._since = now, monotonic()
        return monotonic() - self._since >= self._seconds


def _left(backlog: Backlog) -> int:
    """Return how many deliveries of an instance this process can still expect to end."""
    return backlog.due + backlog.later + backlog.in_hand if backlog.breaker else 0


async def _groups(queue: asyncio.Queue[_Read | None]) -> AsyncIterator[list[_Read]]:
    """Yield what has been read, in groups of one file each: as much as there is, at most so much."""
    held: _Read | None = None
    while (first := held or await queue.get()) is not None:
        held = None
        group = [first]
        while len(group) < _GROUP and not queue.empty():
            following = queue.get_nowait()
            if following is None:
                yield group
                return
            if following.source is not first.source:
                held = following
                break
            group.append(following)
        yield group
