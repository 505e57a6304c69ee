"""The long form: python -m tests.chaos [KILLS] [EVENTS]. It fails where its figures are not as promised."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tests.chaos.harness import Figures, killed, run_killed, stopped, storing_killed, terminated

_KILLS = 100
_EVENTS = 20_000
_RUN_KILLS = 5


def main() -> int:
    """Run all of it, print the figures, and return 1 where they are not as promised."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else _KILLS
    events = int(sys.argv[2]) if len(sys.argv) > 2 else _EVENTS
    half, few = max(1, kills // 2), max(1, kills // 10)
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rounds: list[tuple[str, Coroutine[Any, Any, Figures], bool]] = [
            (f"{kills} kills of one process", killed(folder / "1", kills), True),
            (
                f"{half} kills, a fifth answered 503",
                killed(folder / "2", half, failures=0.2),
                True,
            ),
            (f"{half} kills of two processes", killed(folder / "3", half, processes=2), True),
            (f"{few} workers ended by SIGTERM under load", terminated(folder / "4", few), False),
            (f"{few} times one of two workers stopped for 3 s", stopped(folder / "5", few, 3.0), False),
            (
                f"{events:,} events stored by actions run, killed {_RUN_KILLS} times meanwhile",
                storing_killed(folder / "7", events, _RUN_KILLS),
                False,
            ),
            (
                f"{events:,} events through actions run, killed {_RUN_KILLS} times",
                run_killed(folder / "6", events, _RUN_KILLS),
                True,
            ),
        ]
        for title, work, repeats in rounds:
            figures = asyncio.run(work)
            print(f"{title}: {figures}", flush=True)
            try:
                figures.check(duplicates=repeats)
            except AssertionError:
                print("NOT AS PROMISED", flush=True)
                good = False
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
