"""Batches end to end, on the store and the rules: unknown outcomes, refusals, halves, restarts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.rules import Attempt, BatchSize, Dead, DurableRetry, halves, judge_batch
from actions_core.delivery.store import Burial, Claimed, NewDelivery, Retry, Settlement
from actions_core.engine.results import Status

Maker = Callable[..., Any]
SIZE = BatchSize(count=100, size=1_000_000, age=1000)
#: What the destination said last about a batch: taken, refused, nothing that arrived, overloaded.
SENT = Attempt(Status.SENT)
REFUSED = Attempt(Status.FAILED, "BAD_REQUEST", 400)
CUT = Attempt(Status.FAILED, "RETRYABLE_ERROR", retryable=True, is_unknown=True)
OVERLOADED = Attempt(Status.FAILED, "SERVICE_UNAVAILABLE", 503, retryable=True)


@attrs.frozen
class Sending:
    """A batch that is to be sent."""

    number: int
    rows: Sequence[Claimed]
    repeated: bool = False


class Destination:
    """A destination that takes a batch whole or refuses it, and knows a batch again by its key."""

    def __init__(self, bad: set[int], chance: random.Random) -> None:
        self.bad = bad
        self.chance = chance
        self.compositions: dict[int, list[int]] = {}
        self.taken: Counter[int] = Counter()
        self.keys: set[tuple[int, ...]] = set()

    def receive(self, number: int, members: list[int]) -> Attempt:
        """Take a batch, or not; sometimes nobody learns which."""
        assert self.compositions.setdefault(number, members) == members, "two compositions under one number"
        draw = self.chance.random()
        if draw < 0.1:
            return OVERLOADED
        if self.bad & set(members):
            return CUT if draw < 0.2 else REFUSED
        if tuple(members) not in self.keys:
            self.keys.add(tuple(members))
            self.taken.update(members)
        return CUT if draw < 0.3 else SENT


@pytest.mark.parametrize("seed", range(3))
def test_every_bad_event_is_found_alone(seed: int, open_store: Maker, arrival: Maker) -> None:
    """Of 1,003 events 1% are bad: each of them ends as a dead letter, every other one arrives once."""
    chance = random.Random(seed)
    now = 1_800_000_000.0
    options = FileOptions(synchronous="normal")

    def clock() -> float:
        return now

    store: FileStore = open_store(clock=clock, options=options)
    made = [arrival(f"m{number}") for number in range(1003)]
    due = store.now() + SIZE.age
    store.accept([attrs.evolve(each, deliveries=(NewDelivery(1, due=due, size=700),)) for each in made])
    bad = set(chance.sample(range(1, 1004), 10))
    destination = Destination(bad, chance)
    queue: list[Sending] = []
    while store._connection.read("SELECT count(*) FROM delivery") != [(0,)]:
        if chance.random() < 0.02:  # its worker ends, and another one goes on
            store.close()
            store, queue = open_store(clock=clock, options=options), []
        if not queue:
            now += 1
            claim = store.claim_batch(1, SIZE)
            if claim.rows:
                assert claim.rows[0].batch is not None
                queue.append(Sending(claim.rows[0].batch, claim.rows, claim.repeated))
            continue
        sending = queue.pop()
        attempt = destination.receive(sending.number, [row.event for row in sending.rows])
        queue += after(store, attempt, sending, now)
    letters = store.letters.list(LetterFilter(), limit=1000)
    assert {int(letter.message[1:]) + 1 for letter in letters} == bad
    assert destination.taken == Counter(set(range(1, 1004)) - bad)


@pytest.mark.parametrize("counted", [True, False])
def test_what_was_tried_fills_no_batch_before_its_time(
    open_store: Maker, arrival: Maker, *, counted: bool
) -> None:
    """A retry waits as long as it was told to, full batch or not, and keeps no other event waiting."""
    now = 1_800_000_000.0
    store: FileStore = open_store(clock=lambda: now)

    def accept(first: int, count: int) -> None:
        made = [arrival(f"m{number}") for number in range(first, first + count)]
        due = store.now() + SIZE.age
        store.accept([attrs.evolve(each, deliveries=(NewDelivery(1, due=due),)) for each in made])

    accept(1, 100)
    tried = store.claim_batch(1, SIZE).rows
    assert len(tried) == 100
    tried_at = store.now() if counted else None  # without a time, as after a refusal of the credentials
    retries = [
        Retry(row.event, 1, store.now() + 500, tried_at, counted=counted, reason="503") for row in tried
    ]
    store.settle(Settlement(retries=retries))
    claim = store.claim_batch(1, SIZE)
    assert (claim.rows, claim.next_due) == ((), store.now() + 500)
    accept(101, 60)
    assert store.claim_batch(1, SIZE).rows == ()
    flushed = store.claim_batch(1, attrs.evolve(SIZE, flush=True)).rows
    assert [row.event for row in flushed] == list(range(101, 161))
    accept(161, 30)
    now += 0.5
    assert [row.event for row in store.claim_batch(1, SIZE).rows] == [row.event for row in tried]


def after(store: FileStore, attempt: Attempt, sending: Sending, now: float) -> list[Sending]:
    """Note what follows from an outcome, and return the halves that are to be sent next."""
    rows = sending.rows
    outcome = judge_batch(
        attempt,
        members=len(rows),
        tries=max(row.tries for row in rows),
        first=None,
        now=now,
        retry=DurableRetry(cap=2),
        repeated=sending.repeated,
        spread=lambda _, high: high,
    )
    keys = [(row.event, row.subscription) for row in rows]
    if outcome.divide:
        parts = halves(rows)
        numbers = store.regroup(1, [[row.event for row in part] for part in parts])
        return [Sending(number, part) for number, part in zip(numbers, parts, strict=True)]
    if attempt is SENT:
        store.settle(Settlement(done=keys))
    elif isinstance(outcome.verdict, Dead):
        store.settle(Settlement(burials=[Burial(*key, outcome.verdict.code, store.now()) for key in keys]))
    else:
        due = store.now() + 500
        store.settle(
            Settlement(retries=[Retry(*key, due, store.now(), keep_batch=outcome.keep) for key in keys])
        )
    return []
