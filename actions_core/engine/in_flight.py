"""What is in progress in an engine, and whose the engine is.

An engine belongs to the thread and the process that first awaits something of it: its connections, lanes and
time limits are not made for two threads, and what a fork copies of them is shared with the parent.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Final

from actions_core.engine.executor.client import OneShotEvent
from actions_core.errors import RequestError

if TYPE_CHECKING:
    import logging

    from actions_core.engine.executor.client import Deadlines

#: How long an interrupted handler gets to end itself.
_LAST_MOMENTS: Final = 2.0
_WAY_OUT: Final = (
    "use BackgroundEngine, which any thread may post to and which starts anew in each process, "
    "or make an engine of its own for each"
)


class _Forks:
    """Counts the forks on the way to this process: cheaper to look at than the process's id."""

    count = 0

    @classmethod
    def note(cls) -> None:
        cls.count += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Forks.note)


class InFlight:
    """Counts what is in progress, so that an engine closes without losing track of any.

    `enter` and `close` raise `RequestError` in a thread or process that the engine does not belong to.
    """

    def __init__(self, deadlines: Deadlines, logger: logging.Logger) -> None:
        self._deadlines = deadlines
        self._logger = logger
        self._count = 0
        self._idle: list[OneShotEvent] = []
        self._ident = 0
        self._forks = 0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, *_: object) -> None:
        self.leave()

    def enter(self) -> None:
        """Count one more."""
        if threading.get_ident() != self._ident or _Forks.count != self._forks:
            self.claim()
        self._count += 1

    def leave(self) -> None:
        """Count one less."""
        self._count -= 1
        if not self._count and self._idle:
            waiting, self._idle = self._idle, []
            for idle in waiting:
                idle.set()

    def claim(self) -> None:
        """Make the engine this thread's, if it is nobody's yet. Raises `RequestError` if it is another's."""
        if threading.get_ident() == self._ident and _Forks.count == self._forks:
            return
        if self._thread is None:
            self._thread, self._ident, self._forks = (
                threading.current_thread(),
                threading.get_ident(),
                _Forks.count,
            )
        elif _Forks.count != self._forks:
            raise RequestError(
                f"the engine was in use before this process was forked; {_WAY_OUT}", code="OTHER_PROCESS"
            )
        else:
            raise RequestError(
                f"the engine belongs to the thread {self._thread.name}, which used it first; {_WAY_OUT}",
                code="OTHER_THREAD",
            )

    async def close(self, grace: float) -> None:
        """Wait until nothing is in progress; after `grace` seconds cancel what still is.

        The engine belongs to nobody then. What is left by a thread that has ended, another may close.
        """
        if self._thread is not None and (self._thread.is_alive() or _Forks.count != self._forks):
            self.claim()
        self._deadlines.closing.set()
        try:
            async with asyncio.timeout(grace):
                await self._wait_until_idle()
        except TimeoutError:
            self._deadlines.expire()
            try:
                async with asyncio.timeout(_LAST_MOMENTS):
                    await self._wait_until_idle()
            except TimeoutError:
                self._logger.warning(
                    "%d calls were still in progress when the engine was closed", self._count
                )
        self._thread, self._ident = None, 0
        self._deadlines.forget_loop()

    async def _wait_until_idle(self) -> None:
        while self._count:
            idle = OneShotEvent()
            self._idle.append(idle)
            await idle.wait()
