"""Dead letters: listed by pages, replayed and discarded in slices, so that no transaction is long.

A letter that is replayed becomes a new event, with a row for its subscription alone: it comes after what
waits already, outside the order of its key, and with all its tries before it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.file.schema import WAITING
from actions_core.delivery.letters import DeadLetter, LetterGroup

if TYPE_CHECKING:
    import sqlite3

    from actions_core.delivery.letters import LetterFilter

#: How many letters one transaction moves.
SLICE: Final = 500
_COLUMNS: Final = (
    "id, instance, subscription, message, code, status, reason, answer, tries, first, last, at, body, suffix"
)


def _conditions(which: LetterFilter) -> tuple[str, list[Any]]:
    found: list[tuple[str, Any]] = [
        ("instance = ?", which.instance),
        ("subscription = ?", which.subscription),
        ("code = ?", which.code),
        ("reason = ?", which.reason),
        ("last >= ?", which.since),
        ("last < ?", which.before),
        (
            "id IN (SELECT value FROM json_each(?))",
            None if which.ids is None else json.dumps(which.ids),
        ),
    ]
    given = [(text, value) for text, value in found if value is not None]
    return "".join(f" AND {text}" for text, _ in given), [value for _, value in given]


def page(connection: sqlite3.Connection, which: LetterFilter, after: int, limit: int) -> list[DeadLetter]:
    """Return dead letters by their numbers, from the first after `after`."""
    conditions, values = _conditions(which)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM dead WHERE id > ?{conditions} ORDER BY id LIMIT ?",  # noqa: S608 - our own text
        (after, *values, limit),
    ).fetchall()
    return [DeadLetter(*row) for row in rows]


def count(connection: sqlite3.Connection, which: LetterFilter) -> int:
    """Return how many dead letters there are."""
    conditions, values = _conditions(which)
    query = f"SELECT count(*) FROM dead WHERE 1{conditions}"  # noqa: S608 - our own text
    return int(connection.execute(query, values).fetchone()[0])


def groups(connection: sqlite3.Connection, which: LetterFilter, limit: int) -> list[LetterGroup]:
    """Return dead letters by subscription, code and reason: the largest groups first."""
    conditions, values = _conditions(which)
    rows = connection.execute(
        "SELECT instance, subscription, code, max(status), reason, count(*), min(last), max(last), max(id) "  # noqa: S608 - our own text
        f"FROM dead WHERE 1{conditions} GROUP BY instance, subscription, code, reason "
        "ORDER BY count(*) DESC, max(last) DESC LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [LetterGroup(*row) for row in rows]


def last_number(connection: sqlite3.Connection) -> int:
    """Return the number of the newest dead letter: what dies later is not part of a replay in progress."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM dead").fetchone()[0])


def replay_slice(
    connection: sqlite3.Connection, which: LetterFilter, after: int, last: int, now: int
) -> tuple[int, int]:
    """Replay the next letters up to `last`; return how many, and the number of the last of them."""
    letters = _slice(connection, which, after, last)
    if not letters:
        return 0, after
    connection.execute("UPDATE counter SET event = event + ?", (len(letters),))
    (highest,) = connection.execute("SELECT event FROM counter").fetchone()
    for seq, letter in enumerate(letters, highest - len(letters) + 1):
        number, instance = register(connection, letter.instance, letter.subscription)
        connection.execute("INSERT INTO event(seq, at, body) VALUES (?, ?, ?)", (seq, now, letter.body))
        connection.execute(
            "INSERT INTO delivery(event, subscription, instance, owner, due, size) VALUES (?, ?, ?, ?, ?, ?)",
            (seq, number, instance, WAITING, now, len(letter.body)),
        )
    _delete(connection, [letter.id for letter in letters])
    return len(letters), letters[-1].id


def discard_slice(
    connection: sqlite3.Connection, which: LetterFilter, after: int, last: int
) -> tuple[int, int]:
    """Delete the next letters up to `last`; return how many, and the number of the last of them."""
    conditions, values = _conditions(which)
    rows = connection.execute(
        f"SELECT id FROM dead WHERE id > ? AND id <= ?{conditions} ORDER BY id LIMIT ?",  # noqa: S608 - our own text
        (after, last, *values, SLICE),
    ).fetchall()
    _delete(connection, [number for (number,) in rows])
    return len(rows), rows[-1][0] if rows else after


def _slice(connection: sqlite3.Connection, which: LetterFilter, after: int, last: int) -> list[DeadLetter]:
    return [letter for letter in page(connection, which, after, SLICE) if letter.id <= last]


def _delete(connection: sqlite3.Connection, numbers: list[int]) -> None:
    connection.execute(
        "DELETE FROM dead WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(numbers),)
    )


def register(connection: sqlite3.Connection, instance: str, name: str) -> tuple[int, int]:
    """Return the number of a subscription and that of its instance, both made where they are new."""
    connection.execute("INSERT OR IGNORE INTO instance(name) VALUES (?)", (instance,))
    (instance_number,) = connection.execute("SELECT id FROM instance WHERE name = ?", (instance,)).fetchone()
    pair = instance_number, name
    connection.execute("INSERT OR IGNORE INTO subscription(instance, name) VALUES (?, ?)", pair)
    query = "SELECT id FROM subscription WHERE instance = ? AND name = ?"
    return connection.execute(query, pair).fetchone()[0], instance_number
