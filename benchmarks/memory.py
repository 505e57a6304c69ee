"""The memory that `send_many` takes for many events, as the peak of a process of its own.

`python memory.py` compares a million events with ten thousand, `--events N` another number. There are
three cases: a fast reader, a slow reader, and one slow instance of two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ours import EVENT, StubTransport, expect, make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core import Request, Response
    from actions_core.values.types import JsonObject

CASES: Final = {
    "plain": "a fast reader",
    "reader": "a slow reader",
    "instance": "one slow instance of two",
}
FEW: Final = 10_000
MANY: Final = 1_000_000
_EVERY: Final = 100
_PAUSE: Final = 0.005
_DELAY: Final = 0.002
_SLOW: Final = "https://slow.test"


class _HalfSlow(StubTransport):
    """A transport that is slow for one instance."""

    async def send(self, request: Request) -> Response:
        if request.url.startswith(_SLOW):
            await asyncio.sleep(_DELAY)
        return await super().send(request)


async def _deliver(case: str, count: int) -> None:
    if case == "instance":
        engine = make_engine({}, {"baseUrl": _SLOW}, transport=_HalfSlow())
    else:
        engine = make_engine(transport=StubTransport())
    done = 0
    async with engine:
        async for report in engine.send_many(_events(count)):
            expect(report.ok, report.results)
            done += 1
            if case == "reader" and done % _EVERY == 0:
                await asyncio.sleep(_PAUSE)
    expect(done == count, done)


def _events(count: int) -> Iterator[JsonObject]:
    """Yield events that share nothing, as if each were read from a file."""
    text = json.dumps(EVENT)
    for number in range(count):
        yield {**json.loads(text), "messageId": f"message-{number}"}


def _own_peak() -> float:
    """Return the peak of this process in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not `getrusage`, which there starts from the peak of the parent process.
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if "VmHWM" in line)
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def peak(case: str, count: int) -> float:
    """Return the peak of a process of its own in megabytes."""
    run = subprocess.run(  # noqa: S603 - this very script
        [sys.executable, __file__, "--case", case, "--events", str(count)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout)


def growth(case: str, count: int) -> tuple[float, float]:
    """Return the peaks for ten thousand events and for `count`, in megabytes."""
    return peak(case, FEW), peak(case, count)


def main() -> None:
    """Measure one case in this process, or all of them in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=MANY)
    parser.add_argument("--case", choices=list(CASES))
    options = parser.parse_args()
    if options.case is not None:
        import uvloop

        uvloop.run(_deliver(options.case, options.events))
        print(_own_peak())
        return
    for case, words in CASES.items():
        few, many = growth(case, options.events)
        peaks = f"{few:.1f} MB at {FEW:,} events, {many:.1f} MB at {options.events:,}"
        print(f"{words}: {peaks}: {many - few:+.1f} MB", flush=True)


if __name__ == "__main__":
    main()
