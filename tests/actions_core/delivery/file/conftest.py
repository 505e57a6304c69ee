"""What tests of the outbox share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.store import Arrival, NewDelivery

MakeArrival = Callable[..., Arrival]
OpenStore = Callable[..., FileStore]


def make_arrival(
    message_id: str, *subscriptions: int, ordered: str | None = None, owned: bool = False, filler: int = 0
) -> Arrival:
    """Return an event with a row for each of these subscriptions, the first one if none is named."""
    body = json.dumps({"messageId": message_id, "type": "track", "event": "Order", "filler": "x" * filler})
    rows = [
        NewDelivery(number, owned=owned, ordered=ordered, size=len(body)) for number in subscriptions or (1,)
    ]
    return Arrival(message_id, body, tuple(rows))


@pytest.fixture
def arrival() -> MakeArrival:
    """A maker of events."""
    return make_arrival


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of an outbox that is not there yet."""
    return tmp_path / "events.db"


@pytest.fixture
def open_store(path: Path) -> Iterator[OpenStore]:
    """An opener of stores with two subscriptions of instance `a`; what it opened is closed at the end."""
    opened: list[FileStore] = []

    def open_store(at: Path = path, options: FileOptions | None = None, **more: object) -> FileStore:
        store = FileStore.open(at, options, **more)  # type: ignore[arg-type]  # a test's options
        opened.append(store)
        store.register([("a", "one"), ("a", "two")])
        return store

    yield open_store
    for store in opened:
        if not store.closed:
            store.close()
