"""The latest outcomes, kept in the file for those who look at what was lately delivered.

They are written once a second, and of more than so many in a second only some: nobody reads a thousand, and
each is worded, masked and stored.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.store import RecentDelivery, Settlement
from actions_core.http.curl import request_json
from actions_core.values.events import message_id_of
from actions_core.values.json_bytes import read_stored, stored_text
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.delivery.file import Writer
    from actions_core.delivery.pump import Settled
    from actions_core.delivery.routing import Target
    from actions_core.engine.results import Result

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
        self._good: deque[tuple[int, Target, Settled, Result]] = deque(maxlen=size)
        self._bad: deque[tuple[int, Target, Settled, Result]] = deque(maxlen=size)

    def note(self, target: Target, settled: Settled, result: Result) -> None:
        """Note a final outcome."""
        kind = self._good if result.ok else self._bad
        kind.append((self._now(), target, settled, result))

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
            with suppress(OutboxError):
                self._writer.settle(Settlement(recent=[_entry(*each) for each in noted]))


def _entry(at: int, target: Target, settled: Settled, result: Result) -> RecentDelivery:
    response = result.response
    event: Any = read_stored(settled.row.body)
    mask = target.lane.connection.mask
    sent = ""
    request = result.request
    if request is not None:
        sent = stored_text(request_json(request))
    elif settled.sent is not MISSING:
        sent = stored_text(settled.sent)
    return RecentDelivery(
        at,
        message_id_of(event) or "",
        result.instance,
        result.subscription,
        str(result.status),
        result.reason,
        mask.text(settled.row.body),
        sent,
        "" if response is None else response.text[:_LONGEST_TEXT],
        "" if result.error is None else mask.text(result.error.code),
        settled.tries,
        int(result.duration * _MILLISECONDS),
    )
