"""The results of this process, kept in memory: as many as fit, for a console without an outbox.

An engine tells them by `on_result`. A result does not contain its event; one that is sent by a button is
handed in as well.
"""

from __future__ import annotations

import json
import time
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.apps.console.feed.model import (
    ROWS,
    Funnel,
    History,
    Minute,
    Outcome,
    Page,
    distinct_events,
    fits,
)
from actions_core.engine.results import BatchResult, Result, Status
from actions_core.http.curl import request_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.delivery.store import OutcomeFilter
    from actions_core.values.types import JsonObject

_MOST: Final = 1000
_MOST_EVENTS: Final = 200
_MOST_MINUTES: Final = 24 * 60
_LONGEST_TEXT: Final = 2000
_MILLISECONDS: Final = 1000
_MINUTE: Final = 60_000


class Ring:
    """The latest results of this process; what was skipped is counted, and not kept."""

    name = "this process"
    #: Nothing is kept that failed.
    letters = None

    def __init__(self, most: int = _MOST, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._outcomes: deque[Outcome] = deque(maxlen=most)
        self._events: OrderedDict[str, JsonObject] = OrderedDict()
        self._counts: Counter[str] = Counter()
        self._minutes: OrderedDict[int, _Minute] = OrderedDict()
        self._number = 0

    def __len__(self) -> int:
        return len(self._outcomes)

    @property
    def about(self) -> str:
        """A sentence that says what is kept here."""
        return (
            f"What this process has seen since its start: its latest {self._outcomes.maxlen:,} outcomes, in "
            "memory. With an outbox, outcomes and dead letters are kept on disk."
        )

    def remember(self, event: JsonObject) -> None:
        """Keep an event that is sent from here."""
        message = event.get("messageId")
        if isinstance(message, str) and message:
            self._events[message] = event
            self._events.move_to_end(message)
            while len(self._events) > _MOST_EVENTS:
                self._events.popitem(last=False)

    def note_own(self, result: Result | BatchResult) -> None:
        """Note a result if its event was sent from here."""
        if isinstance(result, Result) and result.message_id in self._events:
            self.note(result)

    def note(self, result: Result | BatchResult) -> None:
        """Note a result: give this to an engine as `on_result`."""
        if isinstance(result, BatchResult):
            self._note_batch(result)
        elif result.status is Status.SKIPPED:
            self._counts["skipped"] += 1
        else:
            self._add(
                result.message_id or "",
                result,
                str(result.status),
                reason=result.reason,
                code="" if result.error is None else result.error.code,
                tries=result.tries,
                request="" if result.request is None else _text(request_json(result.request)),
                answer="" if result.response is None else result.response.text[:_LONGEST_TEXT],
            )

    def _note_batch(self, result: BatchResult) -> None:
        for place, node in enumerate(result.nodes):
            status = result.status_of(place)
            if status is Status.SKIPPED:
                self._counts["skipped"] += 1
                continue
            message = result.message_ids[place] if place < len(result.message_ids) else None
            self._add(
                message or "",
                result,
                str(status),
                reason=node.errormessage or "",
                code=node.errortype or "",
                request=_text(node.sent),
                answer=_text(node.body),
            )

    def _add(self, message: str, result: Result | BatchResult, status: str, **more: Any) -> None:
        self._number += 1
        at = int(self._now() * _MILLISECONDS)
        took = int(result.duration * _MILLISECONDS)
        self._outcomes.append(
            Outcome(
                f"r{self._number}",
                at,
                message,
                result.instance,
                result.subscription,
                status,
                duration=took,
                **more,
            )
        )
        self._counts[status] += 1
        minute = self._minutes.setdefault(at - at % _MINUTE, _Minute())
        minute.note(status, took)
        while len(self._minutes) > _MOST_MINUTES:
            self._minutes.popitem(last=False)

    async def page(self, which: OutcomeFilter, before: int | None = None, rows: int = ROWS) -> Page:
        """Return outcomes, the newest first."""
        found: list[Outcome] = []
        for outcome in reversed(self._outcomes):
            if (before is None or _number(outcome) < before) and fits(outcome, which):
                found.append(self._with_event(outcome))
                if len(found) > rows:
                    break
        following = _number(found[rows - 1]) if len(found) > rows else None
        return Page(tuple(found[:rows]), following)

    def _with_event(self, outcome: Outcome) -> Outcome:
        event = self._events.get(outcome.message)
        if event is None or outcome.event:
            return outcome
        return attrs.evolve(outcome, event=_text(event, None))

    async def newest(self, which: OutcomeFilter) -> str:
        """Return the key of the newest outcome that is meant."""
        rows = (await self.page(which, rows=1)).rows
        return rows[0].key if rows else ""

    async def funnel(self) -> Funnel:
        """Return what became of what this process delivered."""
        return Funnel(
            "since this process was started", sent=self._counts["sent"], failed=self._counts["failed"]
        )

    async def minutes(self, count: int) -> list[Minute]:
        """Return the numbers of the latest minutes."""
        since = int(self._now() * _MILLISECONDS) - count * _MINUTE
        return [each.told(minute) for minute, each in self._minutes.items() if minute >= since]

    async def history(self, message: str) -> History:
        """Return what is known of an event."""
        found = [self._with_event(each) for each in reversed(self._outcomes) if each.message == message]
        return History(self._events.get(message), tuple(found))

    async def events(self, most: int) -> list[JsonObject]:
        """Return events that were sent from here."""
        return distinct_events([_text(event, None) for event in reversed(self._events.values())], most)


class _Minute:
    def __init__(self) -> None:
        self.sent = self.failed = self.took = self.slowest = 0

    def note(self, status: str, took: int) -> None:
        if status == Status.SENT:
            self.sent += 1
            self.took += took
            self.slowest = max(self.slowest, took)
        elif status == Status.FAILED:
            self.failed += 1

    def told(self, minute: int) -> Minute:
        known = bool(self.sent)
        mean = self.took / self.sent if known else None
        return Minute(minute, self.sent, self.failed, 0, mean, self.slowest if known else None)


def _number(outcome: Outcome) -> int:
    return int(outcome.key[1:])


def _text(value: Any, longest: int | None = _LONGEST_TEXT) -> str:
    if value is MISSING or value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)[:longest]
