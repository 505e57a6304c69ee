"""The long form: python -m tests.chaos_broker [KILLS]."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.chaos_broker.harness import Chaos, Figures

_KILLS = 50
_BROKER_EACH = 5
_TERMINATED = 10


async def killed(folder: Path, kills: int) -> Figures:
    """Kill workers, and the broker with each fifth of them."""
    chaos = Chaos(folder)
    async with chaos.running():
        for number in range(kills):
            await chaos.delivered_more(40)
            await chaos.kill_worker()
            if number % _BROKER_EACH == _BROKER_EACH - 1:
                await chaos.kill_broker()
        await chaos.delivered_more(40)
        await chaos.settle()
    return chaos.figures


async def terminated(folder: Path, times: int) -> Figures:
    """End workers by SIGTERM."""
    chaos = Chaos(folder, failures=0.0)
    async with chaos.running():
        for _ in range(times):
            await chaos.delivered_more(40)
            await chaos.end_worker()
        await chaos.settle()
    return chaos.figures


def main() -> int:
    """Run both, print the figures, and return 1 where they are not as promised."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else _KILLS
    good = True
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(killed(Path(folder) / "killed", kills))
        print(f"{kills} workers and {figures.broker_killed} brokers killed: {figures}")
        good = figures.lost == figures.left == 0 and figures.keys == figures.delivered
        good = good and figures.duplicates <= figures.most_duplicates
        figures = asyncio.run(terminated(Path(folder) / "terminated", max(1, kills // 5)))
        print(f"workers ended by SIGTERM under load: {figures}")
        good = good and figures.lost == figures.left == figures.duplicates == 0
    print("as promised" if good else "NOT AS PROMISED")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
