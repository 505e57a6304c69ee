"""The dead letters of an outbox for callers on an event loop: a page is a turn of the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.delivery.file.letters import SLICE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from actions_core.delivery.file.writer import Writer
    from actions_core.delivery.letters import DeadLetter, LetterFilter

_PAGE: Final = SLICE


class WriterLetters:
    """`Letters` of the store of a writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def list(self, which: LetterFilter) -> AsyncIterator[DeadLetter]:
        """Go through dead letters by their numbers; those that come meanwhile are part of it."""
        after = 0
        while True:
            page = await self._page(which, after)
            for letter in page:
                yield letter
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def _page(self, which: LetterFilter, after: int) -> Sequence[DeadLetter]:
        return await self._writer.run(lambda store: store.letters.list(which, after=after, limit=_PAGE))

    async def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""
        return await self._writer.run(lambda store: store.letters.count(which))

    async def show(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""
        return await self._writer.run(lambda store: store.letters.show(number))

    async def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again; return how many."""
        return await self._writer.run(lambda store: store.letters.replay(which))

    async def discard(self, which: LetterFilter) -> int:
        """Delete dead letters; return how many."""
        return await self._writer.run(lambda store: store.letters.discard(which))
