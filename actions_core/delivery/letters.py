"""Dead letters: deliveries that were given up, kept with their events until they are replayed or discarded.

They are kept in an outbox file or in a broker; `Letters` is what both offer, `DeadLetters` what users see.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.values.times import read_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from actions_core.values.types import JsonObject

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@attrs.frozen
class DeadLetter:
    """A delivery that was given up, with its event. Times are milliseconds since 1970."""

    id: int
    instance: str
    subscription: str
    message: str
    code: str
    status: int | None
    reason: str
    answer: str
    tries: int
    first: int | None
    last: int
    at: int
    body: str = attrs.field(repr=False)
    suffix: str = ""

    @property
    def event(self) -> JsonObject:
        """The event as it was accepted."""
        event: JsonObject = json.loads(self.body)
        return event


@attrs.frozen
class LetterFilter:
    """Which dead letters are meant: all conditions hold, None is no condition.

    `since` and `before` bound the time at which they were given up: since <= last < before.
    """

    instance: str | None = None
    subscription: str | None = None
    code: str | None = None
    since: int | None = None
    before: int | None = None
    ids: tuple[int, ...] | None = None
    reason: str | None = None

    def fits(self, letter: DeadLetter) -> bool:
        """Return whether a dead letter is meant, where no query can tell."""
        return (
            self.instance in (None, letter.instance)
            and self.subscription in (None, letter.subscription)
            and self.code in (None, letter.code)
            and self.reason in (None, letter.reason)
            and (self.since is None or letter.last >= self.since)
            and (self.before is None or letter.last < self.before)
            and (self.ids is None or letter.id in self.ids)
        )


@attrs.frozen
class LetterGroup:
    """Dead letters of one subscription that were given up for the same reason.

    `sample` is the number of the latest, `first` and `last` bound when they were given up.
    """

    instance: str
    subscription: str
    code: str
    status: int | None
    reason: str
    count: int
    first: int
    last: int
    sample: int


class Letters(Protocol):
    """Dead letters, wherever they are kept."""

    def list(self, which: LetterFilter) -> AsyncIterator[DeadLetter]:
        """Go through dead letters by their numbers."""

    async def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""

    async def show(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""

    async def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again; return how many."""

    async def discard(self, which: LetterFilter) -> int:
        """Delete dead letters; return how many."""


def make_filter(
    ids: int | Iterable[int] | None = None,
    *,
    instance: str | None = None,
    subscription: str | None = None,
    code: str | None = None,
    since: Any = None,
    before: Any = None,
    reason: str | None = None,
) -> LetterFilter:
    """Make a filter of what a person names; times are given as everywhere, such as `2026-01-02T03:04:05Z`.

    Raises `PayloadError` for a time that cannot be read.
    """
    if isinstance(ids, int):
        ids = (ids,)
    return LetterFilter(
        instance,
        subscription,
        code,
        _milliseconds(since),
        _milliseconds(before),
        None if ids is None else tuple(ids),
        reason,
    )


def _milliseconds(time: Any) -> int | None:
    return None if time is None else (read_time(time) - _EPOCH) // _MILLISECOND


class DeadLetters:
    """The dead letters of an outbox or a broker.

    What is named must all hold: `replay(code="UNAUTHORIZED", instance="shop")`. To replay or discard all
    of them, say `everything=True`.
    """

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    def list(self, ids: int | Iterable[int] | None = None, **named: Any) -> AsyncIterator[DeadLetter]:
        """Go through dead letters, the oldest first."""
        return self._letters.list(make_filter(ids, **named))

    async def count(self, ids: int | Iterable[int] | None = None, **named: Any) -> int:
        """Return how many dead letters there are."""
        return await self._letters.count(make_filter(ids, **named))

    async def show(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""
        return await self._letters.show(number)

    async def replay(
        self, ids: int | Iterable[int] | None = None, *, everything: bool = False, **named: Any
    ) -> int:
        """Have dead letters delivered again by the present workspace; return how many."""
        return await self._letters.replay(_chosen(ids, named, "replay", everything=everything))

    async def discard(
        self, ids: int | Iterable[int] | None = None, *, everything: bool = False, **named: Any
    ) -> int:
        """Delete dead letters; return how many."""
        return await self._letters.discard(_chosen(ids, named, "discard", everything=everything))


def _chosen(
    ids: int | Iterable[int] | None, named: dict[str, Any], word: str, *, everything: bool
) -> LetterFilter:
    which = make_filter(ids, **named)
    if which == LetterFilter() and not everything:
        raise OutboxError(
            f"name what to {word} (ids, instance, subscription, code, reason, since, before), or "
            "everything=True",
            code="FILTER_MISSING",
            retryable=False,
        )
    return which
