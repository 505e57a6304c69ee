"""Stores of deliveries: the data that they take and give, and the protocol that each of them fulfils.

A row stands for one event in one subscription of one instance. It waits, or a worker holds it, or an
earlier delivery of its key blocks it; at the end it is deleted, or becomes a dead letter. Subscriptions and
instances go by the numbers that the store gave them. All times are milliseconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from actions_core.delivery.letters import DeadLetter, LetterFilter
    from actions_core.delivery.rules import BatchSize
    from actions_core.engine.pipeline import Step

#: Event and subscription: the key of a row.
Key: TypeAlias = tuple[int, int]


def _check_text(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{attribute.name} has a lone surrogate: write it as ASCII JSON") from None


# Without slots, here and below: a frozen class sets its attributes at half the price then.
@attrs.frozen(slots=False)
class NewDelivery:
    """A row to be made.

    With `owned` the worker that stores it delivers it at once; else it can be claimed from `due` on (0: at
    once). Rows of one instance with the same `ordered` follow one another, and are never owned at first.
    """

    subscription: int
    owned: bool = False
    due: int = 0
    ordered: str | None = None
    size: int = 0


@attrs.frozen(slots=False)
class Arrival:
    """An event to be stored, as JSON, with a row for each subscription that matches it.

    `message_id` is None where we made it ourselves: no other event can have the same. `filtered` tells that
    no instance let it through to its subscriptions. `step` is the event on its way to the one subscription
    that it is for, where this process delivers it at once.
    """

    message_id: str | None
    body: str = attrs.field(validator=_check_text, repr=False)
    deliveries: tuple[NewDelivery, ...] = ()
    filtered: bool = False
    step: Step | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(slots=False)
class Acceptance:
    """The outcome for an arrival: `event` is its number, None where nothing was stored."""

    event: int | None
    duplicate: bool = False


@attrs.frozen
class InputPosition:
    """The place up to which a file of events has been read, stored together with these events.

    With `before` nothing is stored unless that is the present place (-1: none), since somebody else has read
    the file meanwhile.
    """

    path: str
    size: int
    mtime: int
    head: str
    position: int
    before: int | None = None


@attrs.frozen(slots=False)
class Claimed:
    """A row in the hands of this worker, with the event as it was stored.

    `step` spares whoever delivers it the reading and routing, while its subscription is still the same.
    """

    event: int
    subscription: int
    tries: int
    first: int | None
    batch: int | None
    body: str = attrs.field(repr=False)
    step: Step | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Claim:
    """Claimed rows, in order, and when the next one is due (None: nothing waits).

    `repeated` tells that these rows are a batch which was in somebody's hands before, and may have been sent.
    `waiting` rows, of `waiting_bytes`, are left that a batch may grow by.
    """

    rows: tuple[Claimed, ...]
    next_due: int | None
    repeated: bool = False
    waiting: int = 0
    waiting_bytes: int = 0


@attrs.frozen
class Retry:
    """A row that goes again at `due`. `tried_at` counts as its first try where it has none; None for no try.

    `keep_batch` has it go with the same members as before, since nobody knows what became of them.
    """

    event: int
    subscription: int
    due: int
    tried_at: int | None
    counted: bool = True
    status: int | None = None
    reason: str = ""
    keep_batch: bool = False


@attrs.frozen
class Burial:
    """A row that becomes a dead letter; `suffix` is its subscription's part of the idempotency key."""

    event: int
    subscription: int
    code: str
    tried_at: int
    counted: bool = True
    status: int | None = None
    reason: str = ""
    answer: str = ""
    suffix: str = ""


@attrs.frozen
class RecentDelivery:
    """An outcome for those who look at what was lately delivered; secrets are masked already.

    `tries` are those of all processes, `duration` is that of the last one in milliseconds. `id` is the number
    that the store gave it.
    """

    at: int
    message: str
    instance: str
    subscription: str
    status: str
    reason: str = ""
    event: str = ""
    request: str = ""
    answer: str = ""
    code: str = ""
    tries: int = 0
    duration: int | None = None
    id: int = attrs.field(default=0, eq=False)


@attrs.frozen
class Tally:
    """The numbers of one minute, which begins at `minute`: of one instance, or of all that came in ("").

    Events are counted where they come in: `filtered` are those that no instance let through, `unmatched`
    those that no subscription wanted. Deliveries are counted by instance; `duration` is the sum of those that
    were sent, and `slowest` the longest, in milliseconds.
    """

    minute: int
    instance: str = ""
    received: int = 0
    filtered: int = 0
    unmatched: int = 0
    sent: int = 0
    failed: int = 0
    retried: int = 0
    duration: int = 0
    slowest: int = 0


@attrs.frozen
class OutcomeFilter:
    """Which outcomes are meant: all conditions hold, None is no condition.

    `text` is looked for in the event's id, the reason, the event, the request and the response.
    """

    status: str | None = None
    instance: str | None = None
    subscription: str | None = None
    code: str | None = None
    reason: str | None = None
    text: str | None = None
    message: str | None = None


@attrs.frozen
class WaitingDelivery:
    """A delivery that waits: for its first try, or for the next one after `tries` that failed.

    `at` is when its event was accepted, `due` when its next try is due, both in milliseconds.
    """

    event_number: int
    instance: str
    subscription: str
    at: int
    due: int
    tries: int
    status: int | None
    reason: str
    in_hand: bool
    body: str = attrs.field(repr=False)


@attrs.frozen
class Settlement:
    """Outcomes of rows that this worker held."""

    done: Sequence[Key] = ()
    retries: Sequence[Retry] = ()
    burials: Sequence[Burial] = ()
    released: Sequence[Key] = ()
    recent: Sequence[RecentDelivery] = ()

    def __len__(self) -> int:
        return len(self.done) + len(self.retries) + len(self.burials) + len(self.released)


@attrs.frozen
class InstanceState:
    """The state of an instance: `active`, `paused` until a time, or it gets nothing.

    That is `gone` (410) until it is resumed, or `refused`, since its credentials were, until a time.
    `settings` is the digest of those with which it was so: others end that state.
    """

    instance: str
    state: str = "active"
    until: int | None = None
    since: int | None = None
    reason: str = ""
    settings: str = attrs.field(default="", repr=False)


@attrs.frozen
class Backlog:
    """The rows of an instance: due now, due later or blocked by their order, and in workers' hands.

    `oldest` is the time at which the oldest event of them was accepted. `breaker`, `cap` (the most requests
    at once) and `learned_rate` are those of this process, where it delivers.
    """

    state: InstanceState
    due: int = 0
    later: int = 0
    in_hand: int = 0
    oldest: int | None = None
    breaker: str = ""
    cap: int | None = None
    learned_rate: float | None = None

    @property
    def instance(self) -> str:
        """The instance's id."""
        return self.state.instance


@attrs.frozen
class Worker:
    """A process that delivers from the store."""

    id: int
    host: str
    pid: int
    started: int


@attrs.frozen
class Upkeep:
    """The result of a round of upkeep; `more` where it ended before all was done."""

    expired: int = 0
    forgotten: int = 0
    moved: int = 0
    more: bool = False


class LetterStore(Protocol):
    """The dead letters of a store, for the one thread that uses it."""

    def list(self, which: LetterFilter, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Return a page of dead letters by their numbers, from the first after `after`."""

    def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""

    def show(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""

    def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again; return how many."""

    def discard(self, which: LetterFilter) -> int:
        """Delete dead letters; return how many."""


class Store(Protocol):
    """A store of deliveries: five calls, each a transaction of its own."""

    @property
    def letters(self) -> LetterStore:
        """The dead letters of this store."""

    def register(self, names: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """Return the number of each (instance, subscription), new ones included."""

    def accept(
        self, arrivals: Sequence[Arrival], positions: Sequence[InputPosition] = ()
    ) -> list[Acceptance]:
        """Store events on disk, all or none, and how far their files have been read."""

    def claim(self, subscription: int, limit: int) -> Claim:
        """Take rows that are due into this worker's hands."""

    def claim_batch(self, subscription: int, size: BatchSize) -> Claim:
        """Take the rows of a batch that is ready, under one batch number."""

    def regroup(self, subscription: int, groups: Sequence[Sequence[int]]) -> list[int]:
        """Give each group of held events a batch number of its own, before it is sent."""

    def settle(self, settlement: Settlement) -> None:
        """Note the outcomes of rows that this worker held."""

    def upkeep(self, active: Collection[int], *, longest: int) -> Upkeep:
        """Expire, forget and mend. `longest` is the longest wait of any delivery, in milliseconds."""
