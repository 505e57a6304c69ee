"""Outbox files for tests of the console, with outcomes and dead letters of an instance `fs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from actions_core.delivery.file import FileOptions, FileStore
from actions_core.delivery.store import Arrival, Burial, NewDelivery, RecentDelivery, Settlement

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000_000
TRACK = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1"}


def fill(file: Path, *recent: RecentDelivery, letters: tuple[tuple[str, Any], ...] = ()) -> None:
    """Make an outbox with outcomes and dead letters of the instance `fs`."""
    store = FileStore.open(file, FileOptions(recent=200_000))
    store.register([("fs", "What users do")])
    store.settle(Settlement(recent=recent))
    if letters:
        bodies = [json.dumps({**TRACK, **event}) for _, event in letters]
        store.accept([Arrival(None, body, (NewDelivery(1, size=len(body)),)) for body in bodies])
        rows = store.claim(1, len(letters)).rows
        burials = [
            Burial(row.event, 1, "PAYLOAD_VALIDATION_FAILED", NOW + place, reason=letters[place][0])
            for place, row in enumerate(rows)
        ]
        store.settle(Settlement(burials=burials))
    store.close()


def outcome(number: int, status: str = "sent", **more: Any) -> RecentDelivery:
    """Return an outcome of the instance `fs`."""
    given = {"event": json.dumps({**TRACK, "messageId": f"m-{number}"}), "tries": 1, "duration": 12, **more}
    return RecentDelivery(NOW + number, f"m-{number}", "fs", "What users do", status, **given)
