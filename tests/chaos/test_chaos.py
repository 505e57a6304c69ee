"""A short form of the long one (`make chaos`): processes on one outbox are killed while they deliver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.harness import killed, run_killed, stopped, storing_killed, terminated


@pytest.mark.parametrize(("processes", "failures"), [(1, 0.2), (2, 0.0)])
def test_kills_lose_nothing(tmp_path: Path, processes: int, failures: float) -> None:
    """What was acknowledged arrives under one key, in order, and repeated no more than what was in hand."""
    asyncio.run(killed(tmp_path, 3, processes=processes, failures=failures)).check()


def test_sigterm_repeats_nothing(tmp_path: Path) -> None:
    """Workers that are told to stop under load give back what they hold: nothing at all goes twice."""
    asyncio.run(terminated(tmp_path, 1)).check(duplicates=False)


def test_a_stopped_worker_keeps_what_it_holds(tmp_path: Path) -> None:
    """A worker that hangs for a moment and its neighbour deliver nothing twice."""
    asyncio.run(stopped(tmp_path, 1, 1.0)).check(duplicates=False)


def test_a_run_that_is_killed_while_it_stores_stores_each_event_once(tmp_path: Path) -> None:
    """Events and their place are stored together: not one is missing or stored twice."""
    asyncio.run(storing_killed(tmp_path, 3000, 2)).check(duplicates=False)


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """A run that was killed delivers the rest of its files, and twice only what was in hand."""
    asyncio.run(run_killed(tmp_path, 800, 1)).check()
