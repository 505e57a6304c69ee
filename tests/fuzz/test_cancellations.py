"""The short form of the random cancellations: `make fuzz` runs the long one."""

from __future__ import annotations

from tests.fuzz.cancellations import run


def test_cancellations_at_any_turn() -> None:
    """A cancellation at any turn arrives, leaves no task, no place and no source behind."""
    found = run(250, 1, "turns")
    assert not found.faults, "\n".join(f"{fault}: {found.seeds[fault]}" for fault in found.faults)


def test_cancellations_over_the_network() -> None:
    """The same holds for the real transport to a real server."""
    found = run(60, 1, "network")
    assert not found.faults, "\n".join(f"{fault}: {found.seeds[fault]}" for fault in found.faults)
