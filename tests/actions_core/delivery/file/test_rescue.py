"""Copying what can be read of a damaged outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileStore
from actions_core.delivery.file.rescue import rescue
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.store import Burial, InputPosition, Settlement

Maker = Callable[..., Any]


def filled(open_store: Maker, arrival: Maker) -> None:
    """Fill an outbox: rows that wait, are held, ordered, dead letters, and a position."""
    store = open_store()
    for number in range(300):
        position = InputPosition("in.ndjson", 1, 2, "h", number)
        store.accept([arrival(f"m{number}", 1, filler=400)], [position])
    store.accept([arrival(f"o{number}", 2, ordered="k") for number in range(5)])
    held = store.claim(1, 20).rows
    store.settle(Settlement(burials=[Burial(row.event, 1, "X", store.now()) for row in held[:10]]))
    store._connection.close()
    store._connection.locks.close()


def test_a_whole_file_is_copied_as_it_is(path: Path, open_store: Maker, arrival: Maker) -> None:
    """All that waits, or was held, waits in the copy; order, letters, position and numbering go on."""
    filled(open_store, arrival)
    new = path.parent / "new.db"
    rescued = rescue(path, new)
    assert (rescued.events, rescued.deliveries, rescued.letters) == (295, 295, 10)
    assert (rescued.lost_events, rescued.lost_letters) == ((), ())
    store = open_store(new)
    assert [row.event for row in store.claim(1, 1000).rows] == list(range(11, 301))
    assert [row.event for row in store.claim(2, 1000).rows] == [301]
    assert len(store.letters.list(LetterFilter())) == 10
    assert store.read_position("in.ndjson").position == 299
    assert store.accept([arrival("new")])[0].event == 306


def test_what_a_damaged_page_held_is_named_and_the_rest_copied(
    path: Path, open_store: Maker, arrival: Maker
) -> None:
    """Each event is in the copy or among the lost, whichever page is damaged."""
    filled(open_store, arrival)
    plain = sqlite3.connect(path, isolation_level=None)
    plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    whole = path.read_bytes()
    partly = 0
    for page in range(1, len(whole) // 4096, 7):
        path.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        new = path.parent / f"new{page}.db"
        try:
            rescued = rescue(path, new)
        except OutboxError as error:
            assert "cannot be read" in str(error)  # noqa: PT017 - either this, or what follows
            continue
        store = FileStore.open(new)
        found = {row.event for row in store.claim(1, 1000).rows}
        store.close()
        assert set(range(11, 301)) <= found | set(rescued.lost_events)
        partly += bool(found) and bool(rescued.lost_events)
    assert partly > 3


def test_a_file_of_version_1_is_copied(path: Path, open_store: Maker) -> None:
    """Of a file that was made before settings were noted, the states of instances are copied."""
    store = open_store()
    store.register([("a", "one")])
    store.set_state("a", "gone", reason="a 410")
    store.close()
    with sqlite3.connect(path) as plain:
        plain.executescript(
            "CREATE TABLE old AS SELECT id, name, state, until, since, reason FROM instance;"
            "DROP TABLE instance; ALTER TABLE old RENAME TO instance; PRAGMA user_version = 1"
        )
    plain.close()
    rescue(path, path.with_name("new.db"))
    copied = open_store(path.with_name("new.db")).states()["a"]
    assert (copied.state, copied.reason, copied.settings) == ("gone", "a 410", "")


def test_nothing_is_overwritten(path: Path, open_store: Maker) -> None:
    """The new file must not be there, and the old one must be."""
    open_store().close()
    with pytest.raises(OutboxError, match="is there already"):
        rescue(path, path)
    with pytest.raises(OutboxError, match="there is no file"):
        rescue(path.parent / "nowhere.db", path.parent / "new.db")
