"""Counters and histograms as plain dictionaries: a note costs a look-up, and is worded when somebody asks.

The metrics of prometheus-client itself take a lock and some microseconds for each note, of which an event
would need several.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Labels: TypeAlias = tuple[str, ...]


class Counter:
    """A number that grows, for each combination of values of its labels."""

    __slots__ = ("_values", "labels", "name", "text")

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self._values: dict[Labels, float] = {}

    def add(self, values: Labels, value: float = 1) -> None:
        """Add to the number of these values."""
        self._values[values] = self._values.get(values, 0) + value

    def items(self) -> list[tuple[Labels, float]]:
        """Return a copy of everything."""
        return list(self._values.items())


class Histogram:
    """Many values, of which each bucket counts those up to its bound, for each combination of labels."""

    __slots__ = ("_bounds", "_counts", "_sums", "labels", "name", "text")

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self._bounds = tuple(bounds)
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, values: Labels, value: float) -> None:
        """Note a value."""
        counts = self._counts.get(values)
        if counts is None:
            counts = self._counts[values] = [0] * (len(self._bounds) + 1)
            self._sums[values] = 0.0
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[values] += value

    def items(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        """Yield the labels, the counts up to each bound, and the sum."""
        for values, counts in list(self._counts.items()):
            total = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*map(_bound, self._bounds), "+Inf"), list(counts), strict=True):
                total += count
                buckets.append((bound, total))
            yield values, buckets, self._sums[values]


def _bound(bound: float) -> str:
    return str(float(bound))
