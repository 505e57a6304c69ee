"""Upkeep of the file: what is too old expires, what is known too long is forgotten, free pages go back.

All of it in slices, each a transaction of its own, so that nobody waits long for a turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.delivery.file.opening import PAGE
from actions_core.delivery.file.settling import bury
from actions_core.delivery.store import Backlog, Burial, InstanceState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection
    from pathlib import Path

_SLICE: Final = 500
_IDS_AT_ONCE: Final = 5000
#: How much further in the future than its longest wait a row may be due before its clock counts as wrong.
_TOLERANCE_MS: Final = 60_000
#: The write-ahead log is written back beyond this.
MOST_LOG_BYTES: Final = 16 * 1024 * 1024
_FEW_LOG_PAGES: Final = MOST_LOG_BYTES // 4 // PAGE
_FREE_SHARE: Final = 0.25
_FEWEST_FREE_PAGES: Final = 256
_VACUUM_PAGES: Final = 1000

#: Why a member of a batch expired, where no try has left its own reason.
_IN_BATCH: Final = "nobody knows whether its batch was sent"

_OLD_EVENTS: Final = "SELECT seq, at FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
_OLD_ROWS: Final = """
SELECT event, subscription, first, reason, batch FROM delivery
WHERE event >= ? AND event <= ? AND owner <= 0
"""
_MEMBERS: Final = """
SELECT event, subscription, first, reason, owner, at FROM delivery JOIN event ON seq = event
WHERE subscription = ? AND batch = ?
"""


def expire(
    connection: sqlite3.Connection, active: Collection[int], after: int, *, now: int, oldest: int
) -> tuple[int, int | None]:
    """Bury rows of the next old events; return how many, and the event to go on after (None: no more).

    A row that was never tried expires. One that was tried has its time from the first try on, but no longer
    than this where its subscription is gone. The members of a batch, of which nobody knows whether it was
    sent, expire together: the rest of them would go under the number of all.
    """
    events = connection.execute(_OLD_EVENTS, (after, _SLICE)).fetchall()
    old = [seq for seq, at in events if at < now - oldest]
    if not old:
        return 0, None
    wanted = set(old)
    burials: list[Burial | None] = []
    batches = set()
    for event, subscription, first, reason, batch in connection.execute(
        _OLD_ROWS, (old[0], old[-1])
    ).fetchall():
        if event in wanted and batch is None:
            burials.append(_expiry(event, subscription, first, reason, active, now))
        elif event in wanted:
            batches.add((subscription, batch))
    for batch in batches:
        members = connection.execute(_MEMBERS, batch).fetchall()
        expiries = [
            _expiry(event, subscription, first, reason or _IN_BATCH, active, now)
            for event, subscription, first, reason, *_ in members
        ]
        if None not in expiries and all(owner <= 0 and at < now - oldest for *_, owner, at in members):
            burials += expiries
    found = sorted(
        [each for each in burials if each is not None], key=lambda each: (each.event, each.subscription)
    )
    bury(connection, found)
    return len(found), old[-1] if len(old) == _SLICE else None


def _expiry(
    event: int, subscription: int, first: int | None, reason: str | None, active: Collection[int], now: int
) -> Burial | None:
    """Return how an old row expires; None for one that has its time from its first try on."""
    if subscription not in active:
        code, words = "SUBSCRIPTION_GONE", "the workspace no longer has this subscription"
    elif first is not None:
        return None
    else:
        # A try that did not count has left its reason.
        code = "EXPIRED"
        words = f"it waited too long: {reason}" if reason else "it waited too long without having been tried"
    return Burial(event, subscription, code, now, counted=False, reason=words)


def forget_letters(connection: sqlite3.Connection, *, now: int, keep: int) -> int:
    """Delete dead letters that are older than `keep`; return how many."""
    cursor = connection.execute(
        "DELETE FROM dead WHERE id IN (SELECT id FROM dead WHERE last < ? ORDER BY last LIMIT ?)",
        (now - keep, _SLICE),
    )
    return cursor.rowcount


def forget_ids(connection: sqlite3.Connection, *, now: int, dedupe: int) -> int:
    """Delete ids of generations that no look-up reads any more; return how many."""
    oldest = now // dedupe - 1 if dedupe else now
    cursor = connection.execute(
        "DELETE FROM seen WHERE (gen, id) IN (SELECT gen, id FROM seen WHERE gen < ? LIMIT ?)",
        (oldest, _IDS_AT_ONCE),
    )
    return cursor.rowcount


def mend_due(connection: sqlite3.Connection, *, now: int, longest: int) -> int:
    """Make rows due that wait for a time which no wait leads to: the clock was wrong when it was set."""
    numbers = [number for (number,) in connection.execute("SELECT id FROM subscription").fetchall()]
    moved = 0
    for number in numbers:
        cursor = connection.execute(
            "UPDATE delivery SET due = ? WHERE owner = 0 AND subscription = ? AND due > ?",
            (now, number, now + longest + _TOLERANCE_MS),
        )
        moved += cursor.rowcount
    return moved


def backlog(connection: sqlite3.Connection, now: int) -> list[Backlog]:
    """Return what waits, by instance."""
    query = "SELECT id, name, state, until, since, reason FROM instance ORDER BY name"
    states = connection.execute(query).fetchall()
    # One statement: between two of them another process may end the oldest event.
    counted = connection.execute(
        "SELECT counted.instance, due, later, in_hand, event.at FROM ("
        "SELECT instance, sum(owner = 0 AND due <= ?) AS due, "
        "sum(owner = -1 OR (owner = 0 AND due > ?)) AS later, sum(owner > 0) AS in_hand, "
        "min(event) AS oldest FROM delivery GROUP BY instance) AS counted "
        "LEFT JOIN event ON event.seq = counted.oldest",
        (now, now),
    ).fetchall()
    counts = {number: rest for number, *rest in counted}
    result = []
    for number, *state in states:
        due, later, in_hand, at = counts.get(number, (0, 0, 0, None))
        result.append(Backlog(InstanceState(*state), due, later, in_hand, at))
    return result


def write_back(connection: sqlite3.Connection) -> bool:
    """Write a long write-ahead log back into the file; return whether that was possible.

    A reader with an old snapshot prevents it: it is waited for only shortly. The log keeps its length on
    disk, which is quicker to write over than to write anew, unless little of it was in use.
    """
    connection.execute("PRAGMA busy_timeout = 50")
    try:
        busy, pages, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        if not busy and pages < _FEW_LOG_PAGES:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.execute("PRAGMA busy_timeout = 10000")
    return not busy


def log_size(log: Path) -> int:
    """Return the bytes of the write-ahead log."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def free_pages(connection: sqlite3.Connection) -> bool:
    """Give free pages back to the file system where more than a quarter is free; return whether it did."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if free < _FEWEST_FREE_PAGES or free < _FREE_SHARE * pages:
        return False
    # By `execute`, this pragma frees a single page.
    connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES});")
    return True
