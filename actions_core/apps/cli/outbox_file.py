"""The outbox that a command looks into: a file that is named, or the one of a workspace. It loads SQLite."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from actions_core.apps.cli.output import fail
from actions_core.delivery.file import FileStore, Writer, WriterLetters
from actions_core.delivery.letters import DeadLetters
from actions_core.engine.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


def find_outbox(workspace: Path | None, outbox: Path | None) -> Path:
    """Return the path of the outbox that is meant, which has to be there."""
    if outbox is None:
        if workspace is None:
            fail("name an outbox: --outbox FILE, or a workspace that has one")
        spec = Workspace.from_file(workspace, lenient=True).outbox
        if spec is None:
            fail(f'{workspace} has no outbox (it has no "outbox": "events.db"); name one with --outbox FILE')
        outbox = spec.path
    if not outbox.is_file():
        fail(f"there is no outbox {outbox}; it is made when the first event is stored")
    return outbox


@contextmanager
def open_store(path: Path) -> Iterator[FileStore]:
    """Open an outbox without delivering from it; others may have it open."""
    store = FileStore.open(path, worker=False)
    try:
        yield store
    finally:
        store.close()


@asynccontextmanager
async def open_letters(path: Path) -> AsyncIterator[DeadLetters]:
    """Open the dead letters of an outbox."""
    writer = Writer(await asyncio.to_thread(FileStore.open, path, worker=False))
    try:
        yield DeadLetters(WriterLetters(writer))
    finally:
        await asyncio.to_thread(writer.close)
