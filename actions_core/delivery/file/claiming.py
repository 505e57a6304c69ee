"""Taking rows that are due into a worker's hands, one by one or as batches.

The members of a batch keep their number until their outcome is known: after a crash the same ones go again,
in the same order, so the batch has the same idempotency key.

What is read of many rows is read as one: for each row that SQLite hands out, Python gives its lock away, and
waits for it where other threads are at work.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.rules import Candidate, count_ready
from actions_core.delivery.store import Claim, Claimed
from actions_core.values.json_bytes import read_stored, stored_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actions_core.delivery.rules import BatchSize

_DUE: Final = """
SELECT json_group_array(json_array(event, tries, first, batch)) FROM (
  SELECT event, tries, first, batch FROM delivery
  WHERE owner = 0 AND subscription = ? AND due <= ? ORDER BY due, event LIMIT ?)
"""
#: A batch that went before its rows were due goes again at once after a crash.
_OWN: Final = """
UPDATE delivery SET owner = ?, batch = ?, due = min(due, ?)
WHERE subscription = ? AND event IN (SELECT value FROM json_each(?))
"""
_FALL_APART: Final = """
UPDATE delivery SET batch = NULL
WHERE subscription = ? AND batch IN (SELECT value FROM json_each(?))
"""
_BODIES: Final = "SELECT seq, body FROM event WHERE seq IN (SELECT value FROM json_each(?))"
#: A character that JSON has in escaped form only stands between the bodies.
_SEPARATOR: Final = "\x1e"
_BODIES_TOGETHER: Final = """
SELECT group_concat(seq), group_concat(body, ?) FROM event WHERE seq IN (SELECT value FROM json_each(?))
"""
_NEXT: Final = "SELECT min(due) FROM delivery WHERE owner = 0 AND subscription = ?"
_GROUPED: Final = """
SELECT batch FROM delivery
WHERE owner = 0 AND subscription = ? AND batch IS NOT NULL AND due <= ? ORDER BY batch LIMIT 1
"""
_MEMBERS: Final = """
SELECT event, tries, first FROM delivery
WHERE owner = 0 AND subscription = ? AND batch = ? ORDER BY event
"""
#: What was tried has a reason, and its own time: it fills no batch before that.
_SINGLES: Final = """
SELECT event, tries, first, due, size FROM delivery
WHERE owner = 0 AND subscription = ? AND due <= ? AND batch IS NULL AND (reason IS NULL OR due <= ?)
ORDER BY due, event LIMIT ?
"""


def claim(connection: sqlite3.Connection, worker: int, subscription: int, limit: int, now: int) -> Claim:
    """Take rows that are due, the longest due first. Batches of an earlier configuration fall apart."""
    rows: Any = read_stored(connection.execute(_DUE, (subscription, now, limit)).fetchone()[0])
    batches = {row[3] for row in rows if row[3] is not None}
    if batches:
        connection.execute(_FALL_APART, (subscription, json.dumps(list(batches))))
    claimed = _take(connection, worker, subscription, [row[:3] for row in rows], None, now)
    return Claim(claimed, _next_due(connection, subscription))


def claim_batch(
    connection: sqlite3.Connection, worker: int, subscription: int, size: BatchSize, now: int
) -> Claim:
    """Take a batch whose outcome nobody knows, else one that is ready: full, or its first row is due."""
    grouped = connection.execute(_GROUPED, (subscription, now)).fetchone()
    if grouped is not None:
        number = grouped[0]
        members = connection.execute(_MEMBERS, (subscription, number)).fetchall()
        claimed = _take(connection, worker, subscription, members, number, now)
        return Claim(claimed, _next_due(connection, subscription), repeated=True)
    waiting = connection.execute(_SINGLES, (subscription, now + size.age, now, size.count)).fetchall()
    until = now + size.age if size.flush else now
    ready = count_ready([Candidate(due, bytes_) for *_, due, bytes_ in waiting], size, until)
    members = sorted([row[:3] for row in waiting[:ready]])
    number = _new_batch(connection) if members else None
    claimed = _take(connection, worker, subscription, members, number, now)
    left = [bytes_ for *_, bytes_ in waiting[ready:]]
    return Claim(claimed, _next_due(connection, subscription), waiting=len(left), waiting_bytes=sum(left))


def regroup(
    connection: sqlite3.Connection, worker: int, subscription: int, groups: Sequence[Sequence[int]]
) -> list[int]:
    """Give each group of events that this worker holds a batch number of its own."""
    numbers = []
    for group in groups:
        numbers.append(_new_batch(connection))
        connection.execute(
            "UPDATE delivery SET batch = ? WHERE owner = ? AND subscription = ? "
            "AND event IN (SELECT value FROM json_each(?))",
            (numbers[-1], worker, subscription, json.dumps(list(group))),
        )
    return numbers


def _take(
    connection: sqlite3.Connection,
    worker: int,
    subscription: int,
    rows: list[Any],
    batch: int | None,
    now: int,
) -> tuple[Claimed, ...]:
    if not rows:
        return ()
    events = stored_text([row[0] for row in rows])
    connection.execute(_OWN, (worker, batch, now, subscription, events))
    bodies = dict(_bodies(connection, events, len(rows)))
    return tuple(
        [Claimed(event, subscription, tries, first, batch, bodies[event]) for event, tries, first in rows]
    )


def _bodies(connection: sqlite3.Connection, events: str, count: int) -> Iterable[tuple[int, str]]:
    """Return the bodies of so many events with their numbers."""
    try:
        numbers, bodies = connection.execute(_BODIES_TOGETHER, (_SEPARATOR, events)).fetchone()
    except sqlite3.DataError:  # more than SQLite puts into one value
        return connection.execute(_BODIES, (events,)).fetchall()
    parts = bodies.split(_SEPARATOR)
    if len(parts) != count:  # it is not JSON that was stored
        return connection.execute(_BODIES, (events,)).fetchall()
    return zip([int(number) for number in numbers.split(",")], parts, strict=True)


def _new_batch(connection: sqlite3.Connection) -> int:
    connection.execute("UPDATE counter SET batch = batch + 1")
    return int(connection.execute("SELECT batch FROM counter").fetchone()[0])


def _next_due(connection: sqlite3.Connection, subscription: int) -> int | None:
    due: int | None = connection.execute(_NEXT, (subscription,)).fetchone()[0]
    return due
