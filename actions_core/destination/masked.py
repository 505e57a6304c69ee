"""What handlers say to the host, without the instance's secrets: log lines, tags of stats, keys of state.

A handler may quote whatever it was given; none of it gets further than here.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination.state import State
    from actions_core.destination.stats import Stats
    from actions_core.http.masking import Mask
    from actions_core.values.types import Json

#: What every record has; all else came with `extra`.
_USUAL: Final = frozenset(vars(logging.makeLogRecord({})))
_FORMATTER: Final = logging.Formatter()


class MaskedLogger(logging.Logger):
    """A logger that hands its records to the host's, masked; levels and handlers are the host's."""

    def __init__(self, logger: logging.Logger, mask: Mask) -> None:
        super().__init__(logger.name)
        self.parent: logging.Logger = logger
        self._mask = mask

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the standard library's name
        """Return whether the host's logger takes records of this level."""
        return self.parent.isEnabledFor(level)

    def getEffectiveLevel(self) -> int:  # noqa: N802 - the standard library's name
        """Return the level of the host's logger."""
        return self.parent.getEffectiveLevel()

    def handle(self, record: logging.LogRecord) -> None:
        """Hand the record on without secrets, and without frames, whose variables have them."""
        mask = self._mask
        try:
            record.msg = mask.text(record.getMessage())
        except Exception as error:  # noqa: BLE001 - a handler's mistake in a log line stops nothing
            record.msg = f"a log line that cannot be written ({type(error).__name__})"
        record.args = None
        if record.exc_info:
            record.exc_text = mask.text(_FORMATTER.formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = mask.text(record.stack_info)
        for name, value in list(vars(record).items()):
            if name not in _USUAL:
                setattr(record, name, mask.value(value))
        self.parent.handle(record)


class MaskedStats:
    """A host's stats, which get no secrets in names and tags."""

    __slots__ = ("_mask", "_stats")

    def __init__(self, stats: Stats, mask: Mask) -> None:
        self._stats = stats
        self._mask = mask

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        """Add `value` to a counter."""
        self._stats.count(self._mask.text(name), value, self._masked(tags))

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Note one of many values."""
        self._stats.histogram(self._mask.text(name), value, self._masked(tags))

    def _masked(self, tags: Mapping[str, str]) -> dict[str, str]:
        shown: Any = self._mask.value(dict(tags))
        return {name: str(text) for name, text in shown.items()}


class MaskedState:
    """A host's state, which gets no secrets in keys; what stands under them is the handlers' own."""

    __slots__ = ("_mask", "_state")

    def __init__(self, state: State, mask: Mask) -> None:
        self._state = state
        self._mask = mask

    def get(self, key: str) -> Json:
        """Return the value of a key."""
        return self._state.get(self._key(key))

    def set(self, key: str, value: Json, ttl: float) -> None:
        """Keep a value under a key."""
        self._state.set(self._key(key), value, ttl)

    def delete(self, key: str) -> None:
        """Forget a key."""
        self._state.delete(self._key(key))

    def _key(self, key: str) -> str:
        masked = self._mask.text(key)
        if masked == key:
            return key
        # With a digest, so that two secrets do not share a key.
        return f"{masked}#{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
