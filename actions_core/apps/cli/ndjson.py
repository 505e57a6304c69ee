"""Read NDJSON as it arrives: from a file, a pipe or standard input, with only a few chunks in memory.

A thread of its own reads, so that a slow pipe does not hold up deliveries. It reads file descriptors and
is a daemon, because an interrupted program must not wait for input that never comes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import stat
import threading
from typing import TYPE_CHECKING

import attrs

from actions_core.errors import EventError
from actions_core.values.json_files import parse_events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from actions_core.values.types import Json

_CHUNK = 64 * 1024
#: A longer line is cut: no event may be nearly as long, and memory must stay flat.
_LONGEST_LINE = 4 * 1024 * 1024
_WAITING_CHUNKS = 4


@attrs.frozen
class EventLine:
    """A line that is not blank, and its number in the file, counted from 1."""

    number: int
    text: bytes

    def parse(self) -> Json:
        """Read the line; raises `EventError` for anything that strict JSON does not have."""
        if len(self.text) >= _LONGEST_LINE:
            raise EventError(f"the line is longer than {_LONGEST_LINE // 1024 // 1024} MB")
        return parse_events(self.text)


class LineReader:
    """Reads the lines of a file, or of standard input where `path` is None.

    `size` is the number of bytes in all, None where it cannot be known; `done` counts those read so far.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.done = 0
        self.number = 0
        self.size: int | None = None
        self._stopped = asyncio.Event()
        self._queue: asyncio.Queue[bytes | OSError] = asyncio.Queue(_WAITING_CHUNKS)

    async def lines(self) -> AsyncIterator[EventLine]:
        """Yield every line that is not blank, until the end or until `stop`."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        rest = b""
        while chunk := await self._next():
            *whole, rest = (rest + chunk).split(b"\n")
            for text in whole:
                if (line := self._line(text, len(text) + 1)) is not None:
                    yield line
                if self._stopped.is_set():
                    return
            rest = rest[:_LONGEST_LINE]
        if not self._stopped.is_set() and (line := self._line(rest, len(rest))) is not None:
            yield line

    def stop(self) -> None:
        """Yield no more lines."""
        self._stopped.set()

    def count_rest(self) -> int | None:
        """Count the lines after the last one read that are not blank; None where they cannot be counted."""
        if self._path is None or self.size is None:
            return None
        with self._path.open("rb") as file:
            return sum(bool(text.strip()) for number, text in enumerate(file, 1) if number > self.number)

    def _line(self, text: bytes, length: int) -> EventLine | None:
        self.number += 1
        self.done += length
        return EventLine(self.number, text) if text.strip() else None

    async def _next(self) -> bytes:
        waiting = [asyncio.ensure_future(self._queue.get()), asyncio.ensure_future(self._stopped.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            chunk = waiting[0].result() if waiting[0].done() else b""
        finally:
            for task in waiting:
                task.cancel()
        if isinstance(chunk, OSError):
            raise chunk
        return chunk if isinstance(chunk, bytes) else b""

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            descriptor = 0 if self._path is None else os.open(self._path, os.O_RDONLY)
        except OSError as error:
            self._put(error, loop)
            return
        status = os.fstat(descriptor)
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else None
        chunk: bytes | OSError = b"-"
        while chunk and not isinstance(chunk, OSError):
            try:
                chunk = os.read(descriptor, _CHUNK)
            except OSError as error:
                chunk = error
            if not self._put(chunk, loop):
                break
        if self._path is not None:
            os.close(descriptor)

    def _put(self, chunk: bytes | OSError, loop: asyncio.AbstractEventLoop) -> bool:
        coroutine = self._queue.put(chunk)
        try:
            asyncio.run_coroutine_threadsafe(coroutine, loop).result()
        except (RuntimeError, concurrent.futures.CancelledError):
            coroutine.close()  # the run has ended, and nothing will take the chunk
            return False
        return True
