"""Which deliveries make a batch, by tables and by properties."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions_core.delivery.rules import BatchSize, Candidate, count_ready, halves, split_by_size

LIMIT = BatchSize(count=3, size=100)


def waiting(*pairs: tuple[int, int]) -> list[Candidate]:
    """Return candidates of (due, size)."""
    return [Candidate(due, size) for due, size in pairs]


@pytest.mark.parametrize(
    ("candidates", "ready"),
    [
        (waiting(), 0),
        (waiting((50, 10)), 0),
        (waiting((10, 10)), 1),
        (waiting((9, 10), (50, 10)), 2),
        (waiting((50, 10), (51, 10), (52, 10)), 3),
        (waiting((50, 10), (51, 10), (52, 10), (53, 10)), 3),
        (waiting((50, 60), (51, 40)), 2),
        (waiting((50, 60), (51, 41)), 1),
        (waiting((50, 60), (51, 39)), 0),
        (waiting((50, 500)), 1),
        (waiting((50, 10), (51, 500)), 1),
    ],
)
def test_a_batch_goes_when_it_is_full_or_its_first_is_due(candidates: list[Candidate], ready: int) -> None:
    """At 10, with 3 members and 100 bytes at most: full by count, by bytes, or the first is due."""
    assert count_ready(candidates, LIMIT, 10) == ready


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 150)), max_size=12),
    st.integers(0, 30),
    st.integers(1, 5),
    st.integers(1, 200),
)
def test_a_batch_keeps_its_bounds(pairs: list[tuple[int, int]], now: int, count: int, size: int) -> None:
    """A batch of two or more exceeds neither bound, and what is due never waits."""
    candidates = waiting(*sorted(pairs))
    ready = count_ready(candidates, BatchSize(count, size), now)
    members = candidates[:ready]
    assert ready <= count
    assert ready <= 1 or sum(member.size for member in members) <= size
    assert ready or not candidates or candidates[0].due > now


@given(st.lists(st.integers(0, 150), max_size=30), st.integers(1, 5), st.integers(1, 200))
@example([], 5, 100)
@example([150, 50], 5, 100)
@example([60, 50, 50], 5, 100)
def test_chunks_hold_everything_once_and_in_order(sizes: list[int], count: int, size: int) -> None:
    """Every place is in one chunk, in order; no chunk could have taken the next one's first."""
    limit = BatchSize(count, size)
    chunks = split_by_size(sizes, limit)
    assert [place for chunk in chunks for place in chunk] == list(range(len(sizes)))
    for chunk in chunks:
        assert 1 <= len(chunk) <= count
        assert len(chunk) == 1 or sum(sizes[place] for place in chunk) <= size
    for chunk, following in itertools.pairwise(chunks):
        together = sum(sizes[place] for place in chunk) + sizes[following[0]]
        assert len(chunk) == count or together > size


@pytest.mark.parametrize("size", range(2, 9))
def test_halves_lead_down_to_the_one(size: int) -> None:
    """Halves keep the order, differ by at most one member, and neither is empty."""
    first, second = halves(list(range(size)))
    assert [*first, *second] == list(range(size))
    assert 0 <= len(first) - len(second) <= 1
    assert second


def test_a_batch_of_one_has_no_halves() -> None:
    """One member that is refused is refused for good."""
    with pytest.raises(ValueError, match="no halves"):
        halves([1])


def test_a_batch_does_not_wait_unless_it_is_told_to() -> None:
    """Without an age it goes with what is there."""
    assert BatchSize(3, 100) == BatchSize(3, 100, age=0, flush=False)
