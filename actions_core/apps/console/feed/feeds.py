"""The feeds of a console: the one that pages show first, and the results of this process beside it.

The file of an outbox may come later than the console, since it is made when the first event is stored: it is
opened when somebody looks and it is there. A file that cannot be used is said, and the rest goes on; one that
was taken away, replaced or damaged is opened anew once it is there again.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Self, TypeVar

from actions_core.apps.console.feed.failures import FailuresFeed
from actions_core.apps.console.feed.model import read_event
from actions_core.apps.console.feed.outbox import open_outbox_feed
from actions_core.apps.console.feed.ring import Ring
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from actions_core.apps.console.feed.model import Feed
    from actions_core.apps.console.feed.outbox import OutboxFeed
    from actions_core.delivery.outbox import Outbox
    from actions_core.engine import Engine
    from actions_core.values.types import JsonObject

_T = TypeVar("_T")


class Feeds:
    """Opens feeds when they are asked for, and closes them with its context.

    `outbox_file` is the file of an outbox, which is `outbox` where this process delivers from it; `failures`
    are files of `actions run`. `engine` returns the engine of this console, None while the workspace is
    faulty.
    """

    def __init__(
        self,
        *,
        ring: Ring | None = None,
        outbox_file: Path | None = None,
        outbox: Outbox | None = None,
        failures: Sequence[Path] = (),
        engine: Callable[[], Engine | None] = lambda: None,
    ) -> None:
        self.ring = Ring() if ring is None else ring
        #: Why the outbox cannot be looked at; empty while it can, or has none.
        self.fault = ""
        self._outbox_file = outbox_file
        self._outbox = outbox
        self._failures = FailuresFeed(failures, engine) if failures else None
        self._opened: OutboxFeed | None = None
        self._identity: tuple[int, int] | None = None
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def main(self) -> Feed:
        """Return the feed that pages show first: files of failures that were named, else the outbox."""
        if self._failures is not None:
            return self._failures
        return await self._outbox_feed() or self.ring

    async def named(self, source: str) -> Feed:
        """Return the feed that an address names: `outbox`, `here`, and the first one for anything else."""
        if source == "here":
            return self.ring
        found = await self._outbox_feed() if source == "outbox" else None
        return found or await self.main()

    async def all(self) -> dict[str, Feed]:
        """Return all feeds that have something to show, as addresses call them; the first one is `""`."""
        found: dict[str, Feed] = {"": await self.main()}
        outbox = await self._outbox_feed()
        if outbox is not None and outbox is not found[""]:
            found["outbox"] = outbox
        if len(self.ring) and self.ring is not found[""]:
            found["here"] = self.ring
        return found

    async def _outbox_feed(self) -> Feed | None:
        file = self._outbox_file
        if file is None:
            return None
        async with self._opening:
            if self._outbox is None and not file.is_file():
                return None
            if self._opened is not None and self._is_over(self._opened, file):
                self._opened = None
                with suppress(ActionsError):  # it is over, whatever it says
                    await self._stack.aclose()
            if self._opened is None:
                try:
                    self._identity = _identity(file)
                    self._opened = await self._stack.enter_async_context(open_outbox_feed(file, self._outbox))
                except ActionsError as error:
                    self.fault = str(error)
                else:
                    self.fault = ""
            return self._opened

    def _is_over(self, feed: OutboxFeed, file: Path) -> bool:
        """Return whether a feed can say nothing more, and another one may."""
        return self._outbox is None and (bool(feed.closed) or _identity(file) != self._identity)

    @property
    def missing(self) -> str:
        """A sentence on an outbox whose file is not there; empty where it is, or none is wanted."""
        file = self._outbox_file
        if file is None or self._outbox is not None or file.is_file():
            return ""
        if self._identity is None:
            return f"The outbox {file.name} is not there yet: it is made when the first event is stored."
        return (
            f"The outbox {file.name} is not there any more: it was deleted or moved away. Put it back, with "
            f"{file.name}-wal and {file.name}-workers; it is shown again as soon as it is there."
        )

    # For those who only want an event: an outbox that can no longer be read keeps no page from being shown.

    async def events(self, most: int) -> list[JsonObject]:
        """Return events that lately came through, each once."""
        found: dict[str, JsonObject] = {}
        for feed in (await self.all()).values():
            for event in await self._asked(feed.events(most)) or ():
                found.setdefault(str(event.get("messageId") or len(found)), event)
        return list(found.values())[:most]

    async def event(self, message_id: str) -> JsonObject | None:
        """Return the event of a messageId, None where it is not kept."""
        for feed in (await self.all()).values():
            history = await self._asked(feed.history(message_id))
            if history is not None and history.event is not None:
                return history.event
        return None

    async def letter_event(self, number: str) -> JsonObject | None:
        """Return the event of a dead letter, None where there is no such letter."""
        letters = (await self.main()).letters
        if letters is None or not number.isascii() or not number.isdigit():
            return None
        letter = await self._asked(letters.letter(int(number)))
        return None if letter is None else read_event(letter.body)

    async def _asked(self, work: Awaitable[_T]) -> _T | None:
        """Return what a feed says; None where it can no longer be read, which `fault` says."""
        try:
            return await work
        except ActionsError as error:
            self.fault = str(error)
            return None


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one that took its place."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
