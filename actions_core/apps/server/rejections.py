"""What was not accepted: logged once for each reason and minute, and the latest kept to look at."""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.values.events import MAX_EVENT_BYTES
from actions_core.values.json_bytes import json_bytes
from actions_core.values.wording import shown

if TYPE_CHECKING:
    from actions_core.errors import EventError
    from actions_core.values.types import Json

_LOGGER: Final = logging.getLogger("actions_core")
#: How many are kept, and for how many seconds one line in the log stands for all of its reason.
_KEPT: Final = 100
_HUSH: Final = 60.0


@attrs.frozen
class Rejection:
    """An item that was not accepted, and why; a large item is not kept."""

    at: str
    source: str
    error: EventError
    item: Json = attrs.field(repr=False)


class Rejections:
    """The latest rejections."""

    def __init__(self) -> None:
        self.latest: deque[Rejection] = deque(maxlen=_KEPT)
        self._until: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def add(self, at: str, source: str, error: EventError, item: Json) -> None:
        """Note that an item of a source was rejected."""
        self.latest.append(Rejection(at, source, error, item if _is_small(item) else None))
        message_id = item.get("messageId") if isinstance(item, dict) else None
        self.log(error, f"the event {shown(message_id)}" if isinstance(message_id, str) else "an event")

    def log(self, error: EventError, what: str = "a request") -> None:
        """Log that something was rejected, unless that was said a moment ago."""
        now, code = monotonic(), error.code
        if now < self._until.get(code, 0.0):
            self._held_back[code] = self._held_back.get(code, 0) + 1
            return
        self._until[code] = now + _HUSH
        held_back = self._held_back.pop(code, 0)
        more = f" ({held_back:,} more since the last line)" if held_back else ""
        _LOGGER.warning("%s was rejected: %s: %s%s", what, code, str(error)[:500], more)

    def close(self) -> None:
        """Log what was held back."""
        for code, count in self._held_back.items():
            _LOGGER.warning("%s more were rejected: %s", f"{count:,}", code)
        self._held_back.clear()


def _is_small(item: Json) -> bool:
    try:
        return len(json_bytes(item)) <= MAX_EVENT_BYTES
    except (TypeError, ValueError, RecursionError):
        return False
