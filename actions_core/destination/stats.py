"""Numbers about what the engine and its destinations do, for whatever the host collects them with.

Tags have few values on purpose: an instance, a destination, an action, a status, a code. Names of events,
users and addresses never become tags, and codes that a destination makes up without end become `OTHER`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from actions_core.values.wording import raised

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

#: What a code looks like, and how many different ones each instance may have.
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_MOST_CODES: Final = 100
OTHER: Final = "OTHER"


class Stats(Protocol):
    """What collects numbers. It is called in the event loop, for every delivery: it must not wait.

    What it raises is logged once and touches no delivery.
    """

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        """Add `value` to a counter."""
        ...

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Note one of many values, such as a duration in seconds."""
        ...


class GuardedStats:
    """A host's stats that cannot touch a delivery: what they raise is logged, once."""

    __slots__ = ("_complained", "_logger", "_stats")

    def __init__(self, stats: Stats, logger: logging.Logger) -> None:
        self._stats = stats
        self._logger = logger
        self._complained = False

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        """Add `value` to a counter."""
        try:
            self._stats.count(name, value, tags)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - the host's function; deliveries go on whatever it does
            self._complain(error)

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Note one of many values."""
        try:
            self._stats.histogram(name, value, tags)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            self._complain(error)

    def _complain(self, error: BaseException) -> None:
        if not self._complained:
            self._complained = True
            self._logger.error("the host's stats failed, which is said once: %s", raised(error))


class TaggedStats:
    """The host's stats as a handler has them: with the tags of its subscription. Without a host's, a void."""

    __slots__ = ("_stats", "_tags")

    def __init__(self, stats: Stats | None = None, tags: Mapping[str, str] | None = None) -> None:
        self._stats = stats
        self._tags: Mapping[str, str] = {} if tags is None else tags

    def tagged(self, **tags: str) -> TaggedStats:
        """Return the same stats with more tags."""
        return self if self._stats is None else TaggedStats(self._stats, {**self._tags, **tags})

    def count(self, name: str, value: int = 1, **tags: str) -> None:
        """Add `value` to a counter. Tags must have few values: no names, ids or addresses."""
        if self._stats is not None:
            self._stats.count(name, value, {**self._tags, **tags})

    def histogram(self, name: str, value: float, **tags: str) -> None:
        """Note one of many values. Tags must have few values: no names, ids or addresses."""
        if self._stats is not None:
            self._stats.histogram(name, value, {**self._tags, **tags})


class Codes:
    """Keeps the codes of an instance few."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: set[str] = set()

    def few(self, code: str) -> str:
        """Return the code, or `OTHER` where it does not look like one or comes after too many others."""
        if code in self._known:
            return code
        if len(self._known) >= _MOST_CODES or not _CODE.fullmatch(code):
            return OTHER
        self._known.add(code)
        return code
