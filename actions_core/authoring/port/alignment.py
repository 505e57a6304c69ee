"""Which items of two lists belong together, so that one that is missing does not make all after it differ.

Items belong together by what identifies them (a key whose values are all unlike each other on each side,
and mostly the same on both). Where there is none, they do so in place, if the lists have one length and
items that are at least half the same, or by an id whose values come up two or three times, in their order;
the others by the alignment of the two sequences that differs least.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.sameness import difference_of, same

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from actions_core.values.types import Json

#: How deep in an item its identity is looked for.
_DEEPEST: Final = 2
#: How often the value of a key may come up that identifies items.
_MOST_TIMES: Final = 3
#: What it costs to leave an item alone. A pair costs nothing if equal, else as much to twice as much.
_ALONE: Final = 0.5
_UNLIKE: Final = 3 * _ALONE
#: Of longer lists, each item is compared with the one in its place.
_MOST_PAIRS: Final = 40_000


@attrs.frozen
class Alignment:
    """The places of items that belong together, and those of items that one side lacks."""

    pairs: tuple[tuple[int, int], ...]
    missing_in_ours: tuple[int, ...]
    missing_in_published: tuple[int, ...]

    @property
    def is_reordered(self) -> bool:
        """Whether the items of ours are in another order."""
        places = [place for _, place in sorted(self.pairs)]
        return places != sorted(places)


def align(published: Sequence[Json], ours: Sequence[Json], given: str) -> Alignment:
    """Return which items belong together; `given` is the text of what both sides were given."""
    start = 0
    while start < min(len(published), len(ours)) and same(published[start], ours[start], given):
        start += 1
    pairs = [(place, place) for place in range(start)]
    left, right = list(range(start, len(published))), list(range(start, len(ours)))
    if left and right:
        found = _identified(published, ours, left, right, 1)
        if not found and _fit_in_place(published, ours, left, given):
            found = list(zip(left, right, strict=True))
        found = found or _identified(published, ours, left, right, _MOST_TIMES)
        found += _in_sequence(published, ours, *_without(found, left, right), given)
        found += _moved(published, ours, *_without(found, left, right), given)
        pairs += found
        left, right = _without(found, left, right)
    return Alignment(tuple(sorted(pairs)), tuple(left), tuple(right))


def _without(
    pairs: Sequence[tuple[int, int]], left: Sequence[int], right: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return the places that are in no pair."""
    taken, other = {one for one, _ in pairs}, {one for _, one in pairs}
    return [one for one in left if one not in taken], [one for one in right if one not in other]


# -- by what identifies them --------------------------------------------------------------------


def _fit_in_place(published: Sequence[Json], ours: Sequence[Json], places: Sequence[int], given: str) -> bool:
    """Return whether both sides have as many items, and at least half the same in each place."""
    return len(published) == len(ours) and all(
        difference_of(published[place], ours[place], given) <= _ALONE for place in places
    )


def _identified(
    published: Sequence[Json], ours: Sequence[Json], left: Sequence[int], right: Sequence[int], most: int
) -> list[tuple[int, int]]:
    """Return the pairs of items that have the same identity; none where nothing identifies them.

    Its value comes up `most` times at most.
    """
    ours_by_key = _identities([(place, ours[place]) for place in right], most)
    best: list[tuple[int, int]] = []
    for path, places in _identities([(place, published[place]) for place in left], most).items():
        others = ours_by_key.get(path, {})
        pairs = [(place, others[value]) for value, place in places.items() if value in others]
        if len(pairs) > len(best):
            best = pairs
    return best if 2 * len(best) >= min(len(left), len(right)) else []


def _identities(
    items: Sequence[tuple[int, Json]], most: int
) -> dict[tuple[str, ...], dict[tuple[Hashable, int], int]]:
    """Return the places of items by their values at each path where all have one.

    Each value comes up at most so many times there, and has the number of that time with it; it comes up more
    than once only where the path is that of an id.
    """
    values: dict[tuple[str, ...], list[tuple[Hashable, int]]] = {}
    for place, item in items:
        for path, value in _scalars(item, ()):
            values.setdefault(path, []).append((value, place))
    found: dict[tuple[str, ...], dict[tuple[Hashable, int], int]] = {}
    for path, pairs in values.items():
        times: Counter[Hashable] = Counter()
        places: dict[tuple[Hashable, int], int] = {}
        for value, place in pairs:
            places[value, times[value]] = place
            times[value] += 1
        is_id = most == 1 or path[-1].lower().endswith("id")
        if is_id and len(pairs) == len(items) and max(times.values()) <= most:
            found[path] = places
    return found


def _scalars(item: Json, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Hashable]]:
    if not isinstance(item, dict):
        return
    for key, value in item.items():
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield (*path, key), value
        elif len(path) + 1 < _DEEPEST:
            yield from _scalars(value, (*path, key))


# -- by their sequence --------------------------------------------------------------------------


def _in_sequence(
    published: Sequence[Json], ours: Sequence[Json], left: Sequence[int], right: Sequence[int], given: str
) -> list[tuple[int, int]]:
    """Return the pairs of the alignment that costs least."""
    if not left or not right:
        return []
    if len(left) * len(right) > _MOST_PAIRS:
        return list(zip(left, right, strict=False))
    # Where one side has more, two records that have nothing in common are no counterparts.
    most = 1.0 if len(left) == len(right) else _UNLIKE
    costs = [[_cost(published[one], ours[other], given, most) for other in right] for one in left]
    #: the least that it costs to align the items from each place on
    least = [
        [_ALONE * (len(left) - row + len(right) - column) for column in range(len(right) + 1)]
        for row in range(len(left) + 1)
    ]
    for row in reversed(range(len(left))):
        for column in reversed(range(len(right))):
            least[row][column] = min(
                costs[row][column] + least[row + 1][column + 1],
                _ALONE + min(least[row + 1][column], least[row][column + 1]),
            )
    pairs = []
    row = column = 0
    while row < len(left) and column < len(right):
        if least[row][column] == costs[row][column] + least[row + 1][column + 1]:
            pairs.append((left[row], right[column]))
            row, column = row + 1, column + 1
        elif least[row][column] == _ALONE + least[row + 1][column]:
            row += 1
        else:
            column += 1
    return pairs


def _cost(published: Json, ours: Json, given: str, most: float) -> float:
    """Return what it costs to pair two items; `most` is for records of which everything differs."""
    different = difference_of(published, ours, given)
    if different == 1 and isinstance(published, dict):
        return most
    return _ALONE + (1 - _ALONE) * different if different else 0.0


def _moved(
    published: Sequence[Json], ours: Sequence[Json], left: Sequence[int], right: list[int], given: str
) -> list[tuple[int, int]]:
    """Return the pairs of equal items that are elsewhere."""
    pairs = []
    for one in left:
        other = next((place for place in right if same(published[one], ours[place], given)), None)
        if other is not None:
            pairs.append((one, other))
            right.remove(other)
    return pairs
