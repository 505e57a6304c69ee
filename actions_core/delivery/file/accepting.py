"""Storing events: each once, with its rows, unless it was accepted within a day or two before.

One statement serves many rows: each row that Python hands to SQLite gives the interpreter's lock away and
takes it back, which costs more than the row. Bodies are bound as they are; rows go as JSON.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from actions_core.delivery.file.ordering import let_go
from actions_core.delivery.file.schema import BEHIND, WAITING
from actions_core.delivery.store import Acceptance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from actions_core.delivery.store import Arrival, InputPosition, NewDelivery

_EVENTS_AT_ONCE: Final = 64
_IDS_AT_ONCE: Final = 250

_INSERT_ROWS: Final = """
INSERT INTO delivery(event, subscription, instance, owner, due, ordered, size)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]')
FROM json_each(?)
"""


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
    results = [Acceptance(None, place in duplicates) for place in range(len(arrivals))]
    if not stored:
        return results
    connection.execute("UPDATE counter SET event = event + ?", (len(stored),))
    (last,) = connection.execute("SELECT event FROM counter").fetchone()
    first = last - len(stored) + 1
    events: list[int | str] = []
    rows: list[tuple[int | str | None, ...]] = []
    for seq, place in enumerate(stored, first):
        arrival = arrivals[place]
        events += (seq, now, arrival.body)
        rows += [_row(seq, delivery, owner, instances, now) for delivery in arrival.deliveries]
        results[place] = Acceptance(seq)
    for start in range(0, len(events), 3 * _EVENTS_AT_ONCE):
        part = events[start : start + 3 * _EVENTS_AT_ONCE]
        marks = ",".join(["(?,?,?)"] * (len(part) // 3))
        connection.execute(f"INSERT INTO event(seq, at, body) VALUES {marks}", part)  # noqa: S608 - marks only
    connection.execute(_INSERT_ROWS, (json.dumps(rows),))
    let_go(connection, {(row[2], row[5]) for row in rows if row[5] is not None})
    return results


def _row(
    seq: int, delivery: NewDelivery, owner: int, instances: Mapping[int, int], now: int
) -> tuple[int | str | None, ...]:
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
    for some in _slices(list(fresh)):
        marks = ",".join("?" * len(some))
        query = f"SELECT id FROM seen WHERE gen IN (?,?,?) AND id IN ({marks})"  # noqa: S608 - marks only
        for (digest,) in connection.execute(query, (gen - 1, gen, gen + 1, *some)).fetchall():
            if digest in fresh:  # an id may stand in two generations
                known.add(fresh.pop(digest))
    # In the order of the tree, so that neighbours share a page.
    for some in _slices(sorted(fresh)):
        marks = ",".join(["(?,?)"] * len(some))
        values = [value for digest in some for value in (gen, digest)]
        connection.execute(f"INSERT INTO seen(gen, id) VALUES {marks}", values)  # noqa: S608 - marks only
    return known


def digest_id(message_id: str) -> bytes:
    """Return the 16 bytes that stand for an id."""
    return hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _slices(digests: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(digests), _IDS_AT_ONCE):
        yield digests[start : start + _IDS_AT_ONCE]


def note_position(connection: sqlite3.Connection, position: InputPosition) -> None:
    """Note how far a file of events has been read."""
    connection.execute(
        "INSERT OR REPLACE INTO input(path, size, mtime, head, position) VALUES (?, ?, ?, ?, ?)",
        (position.path, position.size, position.mtime, position.head, position.position),
    )
