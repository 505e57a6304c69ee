"""What goes wrong while an outbox is open: full disks, foreign locks, damage, deleted files, forks, kills."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.file import FileOptions, opening, upkeep
from actions_core.delivery.file.connection import Connection
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.rules import BatchSize
from actions_core.delivery.store import Burial, Retry, Settlement
from tests.forks import FORKS, PIPE

Maker = Callable[..., Any]
ALL = LetterFilter()


def test_a_full_disk_refuses_events_and_notes_outcomes(open_store: Maker, arrival: Maker) -> None:
    """Without space nothing is accepted and nothing is lost; outcomes free space, and work goes on."""
    store = open_store(options=FileOptions(most_bytes=400 * 4096, synchronous="normal"))
    accepted = 0
    with pytest.raises(OutboxFullError) as caught:
        for number in range(2000):
            store.accept([arrival(f"m{number}", filler=3000)])
            accepted += 1
    assert caught.value.retryable
    assert "disk is full" in str(caught.value)
    assert accepted > 300
    held = store.claim(1, 10_000).rows
    assert len(held) == accepted
    with pytest.raises(OutboxFullError):
        store.accept([arrival(f"more{number}", filler=3000) for number in range(50)])
    store.settle(Settlement(retries=[Retry(row.event, 1, 0, 0, reason="x" * 500) for row in held[50:]]))
    store.settle(Settlement(done=[(row.event, 1) for row in held[:50]]))
    assert [result.event for result in store.accept([arrival("one more")])] == [accepted + 1]
    left = [row.event for row in held[50:]]
    assert [row.event for row in store.claim(1, 10_000).rows] == [*left, accepted + 1]
    store.close()
    again = open_store(options=FileOptions(most_bytes=400 * 4096, synchronous="normal"))
    assert len(again.claim(1, 10_000).rows) == len(left) + 1


def test_what_is_refused_is_not_known_afterwards(open_store: Maker, arrival: Maker) -> None:
    """The id of an event that found no space is no duplicate when the caller tries again."""
    store = open_store(options=FileOptions(most_bytes=400 * 4096, synchronous="normal"))
    with pytest.raises(OutboxFullError):
        store.accept([arrival(f"m{number}", filler=700) for number in range(2000)])
    assert store.accept([arrival("m0")])[0].duplicate is False


def test_a_foreign_lock_is_waited_for_and_named(
    path: Path, open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's lock that lasts too long refuses an event, retryable; afterwards all goes on."""
    monkeypatch.setattr(opening, "BUSY_TIMEOUT", 100)
    store = open_store()
    store.accept([arrival("m1")])
    foreign = sqlite3.connect(path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(OutboxError, match="locked by another program") as caught:
        store.accept([arrival("m2")])
    assert time.monotonic() - started >= 0.1
    assert (caught.value.retryable, caught.value.code) == (True, "OUTBOX_BUSY")
    foreign.execute("ROLLBACK")
    foreign.close()
    assert store.accept([arrival("m2")])[0].event == 2


def test_a_reader_with_an_old_snapshot_stops_nobody(
    path: Path, open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody reads an old state the log grows and writing goes on; afterwards the log starts anew."""
    monkeypatch.setattr("actions_core.delivery.file.connection.MOST_LOG_BYTES", 200_000)
    monkeypatch.setattr("actions_core.delivery.file.connection._CHECKPOINT_PAUSE", 0.0)
    monkeypatch.setattr("actions_core.delivery.file.connection._CHECKPOINT_PACE", 0.0)
    store = open_store(options=FileOptions(synchronous="normal"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM event").fetchone()
    log = Path(f"{path}-wal")
    slowest = 0.0
    for number in range(8):
        started = time.monotonic()
        store.accept([arrival(f"m{number}-{each}", filler=500) for each in range(100)])
        slowest = max(slowest, time.monotonic() - started)
    grown = upkeep.log_size(log)
    assert grown > 400_000
    assert slowest < 5
    reader.execute("COMMIT")
    reader.close()
    for number in range(20):
        store.accept([arrival(f"n{number}-{each}", filler=500) for each in range(20)])
    assert upkeep.log_size(log) <= grown + 200_000


def test_damage_while_it_is_open_stops_it_in_words(path: Path, open_store: Maker, arrival: Maker) -> None:
    """A page that turns out to be damaged ends acceptance, and every later call says so."""
    store = open_store(options=FileOptions(synchronous="normal"))
    store.accept([arrival(f"m{number}", filler=800) for number in range(400)])
    connection: Connection = store._connection
    connection.opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.opened().execute("PRAGMA cache_size = 1")
    with path.open("r+b") as file:
        for page in range(3, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    with pytest.raises(OutboxError, match="is damaged") as caught:
        store.claim(1, 1000)
    assert (caught.value.retryable, caught.value.code) == (False, "OUTBOX_DAMAGED")
    with pytest.raises(OutboxError, match="can no longer be used"):
        store.accept([arrival("more")])


@pytest.mark.parametrize("name", ["events.db", "events.db-wal", "events.db-workers"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_deleted_while_it_is_open(
    name: str, path: Path, open_store: Maker, arrival: Maker, *, replaced: bool
) -> None:
    """Nothing is accepted into a file that nobody will find again."""
    store = open_store()
    store.accept([arrival("m1")])
    gone = path.parent / name
    gone.rename(path.parent / "elsewhere")
    if replaced:
        gone.write_bytes((path.parent / "elsewhere").read_bytes())
    with pytest.raises(OutboxError, match="deleted or replaced") as caught:
        store.accept([arrival("m2")])
    assert not caught.value.retryable
    with pytest.raises(OutboxError, match="deleted or replaced"):
        store.claim(1, 10)


FORKING = """
import os, sys
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileStore, Writer
from actions_core.delivery.store import Arrival, NewDelivery

path, with_writer = sys.argv[1], sys.argv[2] == "writer"
store = FileStore.open(path)
store.register([("a", "one")])
writer = Writer(store) if with_writer else None

def accept(message):
    arrival = Arrival(message, "{}", (NewDelivery(1),))
    if writer is not None:
        writer.accept_from_thread([arrival]).result(10)
    else:
        store.accept([arrival])

for number in range(20):
    accept(f"before-{number}")
children = []
for child in range(3):
    number = os.fork()
    if number:
        children.append(number)
        accept(f"parent-{child}")
        continue
    try:
        try:
            accept("inherited")
        except OutboxError as error:
            assert "forked" in str(error), error
        else:
            raise AssertionError("a child used its parent's outbox")
        own = FileStore.open(path)
        own.register([("a", "one")])
        for each in range(30):
            own.accept([Arrival(f"child-{child}-{each}", "{}", (NewDelivery(1, owned=True),))])
        if child == 0:
            os.kill(os.getpid(), 9)
        own.close()
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0)
codes = [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in children]
for number in range(20):
    accept(f"after-{number}")
if writer is not None:
    writer.close()
else:
    store.close()
print(codes)
"""


@pytest.mark.parametrize("kind", ["store", "writer"])
def test_a_child_has_an_outbox_of_its_own(kind: str, path: Path, open_store: Maker) -> None:
    """After a fork the child cannot use its parent's outbox, opens its own, and the parent goes on."""
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "ignore", "-c", FORKING, str(path), kind],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.stdout.strip(), run.stderr) == ("[-9, 0, 0]", "")
    store = open_store()
    assert len(store.claim(1, 1000).rows) == 20 + 3 + 3 * 30 + 20
    assert store._connection.read("PRAGMA integrity_check") == [("ok",)]


HOLDING = """
import sys, time
from actions_core.delivery.file import FileStore
store = FileStore.open(sys.argv[1])
store.register([("a", "one"), ("a", "two")])
print([row.event for row in store.claim(1, 2).rows], flush=True)
time.sleep(60)
"""


def test_a_dead_worker_is_found_at_once_and_a_living_one_never(
    path: Path, open_store: Maker, arrival: Maker
) -> None:
    """What a process holds stays there while it lives, stopped or not, and comes back once it is killed."""
    store = open_store()
    store.accept([arrival(f"m{number}") for number in range(4)])
    with FORKS.start("-c", HOLDING, path, stdout=PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "[1, 2]\n"
        assert store.reap() == 0
        other.send_signal(signal.SIGSTOP)
        assert store.reap() == 0
        assert [row.event for row in store.claim(1, 10).rows] == [3, 4]
        assert [worker.pid for worker in store.workers()] == [os.getpid(), other.pid]
        other.kill()
        other.wait()
    assert store.reap() == 2
    assert [row.event for row in store.claim(1, 10).rows] == [1, 2]


def test_free_pages_go_back_to_the_disk(path: Path, open_store: Maker, arrival: Maker) -> None:
    """Where more than a quarter of the file is free, it shrinks by slices."""
    store = open_store(options=FileOptions(synchronous="normal"))
    store.accept([arrival(f"m{number}", filler=3000) for number in range(2000)])
    held = store.claim(1, 10_000).rows
    store.settle(Settlement(done=[(row.event, 1) for row in held]))
    rounds = 0
    while store.vacuum():
        rounds += 1
    assert rounds > 1
    store.close()
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_jumped_leaves_nothing_waiting(jump: int, open_store: Maker, arrival: Maker) -> None:
    """After a restart with another clock, no row waits longer than its longest pause."""
    now = 1_800_000_000.0
    store = open_store(clock=lambda: now)
    store.accept([arrival("m1")])
    (row,) = store.claim(1, 1).rows
    retry = Retry(row.event, 1, store.now() + 900_000, store.now(), status=503)
    store.settle(Settlement(retries=[retry]))
    now += jump
    store.upkeep({1, 2}, longest=900_000)
    due = store.claim(1, 1).next_due or store.now()
    assert due <= store.now() + 900_000


def test_upkeep_keeps_letters_and_ids_for_their_time(open_store: Maker, arrival: Maker) -> None:
    """Dead letters go after `keep`, ids after two generations, what was never tried after `oldest`."""
    now = 1_800_000_000.0
    store = open_store(clock=lambda: now, options=FileOptions(dedupe=3600, keep=7200, oldest=10_000))
    store.accept([arrival("m1"), arrival("m2"), arrival("m3", 1, 2)])
    store.claim(1, 1)
    store.settle(Settlement(burials=[Burial(1, 1, "X", store.now())]))
    count = "SELECT (SELECT count(*) FROM dead), (SELECT count(*) FROM seen)"
    now += 7199
    store.upkeep({1}, longest=0)
    assert store._connection.read(count)[0][0] == 1
    now += 2
    store.upkeep({1}, longest=0)
    assert store._connection.read(count) == [(0, 0)]
    now += 3000
    done = store.upkeep({1}, longest=0)
    assert done.expired == 3
    codes = {(letter.message, letter.subscription): letter.code for letter in store.letters.list(ALL)}
    assert codes == {("m2", "one"): "EXPIRED", ("m3", "one"): "EXPIRED", ("m3", "two"): "SUBSCRIPTION_GONE"}


def test_what_was_refused_expires_with_its_last_refusal(open_store: Maker, arrival: Maker) -> None:
    """A try that does not count begins no time of its own, but the dead letter says what it met."""
    now = 1_800_000_000.0
    store = open_store(clock=lambda: now, options=FileOptions(oldest=10_000))
    store.accept([arrival("m1"), arrival("m2")])
    store.claim(1, 1)
    retry = Retry(1, 1, store.now() + 1000, None, counted=False, status=401, reason="no key")
    store.settle(Settlement(retries=[retry]))
    now += 10_001
    assert store.upkeep({1}, longest=900_000).expired == 2
    found = [(letter.code, letter.reason, letter.tries) for letter in store.letters.list(ALL)]
    assert found == [
        ("EXPIRED", "it waited too long: no key", 0),
        ("EXPIRED", "it waited too long without having been tried", 0),
    ]


def test_a_batch_expires_as_a_whole(open_store: Maker, arrival: Maker) -> None:
    """Members of a batch stay together until all are old: the rest would go under the number of all."""
    now = 1_800_000_000.0
    store = open_store(clock=lambda: now, options=FileOptions(oldest=10_000))
    store.accept([arrival("m1")])
    now += 9_000
    store.accept([arrival("m2"), arrival("m3")])
    size = BatchSize(count=2, size=1_000_000, age=0)
    (first, second) = store.claim_batch(1, size).rows
    store.close()
    now += 1_001
    store = open_store(clock=lambda: now, options=FileOptions(oldest=10_000))
    assert store.upkeep({1}, longest=900_000).expired == 0
    assert [row.event for row in store.claim_batch(1, size).rows] == [first.event, second.event]
    store.close()
    now += 9_000
    store = open_store(clock=lambda: now, options=FileOptions(oldest=10_000))
    assert store.upkeep({1}, longest=900_000).expired == 3
    reasons = [(letter.message, letter.reason) for letter in store.letters.list(ALL)]
    in_batch = "it waited too long: nobody knows whether its batch was sent"
    assert reasons == [
        ("m1", in_batch),
        ("m2", in_batch),
        ("m3", "it waited too long without having been tried"),
    ]


def test_a_long_log_is_not_written_back_with_each_transaction(
    path: Path, open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is once in a while, and shrinks where little of it was in use: then nothing is due for long."""
    calls = []

    def write_back(sqlite: sqlite3.Connection) -> bool:
        calls.append(time.monotonic())
        return upkeep.write_back(sqlite)

    monkeypatch.setattr("actions_core.delivery.file.connection.write_back", write_back)
    monkeypatch.setattr("actions_core.delivery.file.connection.MOST_LOG_BYTES", 400_000)
    monkeypatch.setattr("actions_core.delivery.file.connection._CHECKPOINT_PACE", 3600.0)
    store = open_store(options=FileOptions(synchronous="normal"))
    for number in range(30):
        store.accept([arrival(f"m{number}-{each}", filler=500) for each in range(60)])
    log = Path(f"{path}-wal")
    assert len(calls) == 1
    assert upkeep.log_size(log) > 400_000
    store._connection._no_checkpoint_before = 0.0
    store.accept([arrival("n")])
    assert len(calls) == 2
    assert upkeep.log_size(log) == 0
    store.accept([arrival("o")])
    assert len(calls) == 2
