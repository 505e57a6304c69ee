"""Reads files of events one after another, as they arrive, with only a few pieces in memory.

A thread of its own reads and unpacks, so that a slow pipe does not hold up deliveries. It reads file
descriptors and is a daemon, because an interrupted program must not wait for input that never comes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.events.decoding import DecodingError, decode
from actions_core.apps.events.lines import EventLine, EventSplitter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from actions_core.apps.cli.events.sources import Source

_CHUNK: Final = 64 * 1024
_WAITING_PIECES: Final = 4
#: After a stop: the time in which nothing more has come from the thread that reads, in seconds.
_SILENCE: Final = 0.1
#: After how many events others get a turn in the event loop, where nothing has to be waited for.
_TURN: Final = 100


class _Begin:
    """Announces the pieces of the next file."""


class _EndOfAll:
    """Follows the last piece of the last file."""


@attrs.frozen
class Rest:
    """What has not been read of a file: all after the first `taken` events, or lines that were read."""

    path: Path
    taken: int


class EventReader:
    """Reads the events of several sources.

    `size` is the number of bytes in all, None where it cannot be known; `done` counts those read so far.
    `skips` says how many events of a file are not wanted again. Where there are several sources, each
    event says its file.
    """

    def __init__(self, sources: Sequence[Source], skips: dict[Path, int] | None = None) -> None:
        self._sources = sources
        self._skips = skips or {}
        self._several = len(sources) > 1
        self._stopped = asyncio.Event()
        self._queue: asyncio.Queue[bytes | str | _Begin | _EndOfAll] = asyncio.Queue(_WAITING_PIECES)
        self._index = -1
        self._taken = 0
        self._splitter = EventSplitter()
        self._ended = False
        self._halted = False  # read by the thread
        self.done = 0
        sizes = [source.size for source in sources]
        self.size = None if None in sizes else sum(size or 0 for size in sizes)

    async def lines(self) -> AsyncIterator[EventLine]:
        """Yield every event, until the end or until `stop`; what cannot be read is one with an error."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read_all, args=(loop,), daemon=True).start()
        turn = 0
        while not isinstance(item := await self._next(), _EndOfAll):
            for line in self._lines_of(item):
                self._taken = line.ordinal
                if line.ordinal > self._skip:
                    yield line
                turn += 1
                if turn % _TURN == 0:
                    await asyncio.sleep(0)
                if self._stopped.is_set():
                    return
        self._ended = not self._stopped.is_set()

    def stop(self) -> None:
        """Yield no more events, and read no more."""
        self._halted = True
        self._stopped.set()

    def rest(self) -> list[Rest]:
        """Return what has not been read, file by file; what cannot be read again is not in it."""
        if self._ended:
            return []
        found = []
        for index, source in enumerate(self._sources):
            if source.path is not None and source.size is not None and index >= self._index:
                taken = self._taken if index == self._index else 0
                found.append(Rest(source.path, max(taken, self._skips.get(source.path, 0))))
        return found

    def is_open(self) -> bool:
        """Return whether a source was not read to its end that cannot be read again."""
        here = max(self._index, 0)
        return not self._ended and any(source.size is None for source in self._sources[here:])

    async def taken_back(self) -> AsyncIterator[EventLine]:
        """Yield the events that a pipe has given already, and that nobody will get again, after a stop."""
        if self._ended or self._index < 0 or self._sources[self._index].size is not None:
            return
        for line in self._splitter.feed(b""):
            yield line
        while True:
            try:
                item = await asyncio.wait_for(self._queue.get(), _SILENCE)
            except TimeoutError:
                break
            if isinstance(item, _Begin | _EndOfAll):
                break
            for line in self._lines_of(item):
                yield line
        for line in self._splitter.end():
            yield line

    @property
    def source(self) -> Source | None:
        """The source of the event that came last."""
        return self._sources[self._index] if self._index >= 0 else None

    @property
    def _skip(self) -> int:
        path = self._sources[self._index].path
        return 0 if path is None else self._skips.get(path, 0)

    def _lines_of(self, item: bytes | str | _Begin | _EndOfAll) -> Iterator[EventLine]:
        if isinstance(item, bytes):
            yield from self._splitter.feed(item) if item else self._splitter.end()
        elif isinstance(item, str):
            yield self._splitter.fault(item)
        elif isinstance(item, _Begin):
            self._index += 1
            self._taken = 0
            self._splitter = EventSplitter(self._sources[self._index].name if self._several else "")

    async def _next(self) -> bytes | str | _Begin | _EndOfAll:
        if not self._queue.empty() and not self._stopped.is_set():
            return self._queue.get_nowait()
        asked = asyncio.ensure_future(self._queue.get())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((asked, stopped), return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() else _EndOfAll()
        finally:
            asked.cancel()
            stopped.cancel()

    def _read_all(self, loop: asyncio.AbstractEventLoop) -> None:
        for source in self._sources:
            if not self._put(_Begin(), loop):
                return
            try:
                for piece in decode(self._chunks(source)):
                    if piece and not self._put(piece, loop):
                        return
            except DecodingError as error:
                # After a stop it is we who cut the data off.
                end: bytes | str = b"" if self._halted else str(error)
            except OSError as error:
                end = f"the file cannot be read: {error.strerror or error}"
            else:
                end = b""
            if not self._put(end, loop):
                return
        self._put(_EndOfAll(), loop)

    def _chunks(self, source: Source) -> Iterator[bytes]:
        descriptor = 0 if source.path is None else os.open(source.path, os.O_RDONLY)
        try:
            while not self._halted and (chunk := os.read(descriptor, _CHUNK)):
                self.done += len(chunk)
                yield chunk
        finally:
            if source.path is not None:
                os.close(descriptor)

    def _put(self, item: bytes | str | _Begin | _EndOfAll, loop: asyncio.AbstractEventLoop) -> bool:
        coroutine = self._queue.put(item)
        try:
            asyncio.run_coroutine_threadsafe(coroutine, loop).result()
        except (RuntimeError, concurrent.futures.CancelledError):
            coroutine.close()  # the run has ended, and nothing will take it
            return False
        return True
