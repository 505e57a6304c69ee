"""The feed of an outbox file: of this process's own outbox, or of one that other processes deliver from.

Looking never waits for those who write, and runs in a thread: a file may be large. A process may open a file
only once, so the file of its own outbox is looked at through that.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.apps.console.feed.model import (
    RETRYING,
    ROWS,
    Funnel,
    History,
    Minute,
    Outcome,
    Page,
    distinct_events,
    read_event,
)
from actions_core.delivery.file import FileStore, Writer, WriterLetters
from actions_core.delivery.letters import DeadLetters, LetterFilter
from actions_core.delivery.store import OutcomeFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from actions_core.delivery.file import FileLook
    from actions_core.delivery.letters import DeadLetter, LetterGroup
    from actions_core.delivery.outbox import Outbox
    from actions_core.delivery.store import RecentDelivery, Tally, WaitingDelivery
    from actions_core.values.types import JsonObject

_MILLISECONDS: Final = 1000
_MINUTE: Final = 60_000
_DAY: Final = 24 * 60 * _MINUTE
#: Deliveries that are tried again and stand before the others on the first page.
_RETRYING_FIRST: Final = 10
_HISTORY: Final = 100


class OutboxFeed:
    """What an outbox file says."""

    def __init__(
        self, name: str, look: FileLook, dead: DeadLetters, closed: Callable[[], str] = lambda: ""
    ) -> None:
        self.name = name
        self._closed = closed
        self.letters = OutboxLetters(look, dead)
        self._look = look

    @property
    def closed(self) -> str:
        """Why the file can no longer be used, such as that it is damaged; empty while it can."""
        return self._closed()

    @property
    def about(self) -> str:
        """A sentence that says what is kept here."""
        return (
            f"From the outbox {self.name}, whichever process delivers from it: its latest outcomes, what "
            "waits for another try, and the numbers of one day."
        )

    async def page(self, which: OutcomeFilter, before: int | None = None, rows: int = ROWS) -> Page:
        """Return outcomes, the newest first; what is tried again stands before them on the first page."""
        if which.status == RETRYING:
            after = before or 0  # they have no numbers: it is how many were seen
            waiting = await self._retrying(which, after, rows + 1)
            return Page(tuple(waiting[:rows]), after + rows if len(waiting) > rows else None)
        first: list[Outcome] = []
        if before is None and which.status is None:
            first = await self._retrying(which, 0, _RETRYING_FIRST)
        found = await asyncio.to_thread(self._look.outcomes, which, before=before, limit=rows + 1)
        following = found[rows - 1].id if len(found) > rows else None
        return Page((*first, *map(_outcome, found[:rows])), following)

    async def newest(self, which: OutcomeFilter) -> str:
        """Return the key of the newest outcome that is meant."""
        found = await asyncio.to_thread(self._look.outcomes, which, limit=1)
        return _outcome(found[0]).key if found else ""

    async def _retrying(self, which: OutcomeFilter, after: int, most: int) -> list[Outcome]:
        found = await asyncio.to_thread(self._look.retrying, which, after=after, limit=most)
        return [_waiting(each) for each in found]

    async def funnel(self) -> Funnel:
        """Return what became of the events of one day, and what waits now."""
        tallies = await asyncio.to_thread(self._look.tallies, _now() - _DAY)
        retrying = sum((await asyncio.to_thread(self._look.count_retrying)).values())
        backlog = await asyncio.to_thread(self._look.backlog)
        return Funnel(
            "the last 24 hours",
            received=sum(each.received for each in tallies),
            filtered=sum(each.filtered for each in tallies),
            unmatched=sum(each.unmatched for each in tallies),
            sent=sum(each.sent for each in tallies),
            retrying=retrying,
            waiting=sum(each.due + each.later + each.in_hand for each in backlog) - retrying,
            failed=sum(each.failed for each in tallies),
            stopped=tuple(each.state for each in backlog if each.state.state in ("gone", "refused")),
        )

    async def minutes(self, count: int) -> list[Minute]:
        """Return the numbers of the latest minutes."""
        tallies = await asyncio.to_thread(self._look.tallies, _now() - count * _MINUTE)
        found: dict[int, list[Tally]] = {}
        for each in tallies:
            if each.instance:
                found.setdefault(each.minute, []).append(each)
        return [_minute(minute, several) for minute, several in sorted(found.items())]

    async def history(self, message: str) -> History:
        """Return what is known of an event: from its outcomes, from what waits, or from its dead letter."""
        waiting = await asyncio.to_thread(self._look.waiting_for, message)
        which = OutcomeFilter(message=message)
        outcomes = await asyncio.to_thread(self._look.outcomes, which, limit=_HISTORY)
        letter = await asyncio.to_thread(self._look.letter_of, message)
        texts = [each.body for each in waiting] + ([] if letter is None else [letter])
        texts += [each.event for each in outcomes]
        event = next((found for text in texts if (found := read_event(text)) is not None), None)
        return History(event, (*map(_waiting, waiting), *map(_outcome, outcomes)))

    async def events(self, most: int) -> list[JsonObject]:
        """Return the events of the latest outcomes."""
        found = await asyncio.to_thread(self._look.outcomes, OutcomeFilter(), limit=2 * most)
        return distinct_events([each.event for each in found], most)


class OutboxLetters:
    """The dead letters of an outbox file."""

    can_replay = True
    can_discard = True

    def __init__(self, look: FileLook, dead: DeadLetters) -> None:
        self._look = look
        self._dead = dead

    async def about_replay(self) -> str:
        """Say who delivers what is replayed."""
        if await asyncio.to_thread(self._look.workers):
            return (
                "They are delivered again, by the workspace as it is saved now. What fails again comes back."
            )
        return "They wait until something delivers from this outbox: no worker runs at present."

    async def groups(self, which: LetterFilter, most: int) -> list[LetterGroup]:
        """Return dead letters by subscription, code and reason."""
        return await asyncio.to_thread(self._look.letter_groups, which, limit=most)

    async def list(self, which: LetterFilter, after: int, most: int) -> list[DeadLetter]:
        """Return a page of dead letters."""
        return await asyncio.to_thread(self._look.letters, which, after=after, limit=most)

    async def letter(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""
        found = await self.list(LetterFilter(ids=(number,)), 0, 1)
        return found[0] if found else None

    async def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""
        return await asyncio.to_thread(self._look.count_letters, which)

    async def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again by whoever delivers from the file."""
        return await self._dead.replay(everything=True, **_named(which))

    async def discard(self, which: LetterFilter) -> int:
        """Delete dead letters."""
        return await self._dead.discard(everything=True, **_named(which))


@asynccontextmanager
async def open_outbox_feed(file: Path, outbox: Outbox | None = None) -> AsyncIterator[OutboxFeed]:
    """Open the feed of an outbox file for the time of the block, through this process's `outbox` if given.

    Raises `OutboxError` where the file cannot be used.
    """
    if outbox is not None:
        yield OutboxFeed(file.name, outbox.look, outbox.dead_letters)
        return
    store = await asyncio.to_thread(FileStore.open, file, worker=False)
    writer = Writer(store)
    try:
        yield OutboxFeed(file.name, store.look, DeadLetters(WriterLetters(writer)), lambda: store.closed)
    finally:
        await asyncio.to_thread(writer.close)


def _named(which: LetterFilter) -> dict[str, Any]:
    return {attribute.name: getattr(which, attribute.name) for attribute in attrs.fields(LetterFilter)}


def _now() -> int:
    return int(time.time() * _MILLISECONDS)


def _outcome(entry: RecentDelivery) -> Outcome:
    return Outcome(
        f"o{entry.id}",
        entry.at,
        entry.message,
        entry.instance,
        entry.subscription,
        entry.status,
        entry.reason,
        entry.code,
        entry.tries,
        entry.duration,
        event=entry.event,
        request=entry.request,
        answer=entry.answer,
    )


def _waiting(entry: WaitingDelivery) -> Outcome:
    event = read_event(entry.body) or {}
    return Outcome(
        f"w{entry.event_number}.{entry.instance}.{entry.subscription}",
        entry.at,
        str(event.get("messageId", "")),
        entry.instance,
        entry.subscription,
        RETRYING if entry.tries else "waiting",
        entry.reason,
        "" if entry.status is None else str(entry.status),
        entry.tries,
        due=entry.due,
        event=entry.body,
    )


def _minute(minute: int, several: list[Tally]) -> Minute:
    sent = sum(each.sent for each in several)
    return Minute(
        minute,
        sent,
        sum(each.failed for each in several),
        sum(each.retried for each in several),
        sum(each.duration for each in several) / sent if sent else None,
        max(each.slowest for each in several) if sent else None,
    )
