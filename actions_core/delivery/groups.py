"""Groups of events: full ones where there are many, what there is where they come slowly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from actions_core.values.types import Json


async def in_groups(events: Iterable[Json] | AsyncIterable[Json], most: int) -> AsyncIterator[list[Json]]:
    """Yield events in groups of at most so many.

    What the source raises is raised when all that was taken before is yielded.
    """
    if isinstance(events, AsyncIterable):
        async for group in _as_they_come(aiter(events), most):
            yield group
        return
    group = []
    raised: Exception | None = None
    try:
        for event in events:
            group.append(event)
            if len(group) >= most:
                yield group
                group = []
    except Exception as error:  # noqa: BLE001 - whatever a source may raise
        raised = error
    if group:
        yield group
    if raised is not None:
        raise raised


async def _as_they_come(source: AsyncIterator[Json], most: int) -> AsyncIterator[list[Json]]:
    end = object()

    async def following() -> Any:
        return await anext(source, end)

    coming: list[Json] = []
    task = asyncio.ensure_future(following())
    try:
        while True:
            await asyncio.sleep(0)
            if coming and (not task.done() or task.exception() is not None or len(coming) >= most):
                yield coming
                coming = []
            if (event := await task) is end:
                break
            coming.append(event)
            task = asyncio.ensure_future(following())
        if coming:
            yield coming
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
