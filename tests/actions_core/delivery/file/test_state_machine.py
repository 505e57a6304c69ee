"""The outbox file against a model: two workers that die, order, batches, dead letters, jumping clocks.

The suite runs a few examples. The long form, 2,000 runs in about ten minutes:

    OUTBOX_RUNS=2000 .venv/bin/python -m pytest -n 0 tests/actions_core/delivery/file/test_state_machine.py
"""

from __future__ import annotations

import os
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from actions_core.delivery.errors import OutboxFullError
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.store import Burial, Retry, Settlement
from tests.actions_core.delivery.file.model import BATCH, DAY, LONGEST, NAMES, OPTIONS, Letter, Model, Row

RUNS = int(os.environ.get("OUTBOX_RUNS", "40"))

running = precondition(lambda machine: any(machine.stores))
holding = precondition(lambda machine: machine.all_held(batched=False))
holding_a_batch = precondition(lambda machine: machine.all_held(batched=True))

workers = st.integers(0, 1)
subscriptions = st.sampled_from([1, 2, 3, 4])
places = st.integers(0, 1000)


class Outbox(Model):
    """Calls in any order; after each, the file holds what the model does."""

    @initialize()
    def both_start(self) -> None:
        self.start(0)
        self.start(1)

    @running
    @rule(place=workers)
    def many_for_a_batch(self, place: int) -> None:
        """Enough for a batch come in, and it is claimed."""
        place = self.pick(place)
        self._accept(place, [((3,), None, False, False)] * 4, repeat=False)
        self.claim_batch(place)

    @rule(place=workers)
    def kill(self, place: int) -> None:
        """The process is gone: its locks fall, its rows stay in its hands."""
        store = self.stores[place]
        if store is None:
            self.start(place)
            return
        self.dead_workers.add(self.own(place))
        store._connection.locks.close()
        store._connection.close()
        self.stores[place] = None

    @rule(place=workers)
    def close_and_start_again(self, place: int) -> None:
        if self.stores[place] is not None:
            number = self.own(place)
            self.store(place).close()
            for row in self.rows.values():
                if row.owner == number:
                    row.owner = 0
        self.start(place)

    @running
    @rule(place=workers)
    def reap(self, place: int) -> None:
        assert self.store(self.pick(place)).reap() == self.take_back()

    @rule(seconds=st.sampled_from([1, 1, 10, 10, 900, 5000, 86_400, 200_000, -3600, 3600]))
    def clock(self, seconds: int) -> None:
        self.now += seconds * 1000

    @running
    @rule(
        place=workers,
        chosen=st.lists(
            st.tuples(
                st.sampled_from([(1,), (2,), (1, 2), (3,), (3,), (4,), (1, 4), ()]),
                st.sampled_from([None, "k1", "k2"]),
                st.booleans(),
                st.booleans(),
            ),
            min_size=1,
            max_size=5,
        ),
        repeat=st.booleans(),
    )
    def accept(self, place: int, chosen: list[Any], *, repeat: bool) -> None:
        self._accept(self.pick(place), chosen, repeat=repeat)

    @running
    @rule(place=workers, count=st.integers(1, 40))
    def the_disk_is_full(self, place: int, count: int) -> None:
        """Without free pages events are refused, all or none; outcomes are still noted."""
        place = self.pick(place)
        store = self.store(place)
        sqlite = store._connection.opened()
        (pages,) = sqlite.execute("PRAGMA page_count").fetchone()
        sqlite.execute(f"PRAGMA max_page_count = {pages}")
        try:
            before = self.events
            chosen = [((1, 2), None, True, False)] * count
            try:
                self._accept(place, chosen, repeat=False)
            except OutboxFullError:
                assert self.events == before
            held = self.held(place)
            if held:
                self.finish([held[0]], place)
        finally:
            sqlite.execute("PRAGMA max_page_count = 1073741823")

    @running
    @rule(place=workers, sub=subscriptions, limit=st.integers(1, 6))
    def claim(self, place: int, sub: int, limit: int) -> None:
        place = self.pick(place)
        expected = self.waiting(sub, self.now)[:limit]
        broken = {self.rows[key].batch for key in expected} - {None}
        claim = self.store(place).claim(sub, limit)
        assert [(row.event, row.subscription) for row in claim.rows] == expected
        self.check_claimed(place, claim.rows)
        for row in self.rows.values():
            row.batch = None if row.batch in broken else row.batch
        assert claim.next_due == self.next_due(sub)

    @running
    @rule(place=workers, flush=st.booleans())
    def claim_batch(self, place: int, *, flush: bool = False) -> None:
        place = self.pick(place)
        grouped = sorted(
            {
                row.batch
                for key, row in self.rows.items()
                if key[1] == 3 and row.owner == 0 and row.batch and row.due <= self.now
            }
        )
        claim = self.store(place).claim_batch(3, attrs.evolve(BATCH, flush=flush))
        members = [row.event for row in claim.rows]
        assert claim.repeated is bool(grouped)
        if grouped:
            assert {row.batch for row in claim.rows} == {grouped[0]}
            assert members == self.compositions[grouped[0]], "another composition under one number"
        else:
            singles = [
                key
                for key in self.waiting(3, self.now + BATCH.age)
                if self.rows[key].batch is None
                and (self.rows[key].first is None or self.rows[key].due <= self.now)
            ][: BATCH.count]
            due = bool(singles) and (flush or self.rows[singles[0]].due <= self.now)
            take = min(len(singles), BATCH.count) if len(singles) >= BATCH.count or due else 0
            assert claim.waiting == (0 if take else len(singles))
            assert members == sorted(event for event, _ in singles[:take])
            if members:
                self.batches += 1
                assert {row.batch for row in claim.rows} == {self.batches}
                self.compositions[self.batches] = members
        self.check_claimed(place, claim.rows)

    @running
    @rule(
        place=workers,
        sub=subscriptions,
        outcomes=st.lists(
            st.sampled_from(["done", "again", "bury", "release", "hold"]), min_size=1, max_size=6
        ),
    )
    def deliver(self, place: int, sub: int, outcomes: list[str]) -> None:
        """What is due is claimed, and each delivery has an outcome at once."""
        place = self.pick(place)
        before = set(self.held(place))
        self.claim(place, sub, len(outcomes))
        for key, outcome in zip(sorted(set(self.held(place)) - before), outcomes, strict=False):
            self.settle(place, key, outcome)

    @running
    @rule(place=workers, keys=st.lists(st.sampled_from(["k1", "k1", "k2"]), min_size=2, max_size=6))
    def some_of_one_key(self, place: int, keys: list[str]) -> None:
        """Events that have to follow one another come in."""
        self._accept(self.pick(place), [((1, 2), key, False, False) for key in keys], repeat=False)

    @holding
    @rule(which=places, count=st.integers(1, 4))
    def done(self, which: int, count: int) -> None:
        place, key = self.pick_held(which)
        held = self.held(place)
        start = held.index(key)
        self.finish(held[start : start + count], place)

    @holding
    @rule(which=places, delay=st.sampled_from([0, 0, 1000, 900_000]), counted=st.booleans())
    def again(self, which: int, delay: int, *, counted: bool) -> None:
        place, key = self.pick_held(which)
        retry = Retry(*key, self.now + delay, self.now, counted, 503, "later \ud800")
        self.store(place).settle(Settlement(retries=[retry]))
        self.put_off(key, delay, counted=counted)

    @holding
    @rule(which=places, code=st.sampled_from(["X", "Y"]))
    def bury(self, which: int, code: str) -> None:
        place, key = self.pick_held(which)
        self.store(place).settle(Settlement(burials=[Burial(*key, code, self.now, reason="no \ud800\0")]))
        self.bury_in_model(key, code, counted=True)
        self.remove([key])

    @holding
    @rule(which=places)
    def release(self, which: int) -> None:
        place, key = self.pick_held(which)
        self.store(place).settle(Settlement(released=[key]))
        self.rows[key].owner = 0

    @holding_a_batch
    @rule(
        which=places,
        outcome=st.sampled_from(
            ["done", "unknown", "unknown", "later", "mixed", "halves", "halves", "released"]
        ),
    )
    def a_batch_ends(self, which: int, outcome: str) -> None:
        place, chosen = self.pick_held(which, batched=True)
        number = self.rows[chosen].batch
        members = [key for key in self.held(place, batched=True) if self.rows[key].batch == number]
        store = self.store(place)
        if outcome == "done":
            self.finish(members, place)
        elif outcome == "released":
            store.settle(Settlement(released=members))
            for key in members:
                self.rows[key].owner = 0
        elif outcome == "mixed":
            retries = [Retry(*key, self.now + 1000, self.now) for key in members[1:]]
            store.settle(Settlement(done=members[:1], retries=retries))
            for key in members[1:]:
                self.put_off(key, 1000, counted=True)
            self.remove(members[:1])
        elif outcome == "halves" and len(members) > 1:
            self.divide(store, members)
        else:
            keep = outcome == "unknown"
            store.settle(
                Settlement(
                    retries=[Retry(*key, self.now + 1000, self.now, keep_batch=keep) for key in members]
                )
            )
            for key in members:
                self.put_off(key, 1000, counted=True, keep=keep)

    @running
    @rule(
        place=workers,
        code=st.sampled_from([None, "X", "EXPIRED"]),
        sub=st.sampled_from([None, 1, 3]),
        replay=st.booleans(),
    )
    def letters_go(self, place: int, code: str | None, sub: int | None, *, replay: bool) -> None:
        place = self.pick(place)
        numbers = self.matching(code, sub)
        instance, subscription = (None, None) if sub is None else NAMES[sub - 1]
        which = LetterFilter(instance, subscription, code)
        listed = self.store(place).letters.list(which, limit=1000)
        assert [letter.id for letter in listed] == numbers
        call = self.store(place).letters.replay if replay else self.store(place).letters.discard
        assert call(which) == len(numbers)
        for number in numbers:
            letter = self.letters.pop(number)
            if replay:
                self.events += 1
                self.messages[self.events] = letter.message
                size = len(listed[numbers.index(number)].body)
                self.rows[self.events, letter.subscription] = Row(self.now, self.now, 0, None, size)

    @rule(active=st.sets(subscriptions))
    def the_workspace_changes(self, active: set[int]) -> None:
        self.active = active | {3}

    @running
    @rule(place=workers)
    def upkeep(self, place: int) -> None:
        place = self.pick(place)
        while self.store(place).upkeep(self.active, longest=LONGEST).more:
            pass
        for row in self.rows.values():
            if row.owner == 0 and row.due > self.now + LONGEST + 60_000:
                row.due = self.now
        self.expire()
        for number, letter in list(self.letters.items()):
            if letter.last < self.now - OPTIONS.keep * 1000:
                del self.letters[number]
        self.seen = {(gen, message) for gen, message in self.seen if gen >= self.now // DAY - 1}

    @running
    @rule(place=workers, delivered=st.sets(subscriptions))
    def what_nobody_delivers_leaves_the_order(self, place: int, delivered: set[int]) -> None:
        store = self.store(self.pick(place))
        while store.leave_order(delivered):
            pass
        self.leave_order(delivered)

    @running
    @rule(place=workers)
    def vacuum(self, place: int) -> None:
        store = self.store(self.pick(place))
        store.vacuum()
        store._connection.opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @precondition(lambda self: any(self.stores))
    @invariant()
    def the_file_holds_what_the_model_does(self) -> None:
        store = self.stores[0] or self.stores[1]
        assert store is not None
        read = store._connection.read
        query = "SELECT event, subscription, due, owner, ordered, size, tries, first, batch FROM delivery"
        found = {(row[0], row[1]): row[2:] for row in read(query)}
        assert found == {
            key: (row.due, row.owner, row.ordered, row.size, row.tries, row.first, row.batch)
            for key, row in self.rows.items()
        }
        events = {number for (number,) in read("SELECT seq FROM event")}
        assert events == {event for event, _ in self.rows}, "an event without rows, or rows without an event"
        names = {name: number for number, name in enumerate(NAMES, 1)}
        dead = read("SELECT id, instance, subscription, message, code, tries, first, last FROM dead")
        assert {row[0]: Letter(names[row[1], row[2]], *row[3:]) for row in dead} == self.letters
        assert not self.finished & found.keys()
        assert self.bytes.mark == self.events


Outbox.TestCase.settings = settings(
    max_examples=RUNS, stateful_step_count=40, deadline=None, derandomize=RUNS < 1000
)
TestOutbox = pytest.mark.filterwarnings("error")(Outbox.TestCase)
