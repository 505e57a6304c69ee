"""Queries for those who look at an outbox: what was lately delivered, what waits, what it comes to.

They read a snapshot on a connection of their own, so that any thread may ask and no writer waits. None
returns more than it is asked for, whatever the file contains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.file import letters, upkeep, workers
from actions_core.delivery.store import OutcomeFilter, RecentDelivery, Tally, WaitingDelivery

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.delivery.file.connection import Connection
    from actions_core.delivery.letters import DeadLetter, LetterFilter, LetterGroup
    from actions_core.delivery.store import Backlog, Worker

#: Numbers of minutes are kept for so long, in milliseconds.
KEPT: Final = 24 * 60 * 60 * 1000
#: An event that waits is looked for among so many of the newest.
_NEWEST: Final = 100_000
_OUTCOME: Final = (
    "at, message, instance, subscription, status, reason, event, request, answer, code, tries, duration, id"
)
_WAITING: Final = """
SELECT d.event, i.name, s.name, e.at, d.due, d.tries, d.status, coalesce(d.reason, ''), d.owner > 0, e.body
FROM delivery AS d JOIN event AS e ON e.seq = d.event
JOIN subscription AS s ON s.id = d.subscription JOIN instance AS i ON i.id = d.instance
"""
#: The columns that stand for the parts of a filter, and those in which a text is looked for.
_OF_OUTCOMES: Final = {
    name: name for name in ("status", "instance", "subscription", "code", "reason", "message")
}
_TEXTS_OF_OUTCOMES: Final = ("message", "reason", "event", "request", "answer")
_OF_WAITING: Final = {
    "instance": "i.name",
    "subscription": "s.name",
    "code": "CAST(d.status AS TEXT)",
    "reason": "d.reason",
}
_TEXTS_OF_WAITING: Final = ("d.reason", "e.body")
_OF_MESSAGE: Final = """
WHERE d.event IN (SELECT seq FROM (SELECT seq, body FROM event ORDER BY seq DESC LIMIT ?)
                  WHERE json_valid(body) AND json_extract(body, '$.messageId') = ?)
"""
_ADD: Final = """
INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(minute, instance) DO UPDATE SET
  received = received + excluded.received, filtered = filtered + excluded.filtered,
  unmatched = unmatched + excluded.unmatched, sent = sent + excluded.sent, failed = failed + excluded.failed,
  retried = retried + excluded.retried, duration = duration + excluded.duration,
  slowest = max(slowest, excluded.slowest)
"""


def outcomes(
    connection: sqlite3.Connection, which: OutcomeFilter, before: int | None, limit: int
) -> list[RecentDelivery]:
    """Return the latest outcomes that are meant, from the last one before the number `before`."""
    conditions, values = _conditions(which)
    if before is not None:
        conditions, values = f"{conditions} AND id < ?", [*values, before]
    rows = connection.execute(
        f"SELECT {_OUTCOME} FROM recent WHERE 1{conditions} ORDER BY id DESC LIMIT ?",  # noqa: S608 - our own text
        (*values, limit),
    ).fetchall()
    return [RecentDelivery(*row) for row in rows]


def note_tallies(connection: sqlite3.Connection, tallies: Sequence[Tally]) -> None:
    """Add numbers to those of their minutes, and forget what is a day old."""
    connection.executemany(
        _ADD,
        [
            (
                each.minute,
                each.instance,
                each.received,
                each.filtered,
                each.unmatched,
                each.sent,
                each.failed,
                each.retried,
                each.duration,
                each.slowest,
            )
            for each in tallies
        ],
    )
    newest = max([each.minute for each in tallies], default=0)
    connection.execute("DELETE FROM tally WHERE minute < ?", (newest - KEPT,))


def _conditions(which: OutcomeFilter) -> tuple[str, list[Any]]:
    return _where(_OF_OUTCOMES, _TEXTS_OF_OUTCOMES, which)


def _where(columns: Mapping[str, str], texts: Sequence[str], which: OutcomeFilter) -> tuple[str, list[Any]]:
    """Return conditions on the columns that stand for the parts of a filter, and the values in them."""
    given = [(column, getattr(which, name)) for name, column in columns.items()]
    given = [(column, value) for column, value in given if value is not None]
    conditions = "".join(f" AND {column} = ?" for column, _ in given)
    values = [value for _, value in given]
    if which.text:
        conditions += " AND (" + " OR ".join(f"{name} LIKE ? ESCAPE '\\'" for name in texts) + ")"
        values += [_pattern(which.text)] * len(texts)
    return conditions, values


def _pattern(text: str) -> str:
    """Return the pattern of texts that contain a text; SQLite takes A to Z and a to z for the same."""
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return f"%{text}%"


class FileLook:
    """What those may ask of an outbox file who only look at it."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    def workers(self) -> list[Worker]:
        """Return the workers of this file, dead ones included until they are found."""
        with self._connection.snapshot() as sqlite:
            return workers.list_workers(sqlite)

    def backlog(self) -> list[Backlog]:
        """Return what waits, by instance; it goes through all that waits."""
        with self._connection.snapshot() as sqlite:
            return upkeep.backlog(sqlite, self._now())

    def outcomes(
        self, which: OutcomeFilter, *, before: int | None = None, limit: int
    ) -> list[RecentDelivery]:
        """Return the latest outcomes, the newest first, from the last one before the number `before`."""
        with self._connection.snapshot() as sqlite:
            return outcomes(sqlite, which, before, limit)

    def count(self, which: OutcomeFilter) -> dict[str, int]:
        """Return how many of the outcomes that are kept have which status."""
        conditions, values = _conditions(which)
        query = f"SELECT status, count(*) FROM recent WHERE 1{conditions} GROUP BY status"  # noqa: S608 - our own text
        with self._connection.snapshot() as sqlite:
            return dict(sqlite.execute(query, values).fetchall())

    def retrying(self, which: OutcomeFilter, *, after: int = 0, limit: int) -> list[WaitingDelivery]:
        """Return deliveries that failed and will be tried again: those due first, after so many of them."""
        conditions, values = _where(_OF_WAITING, _TEXTS_OF_WAITING, which)
        with self._connection.snapshot() as sqlite:
            rows = sqlite.execute(
                f"{_WAITING} WHERE d.tries > 0{conditions} ORDER BY d.due, d.event LIMIT ? OFFSET ?",
                (*values, limit, after),
            ).fetchall()
        return [_waiting(row) for row in rows]

    def count_retrying(self) -> dict[str, int]:
        """Return how many deliveries of each instance failed and will be tried again."""
        query = (
            "SELECT i.name, count(*) FROM delivery AS d JOIN instance AS i ON i.id = d.instance "
            "WHERE d.tries > 0 GROUP BY d.instance"
        )
        with self._connection.snapshot() as sqlite:
            return dict(sqlite.execute(query).fetchall())

    def waiting_for(self, message: str) -> list[WaitingDelivery]:
        """Return the deliveries of an event that wait, where it is one of the newest."""
        with self._connection.snapshot() as sqlite:
            rows = sqlite.execute(_WAITING + _OF_MESSAGE, (_NEWEST, message)).fetchall()
        return [_waiting(row) for row in rows]

    def letter_of(self, message: str) -> str | None:
        """Return the event of the latest dead letter with that messageId, as it was accepted."""
        query = "SELECT body FROM dead WHERE message = ? ORDER BY id DESC LIMIT 1"
        with self._connection.snapshot() as sqlite:
            row = sqlite.execute(query, (message,)).fetchone()
        return None if row is None else str(row[0])

    def tallies(self, since: int) -> list[Tally]:
        """Return the numbers of the minutes from a time on, in their order."""
        query = "SELECT * FROM tally WHERE minute >= ? ORDER BY minute, instance"
        with self._connection.snapshot() as sqlite:
            return [Tally(*row) for row in sqlite.execute(query, (since,)).fetchall()]

    def letters(self, which: LetterFilter, *, after: int = 0, limit: int) -> list[DeadLetter]:
        """Return dead letters by their numbers, from the first after `after`."""
        with self._connection.snapshot() as sqlite:
            return letters.page(sqlite, which, after, limit)

    def count_letters(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""
        with self._connection.snapshot() as sqlite:
            return letters.count(sqlite, which)

    def letter_groups(self, which: LetterFilter, *, limit: int) -> list[LetterGroup]:
        """Return dead letters by subscription, code and reason, the largest groups first."""
        with self._connection.snapshot() as sqlite:
            return letters.groups(sqlite, which, limit)


def _waiting(row: Sequence[Any]) -> WaitingDelivery:
    event, instance, subscription, at, due, tries, status, reason, in_hand, body = row
    return WaitingDelivery(
        event, instance, subscription, at, due, tries, status, reason, in_hand=bool(in_hand), body=body
    )
