"""The semaphore: how many are inside, who comes next, that no place gets lost; and the one-shot event."""

from __future__ import annotations

import asyncio
import random

import pytest

from actions_core.engine.executor.client import OneShotEvent, Semaphore


def test_no_more_are_inside_than_there_are_places() -> None:
    """However many come, as many as there are places are inside at once, and all get in."""

    async def scenario() -> None:
        semaphore = Semaphore(3)
        inside = most = done = 0

        async def visit() -> None:
            nonlocal inside, most, done
            async with semaphore:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1
            done += 1

        await asyncio.gather(*(visit() for _ in range(20)))
        assert (most, done, inside) == (3, 20, 0)

    asyncio.run(scenario())


def test_who_waits_gets_in_before_who_comes_later() -> None:
    """A free place goes to the first in line, also when somebody else asks at that moment."""

    async def scenario() -> None:
        semaphore = Semaphore(1)
        assert semaphore.acquire_now()
        order: list[int] = []

        async def visit(number: int) -> None:
            async with semaphore:
                order.append(number)

        tasks = [asyncio.create_task(visit(number)) for number in range(3)]
        await asyncio.sleep(0)
        semaphore.release()
        assert not semaphore.acquire_now()
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2]

    asyncio.run(scenario())


def test_whoever_gives_up_leaves_no_place_taken() -> None:
    """Cancelled at any moment, also when the place is just being handed over, nobody keeps a place."""

    async def scenario() -> None:
        choose = random.Random(7)
        semaphore = Semaphore(2)

        async def visit() -> None:
            async with semaphore:
                await asyncio.sleep(0)

        for _ in range(200):
            tasks = [asyncio.create_task(visit()) for _ in range(6)]
            for _ in range(choose.randrange(4)):
                await asyncio.sleep(0)
            for task in choose.sample(tasks, 3):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert semaphore.acquire_now()
            assert semaphore.acquire_now()
            assert not semaphore.acquire_now()
            semaphore.release()
            semaphore.release()

    asyncio.run(scenario())


def test_a_task_that_waits_goes_on_when_the_event_is_set() -> None:
    """All at once, also who comes later, in any loop; who gave up is forgotten."""
    closing = OneShotEvent()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await closing.wait()

    async def scenario() -> None:
        waiting = [asyncio.create_task(closing.wait()) for _ in range(3)]
        await give_up()
        assert not closing.is_set()
        closing.set()
        await asyncio.gather(*waiting)
        await closing.wait()

    asyncio.run(give_up())
    asyncio.run(scenario())
    assert closing.is_set()
    asyncio.run(asyncio.wait_for(closing.wait(), 1))
