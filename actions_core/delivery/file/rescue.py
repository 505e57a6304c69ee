"""Copy what can be read of a damaged outbox into a new one.

Rows are read by ranges of their numbers; a range that cannot be read is halved, down to the single row. What
waits, what workers held and what was behind others waits anew, in its order; dead letters and what is known
of input files come along. Ids of accepted events do not: an event that comes again is accepted again.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file.opening import connect_to_read
from actions_core.delivery.file.ordering import let_go
from actions_core.delivery.file.schema import BEHIND, WAITING
from actions_core.delivery.file.store import FileStore

if TYPE_CHECKING:
    from collections.abc import Iterator

_RANGE: Final = 1000
#: The columns of the table of instances.
_COLUMNS: Final = 7
_EVENTS: Final = "SELECT seq, at, body FROM event WHERE seq BETWEEN ? AND ?"
_ROWS: Final = (
    "SELECT event, subscription, instance, due, tries, first, ordered, batch, size, status, reason "
    "FROM delivery WHERE event BETWEEN ? AND ?"
)
_LETTERS: Final = "SELECT * FROM dead WHERE id BETWEEN ? AND ?"


@attrs.frozen
class Rescued:
    """The result of a rescue: what was copied, and the numbers of events and dead letters that are lost."""

    events: int = 0
    deliveries: int = 0
    letters: int = 0
    lost_events: tuple[int, ...] = ()
    lost_letters: tuple[int, ...] = ()


def rescue(old: str | Path, new: str | Path) -> Rescued:
    """Copy what can be read of `old` to `new`, which must not be there yet; `old` is not changed.

    Raises `OutboxError` where not even the names of instances and subscriptions can be read.
    """
    if Path(new).exists():
        raise OutboxError(f"{new} is there already; name a new file", retryable=False)
    if not Path(old).is_file():
        raise OutboxError(f"there is no file {old}", retryable=False)
    source = connect_to_read(Path(old).resolve())
    try:
        names = _names(source, old)
        target = FileStore.open(new, worker=False)
        try:
            return _copy(source, target, *names)
        finally:
            target.close()
    finally:
        source.close()


def _names(source: sqlite3.Connection, old: str | Path) -> tuple[list[Any], list[Any]]:
    try:
        # A file of version 1 has no settings, the last column, yet.
        instances = source.execute("SELECT * FROM instance").fetchall()
        return instances, source.execute("SELECT id, instance, name FROM subscription").fetchall()
    except sqlite3.DatabaseError as error:
        raise OutboxError(
            f"{old}: the names of instances and subscriptions cannot be read ({error}): nothing is copied",
            code="OUTBOX_DAMAGED",
            retryable=False,
        ) from None


def _copy(
    source: sqlite3.Connection, target: FileStore, instances: list[Any], subscriptions: list[Any]
) -> Rescued:
    connection = target._connection  # noqa: SLF001 - a part of the store
    known = {number for number, *_ in subscriptions}
    with connection.transaction(durable=True) as sqlite:
        rows = [row if len(row) == _COLUMNS else (*row, "") for row in instances]
        sqlite.executemany("INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        sqlite.executemany("INSERT INTO subscription VALUES (?, ?, ?)", subscriptions)
        last, numbers = _last(source, "event", "seq"), _last(source, "dead", "id")
        counter = _try(source, "SELECT event, batch FROM counter") or [(last, 0)]
        last = max(last, counter[0][0])
        sqlite.execute("UPDATE counter SET event = ?, batch = ?", (last, counter[0][1]))
        events = deliveries = letters = 0
        lost_events: list[int] = []
        lost_letters: list[int] = []
        for first in range(1, last + 1, _RANGE):
            upper = min(first + _RANGE - 1, last)
            found = {row[0]: row for row in _read(source, _EVENTS, first, upper, lost_events)}
            rows = [
                row
                for row in _read(source, _ROWS, first, upper, lost_events)
                if row[0] in found and row[1] in known
            ]
            wanted = {row[0] for row in rows}
            sqlite.executemany(
                "INSERT INTO event VALUES (?, ?, ?)", [found[number] for number in sorted(wanted)]
            )
            _insert_rows(sqlite, rows)
            events += len(wanted)
            deliveries += len(rows)
        for first in range(1, numbers + 1, _RANGE):
            found_letters = list(
                _read(source, _LETTERS, first, min(first + _RANGE - 1, numbers), lost_letters)
            )
            sqlite.executemany(f"INSERT INTO dead VALUES ({','.join('?' * 14)})", found_letters)  # noqa: S608 - marks only
            letters += len(found_letters)
        positions = _try(source, "SELECT path, size, mtime, head, position FROM input") or []
        sqlite.executemany("INSERT INTO input VALUES (?, ?, ?, ?, ?)", positions)
        if last:
            connection.note_accepted(last)
    return Rescued(events, deliveries, letters, tuple(sorted(set(lost_events))), tuple(lost_letters))


def _insert_rows(sqlite: sqlite3.Connection, rows: list[Any]) -> None:
    sqlite.executemany(
        "INSERT INTO delivery(event, subscription, instance, due, tries, first, ordered, batch, size, "
        "status, reason, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row, WAITING if row[6] is None else BEHIND) for row in rows],
    )
    let_go(sqlite, {(row[2], row[6]) for row in rows if row[6] is not None})


def _read(
    source: sqlite3.Connection, query: str, first: int, last: int, lost: list[int]
) -> Iterator[tuple[Any, ...]]:
    """Read the rows of a range, by halves where it cannot be read as a whole."""
    found = _try(source, query, first, last)
    if found is not None:
        yield from found
    elif first == last:
        lost.append(first)
    else:
        middle = (first + last) // 2
        yield from _read(source, query, first, middle, lost)
        yield from _read(source, query, middle + 1, last, lost)


def _try(source: sqlite3.Connection, query: str, *values: int) -> list[Any] | None:
    try:
        return source.execute(query, values).fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None


def _last(source: sqlite3.Connection, table: str, column: str) -> int:
    found = _try(source, f"SELECT max({column}) FROM {table}")  # noqa: S608 - our own names
    return int(found[0][0] or 0) if found else 0
