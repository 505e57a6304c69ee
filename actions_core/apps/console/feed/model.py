"""What pages are told of deliveries: rows, numbers and groups, each bounded, and who tells them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.delivery.letters import DeadLetter, LetterFilter, LetterGroup
    from actions_core.delivery.store import InstanceState, OutcomeFilter
    from actions_core.values.types import Json, JsonObject

#: The status of a delivery that failed and will be tried again; the others are those of results.
RETRYING: Final = "retrying"
#: The rows of one page.
ROWS: Final = 50


@attrs.frozen
class Outcome:
    """One delivery, as far as it has come: what became of an event in one subscription.

    `key` names the row among those of its feed. `at` is when that was known, `due` when the next try is, in
    milliseconds; `duration` is that of the last try. `event`, `request` and `answer` are text, which may have
    been cut; secrets are masked already.
    """

    key: str
    at: int
    message: str
    instance: str
    subscription: str
    status: str
    reason: str = ""
    code: str = ""
    tries: int = 0
    duration: int | None = None
    due: int | None = None
    event: str = attrs.field(default="", repr=False)
    request: str = attrs.field(default="", repr=False)
    answer: str = attrs.field(default="", repr=False)


@attrs.frozen
class Page:
    """Some outcomes, the newest first; `following` leads on to the next page, None at the end."""

    rows: tuple[Outcome, ...] = ()
    following: int | None = None


@attrs.frozen
class Funnel:
    """What became of the events that came in: None where that is not known here.

    Events: `received`, of which `filtered` were let through by no instance and `unmatched` wanted by no
    subscription. Deliveries: `sent`, `retrying`, `waiting` for their first try, and `failed` for good.
    `span` says in words which time is meant. `stopped` are the instances that get nothing at present.
    """

    span: str
    received: int | None = None
    filtered: int | None = None
    unmatched: int | None = None
    sent: int = 0
    retrying: int | None = None
    waiting: int | None = None
    failed: int = 0
    stopped: tuple[InstanceState, ...] = ()

    @property
    def matched(self) -> int | None:
        """The events that at least one subscription wanted."""
        if self.received is None:
            return None
        return self.received - (self.filtered or 0) - (self.unmatched or 0)


@attrs.frozen
class Minute:
    """The deliveries of one minute; `mean` and `slowest` are milliseconds that those took which were sent."""

    minute: int
    sent: int = 0
    failed: int = 0
    retried: int = 0
    mean: float | None = None
    slowest: int | None = None


@attrs.frozen
class History:
    """What is known of one event: itself, None where it is not kept, and what became of it so far."""

    event: JsonObject | None = None
    outcomes: tuple[Outcome, ...] = ()


class Feed(Protocol):
    """Who tells of deliveries."""

    @property
    def name(self) -> str:
        """The name of the source, for people."""

    @property
    def about(self) -> str:
        """A sentence that says what is kept here, and what is not."""

    @property
    def letters(self) -> LetterFeed | None:
        """What was given up, None where nothing of that is kept."""

    async def page(self, which: OutcomeFilter, before: int | None = None, rows: int = ROWS) -> Page:
        """Return outcomes, the newest first."""

    async def newest(self, which: OutcomeFilter) -> str:
        """Return the key of the newest outcome that is meant; empty where there is none. It costs little."""

    async def funnel(self) -> Funnel:
        """Return what became of all events."""

    async def minutes(self, count: int) -> list[Minute]:
        """Return the numbers of the latest minutes in which something happened, in their order."""

    async def history(self, message: str) -> History:
        """Return what is known of an event."""

    async def events(self, most: int) -> list[JsonObject]:
        """Return events that lately came through, the newest first, each once."""


class LetterFeed(Protocol):
    """Who tells of dead letters. Only `replay` and `discard` change anything."""

    @property
    def can_replay(self) -> bool:
        """True where they can be delivered again from here."""

    @property
    def can_discard(self) -> bool:
        """True where they can be deleted from here."""

    async def about_replay(self) -> str:
        """Return a sentence on what follows when they are replayed."""

    async def groups(self, which: LetterFilter, most: int) -> list[LetterGroup]:
        """Return dead letters by subscription, code and reason, the largest groups first."""

    async def list(self, which: LetterFilter, after: int, most: int) -> list[DeadLetter]:
        """Return dead letters by their numbers, from the first after `after`."""

    async def letter(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""

    async def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""

    async def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again by the present workspace; return how many."""

    async def discard(self, which: LetterFilter) -> int:
        """Delete dead letters; return how many."""


def read_event(text: str) -> JsonObject | None:
    """Return the event in a text, None where it was cut or is no object."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def distinct_events(texts: Sequence[str], most: int) -> list[JsonObject]:
    """Return the events in some texts, each once, no more than so many."""
    found: dict[str, JsonObject] = {}
    for text in texts:
        event = read_event(text)
        if event is not None:
            found.setdefault(str(event.get("messageId")) if event.get("messageId") else text, event)
        if len(found) == most:
            break
    return list(found.values())


def fits(outcome: Outcome, which: OutcomeFilter) -> bool:
    """Return whether an outcome is meant, for feeds that keep theirs in memory."""
    text = (which.text or "").lower()
    parts = (outcome.message, outcome.reason, outcome.event, outcome.request, outcome.answer)
    return (
        which.status in (None, outcome.status)
        and which.instance in (None, outcome.instance)
        and which.subscription in (None, outcome.subscription)
        and which.code in (None, outcome.code)
        and which.reason in (None, outcome.reason)
        and which.message in (None, outcome.message)
        and (not text or any(text in part.lower() for part in parts))
    )
