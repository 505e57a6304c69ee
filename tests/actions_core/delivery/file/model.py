"""The model of an outbox file, and the workers of one process that stand in for several."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import attrs
from hypothesis.stateful import RuleBasedStateMachine

from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.rules import BatchSize, halves
from actions_core.delivery.store import Arrival, Burial, NewDelivery, Retry, Settlement

DAY = 86_400_000
HOUR = 3_600_000
START = 1_800_000_000_000
OPTIONS = FileOptions(dedupe=86400, keep=5 * 86400, oldest=3 * 86400, synchronous="normal")
NAMES = [("a", "one"), ("a", "two"), ("b", "batched"), ("c", "plain")]
BATCH = BatchSize(count=3, size=10_000, age=5000)
LONGEST = 900_000

MEMORY = Path("/dev/shm")  # noqa: S108 - a fresh folder below it


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


class Model(RuleBasedStateMachine):
    """What a file should hold, and the stores of two workers on one."""

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

    def teardown(self) -> None:
        for place, store in enumerate(self.stores):
            if store is not None:
                assert store._connection.read("PRAGMA integrity_check") == [("ok",)]
                store.close()
                self.stores[place] = None
        shutil.rmtree(self.folder, ignore_errors=True)

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

    def _accept(self, place: int, chosen: list[Any], *, repeat: bool) -> None:
        arrivals, expected = [], []
        gen = self.now // DAY
        fresh_here: set[str] = set()
        for subs, key, owned, waits in chosen:
            if not (repeat and self.ids):
                self.ids += 1
            message = f"m{self.ids}"
            key = key if subs and set(subs) <= {1, 2} else None  # noqa: PLW2901 - as it is stored
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

    def waiting(self, sub: int, until: int) -> list[tuple[int, int]]:
        found = [
            key for key, row in self.rows.items() if key[1] == sub and row.owner == 0 and row.due <= until
        ]
        return sorted(found, key=lambda key: (self.rows[key].due, key[0]))

    def next_due(self, sub: int) -> int | None:
        dues = [row.due for key, row in self.rows.items() if key[1] == sub and row.owner == 0]
        return min(dues, default=None)

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

    def put_off(self, key: tuple[int, int], delay: int, *, counted: bool, keep: bool = False) -> None:
        row = self.rows[key]
        row.owner, row.due, row.tries = 0, self.now + delay, row.tries + counted
        row.first = self.now if row.first is None else row.first
        row.batch = row.batch if keep else None

    def divide(self, store: FileStore, members: list[tuple[int, int]]) -> None:
        parts = halves([event for event, _ in members])
        numbers = store.regroup(3, parts)
        assert numbers == [self.batches + 1, self.batches + 2]
        self.batches += 2
        for fresh, part in zip(numbers, parts, strict=True):
            self.compositions[fresh] = list(part)
            for event in part:
                self.rows[event, 3].batch = fresh

    def matching(self, code: str | None, sub: int | None) -> list[int]:
        return [
            number
            for number, letter in sorted(self.letters.items())
            if code in {None, letter.code} and sub in {None, letter.subscription}
        ]

    def may_expire(self, key: tuple[int, int]) -> bool:
        """Return whether a row is too old; the members of a batch are together."""
        number = self.rows[key].batch
        batch = [each for each, row in self.rows.items() if each[1] == key[1] and row.batch == number]
        return all(
            row.at < self.now - OPTIONS.oldest * 1000
            and row.owner <= 0
            and (each[1] not in self.active or row.first is None)
            for each, row in self.rows.items()
            if each in ([key] if number is None else batch)
        )

    def leave_order(self, delivered: set[int]) -> None:
        others = {sub for _, sub in self.rows} - delivered
        held_up = True
        while held_up:
            held_up = {
                (sub, row.ordered)
                for (_, sub), row in self.rows.items()
                if sub in others and row.owner == 0 and row.ordered and row.due < self.now - HOUR
            }
            for (_, sub), row in self.rows.items():
                if (sub, row.ordered) in held_up and row.owner <= 0:
                    row.owner, row.ordered = 0, None
            self.let_go()

    def expire(self) -> None:
        expired = [key for key in sorted(self.rows) if self.may_expire(key)]
        for key in expired:
            gone = key[1] not in self.active
            self.bury_in_model(key, "SUBSCRIPTION_GONE" if gone else "EXPIRED", counted=False)
        self.remove(expired)
