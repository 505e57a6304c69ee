"""Callers that each accept one event: what they share, and what each of them has of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from actions_core.delivery.callers import Callers, CheckedEvent, Receipt
from actions_core.delivery.errors import OutboxError, OutboxFullError


class Accepting:
    """Accepts groups without an event that is `full`, and notes them."""

    def __init__(self, wait: float = 0.0) -> None:
        self.groups: list[list[str]] = []
        self._wait = wait

    async def __call__(self, events: Sequence[CheckedEvent]) -> list[Receipt]:
        """Accept all, or none."""
        ids = [each.event["messageId"] for each in events]
        self.groups.append(ids)
        await asyncio.sleep(self._wait)
        if "full" in ids:
            raise OutboxFullError("full")
        return [Receipt(each, deliveries=1) for each in ids]


def checked(message_id: str) -> CheckedEvent:
    """Return an event as it is stored."""
    return CheckedEvent({"type": "track", "messageId": message_id})


def test_callers_of_one_turn_share_a_group() -> None:
    """Each gets its own receipt, and who comes in a later turn another group."""

    async def run() -> None:
        accept = Accepting()
        callers = Callers(accept)
        found = await asyncio.gather(callers.accept(checked("a")), callers.accept(checked("b")))
        found.append(await callers.accept(checked("c")))
        assert found == [Receipt("a", deliveries=1), Receipt("b", deliveries=1), Receipt("c", deliveries=1)]
        assert accept.groups == [["a", "b"], ["c"]]

    asyncio.run(run())


def test_a_group_has_an_end() -> None:
    """Of very many callers at once, only so many share a group, and nobody is left out."""

    async def run() -> None:
        accept = Accepting()
        callers = Callers(accept)
        found = await asyncio.gather(*[callers.accept(checked(f"m{number}")) for number in range(2500)])
        assert [receipt.message_id for receipt in found] == [f"m{number}" for number in range(2500)]
        assert [len(group) for group in accept.groups] == [1024, 1024, 452]

    asyncio.run(run())


def test_the_fault_of_one_is_not_the_others() -> None:
    """Where a group is not accepted, each goes alone, and gets an error of its own or none."""

    async def run() -> None:
        accept = Accepting()
        callers = Callers(accept)
        waiting = [callers.accept(checked(each)) for each in ("a", "full", "b")]
        first, second, third = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(second, OutboxFullError)
        assert (first, third) == (Receipt("a", deliveries=1), Receipt("b", deliveries=1))
        assert accept.groups == [["a", "full", "b"], ["a"], ["full"], ["b"]]

    asyncio.run(run())


def test_who_is_cancelled_at_once_has_accepted_nothing() -> None:
    """In its own turn of the event loop nothing has begun; later its event is accepted all the same."""

    async def run() -> None:
        accept = Accepting(0.01)
        callers = Callers(accept)
        early, late, other = [callers.accept(checked(each)) for each in ("early", "late", "other")]
        early.cancel()
        await asyncio.sleep(0)
        late.cancel()
        assert await other == Receipt("other", deliveries=1)
        assert accept.groups == [["late", "other"]]

    asyncio.run(run())


def test_what_is_wrong_for_all_is_raised_for_each() -> None:
    """Without a place to store anything, every caller gets the error."""

    async def refuse(_events: Sequence[CheckedEvent]) -> list[Receipt]:
        raise OutboxError("closed")

    async def run() -> None:
        callers = Callers(refuse)
        for error in await asyncio.gather(
            *[callers.accept(checked(each)) for each in "abc"], return_exceptions=True
        ):
            assert isinstance(error, OutboxError)
        with pytest.raises(OutboxError, match="closed"):
            await callers.accept(checked("d"))

    asyncio.run(run())
