"""Events of many requests go to disk together, and each request gets its own receipts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core.apps.server.grouping import Groups
from actions_core.delivery.errors import OutboxError, OutboxFullError


class Outbox:
    """Stores what it is given once `gate` is open; `room` is how many events fit into one call."""

    def __init__(self, room: int = 10_000, error: Exception | None = None) -> None:
        self.gate = asyncio.Event()
        self.calls: list[list[Any]] = []
        self._room = room
        self._error = error

    async def enqueue_checked(self, events: list[Any]) -> list[Any]:
        """Store events, all or none."""
        self.calls.append(list(events))
        await self.gate.wait()
        if self._error is not None:
            raise self._error
        if len(events) > self._room:
            raise OutboxFullError("full")
        return [f"receipt of {event}" for event in events]


def test_what_comes_meanwhile_goes_together() -> None:
    """While one group is written, the next one forms; each request gets the receipts of its own events."""

    async def main() -> None:
        outbox: Any = Outbox()
        groups = Groups(outbox)
        first = groups.accept(["a"])
        await asyncio.sleep(0)
        others = [groups.accept([f"{n}x", f"{n}y"]) for n in range(3)]
        others[1].cancel()  # whoever waited may go: what was sent is stored all the same
        outbox.gate.set()
        assert await first == ["receipt of a"]
        assert await others[2] == ["receipt of 2x", "receipt of 2y"]
        assert outbox.calls == [["a"], ["0x", "0y", "1x", "1y", "2x", "2y"]]
        assert await groups.accept(["late"]) == ["receipt of late"]

    asyncio.run(main())


def test_groups_are_bounded() -> None:
    """A group has at most 256 events, but a request is never split."""

    async def main() -> list[int]:
        outbox: Any = Outbox()
        groups = Groups(outbox)
        outbox.gate.set()
        futures = [groups.accept([n] * size) for n, size in enumerate((200, 56, 1, 1000, 3))]
        await asyncio.gather(*futures)
        return [len(call) for call in outbox.calls]

    assert asyncio.run(main()) == [256, 1, 1000, 3]


def test_without_space_for_all() -> None:
    """A group for which there is no space is tried request by request: only the large one fails."""

    async def main() -> None:
        outbox: Any = Outbox(room=2)
        groups = Groups(outbox)
        outbox.gate.set()
        small, large, other = groups.accept(["a"]), groups.accept(["b"] * 3), groups.accept(["c"])
        assert await small == ["receipt of a"]
        assert await other == ["receipt of c"]
        with pytest.raises(OutboxFullError):
            await large
        with pytest.raises(OutboxFullError):
            await groups.accept(["b"] * 3)

    asyncio.run(main())


@pytest.mark.parametrize("error", [OutboxError("damaged"), ValueError("a bug")])
def test_errors_are_those_of_everyone_who_waits(error: Exception) -> None:
    """What goes wrong is told to each request of the group, and the next ones are tried."""

    async def main() -> None:
        outbox: Any = Outbox(error=error)
        groups = Groups(outbox)
        outbox.gate.set()
        found = await asyncio.gather(*(groups.accept([n]) for n in range(3)), return_exceptions=True)
        assert found == [error] * 3
        outbox._error = None
        assert await groups.accept(["a"]) == ["receipt of a"]

    asyncio.run(main())
