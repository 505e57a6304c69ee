"""Measure the reference and our side in turns, and print the results beside their targets.

The sides take turns in slices so short that other load on the machine affects both alike. The table shows
medians: of each side, and of the ratios of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Final

import attrs
import batches
import memory
import uvloop
from delivery import bare_client, through_engine
from ours import CONCURRENCY, INPUTS, MEASURES, ORDER, SHOP, WholeEvent, timed
from reference import Reference
from server import serving

if TYPE_CHECKING:
    from collections.abc import Callable

_SLICE: Final = 0.03
#: Longer, so that it includes garbage collection on both sides.
_WHOLE_SLICE: Final = 0.1
_WARM_UP: Final = 1.0
_ROUNDS: Final = 25
_DELIVERY: Final = 0.8
_DELIVERY_ROUNDS: Final = 9
_STARTS: Final = 11
_MEMORY_TARGET: Final = 20.0
_IMPORT_TARGET: Final = 0.15
_WHOLE_EVENT_TARGET: Final = 5.0
_CROWD_TARGET: Final = 1.2
_BATCH_TARGET: Final = 5.0
_REFERENCE_TARGET: Final = 4.0
_BARE_TARGET: Final = 0.95

_TARGETS: Final = {
    "default mapping": 6.0,
    "six directives": 4.0,
    "validation": 1.0,
    **{f"match: {name}": 8.0 for name in INPUTS["subscriptions"]},
}

_HEAD: Final = ("", "reference", "ours", "median ratio", "target", "")


@attrs.frozen
class Row:
    """A measure: the value of each side, their ratio, and the target."""

    name: str
    reference: str
    ours: str
    ratio: str
    target: str
    met: bool

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row as they are printed."""
        return self.name, self.reference, self.ours, self.ratio, self.target, "met" if self.met else "MISSED"


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.2f} µs"


def compare(
    name: str,
    target: float,
    reference: Callable[[float], float],
    own: Callable[[float], float],
    *,
    duration: float = _SLICE,
) -> Row:
    """Measure both sides in turns and return a row of the table."""
    reference(_WARM_UP)
    own(_WARM_UP / 4)
    pairs = [(reference(duration), own(duration)) for _ in range(_ROUNDS)]
    theirs, ours = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(their / our for their, our in pairs)
    return Row(
        name, _micro(theirs), _micro(ours), f"{ratio:.1f} x faster", f"≥ {target:g} x", ratio >= target
    )


def pure(reference: Reference) -> list[Row]:
    """Measure what needs no event loop."""
    return [
        compare(
            name,
            _TARGETS[name],
            lambda duration, name=name: reference.ask(name, seconds=duration),
            lambda duration, name=name: timed(name, duration),
        )
        for name in MEASURES
    ]


def whole_event(reference: Reference, runner: asyncio.Runner) -> list[Row]:
    """Measure each event of a shop from end to end, the JSON of its body included, with a stubbed network."""
    rows = []
    for name in SHOP:
        own = WholeEvent(runner, name)

        def theirs(duration: float, name: str = name) -> float:
            return float(reference.ask("whole event", seconds=duration, of=name))

        for way, run in {"send": own.one_by_one, "send_many": own.many}.items():
            rows.append(compare(f"{name}, {way}", _WHOLE_EVENT_TARGET, theirs, run, duration=_WHOLE_SLICE))
        rows.append(crowd(name, own))
    return rows


def crowd(name: str, own: WholeEvent) -> Row:
    """Measure `send_many` beside `send`."""
    pairs = [(own.one_by_one(_WHOLE_SLICE), own.many(_WHOLE_SLICE)) for _ in range(_ROUNDS)]
    one, many = (median(side) for side in zip(*pairs, strict=True))
    ratio = median(many / one for one, many in pairs)
    return Row(
        f"{name}, send_many beside send",
        _micro(one),
        _micro(many),
        f"{ratio:.2f} x",
        f"≤ {_CROWD_TARGET:g} x",
        ratio <= _CROWD_TARGET,
    )


def batched() -> list[Row]:
    """Measure batches to FullStory's import beside an earlier commit, the network stubbed."""
    with batches.both() as (earlier, present):
        rows = []
        for name in batches.EVENTS:
            earlier.ask(name)
            present.ask(name)
            pairs = [(earlier.ask(name), present.ask(name)) for _ in range(_ROUNDS)]
            then, now = (median(side) for side in zip(*pairs, strict=True))
            ratio = median(before / after for before, after in pairs)
            rows.append(
                Row(
                    f"{name}, imported in batches (beside {batches.EARLIER})",
                    _micro(then),
                    _micro(now),
                    f"{ratio:.1f} x faster",
                    f"≥ {_BATCH_TARGET:g} x",
                    ratio >= _BATCH_TARGET,
                )
            )
    return rows


def delivered(reference: Reference, runner: asyncio.Runner) -> list[Row]:
    """Measure events per second over real sockets."""
    rounds: list[tuple[float, float, float]] = []
    with serving() as (url, what):
        for number in range(_DELIVERY_ROUNDS + 1):
            duration = _DELIVERY if number else _WARM_UP
            theirs = reference.ask("deliver", seconds=duration, of=ORDER, url=url, concurrency=CONCURRENCY)
            bare = runner.run(bare_client(url, duration))
            rounds.append((theirs, bare, runner.run(through_engine(url, duration))))
    del rounds[0]  # to warm up
    theirs, bare, ours = (median(side) for side in zip(*rounds, strict=True))
    faster = median(own / other for other, _, own in rounds)
    share = median(own / other for _, other, own in rounds)
    return [
        Row(
            f"end to end, to {what}",
            f"{theirs:,.0f} /s",
            f"{ours:,.0f} /s",
            f"{faster:.1f} x as many",
            f"≥ {_REFERENCE_TARGET:g} x",
            faster >= _REFERENCE_TARGET,
        ),
        Row(
            "… and of a bare aiohttp client",
            f"{bare:,.0f} /s",
            f"{ours:,.0f} /s",
            f"{share:.0%}",
            f"≥ {_BARE_TARGET:.0%}",
            share >= _BARE_TARGET,
        ),
    ]


def import_seconds(code: str) -> float:
    """Return how many seconds of the processor an import takes: others may keep it busy meanwhile."""
    return _run(code) - _run("pass")


def _run(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # With bytecode, as users have it: some environments tell Python not to write any.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)  # noqa: S603 - this very interpreter
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def started() -> list[Row]:
    """Measure the import."""
    engine, alone = "from actions_core import Engine", "import asyncio"
    import_seconds(engine)  # writes the bytecode
    pairs = [(import_seconds(alone), import_seconds(engine)) for _ in range(_STARTS)]
    bare, seconds = (median(side) for side in zip(*pairs, strict=True))
    return [
        Row(
            f"{engine} (beside {alone})",
            f"{bare:.3f} s",
            f"{seconds:.3f} s",
            "",
            f"≤ {_IMPORT_TARGET} s",
            seconds <= _IMPORT_TARGET,
        )
    ]


def remembered(count: int) -> list[Row]:
    """Measure how much the peak of memory grows with the number of events."""
    rows = []
    for case, words in memory.CASES.items():
        few, many = memory.growth(case, count)
        name = f"memory, {memory.FEW:,} -> {count:,} events, {words}"
        peaks = f"{few:.0f} -> {many:.0f} MB"
        grown = many - few
        target = f"≤ {_MEMORY_TARGET:+.0f} MB"
        rows.append(Row(name, "", peaks, f"{grown:+.1f} MB", target, grown <= _MEMORY_TARGET))
    return rows


def surroundings(node: str) -> str:
    """Return the versions that are measured and the machine."""
    parts = [f"{name} {version(name)}" for name in ("aiohttp", "uvloop")]
    return (
        f"actions-core {version('actions-core')} on Python {platform.python_version()} ({', '.join(parts)})\n"
        f"@segment/actions-core {Reference.version()} on node {node}\n"
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} before the run"
    )


def print_table(rows: list[Row]) -> None:
    """Print the rows in columns, names aligned to the left and numbers to the right."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    for line in lines:
        first, *others = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        numbers = [text.strip().rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first, *numbers]).rstrip())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory-events", type=int, default=100_000, help="how many events are many")
    parser.add_argument("--only", choices=["pure", "whole", "batches", "delivery", "import", "memory"])
    options = parser.parse_args()
    rows: list[Row] = []
    with Reference() as reference, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(surroundings(reference.ask("node")) + "\n", flush=True)
        parts: dict[str, Callable[[], list[Row]]] = {
            "pure": lambda: pure(reference),
            "whole": lambda: whole_event(reference, runner),
            "batches": batched,
            "delivery": lambda: delivered(reference, runner),
            "import": started,
            "memory": lambda: remembered(options.memory_events),
        }
        for name, part in parts.items():
            if options.only in (None, name):
                rows += part()
    print_table(rows)


if __name__ == "__main__":
    main()
