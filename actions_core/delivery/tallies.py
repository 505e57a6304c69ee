"""Numbers of each minute, kept in the file for those who look: what came in, and what became of it.

They are added to the file once a second by every process that has it open, so that a program which only looks
sees what all of them do. A crash loses a second of them, and nothing else.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.rules import Again, Dead, Done
from actions_core.delivery.store import Tally
from actions_core.engine.results import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actions_core.delivery.file import FileStore, Writer
    from actions_core.delivery.pump import Settled
    from actions_core.delivery.store import Acceptance, Arrival
    from actions_core.engine.results import Result

#: Seconds between two times of writing.
_EVERY: Final = 1.0
_MINUTE: Final = 60_000
_MILLISECONDS: Final = 1000


@attrs.define
class _Counts:
    """The numbers of one instance that are not written yet."""

    received: int = 0
    filtered: int = 0
    unmatched: int = 0
    sent: int = 0
    failed: int = 0
    retried: int = 0
    duration: int = 0
    slowest: int = 0


class Tallies:
    """Numbers that are not written yet. `now` is the store's time in milliseconds."""

    def __init__(self, writer: Writer, now: Callable[[], int]) -> None:
        self._writer = writer
        self._now = now
        self._counts: dict[str, _Counts] = {}

    def note_accepted(self, arrivals: Iterable[Arrival], accepted: Iterable[Acceptance]) -> None:
        """Count events that were accepted; one that is known already is no new one."""
        counts = self._of("")
        for arrival, each in zip(arrivals, accepted, strict=True):
            if each.duplicate:
                continue
            counts.received += 1
            if not arrival.deliveries:
                if arrival.filtered:
                    counts.filtered += 1
                else:
                    counts.unmatched += 1

    def note_sent(self, result: Result) -> None:
        """Count a delivery that was sent."""
        counts = self._counts.get(result.instance)
        if counts is None:
            counts = self._of(result.instance)
        took = int(result.duration * _MILLISECONDS)
        counts.sent += 1
        counts.duration += took
        counts.slowest = max(counts.slowest, took)

    def note(self, settled: Settled) -> None:
        """Count what became of a try."""
        result, verdict = settled.result, settled.verdict
        if type(verdict) is Done:
            if result.status is Status.SENT:
                self.note_sent(result)
        elif type(verdict) is Again:
            self._of(result.instance).retried += 1
        elif type(verdict) is Dead:
            self._of(result.instance).failed += 1

    def _of(self, instance: str) -> _Counts:
        counts = self._counts.get(instance)
        if counts is None:
            counts = self._counts[instance] = _Counts()
        return counts

    async def keep_written(self) -> None:
        """Write what was counted, again and again."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.write()

    async def write(self) -> None:
        """Write what was counted."""
        if not self._counts:
            return
        now = self._now()
        minute = now - now % _MINUTE  # of the moment of writing: no clock is asked for each event
        tallies = [
            Tally(minute, instance, **attrs.asdict(counts)) for instance, counts in self._counts.items()
        ]
        self._counts = {}

        def note(store: FileStore) -> None:
            store.note_tallies(tallies)

        with suppress(OutboxError):
            await self._writer.run(note)
