"""Storing events: each once, with its rows, unless it was accepted within a day or two before.

One statement serves many rows: each row that Python hands to SQLite gives the interpreter's lock away and
takes it back, which costs more than the row.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file.ordering import let_go
from actions_core.delivery.file.schema import BEHIND, WAITING
from actions_core.delivery.store import Acceptance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from actions_core.delivery.store import Arrival, InputPosition

#: Rows of one statement: more save no time. Fewer rows are halves of this, since each number of rows is a
#: statement to compile.
_ROWS_AT_ONCE: Final = 64

# Python's sqlite3 looks for an adapter of each None and of each bytes object, which costs more than the row;
# not of a bytearray. So what is NULL in most rows is left out of these.
_INSERT_EVENTS: Final = "INSERT INTO event(seq, at, body) VALUES ", "(?,?,?)"
_INSERT_ROWS: Final = (
    "INSERT INTO delivery(event, subscription, instance, owner, due, size) VALUES ",
    "(?,?,?,?,?,?)",
)
_INSERT_ORDERED: Final = (
    "INSERT INTO delivery(event, subscription, instance, owner, due, size, ordered) VALUES ",
    "(?,?,?,?,?,?,?)",
)
_INSERT_IDS: Final = "INSERT OR IGNORE INTO seen(gen, id) VALUES ", "(?,?)"

#: What becomes of an event that is known, and of one that nothing subscribes to.
_DUPLICATE: Final = Acceptance(None, duplicate=True)
_NOT_STORED: Final = Acceptance(None)

_Value: TypeAlias = int | str | bytearray


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
    ordered: list[_Value] = []
    keys = set()
    for seq, place in enumerate(stored, first):
        arrival = arrivals[place]
        events += (seq, now, arrival.body)
        for delivery in arrival.deliveries:
            subscription, due = delivery.subscription, delivery.due or now
            instance = instances[subscription]
            if delivery.ordered is None:
                holder = owner if delivery.owned else WAITING
                rows += (seq, subscription, instance, holder, due, delivery.size)
            else:
                key = clean_key(delivery.ordered)
                ordered += (seq, subscription, instance, BEHIND, due, delivery.size, key)
                keys.add((instance, key))
        results[place] = Acceptance(seq)
    _insert(connection, _INSERT_EVENTS, events)
    _insert(connection, _INSERT_ROWS, rows)
    _insert(connection, _INSERT_ORDERED, ordered)
    let_go(connection, keys)
    return results


def _insert(connection: sqlite3.Connection, statement: tuple[str, str], values: list[_Value]) -> int:
    """Insert rows by as few statements as there may be, and return how many rows there are of them."""
    into, row = statement
    columns = row.count("?")
    start, count, inserted = 0, _ROWS_AT_ONCE, 0
    while start < len(values):
        end = start + columns * count
        if end > len(values):
            count //= 2
            continue
        inserted += connection.execute(_statement(into, row, count), values[start:end]).rowcount
        start = end
    return inserted


@cache
def _statement(into: str, row: str, count: int) -> str:
    return into + ",".join([row] * count)


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
    return _insert(
        connection, _INSERT_IDS, [value for digest in digests for value in (gen, bytearray(digest))]
    )


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
