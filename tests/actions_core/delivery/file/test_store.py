"""What a store tells those who look: what waits, states, positions, the latest outcomes, other processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.store import (
    Arrival,
    Backlog,
    Burial,
    InputPosition,
    InstanceState,
    NewDelivery,
    RecentDelivery,
    Retry,
    Settlement,
)

Maker = Callable[..., Any]
START = 1_800_000_000.0


def test_the_backlog_by_instance(open_store: Maker, arrival: Maker) -> None:
    """Due, later or blocked, in hand, and the oldest: of every instance, and from any thread."""
    now = START
    store = open_store(clock=lambda: now)
    store.register([("b", "other")])
    store.accept([arrival("m1"), arrival("m2")])
    now += 10
    store.accept([arrival("m3"), arrival("o1", 3, ordered="k"), arrival("o2", 3, ordered="k")])
    (row,) = store.claim(1, 1).rows
    store.settle(Settlement(retries=[Retry(row.event, 1, store.now() + 5000, store.now())]))
    store.claim(1, 1)
    store.set_state("b", "gone", reason="410")
    found: list[list[Backlog]] = []
    thread = threading.Thread(target=lambda: found.append(store.backlog()))
    thread.start()
    thread.join()
    gone = InstanceState("b", "gone", None, store.now(), "410")
    assert found == [
        [
            Backlog(InstanceState("a"), due=1, later=1, in_hand=1, oldest=int(START * 1000)),
            Backlog(gone, due=1, later=1, in_hand=0, oldest=store.now()),
        ]
    ]
    assert store.states() == {"a": InstanceState("a"), "b": gone}
    store.set_state("b", "active")
    assert store.states()["b"].state == "active"


def test_the_latest_outcomes_are_kept(open_store: Maker) -> None:
    """The newest come first; older ones than so many are forgotten, and none are kept where that is off."""
    entries = [RecentDelivery(number, f"m{number}", "a", "one", "sent", event="{}") for number in range(30)]
    store: FileStore = open_store(options=FileOptions(recent=5))
    store.settle(Settlement(recent=entries[:3]))
    store.settle(Settlement(recent=entries[3:]))
    assert [entry.at for entry in store.recent()] == [29, 28, 27, 26, 25]
    assert store.recent(1) == entries[29:]
    store.close()
    store = open_store(options=FileOptions(recent=0))
    store.settle(Settlement(recent=[RecentDelivery(99, "m99", "a", "one", "sent")]))
    assert store.recent(1) == entries[29:]


@pytest.mark.parametrize("odd", ["", "\x1e", "a\x1eb", "\n", "\N{PILE OF POO}", '"', "{}"])
def test_bodies_come_back_as_they_were_stored(open_store: Maker, odd: str) -> None:
    """Rows come in the order in which they are due, each with its own event, whatever text that is."""
    store: FileStore = open_store()
    bodies = ["1", odd, "3"]
    rows = [(NewDelivery(2, due=number),) for number in (9, 7, 8)]
    store.accept([Arrival(body, body, row) for body, row in zip(bodies, rows, strict=True)])
    claim = store.claim(2, 100)
    assert [(row.event, row.body) for row in claim.rows] == [(2, odd), (3, "3"), (1, "1")]
    assert {(row.tries, row.first, row.batch) for row in claim.rows} == {(0, None, None)}


def test_a_position_is_stored_with_its_events(open_store: Maker, arrival: Maker) -> None:
    """How far a file was read is on disk with what was read, or neither is."""
    store: FileStore = open_store(options=FileOptions(most_bytes=300 * 4096, synchronous="normal"))
    first = InputPosition("in.ndjson", 100, 5, "abc", 10)
    store.accept([arrival("m1")], [first])
    assert store.read_position("in.ndjson") == first
    assert store.read_position("other") is None
    with pytest.raises(OutboxError):
        store.accept(
            [arrival(f"n{number}", filler=900) for number in range(3000)],
            [InputPosition("in.ndjson", 100, 5, "abc", 90)],
        )
    assert store.read_position("in.ndjson") == first


def test_a_store_without_a_worker_delivers_nothing(open_store: Maker, arrival: Maker) -> None:
    """It accepts, lists and replays beside others, and what it accepts waits for one of them."""
    store: FileStore = open_store(worker=False)
    store.accept([arrival("m1", owned=True)])
    for call in (lambda: store.claim(1, 1), lambda: store.settle(Settlement(done=[(1, 1)]))):
        with pytest.raises(OutboxError, match="without a worker"):
            call()
    assert store.workers() == []
    store.close()
    store = open_store()
    assert [row.event for row in store.claim(1, 1).rows] == [1]


def test_what_matches_nothing_is_known_but_not_stored(open_store: Maker) -> None:
    """An event without rows leaves only its id, so that its repetition is a duplicate."""
    store: FileStore = open_store()
    assert [each.event for each in store.accept([Arrival("m1", "{}")])] == [None]
    assert [each.duplicate for each in store.accept([Arrival("m1", "{}"), Arrival(None, "{}")])] == [
        True,
        False,
    ]
    assert store._connection.read("SELECT count(*) FROM event") == [(0,)]


def test_text_of_all_kinds_is_stored_as_it_is(open_store: Maker, arrival: Maker) -> None:
    """Bodies come back byte for byte; a body with a lone surrogate has to be written as ASCII."""
    store: FileStore = open_store()
    bodies = ['{"a": "\\ud800", "b": 36893488147419103232}', '{"a": "\N{GRINNING FACE} \\u0000"}', " {}"]
    rows = arrival("m").deliveries
    store.accept([Arrival(None, body, rows) for body in bodies])
    claimed = store.claim(1, 10).rows
    assert [row.body for row in claimed] == bodies
    store.settle(Settlement(burials=[Burial(row.event, 1, "X", 0, reason="\ud800\0") for row in claimed]))
    assert [letter.body for letter in store.letters.list(LetterFilter())] == bodies
    with pytest.raises(ValueError, match="lone surrogate"):
        Arrival(None, '{"a": "\ud800"}', rows)


def test_a_body_that_was_damaged_can_be_buried(open_store: Maker, arrival: Maker) -> None:
    """What is no JSON any more becomes a dead letter without an id, instead of stopping all others."""
    store: FileStore = open_store()
    store.accept([Arrival("m1", '{"messageId": "m1"', arrival("m").deliveries)])
    store.claim(1, 1)
    store.settle(Settlement(burials=[Burial(1, 1, "BODY_UNREADABLE", store.now())]))
    assert [(letter.message, letter.code) for letter in store.letters.list(LetterFilter())] == [
        ("", "BODY_UNREADABLE")
    ]


@pytest.mark.parametrize(
    ("seconds", "duplicate"),
    [
        (0, True),
        (60, True),
        (3600, True),
        (7199 - 1800, True),
        (7200, False),
        (-1800 - 60, True),
        (-3600, True),
    ],
)
def test_an_event_is_known_for_its_time(
    seconds: int, open_store: Maker, arrival: Maker, *, duplicate: bool
) -> None:
    """The id of an event is known for one to two times `dedupe`, and by a clock that went back too."""
    now = 3600.0 * 500_000 + 1800
    store: FileStore = open_store(clock=lambda: now, options=FileOptions(dedupe=3600))
    store.accept([arrival("m1")])
    now += seconds
    results = store.accept([arrival("m1"), arrival("m2"), arrival("m2")])
    assert [result.duplicate for result in results] == [duplicate, False, True]


def test_ids_are_not_known_where_that_is_off(open_store: Maker, arrival: Maker) -> None:
    """With `dedupe` 0 a repeated event is accepted again."""
    store: FileStore = open_store(options=FileOptions(dedupe=0))
    results = [store.accept([arrival("m1")])[0] for _ in range(2)]
    assert [(result.event, result.duplicate) for result in results] == [(1, False), (2, False)]


def test_a_worker_puts_off_only_what_it_holds(open_store: Maker, arrival: Maker) -> None:
    """Outcomes of rows that another worker holds by now change nothing, but for a success: that is final."""
    store: FileStore = open_store()
    store.accept([arrival(f"m{number}") for number in range(3)])
    store.claim(1, 3)
    with store.transaction(durable=False):
        store._connection.opened().execute("UPDATE delivery SET owner = owner + 1")
    store.settle(Settlement(retries=[Retry(1, 1, 5, 5)], released=[(2, 1)], done=[(3, 1)]))
    rows = store._connection.read("SELECT event, owner, due = 5, tries FROM delivery")
    other = (store.worker or 0) + 1
    assert rows == [(1, other, 0, 0), (2, other, 0, 0)]


def test_what_nobody_delivers_holds_up_its_key_for_an_hour(open_store: Maker, arrival: Maker) -> None:
    """Then it leaves the order with all of its subscription that have the key; the others go on in theirs."""
    now = 1_800_000_000.0
    store = open_store(clock=lambda: now)
    store.accept([arrival(f"m{number}", 1, 2, ordered="k") for number in range(2)])
    assert [row.event for row in store.claim(1, 9).rows] == [1]
    store.settle(Settlement(done=[(1, 1)]))
    now += 3600
    store.leave_order({1})
    assert store.claim(1, 9).rows == ()
    now += 1
    store.leave_order({1, 2})
    assert store.claim(1, 9).rows == ()
    store.leave_order({1})
    assert [row.event for row in store.claim(1, 9).rows] == [2]
    assert [row.event for row in store.claim(2, 9).rows] == [1, 2]
