"""Which waiting deliveries make a batch, and how a refused batch is divided.

A delivery that may go in a batch is due when it has waited for as long as the batch's age allows. A batch
goes as soon as it is full, by count or by bytes, or when its first delivery is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

_Item = TypeVar("_Item")


@attrs.frozen
class BatchSize:
    """The most deliveries and bytes of one batch, and how long it may grow, in milliseconds.

    With `flush` it does not grow: what waits for its first try goes at once.
    """

    count: int
    size: int
    age: int = 0
    flush: bool = False


@attrs.frozen
class Candidate:
    """A delivery that waits for a batch: when it must go, in milliseconds, and its bytes."""

    due: int
    size: int


def count_ready(waiting: Sequence[Candidate], limit: BatchSize, now: int) -> int:
    """Return how many of the deliveries, from the first on, make a batch now: 0 while it may still grow.

    `waiting` is sorted by `due`. A delivery that is larger than a batch may be goes alone.
    """
    if not waiting:
        return 0
    count = total = 0
    for candidate in waiting:
        if count and total + candidate.size > limit.size:
            return count
        count += 1
        total += candidate.size
        if count >= limit.count or total >= limit.size:
            return count
    return count if waiting[0].due <= now else 0


def split_by_size(sizes: Sequence[int], limit: BatchSize) -> list[range]:
    """Return the places of consecutive items that fit into one batch each, in order."""
    chunks = []
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and (place - start >= limit.count or total + size > limit.size):
            chunks.append(range(start, place))
            start, total = place, 0
        total += size
    if start < len(sizes):
        chunks.append(range(start, len(sizes)))
    return chunks


def halves(members: Sequence[_Item]) -> tuple[Sequence[_Item], Sequence[_Item]]:
    """Return the first and the second half of a batch that was refused as a whole, in order.

    Raises `ValueError` for fewer than two members: a batch of one is refused for good.
    """
    if len(members) < 2:  # noqa: PLR2004 - two halves need two members
        raise ValueError("a batch of one has no halves")
    middle = (len(members) + 1) // 2
    return members[:middle], members[middle:]
