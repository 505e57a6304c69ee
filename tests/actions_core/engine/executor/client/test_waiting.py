"""The semaphore and the one-shot event: who goes on, and when; and whose a cancellation is."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from actions_core.engine.executor.client import OneShotEvent, Semaphore, let_through


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


def test_places_are_counted_one_by_one() -> None:
    """As many places as were given can be taken at once, and each comes back by itself."""
    semaphore = Semaphore(2)
    assert [semaphore.acquire_now() for _ in range(3)] == [True, True, False]
    semaphore.release()
    assert [semaphore.acquire_now() for _ in range(2)] == [True, False]


def test_a_coroutine_that_is_closed_while_it_waits_gets_no_place() -> None:
    """What is thrown away while it waits leaves the queue; the next in line gets the place."""

    async def scenario() -> None:
        semaphore = Semaphore(1)
        assert semaphore.acquire_now()
        thrown_away = semaphore.acquire()
        thrown_away.send(None)
        next_in_line = asyncio.create_task(semaphore.acquire())
        await asyncio.sleep(0)
        thrown_away.close()
        semaphore.release()
        await asyncio.wait_for(next_in_line, 30)
        assert not semaphore.acquire_now()
        assert not semaphore._queue

    asyncio.run(scenario())


def test_whoever_gives_up_leaves_the_queue_at_once() -> None:
    """A cancelled task waits no longer, also while no place becomes free."""

    async def scenario() -> None:
        semaphore = Semaphore(1)
        assert semaphore.acquire_now()
        task = asyncio.create_task(semaphore.acquire())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert not semaphore._queue
        assert not semaphore.acquire_now()

    asyncio.run(scenario())


def test_no_place_is_handed_to_a_loop_that_is_closed() -> None:
    """A task that waits in an event loop which was closed under it is passed over."""
    semaphore = Semaphore(1)
    assert semaphore.acquire_now()
    waits = semaphore.acquire()

    async def begin() -> None:
        waits.send(None)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    semaphore.release()
    assert semaphore.acquire_now()
    semaphore.release()
    with suppress(RuntimeError):
        waits.close()


def test_the_event_passes_over_who_has_just_given_up() -> None:
    """A task that is cancelled in the same turn keeps no other from being woken, and is forgotten."""

    async def scenario() -> None:
        closing = OneShotEvent()
        tasks = [asyncio.create_task(closing.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks[:2]:
            task.cancel()
        closing.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in done] == [asyncio.CancelledError, asyncio.CancelledError, type(None)]
        assert not closing._waiting

    asyncio.run(scenario())


def test_the_event_passes_over_a_loop_that_is_closed() -> None:
    """What waits in an event loop that was closed under it does not keep the event from being set."""
    closing = OneShotEvent()
    waits = closing.wait()

    async def begin() -> None:
        waits.send(None)
        # As a task has it that waits for it: something to call in its loop when it is done.
        (turn,) = closing._waiting
        turn.add_done_callback(lambda _turn: None)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.close()
    closing.set()
    assert closing.is_set()
    waits.close()


def test_a_block_ends_with_the_event() -> None:
    """A block that is to end with the event raises `TimeoutError` when it is set, and never afterwards."""

    async def scenario() -> None:
        closing = OneShotEvent()
        with closing.ending():
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(closing.set)
        with pytest.raises(TimeoutError), closing.ending():
            await asyncio.sleep(60)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    asyncio.run(scenario())


async def ended_by(error: BaseException | None, *, cancels: int = 0, before: int = 0) -> BaseException | None:
    """Return what `let_through` raises in a task that was cancelled so many times."""
    task = asyncio.current_task()
    assert task is not None
    for _ in range(cancels):
        task.cancel()
    try:
        let_through(error, task, before)
    except BaseException as raised:  # noqa: BLE001 - it is what the tests look at
        return raised
    finally:
        # The cancellations themselves arrive at the next wait, and are no part of the test.
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
    return None


#: What a function may raise that is its own failure, as long as nobody cancelled its task.
OWN = [None, ValueError("v"), asyncio.CancelledError("of another"), SystemExit(3), GeneratorExit()]


@pytest.mark.parametrize("error", OWN, ids=repr)
def test_what_a_function_raises_is_its_own(error: BaseException | None) -> None:
    """Nothing is let through where the task was not cancelled since the function began."""
    assert asyncio.run(ended_by(error)) is None
    assert asyncio.run(ended_by(error, cancels=2, before=2)) is None


@pytest.mark.parametrize("error", OWN, ids=repr)
def test_a_cancellation_since_the_function_began_ends_its_caller(error: BaseException | None) -> None:
    """Swallowed, replaced or passed on: it is raised, as the very error where that came out."""
    for cancels, before in ((1, 0), (2, 1)):
        raised = asyncio.run(ended_by(error, cancels=cancels, before=before))
        assert type(raised) is asyncio.CancelledError
        assert (raised is error) is isinstance(error, asyncio.CancelledError)
        assert raised.__cause__ is None
        assert raised is error or raised.__suppress_context__


def test_ctrl_c_ends_whoever_it_meets() -> None:
    """A `KeyboardInterrupt` is let through, in a task and outside of one."""
    interrupt = KeyboardInterrupt()
    assert asyncio.run(ended_by(interrupt)) is interrupt
    with pytest.raises(KeyboardInterrupt):
        let_through(interrupt, None, 0)


@pytest.mark.parametrize("error", OWN, ids=repr)
def test_without_a_task_nothing_can_be_cancelled(error: BaseException | None) -> None:
    """Where no task runs the function, whatever else it raises is its own."""
    let_through(error, None, 0)


def test_a_coroutine_that_is_thrown_away_is_closed() -> None:
    """Outside of its task, in another or in no event loop, only a `GeneratorExit` is let through."""

    async def ended() -> asyncio.Task[None]:
        task = asyncio.create_task(asyncio.sleep(0))
        await task
        return task

    async def of_another(error: BaseException) -> None:
        let_through(error, await ended(), 0)

    thrown = GeneratorExit()
    with pytest.raises(GeneratorExit):
        asyncio.run(of_another(thrown))
    asyncio.run(of_another(ValueError()))
    task = asyncio.run(ended())
    with pytest.raises(GeneratorExit):
        let_through(thrown, task, 0)
    let_through(ValueError(), task, 0)
