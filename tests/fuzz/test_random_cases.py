"""The short form of the random cases: `make fuzz` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fuzz import kinds, limits, runner
from tests.fuzz.adapter import ROOT

#: Cases of each kind; always the same ones.
COUNT = 200
SEED = 0


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    """Warm up, and close in the end what the cases held open."""
    runner.warm_up()
    yield
    kinds.close()


# The library of JMESPath says so of literals such as `foo` without quotes, which Segment takes.
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", kinds.KINDS)
def test_random_cases(kind: str) -> None:
    """Whatever comes in gives a result or an ActionsError, within a second."""
    tally = runner.Tally()
    runner.run_cases(kind, SEED, 0, COUNT, tally)
    found = [
        f"{one.count} times {one.error} at {one.place}: {one.kind}:{one.seed}"
        for one in tally.failures.values()
    ]
    assert not found, "\n".join(found)
    assert tally.counts[kind] == COUNT


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_case_is_known_by_its_seed(kind: str) -> None:
    """The same kind and seed give the same case."""
    assert runner.shown(runner.make(kind, "7:7"), 100_000) == runner.shown(runner.make(kind, "7:7"), 100_000)


def _broken(case: object) -> None:
    if isinstance(case, dict) and "x" in str(case["a"]):
        raise ValueError("broken")


def test_a_fault_is_found_and_cut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is raised beside an ActionsError is a failure, of which the smallest input is shown."""
    kind = kinds.Kind("broken", 1.0, lambda rng: {"a": [rng.random(), {"b": ["cxd", 5]}]}, _broken)
    monkeypatch.setitem(kinds.KINDS, "broken", kind)
    failure = runner.run("broken", runner.make("broken", "1"), "1")
    assert failure is not None
    assert failure.error == "ValueError"
    assert runner.shrink(failure).case == {"a": ["x"]}


def _slow(case: object) -> None:
    try:
        while True:
            pass
    except Exception:  # noqa: BLE001, S110 - stands for isolation of a handler's faults
        pass


def test_a_slow_case_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that takes longer than a second is ended and counts as a failure."""
    monkeypatch.setattr(limits, "LIMIT", 0.05)
    monkeypatch.setitem(kinds.KINDS, "slow", kinds.Kind("slow", 1.0, lambda rng: {}, _slow))
    failure = runner.run("slow", {}, "1")
    assert failure is not None
    assert failure.error == "Overdue"


def test_the_command() -> None:
    """The command prints the count of each kind, and exits with 0 where nothing is wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--cases", "40", "--seed", "3", "--kind", "fql"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fql" in done.stdout
    assert "40 cases" in done.stdout
