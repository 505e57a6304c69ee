"""Noting outcomes: a row ends with its success, comes again, becomes a dead letter, or is given back.

An event goes with its last row. Only a worker's own rows come again or are given back; a success counts
whoever holds the row by now.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from actions_core.delivery.file.ordering import keys_of, let_go
from actions_core.values.json_bytes import stored_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from actions_core.delivery.store import Burial, Key, RecentDelivery, Retry

#: Of one subscription: a list of numbers is read at half the price of one of pairs.
_DELETE: Final = "DELETE FROM delivery WHERE subscription = ? AND event IN (SELECT value FROM json_each(?))"
_DELETE_EVENTS: Final = """
DELETE FROM event WHERE seq IN (SELECT value FROM json_each(?))
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = event.seq)
"""
_RETRY: Final = """
UPDATE delivery
SET owner = 0, due = j.due, tries = tries + j.counted, first = coalesce(first, j.tried_at),
    status = j.status, reason = j.reason, batch = CASE WHEN j.keep THEN batch END
FROM (SELECT json_extract(value, '$[0]') AS event, json_extract(value, '$[1]') AS subscription,
             json_extract(value, '$[2]') AS due, json_extract(value, '$[3]') AS tried_at,
             json_extract(value, '$[4]') AS counted, json_extract(value, '$[5]') AS status,
             json_extract(value, '$[6]') AS reason, json_extract(value, '$[7]') AS keep
      FROM json_each(?)) AS j
WHERE delivery.event = j.event AND delivery.subscription = j.subscription AND delivery.owner = ?
"""
_BURY: Final = """
INSERT INTO dead(instance, subscription, message, code, status, reason, answer,
                 tries, first, last, at, body, suffix)
SELECT i.name, s.name,
       coalesce(CASE WHEN json_valid(e.body) THEN json_extract(e.body, '$.messageId') END, ''),
       json_extract(j.value, '$[2]'), json_extract(j.value, '$[5]'),
       json_extract(j.value, '$[6]'), json_extract(j.value, '$[7]'),
       d.tries + json_extract(j.value, '$[4]'), coalesce(d.first, json_extract(j.value, '$[3]')),
       json_extract(j.value, '$[3]'), e.at, e.body, json_extract(j.value, '$[8]')
FROM json_each(?) AS j CROSS JOIN delivery AS d
JOIN event AS e ON e.seq = d.event
JOIN subscription AS s ON s.id = d.subscription
JOIN instance AS i ON i.id = d.instance
WHERE d.event = json_extract(j.value, '$[0]') AND d.subscription = json_extract(j.value, '$[1]')
"""
_RELEASE: Final = """
UPDATE delivery SET owner = 0 WHERE owner = ? AND (event, subscription) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
"""
_LONGEST_TEXT: Final = 2000
_LONGEST_EVENT: Final = 64 * 1024


def finish(connection: sqlite3.Connection, rows: Sequence[Key]) -> None:
    """Delete rows that are done, the events that have no other row, and let those behind them go."""
    if not rows:
        return
    keys = keys_of(connection, rows)
    by_subscription: dict[int, list[int]] = {}
    for event, subscription in rows:
        by_subscription.setdefault(subscription, []).append(event)
    for subscription, events in by_subscription.items():
        connection.execute(_DELETE, (subscription, stored_text(events)))
    connection.execute(_DELETE_EVENTS, (stored_text([event for event, _ in rows]),))
    let_go(connection, keys)


def put_off(connection: sqlite3.Connection, worker: int, retries: Sequence[Retry]) -> None:
    """Have rows that were tried wait for their next try."""
    if retries:
        values = [
            (
                retry.event,
                retry.subscription,
                retry.due,
                retry.tried_at,
                int(retry.counted),
                retry.status,
                clean(retry.reason),
                int(retry.keep_batch),
            )
            for retry in retries
        ]
        connection.execute(_RETRY, (json.dumps(values), worker))


def bury(connection: sqlite3.Connection, burials: Sequence[Burial]) -> None:
    """Move rows to the dead letters, each with its event and the names of where it was to go."""
    if burials:
        values = [
            (
                burial.event,
                burial.subscription,
                burial.code,
                burial.tried_at,
                int(burial.counted),
                burial.status,
                clean(burial.reason),
                clean(burial.answer),
                burial.suffix,
            )
            for burial in burials
        ]
        connection.execute(_BURY, (json.dumps(values),))
        finish(connection, [(burial.event, burial.subscription) for burial in burials])


def release(connection: sqlite3.Connection, worker: int, rows: Sequence[Key]) -> None:
    """Give rows back that were not tried; members of a batch stay together."""
    if rows:
        connection.execute(_RELEASE, (worker, json.dumps(rows)))


def note_recent(connection: sqlite3.Connection, recent: Sequence[RecentDelivery], keep: int) -> None:
    """Note outcomes for those who look, and forget all but the last `keep`."""
    if not recent or not keep:
        return
    connection.executemany(
        "INSERT INTO recent(at, message, instance, subscription, status, reason, event, request, answer, "
        "code, tries, duration) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                entry.at,
                clean(entry.message),
                entry.instance,
                entry.subscription,
                entry.status,
                clean(entry.reason),
                clean(entry.event, _LONGEST_EVENT),
                clean(entry.request),
                clean(entry.answer),
                clean(entry.code),
                entry.tries,
                entry.duration,
            )
            for entry in recent[-keep:]
        ],
    )
    connection.execute("DELETE FROM recent WHERE id <= (SELECT max(id) FROM recent) - ?", (keep,))


def clean(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return text from outside as SQLite takes it: without lone surrogates and NUL, and not too long."""
    return text[:longest].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
