# ruff: noqa: T201 - a command prints
"""Random cases by the hundred thousand: `python -m tests.fuzz --cases 1000000 --jobs 2 --seed 1`.

Prints the count and the slowest case of each kind, and each fault once, with its smallest input and the
seed by which `--only kind:seed:number` runs it again. Exits with 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING

from tests.fuzz import kinds
from tests.fuzz.runner import Failure, Tally, make, run, run_portion, shown, shrink, warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Cases in one portion of work.
_PORTION = 500
_PORTIONS_OF_A_PROCESS = 40
_SAID_EVERY = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Try random cases.")
    parser.add_argument("--cases", type=int, default=10_000, help="how many in all")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--seed", type=int, default=1, help="which cases")
    parser.add_argument("--kind", action="append", choices=sorted(kinds.KINDS), help="only this kind")
    parser.add_argument("--only", help="one case, as kind:seed:number")
    parser.add_argument("--seconds", type=float, default=7_200, help="when to stop, whatever is left")
    parser.add_argument("--no-shrink", action="store_true", help="print inputs as they are")
    parser.add_argument("--cancellations", type=int, default=0, help="so many random cancellations instead")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    if asked.cancellations:
        from tests.fuzz.cancellations import report

        return report(asked.cancellations, asked.seed)
    warm_up()
    if asked.only:
        return _one(asked.only)
    begun = time.monotonic()
    tally = Tally()
    portions = list(_portions(asked.cases, asked.seed, asked.kind or list(kinds.KINDS)))
    _run_all(portions, asked.jobs, tally, begun + asked.seconds)
    _print_counts(tally, time.monotonic() - begun)
    _print_failures(tally, cut=not asked.no_shrink)
    kinds.close()
    return 1 if tally.failures else 0


def _portions(cases: int, seed: int, names: list[str]) -> Iterator[tuple[str, int, int, int]]:
    """Divide the cases among the kinds by their shares, the kinds in turn."""
    whole = sum(kinds.KINDS[name].share for name in names)
    waiting = []
    for name in names:
        count = round(cases * kinds.KINDS[name].share / whole)
        waiting.append([(name, seed, at, min(_PORTION, count - at)) for at in range(0, count, _PORTION)])
    while any(waiting):
        yield from [portions.pop(0) for portions in waiting if portions]


def _run_all(portions: list[tuple[str, int, int, int]], jobs: int, tally: Tally, until: float) -> None:
    said = time.monotonic()
    if jobs <= 1:
        found: Iterator[Tally] = map(run_portion, portions)
        pool = None
    else:
        pool = multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=_PORTIONS_OF_A_PROCESS)
        found = pool.imap_unordered(run_portion, portions)
    for done in found:
        for key in done.failures.keys() - tally.failures.keys():
            fault = done.failures[key]
            print(
                f"{fault.kind}:{fault.seed}: {fault.error} at {fault.place}: {fault.said[:200]!a}", flush=True
            )
        tally.add(done)
        if time.monotonic() - said > _SAID_EVERY:
            said = time.monotonic()
            print(f"{tally.counts.total():,} cases, {len(tally.failures)} faults", flush=True)
        if time.monotonic() > until:
            print("the time is up")
            break
    if pool is not None:
        pool.terminate()
        pool.join()


def _print_counts(tally: Tally, seconds: float) -> None:
    for kind, count in sorted(tally.counts.items()):
        slowest, seed = tally.slowest.get(kind, (0.0, ""))
        rate = count / max(tally.seconds[kind], 1e-9)
        print(f"{kind:12} {count:9,} cases  {rate:7,.0f}/s  slowest {slowest:.3f} s ({kind}:{seed})")
    print(f"{tally.counts.total():,} cases in {seconds:,.0f} s, {len(tally.failures)} faults")


def _print_failures(tally: Tally, *, cut: bool) -> None:
    for failure in sorted(tally.failures.values(), key=lambda one: (one.kind, -one.count)):
        _print_failure(shrink(failure) if cut else failure)


def _print_failure(failure: Failure) -> None:
    print(f"\n== {failure.kind}:{failure.seed}, {failure.count} times: {failure.error} at {failure.place}")
    print(f"   said: {failure.said!a:.500}")
    print(f"   case: {shown(failure.case)}")
    print(
        "   " + failure.trace.encode("ascii", "backslashreplace").decode().replace("\n", "\n   "), flush=True
    )


def _one(name: str) -> int:
    kind, _, seed = name.partition(":")
    failure = run(kind, make(kind, seed), seed)
    if failure is None:
        print(f"{name}: nothing wrong")
        return 0
    _print_failure(failure)
    _print_failure(shrink(failure))
    return 1


if __name__ == "__main__":
    sys.exit(main())
