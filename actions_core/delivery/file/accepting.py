"""Storing events: each once, with its rows, unless it was accepted within a day or two before.

One statement serves many rows: each row that Python hands to SQLite gives the interpreter's lock away and
takes it back, which costs more than the row.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file.ordering import let_go
from actions_core.delivery.file.schema import BEHIND, WAITING
from actions_core.delivery.store import Acceptance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from actions_core.delivery.store import Arrival, InputPosition, NewDelivery

#: Rows of one statement: more save no time, and each number of rows is a statement to compile.
_ROWS_AT_ONCE: Final = 64

_INSERT_EVENTS: Final = "INSERT INTO event(seq, at, body) VALUES "
_INSERT_ROWS: Final = "INSERT INTO delivery(event, subscription, instance, owner, due, ordered, size) VALUES "
_INSERT_IDS: Final = "INSERT OR IGNORE INTO seen(gen, id) VALUES "

#: What becomes of an event that is known, and of one that nothing subscribes to.
_DUPLICATE: Final = Acceptance(None, duplicate=True)
_NOT_STORED: Final = Acceptance(None)

_Value: TypeAlias = int | str | bytes | None


def accept(
    connection: sqlite3.Connection,
    arrivals: Sequence[Arrival],
    *,
    owner: int,
    instances: Mapping[int, int],
    now: int,
    dedupe: int,
) -> list[Acceptance]:
    """Store the events that are new, with their rows, and return what became of each.

    `owner` has the rows that are `owned`; `instances` are the instances of subscriptions; `dedupe` is the
    length of a generation of known ids in milliseconds, 0 to know none.
    """
    duplicates = _note_ids(connection, arrivals, now // dedupe) if dedupe else frozenset()
    stored = [
        place for place, arrival in enumerate(arrivals) if arrival.deliveries and place not in duplicates
    ]
    results = [_DUPLICATE if place in duplicates else _NOT_STORED for place in range(len(arrivals))]
    if not stored:
        return results
    connection.execute("UPDATE counter SET event = event + ?", (len(stored),))
    (last,) = connection.execute("SELECT event FROM counter").fetchone()
    first = last - len(stored) + 1
    events: list[_Value] = []
    rows: list[_Value] = []
    keys = set()
    for seq, place in enumerate(stored, first):
        arrival = arrivals[place]
        events += (seq, now, arrival.body)
        for delivery in arrival.deliveries:
            row = _row(seq, delivery, owner, instances, now)
            rows += row
            if row[5] is not None:
                keys.add((row[2], row[5]))
        results[place] = Acceptance(seq)
    _insert(connection, _INSERT_EVENTS, 3, events)
    _insert(connection, _INSERT_ROWS, 7, rows)
    let_go(connection, keys)
    return results


def _insert(connection: sqlite3.Connection, statement: str, columns: int, values: list[_Value]) -> int:
    """Insert rows by as few statements as there may be, and return how many rows there are of them."""
    inserted = 0
    row = f"({','.join('?' * columns)})"
    for start in range(0, len(values), columns * _ROWS_AT_ONCE):
        part = values[start : start + columns * _ROWS_AT_ONCE]
        marks = ",".join([row] * (len(part) // columns))
        inserted += connection.execute(statement + marks, part).rowcount
    return inserted


def _row(
    seq: int, delivery: NewDelivery, owner: int, instances: Mapping[int, int], now: int
) -> tuple[_Value, ...]:
    ordered = delivery.ordered
    if ordered is not None:
        holder, ordered = BEHIND, clean_key(ordered)
    else:
        holder = owner if delivery.owned else WAITING
    subscription = delivery.subscription
    return seq, subscription, instances[subscription], holder, delivery.due or now, ordered, delivery.size


def clean_key(key: str) -> str:
    """Return a key as SQLite can compare it: without lone surrogates and NUL."""
    return key.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _note_ids(connection: sqlite3.Connection, arrivals: Sequence[Arrival], gen: int) -> Collection[int]:
    """Note the ids of the events and return the places of those that are known already.

    A clock that went back asks the generation after the present one too.
    """
    fresh: dict[bytes, int] = {}
    known: set[int] = set()
    for place, arrival in enumerate(arrivals):
        if arrival.message_id is not None:
            digest = digest_id(arrival.message_id)
            if fresh.setdefault(digest, place) != place:
                known.add(place)
    # In the order of the tree, so that neighbours share a page.
    digests = sorted(fresh)
    known.update([fresh[digest] for digest in _find(connection, digests, (gen - 1, gen + 1))])
    new = [digest for digest in digests if fresh[digest] not in known]
    connection.execute("SAVEPOINT ids")
    if _insert_ids(connection, gen, new) < len(new):
        connection.execute("ROLLBACK TO ids")
        found = _find(connection, new, (gen,))
        known.update([fresh[digest] for digest in found])
        _insert_ids(connection, gen, [digest for digest in new if digest not in found])
    connection.execute("RELEASE ids")
    return known


def _insert_ids(connection: sqlite3.Connection, gen: int, digests: list[bytes]) -> int:
    return _insert(connection, _INSERT_IDS, 2, [value for digest in digests for value in (gen, digest)])


def _find(connection: sqlite3.Connection, digests: list[bytes], generations: tuple[int, ...]) -> set[bytes]:
    """Return those ids that stand in one of the generations."""
    found: set[bytes] = set()
    for gen in generations:
        query = "SELECT EXISTS(SELECT 1 FROM seen WHERE gen = ?)"
        if not connection.execute(query, (gen,)).fetchone()[0]:
            continue
        for start in range(0, len(digests), _ROWS_AT_ONCE):
            some = digests[start : start + _ROWS_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT id FROM seen WHERE gen = ? AND id IN ({marks})"  # noqa: S608 - marks only
            found.update([digest for (digest,) in connection.execute(query, (gen, *some)).fetchall()])
    return found


def digest_id(message_id: str) -> bytes:
    """Return the 16 bytes that stand for an id."""
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def note_position(connection: sqlite3.Connection, position: InputPosition) -> None:
    """Note how far a file of events has been read. Raises `OutboxError` where it is not at `before`."""
    if position.before is not None:
        query = "SELECT position FROM input WHERE path = ?"
        found = connection.execute(query, (position.path,)).fetchone()
        if (-1 if found is None else found[0]) != position.before:
            raise OutboxError(
                f"another run has stored events of {position.path} meanwhile: only one at a time may read it",
                code="INPUT_MOVED",
                retryable=False,
            )
    connection.execute(
        "INSERT OR REPLACE INTO input(path, size, mtime, head, position) VALUES (?, ?, ?, ?, ?)",
        (position.path, position.size, position.mtime, position.head, position.position),
    )
