"""What a statement costs when much waits: SQLite goes by an index, or by the key, everywhere that counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actions_core.delivery.file import FileStore, claiming, ordering, settling, upkeep
from actions_core.delivery.store import Settlement

Maker = Callable[..., Any]

STATEMENTS = {
    "claim: due": claiming._DUE,
    "claim: own": claiming._OWN,
    "claim: bodies": claiming._BODIES,
    "claim: bodies together": claiming._BODIES_TOGETHER,
    "claim: next": claiming._NEXT,
    "claim: batch in progress": claiming._GROUPED,
    "claim: its members": claiming._MEMBERS,
    "claim: a new batch": claiming._SINGLES,
    "claim: fall apart": claiming._FALL_APART,
    "order: let go": ordering._LET_GO,
    "order: held up": ordering._HELD_UP,
    "order: leave": ordering._LEAVE,
    "order: keys": ordering._KEYS_OF,
    "settle: delete": settling._DELETE,
    "settle: delete events": settling._DELETE_EVENTS,
    "settle: retry": settling._RETRY,
    "settle: bury": settling._BURY,
    "settle: release": settling._RELEASE,
    "upkeep: old events": upkeep._OLD_EVENTS,
    "upkeep: old rows": upkeep._OLD_ROWS,
    "upkeep: members": upkeep._MEMBERS,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_goes_through_all_rows(name: str, open_store: Maker) -> None:
    """Tables and indexes are searched, not scanned; only JSON that was handed in and rows found are not."""
    statement = STATEMENTS[name]
    store: FileStore = open_store()
    values = [1] * statement.count("?")
    plan = store._connection.read(f"EXPLAIN QUERY PLAN {statement}", *values)
    steps = [detail for *_, detail in plan]
    assert steps
    scans = [step.lower() for step in steps if step.startswith("SCAN")]
    assert [scan for scan in scans if "virtual table" not in scan and "subquery" not in scan] == []


def test_a_step_costs_the_same_behind_a_long_key(open_store: Maker, arrival: Maker) -> None:
    """Claiming and finishing one of a key takes as many steps of SQLite with 50 behind it as with 5,000."""

    def steps(behind: int, key: str) -> int:
        store.accept([arrival(f"{key}-{number}", 1, ordered=key) for number in range(behind)])
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        sqlite = store._connection.opened()
        (row,) = store.claim(1, 1).rows
        sqlite.set_progress_handler(step, 1)
        store.settle(Settlement(done=[(row.event, 1)]))
        (following,) = store.claim(1, 1).rows
        sqlite.set_progress_handler(None, 1)
        store.settle(Settlement(retries=[], released=[]))
        assert following.event == row.event + 1
        return count

    store = open_store()
    few = steps(50, "a")
    many = steps(5000, "b")
    assert many < few * 1.5
