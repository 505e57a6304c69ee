"""What tests of the outbox share: waiting, and the end of a process within one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actions_core.delivery.file import FileStore
from actions_core.delivery.outbox import Outbox


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def kill(outbox: Outbox) -> None:
    """End an outbox as a kill of its process would: its locks fall, and nothing more is noted."""
    writer, dispatch = outbox._writer, outbox._dispatch
    assert writer is not None
    assert dispatch is not None
    await writer.run(_drop)
    await dispatch.close(0.0)
    await asyncio.to_thread(writer.close)
    await outbox.engine.close(0.0)


def _drop(store: FileStore) -> None:
    store.worker = None  # nothing is given back
    store._shut()
    setattr(store, "_shut", lambda: None)  # noqa: B010 - its locks are closed for good
