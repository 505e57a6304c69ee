"""How long an expression may work: in time of the processor, so that a busy machine fails no event."""

from __future__ import annotations

import time


class Deadline:
    """The end of the seconds that the present thread may work.

    The clock on the wall is cheaper to read, and never behind the thread's own: while its time is not up,
    the other's cannot be.
    """

    __slots__ = ("_wall", "_work")

    def __init__(self, seconds: float) -> None:
        self._wall = time.monotonic() + seconds
        self._work = time.thread_time() + seconds

    def is_over(self, cost: float = 0.0) -> bool:
        """Return whether time is up, or would be after as many seconds of work."""
        return time.monotonic() + cost > self._wall and time.thread_time() + cost > self._work
