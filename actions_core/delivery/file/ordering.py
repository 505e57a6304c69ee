"""Order by key: of the rows of one instance that share a key, only the first can be claimed.

All others are `BEHIND` it, in no index that a claim reads, so a claim costs the same with 200,000 rows behind
one key. When rows of a key end, the then first one is let go, in the same transaction.

Rows of a subscription that nobody delivers leave the order after a while, else they would hold up all others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from actions_core.delivery.store import Key

_LET_GO: Final = """
UPDATE delivery SET owner = 0 WHERE owner = -1 AND (event, subscription) IN (
  SELECT d.event, d.subscription
  FROM json_each(?) AS k CROSS JOIN delivery AS d
  WHERE d.instance = json_extract(k.value, '$[0]') AND d.ordered = json_extract(k.value, '$[1]')
    AND (d.event, d.subscription) = (
      SELECT x.event, x.subscription FROM delivery AS x
      WHERE x.instance = json_extract(k.value, '$[0]') AND x.ordered = json_extract(k.value, '$[1]')
      ORDER BY x.event, x.subscription LIMIT 1))
"""
_KEYS_OF: Final = """
SELECT DISTINCT d.instance, d.ordered
FROM json_each(?) AS k CROSS JOIN delivery AS d
WHERE d.event = json_extract(k.value, '$[0]') AND d.subscription = json_extract(k.value, '$[1]')
  AND d.ordered IS NOT NULL
"""
#: The keys that rows of a subscription are first of, and were due before a time.
_HELD_UP: Final = """
SELECT DISTINCT instance, ordered FROM delivery
WHERE owner = 0 AND subscription = ? AND due < ? AND ordered IS NOT NULL LIMIT ?
"""
_LEAVE: Final = """
UPDATE delivery SET ordered = NULL, owner = 0 WHERE owner <= 0 AND (event, subscription) IN (
  SELECT d.event, d.subscription
  FROM json_each(?) AS k CROSS JOIN delivery AS d
  WHERE d.instance = json_extract(k.value, '$[0]') AND d.ordered = json_extract(k.value, '$[1]')
    AND d.subscription = ?)
"""
_KEYS_AT_ONCE: Final = 500


def let_go(connection: sqlite3.Connection, keys: Collection[tuple[Any, Any]]) -> None:
    """Have the first row of each (instance, key) wait to be claimed, if it was behind another one."""
    if keys:
        connection.execute(_LET_GO, (json.dumps(list(keys)),))


def keys_of(connection: sqlite3.Connection, rows: Sequence[Key]) -> list[tuple[int, str]]:
    """Return the (instance, key) of those rows that are ordered."""
    query = "SELECT EXISTS(SELECT 1 FROM delivery WHERE ordered IS NOT NULL)"
    if not rows or not connection.execute(query).fetchone()[0]:
        return []
    return connection.execute(_KEYS_OF, (json.dumps(rows),)).fetchall()


def leave(connection: sqlite3.Connection, subscription: int, before: int) -> bool:
    """Take rows of a subscription out of the order of keys that they hold up since before a time.

    Return whether there were any.
    """
    keys = connection.execute(_HELD_UP, (subscription, before, _KEYS_AT_ONCE)).fetchall()
    if keys:
        connection.execute(_LEAVE, (json.dumps(keys), subscription))
        let_go(connection, keys)
    return bool(keys)
