"""Dead letters as users see them: filters of what is named, pages, replay and discard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import Writer, WriterLetters
from actions_core.delivery.letters import DeadLetters, LetterFilter, make_filter
from actions_core.delivery.store import Burial, Settlement
from actions_core.errors import PayloadError

Maker = Callable[..., Any]


def test_filters_of_what_is_named() -> None:
    """One id or several, and times in every form that is taken elsewhere."""
    assert make_filter() == LetterFilter()
    assert make_filter(3) == LetterFilter(ids=(3,))
    assert make_filter([3, 4], code="X") == LetterFilter(code="X", ids=(3, 4))
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    expected = LetterFilter(since=1_767_312_000_000, before=1_767_312_000_500)
    assert make_filter(since=moment, before="2026-01-02T00:00:00.500Z") == expected
    assert make_filter(since=1_767_312_000, before=1_767_312_000_500) == expected
    with pytest.raises(PayloadError, match="not a time"):
        make_filter(since="yesterday")


def test_listing_replaying_and_discarding(open_store: Maker, arrival: Maker) -> None:
    """All pages come in order; what is replayed is delivered again, what is discarded is gone."""
    store = open_store()
    writer = Writer(store)

    async def work() -> None:
        letters = DeadLetters(WriterLetters(writer))
        await writer.accept([arrival(f"m{number}", owned=True) for number in range(1200)])
        codes = ["ODD" if number % 2 else "EVEN" for number in range(1200)]
        burials = [Burial(number, 1, code, store.now()) for number, code in enumerate(codes, 1)]
        writer.settle(Settlement(burials=burials))
        await writer.wait_noted(1)
        assert [letter.id async for letter in letters.list()] == list(range(1, 1201))
        assert [letter.code async for letter in letters.list([5, 6])] == ["EVEN", "ODD"]
        letter = await letters.show(7)
        assert letter is not None
        assert letter.event["messageId"] == letter.message == "m6"
        assert await letters.show(7000) is None
        assert await letters.count(code="ODD", instance="a") == 600
        assert await letters.replay(code="ODD", instance="a", subscription="one") == 600
        assert await letters.replay(code="ODD") == 0
        assert len((await writer.claim(1, 2000)).rows) == 600
        assert await letters.discard([1, 3]) == 2
        for call in (letters.replay, letters.discard):
            with pytest.raises(OutboxError, match="everything=True"):
                await call()
        assert await letters.discard(everything=True) == 598
        assert await letters.count() == 0

    asyncio.run(work())
    writer.close()
