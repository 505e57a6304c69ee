"""What is under way, counted, so that an engine can be closed without losing track of anything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging

    from actions_core.engine.executor.client import Deadlines

#: How long an interrupted handler gets to end itself.
_LAST_MOMENTS: Final = 2.0


class Activity:
    """Counts events between `enter` and `leave`."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._count = 0
        self._awaited = False
        self._idle = asyncio.Event()

    def enter(self) -> None:
        """One more is under way."""
        self._count += 1

    def leave(self) -> None:
        """One is done."""
        self._count -= 1
        if not self._count and self._awaited:
            self._idle.set()

    async def drain(self, deadlines: Deadlines, grace: float) -> None:
        """Wait until nothing is under way; after `grace` seconds end what still is."""
        deadlines.closing.set()
        try:
            async with asyncio.timeout(grace):
                await self._wait_until_idle()
        except TimeoutError:
            deadlines.expire()
            try:
                async with asyncio.timeout(_LAST_MOMENTS):
                    await self._wait_until_idle()
            except TimeoutError:
                self._logger.warning("%d events were still under way when the engine was closed", self._count)

    async def _wait_until_idle(self) -> None:
        self._awaited = True
        while self._count:
            self._idle.clear()
            await self._idle.wait()
