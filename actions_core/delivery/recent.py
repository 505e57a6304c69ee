"""The latest outcomes, kept in the file for those who look at what was lately delivered.

They are written once a second, and of more than so many in a second only some: nobody reads a thousand, and
each is worded, masked and stored.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.store import RecentDelivery, Settlement
from actions_core.http.curl import request_json
from actions_core.values.events import message_id_of
from actions_core.values.json_bytes import read_stored, stored_text
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.delivery.file import Writer
    from actions_core.delivery.routing import Target
    from actions_core.delivery.store import Claimed
    from actions_core.engine.results import Result
    from actions_core.values.types import Json

    #: When it was noted, by the clock that does not jump, and what `Recent.note` is given.
    _Noted: TypeAlias = tuple[float, Target, Claimed, Result, Json]

#: Seconds between two times of writing, and the most outcomes of each kind that are written then.
_EVERY: Final = 1.0
_MOST: Final = 50
_LONGEST_TEXT: Final = 2000
_MILLISECONDS: Final = 1000


class Recent:
    """Outcomes that are not written yet: the latest failures, and the latest others."""

    def __init__(self, writer: Writer, now: Callable[[], int], most: int) -> None:
        self._writer = writer
        self._now = now
        size = min(most, _MOST)
        self._good: deque[_Noted] = deque(maxlen=size)
        self._bad: deque[_Noted] = deque(maxlen=size)

    def note(self, target: Target, row: Claimed, result: Result, sent: Json = MISSING) -> None:
        """Note a final outcome; `sent` is the payload of an event that went in a batch."""
        kind = self._good if result.ok else self._bad
        kind.append((time.monotonic(), target, row, result, sent))

    def note_sent(self, target: Target, row: Claimed, result: Result) -> None:
        """Do the same for an event that was sent alone."""
        self._good.append((time.monotonic(), target, row, result, MISSING))

    async def keep_written(self) -> None:
        """Write what was noted, again and again."""
        while True:
            await asyncio.sleep(_EVERY)
            self.write()

    def write(self) -> None:
        """Write what was noted."""
        noted = sorted([*self._good, *self._bad], key=lambda each: each[0])
        self._good.clear()
        self._bad.clear()
        if noted:
            # The clock of the store is dearer to ask than this one, and most that is noted is not written.
            ahead = self._now() - int(time.monotonic() * _MILLISECONDS)
            entries = [_entry(int(at * _MILLISECONDS) + ahead, *what) for at, *what in noted]
            with suppress(OutboxError):
                self._writer.settle(Settlement(recent=entries))


def _entry(at: int, target: Target, row: Claimed, result: Result, payload: Json) -> RecentDelivery:
    response = result.response
    event: Any = read_stored(row.body)
    mask = target.lane.connection.mask
    sent = ""
    request = result.request
    if request is not None:
        sent = stored_text(request_json(request))
    elif payload is not MISSING:
        sent = stored_text(payload)
    return RecentDelivery(
        at,
        message_id_of(event) or "",
        result.instance,
        result.subscription,
        str(result.status),
        result.reason,
        mask.text(row.body),
        sent,
        "" if response is None else response.text[:_LONGEST_TEXT],
        "" if result.error is None else mask.text(result.error.code),
        result.tries,
        int(result.duration * _MILLISECONDS),
    )
