"""A circuit breaker: an instance that fails again and again is left alone for a while.

    closed ── N failures in a row ──► open ── pause over ──► probing ── success ──► closed
                                       ▲                        │
                                       └── failure: twice the pause, up to the longest

Only what says that the destination is down counts: no response, a time-out, a 5xx. A refusal of one event
(4xx) and a 429 show that it is up. Attempts that began before the last change of state say nothing about
the present one; the ticket of an attempt tells.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from actions_core.http.errors import AuthenticationError, ResponseError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.errors import ActionsError

SERVER_ERRORS: Final = range(500, 600)
_INTERRUPTED: Final = "INTERRUPTED"


def is_up(error: ActionsError | None) -> bool | None:
    """Return whether an outcome shows that the destination is up; None where it shows nothing."""
    if isinstance(error, TransportError):
        return None if error.code == _INTERRUPTED else False
    if isinstance(error, ResponseError):
        return error.status not in SERVER_ERRORS
    return True if error is None or isinstance(error, AuthenticationError) else None


class Breaker:
    """The circuit breaker of one instance. Times are in seconds of a clock that does not jump."""

    def __init__(
        self,
        failures: int = 20,
        pause: float = 30.0,
        longest: float = 300.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._longest = max(longest, pause)
        self._clock = clock
        self._in_a_row = 0
        self._current_pause = pause
        self._until: float | None = None
        self._probing = False
        self._ticket = 0
        #: True while it is closed; not a property, since every event asks.
        self.is_closed = True

    @property
    def state(self) -> str:
        """`closed`, `open`, or `probing` while one attempt shows whether the destination is up again."""
        return "probing" if self._probing else "closed" if self._until is None else "open"

    @property
    def wait(self) -> float:
        """The seconds until an attempt may be made: 0 at once, infinite while another one probes."""
        if self._until is None:
            return 0.0
        return float("inf") if self._probing else max(self._until - self._clock(), 0.0)

    def enter(self) -> int | None:
        """Return the ticket of an attempt that may be made now, None where none may be."""
        if self._until is not None:
            if self.wait > 0:
                return None
            self._probing = True
            self._ticket += 1
        return self._ticket

    def leave(self, ticket: int, up: bool | None) -> None:  # noqa: FBT001 - three answers, and None is one
        """Note the outcome of an attempt, as `is_up` tells it."""
        if ticket != self._ticket:
            return
        if up is None:
            self._probing = False  # the next one may probe
        elif up:
            self._in_a_row = 0
            if self._probing:
                self._probing, self._until, self._current_pause = False, None, self._pause
                self.is_closed = True
                self._ticket += 1
        elif self._probing:
            self._open(min(self._current_pause * 2, self._longest))
        else:
            self._in_a_row += 1
            if self._in_a_row >= self._limit:
                self._open(self._pause)

    @property
    def is_calm(self) -> bool:
        """True while it is closed and the last attempt did not fail."""
        return self._until is None and not self._in_a_row

    def note(self, *, up: bool | None) -> None:
        """Note the outcome of an attempt that was made while it was calm."""
        if self._until is None:
            self.leave(self._ticket, up)

    def _open(self, pause: float) -> None:
        self._probing = False
        self._current_pause = pause
        self._until = self._clock() + pause
        self.is_closed = False
        self._ticket += 1
