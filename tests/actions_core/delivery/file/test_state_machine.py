"""The outbox file against a model: two workers that die, order, batches, dead letters, jumping clocks.

The suite runs a few examples. The long form, 2,000 runs in about ten minutes:

    OUTBOX_RUNS=2000 .venv/bin/python -m pytest -n 0 tests/actions_core/delivery/file/test_state_machine.py
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actions_core.delivery.errors import OutboxFullError
from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.rules import BatchSize, halves
from actions_core.delivery.store import Arrival, Burial, NewDelivery, Retry, Settlement

RUNS = int(os.environ.get("OUTBOX_RUNS", "40"))
DAY = 86_400_000
START = 1_800_000_000_000
OPTIONS = FileOptions(dedupe=86400, keep=5 * 86400, oldest=3 * 86400, synchronous="normal")
NAMES = [("a", "one"), ("a", "two"), ("b", "batched"), ("c", "plain")]
BATCH = BatchSize(count=3, size=10_000, age=5000)
LONGEST = 900_000

MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh folder below it

running = precondition(lambda machine: any(machine.stores))
holding = precondition(lambda machine: machine.all_held(batched=False))
holding_a_batch = precondition(lambda machine: machine.all_held(batched=True))

workers = st.integers(0, 1)
subscriptions = st.sampled_from([1, 2, 3, 4])
places = st.integers(0, 1000)


class Bytes:
    """The bytes of a lock file that several workers of one process share: who holds which."""

    def __init__(self) -> None:
        self.holders: dict[int, object] = {}
        self.mark = 0


class SharedLocks:
    """`Locks` for several workers in one process, where the kernel's would not keep them apart."""

    def __init__(self, shared: Bytes) -> None:
        self._shared = shared

    def take_turn(self) -> None:
        assert 0 not in self._shared.holders, "a turn inside a turn"
        self._shared.holders[0] = self

    def end_turn(self) -> None:
        assert self._shared.holders.pop(0) is self

    def hold(self, number: int) -> bool:
        return self._shared.holders.setdefault(number, self) is self

    def drop(self, number: int) -> None:
        if self._shared.holders.get(number) is self:
            del self._shared.holders[number]

    def read_mark(self) -> int:
        return self._shared.mark

    def write_mark(self, number: int) -> None:
        self._shared.mark = number

    def check_in_place(self) -> bool:
        return True

    def close(self) -> None:
        held = [number for number, holder in self._shared.holders.items() if holder is self]
        for number in held:
            del self._shared.holders[number]


def make_folder() -> Path:
    """Return a fresh folder, in memory where the system has such: what is tested is not the disk."""
    return Path(tempfile.mkdtemp(prefix="outbox-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))


def arrival(message_id: str, *subscriptions: int, ordered: str | None = None, owned: bool = False) -> Arrival:
    """Return an event with a row for each of these subscriptions."""
    body = json.dumps({"messageId": message_id, "type": "track", "event": "Order Completed"})
    deliveries = tuple(
        NewDelivery(number, owned=owned, ordered=ordered, size=len(body)) for number in subscriptions
    )
    return Arrival(message_id, body, deliveries)


@attrs.define
class Row:
    """What the model knows of a delivery."""

    at: int
    due: int
    owner: int
    ordered: str | None
    size: int
    tries: int = 0
    first: int | None = None
    batch: int | None = None


@attrs.define
class Letter:
    """What the model knows of a dead letter."""

    subscription: int
    message: str
    code: str
    tries: int
    first: int | None
    last: int


class Outbox(RuleBasedStateMachine):
    """Calls in any order; after each, the file holds what the model does."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = make_folder()
        self.bytes = Bytes()
        self.now = START
        self.stores: list[FileStore | None] = [None, None]
        self.rows: dict[tuple[int, int], Row] = {}
        self.messages: dict[int, str] = {}
        self.letters: dict[int, Letter] = {}
        self.finished: set[tuple[int, int]] = set()
        self.seen: set[tuple[int, str]] = set()
        self.events = self.batches = self.numbers = self.ids = self.letter_numbers = 0
        self.compositions: dict[int, list[int]] = {}
        self.active = {1, 2, 3, 4}
        self.dead_workers: set[int] = set()

    @initialize()
    def both_start(self) -> None:
        self.start(0)
        self.start(1)

    def teardown(self) -> None:
        for place, store in enumerate(self.stores):
            if store is not None:
                assert store._connection.read("PRAGMA integrity_check") == [("ok",)]
                store.close()
                self.stores[place] = None
        shutil.rmtree(self.folder, ignore_errors=True)

    # Workers come and go.

    def start(self, place: int) -> None:
        store = FileStore.open(
            self.folder / "events.db",
            OPTIONS,
            clock=lambda: self.now / 1000,
            locks=SharedLocks(self.bytes),
        )
        self.stores[place] = store
        self.take_back()
        self.numbers += 1
        assert store.worker == self.numbers
        assert list(store.register(NAMES).values()) == [1, 2, 3, 4]

    def store(self, place: int) -> FileStore:
        found = self.stores[place]
        assert found is not None
        return found

    def own(self, place: int) -> int:
        number = self.store(place).worker
        assert number is not None
        return number

    def pick(self, place: int) -> int:
        """Return this worker's place, the other's if this one does not run."""
        return place if self.stores[place] is not None else 1 - place

    def take_back(self) -> int:
        held = [row for row in self.rows.values() if row.owner in self.dead_workers]
        for row in held:
            row.owner = 0
        self.dead_workers.clear()
        return len(held)

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

    # Time.

    @rule(seconds=st.sampled_from([1, 1, 10, 10, 900, 5000, 86_400, 200_000, -3600, 3600]))
    def clock(self, seconds: int) -> None:
        self.now += seconds * 1000

    # Events.

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

    def _accept(self, place: int, chosen: list[Any], *, repeat: bool) -> None:
        arrivals, expected = [], []
        gen = self.now // DAY
        fresh_here: set[str] = set()
        for subs, key, owned, waits in chosen:
            if not (repeat and self.ids):
                self.ids += 1
            message = f"m{self.ids}"
            key = key if subs and set(subs) <= {1, 2} else None  # noqa: PLW2901
            due = self.now + BATCH.age if subs == (3,) else self.now + 1000 if waits else 0
            made = arrival(message, *subs, ordered=key, owned=owned and subs != (3,))
            made = attrs.evolve(made, deliveries=tuple(attrs.evolve(new, due=due) for new in made.deliveries))
            arrivals.append(made)
            known = message in fresh_here or any((g, message) in self.seen for g in (gen - 1, gen, gen + 1))
            fresh_here.add(message)
            expected.append(known)
        results = self.store(place).accept(arrivals)
        assert [result.duplicate for result in results] == expected
        for made, result in zip(arrivals, results, strict=True):
            if result.duplicate:
                assert result.event is None
                continue
            if not any((g, made.message_id) in self.seen for g in (gen - 1, gen, gen + 1)):
                self.seen.add((gen, str(made.message_id)))
            if not made.deliveries:
                assert result.event is None
                continue
            self.events += 1
            assert result.event == self.events
            self.messages[self.events] = str(made.message_id)
            for new in made.deliveries:
                owner = -1 if new.ordered else self.own(place) if new.owned else 0
                self.rows[self.events, new.subscription] = Row(
                    self.now, new.due or self.now, owner, new.ordered, new.size
                )
        self.let_go()

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

    # Claims.

    def waiting(self, sub: int, until: int) -> list[tuple[int, int]]:
        found = [
            key for key, row in self.rows.items() if key[1] == sub and row.owner == 0 and row.due <= until
        ]
        return sorted(found, key=lambda key: (self.rows[key].due, key[0]))

    def next_due(self, sub: int) -> int | None:
        dues = [row.due for key, row in self.rows.items() if key[1] == sub and row.owner == 0]
        return min(dues, default=None)

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

    def check_claimed(self, place: int, claimed: Any) -> None:
        for entry in claimed:
            key = entry.event, entry.subscription
            assert key not in self.finished
            row = self.rows[key]
            row.owner = self.own(place)
            row.batch = entry.batch
            row.due = min(row.due, self.now)
            assert (entry.tries, entry.first) == (row.tries, row.first)
            assert f'"{self.messages[entry.event]}"' in entry.body
            if row.ordered is not None:
                same = [
                    other
                    for other, found in self.rows.items()
                    if found.ordered == row.ordered and (other[1] <= 2) == (key[1] <= 2)
                ]
                assert key == min(same), "a later one of its key before an earlier one"

    @running
    @rule(place=workers)
    def claim_batch(self, place: int) -> None:
        place = self.pick(place)
        grouped = sorted(
            {
                row.batch
                for key, row in self.rows.items()
                if key[1] == 3 and row.owner == 0 and row.batch and row.due <= self.now
            }
        )
        claim = self.store(place).claim_batch(3, BATCH)
        members = [row.event for row in claim.rows]
        assert claim.repeated is bool(grouped)
        if grouped:
            assert {row.batch for row in claim.rows} == {grouped[0]}
            assert members == self.compositions[grouped[0]], "another composition under one number"
        else:
            singles = [key for key in self.waiting(3, self.now + BATCH.age) if self.rows[key].batch is None]
            due = bool(singles) and self.rows[singles[0]].due <= self.now
            take = min(len(singles), BATCH.count) if len(singles) >= BATCH.count or due else 0
            assert members == sorted(event for event, _ in singles[:take])
            if members:
                self.batches += 1
                assert {row.batch for row in claim.rows} == {self.batches}
                self.compositions[self.batches] = members
        self.check_claimed(place, claim.rows)

    # Outcomes.

    def held(self, place: int, *, batched: bool = False) -> list[tuple[int, int]]:
        number = self.own(place)
        return sorted(
            key
            for key, row in self.rows.items()
            if row.owner == number and (row.batch is not None) == batched
        )

    def all_held(self, *, batched: bool) -> list[tuple[int, tuple[int, int]]]:
        """Return what is held by workers that run: the place of each, and the key."""
        places = [place for place in (0, 1) if self.stores[place] is not None]
        return [(place, key) for place in places for key in self.held(place, batched=batched)]

    def pick_held(self, which: int, *, batched: bool = False) -> tuple[int, tuple[int, int]]:
        held = self.all_held(batched=batched)
        return held[which % len(held)]

    def let_go(self) -> None:
        firsts: dict[str, tuple[int, int]] = {}
        for key, row in sorted(self.rows.items()):
            if row.ordered is not None:
                firsts.setdefault(row.ordered, key)
        for key in firsts.values():
            if self.rows[key].owner == -1:
                self.rows[key].owner = 0

    def remove(self, keys: list[tuple[int, int]]) -> None:
        for key in keys:
            del self.rows[key]
            self.finished.add(key)
        self.let_go()

    def finish(self, keys: list[tuple[int, int]], place: int) -> None:
        self.store(place).settle(Settlement(done=keys))
        self.remove(keys)

    def bury_in_model(self, key: tuple[int, int], code: str, *, counted: bool) -> None:
        row = self.rows[key]
        self.letter_numbers += 1
        first = self.now if row.first is None else row.first
        self.letters[self.letter_numbers] = Letter(
            key[1], self.messages[key[0]], code, row.tries + counted, first, self.now
        )

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

    def settle(self, place: int, key: tuple[int, int], outcome: str) -> None:
        if outcome == "done":
            self.finish([key], place)
        elif outcome == "again":
            self.store(place).settle(Settlement(retries=[Retry(*key, self.now + 10, self.now)]))
            self.put_off(key, 10, counted=True)
        elif outcome == "bury":
            self.store(place).settle(Settlement(burials=[Burial(*key, "X", self.now)]))
            self.bury_in_model(key, "X", counted=True)
            self.remove([key])
        elif outcome == "release":
            self.store(place).settle(Settlement(released=[key]))
            self.rows[key].owner = 0

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

    def put_off(self, key: tuple[int, int], delay: int, *, counted: bool, keep: bool = False) -> None:
        row = self.rows[key]
        row.owner, row.due, row.tries = 0, self.now + delay, row.tries + counted
        row.first = self.now if row.first is None else row.first
        row.batch = row.batch if keep else None

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

    def divide(self, store: FileStore, members: list[tuple[int, int]]) -> None:
        parts = halves([event for event, _ in members])
        numbers = store.regroup(3, parts)
        assert numbers == [self.batches + 1, self.batches + 2]
        self.batches += 2
        for fresh, part in zip(numbers, parts, strict=True):
            self.compositions[fresh] = list(part)
            for event in part:
                self.rows[event, 3].batch = fresh

    # Dead letters.

    def matching(self, code: str | None, sub: int | None) -> list[int]:
        return [
            number
            for number, letter in sorted(self.letters.items())
            if code in {None, letter.code} and sub in {None, letter.subscription}
        ]

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

    # Upkeep, and changes of the workspace.

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

    def expire(self) -> None:
        expired = []
        for event in sorted({key[0] for key in self.rows}):
            ats = [row.at for key, row in self.rows.items() if key[0] == event]
            if ats[0] >= self.now - OPTIONS.oldest * 1000:
                continue
            for key in sorted(key for key in self.rows if key[0] == event):
                row = self.rows[key]
                gone = key[1] not in self.active
                if row.owner <= 0 and (gone or row.first is None):
                    self.bury_in_model(key, "SUBSCRIPTION_GONE" if gone else "EXPIRED", counted=False)
                    expired.append(key)
        self.remove(expired)

    @running
    @rule(place=workers)
    def vacuum(self, place: int) -> None:
        store = self.store(self.pick(place))
        store.vacuum()
        store._connection.opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # What holds at all times.

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
