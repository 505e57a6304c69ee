"""Which items of two lists belong together, so that one that is missing does not make all after it differ.

Items belong together by what identifies them: a key whose values are all unlike each other on each side,
and mostly the same on both. Where there is none, they do so in place, if the lists have one length and items
that are at least half the same; else by a key that only a few items share, of which those belong together
that are equal, or in their order. What no key identifies is aligned by the sequences, so that least differs;
so is what is left on both sides, if it is as many: else those alone that differ in their identity only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.sameness import difference_of, same
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from actions_core.values.types import Json

#: How deep in an item its identity is looked for.
_DEEPEST: Final = 2
#: How many items may have one id.
_MOST_TIMES: Final = 3
#: What it costs to leave an item alone. A pair costs nothing if equal, else as much to twice as much.
_ALONE: Final = 0.5
_UNLIKE: Final = 3 * _ALONE
#: What part of the items has to have an identity, where not all do.
_NEARLY_ALL: Final = 0.75
#: Of longer lists, each item is compared with the one in its place.
_MOST_PAIRS: Final = 40_000

_Path = tuple[str, ...]
_Pairs = list[tuple[int, int]]
#: The places of the items that have each value of a key, and those of each key by its path.
_Values = dict["Hashable", list[int]]
_Places = dict[_Path, _Values]


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
        found = _paired(published, ours, left, right, given)
        found += _moved(published, ours, *_without(found, left, right), given)
        pairs += found
        left, right = _without(found, left, right)
    return Alignment(tuple(sorted(pairs)), tuple(left), tuple(right))


def _paired(
    published: Sequence[Json], ours: Sequence[Json], left: Sequence[int], right: Sequence[int], given: str
) -> _Pairs:
    """Return the pairs by what identifies items, by their places, or by their sequence."""
    path, found = _identified(published, ours, left, right, given, _are_unlike)
    if not path and _fit_in_place(published, ours, left, given):
        return list(zip(left, right, strict=True))
    if not path:
        path, found = _identified(published, ours, left, right, given, _are_shared)
    if not path:
        path, found = _identified(published, ours, left, right, given, _are_shared, of=_NEARLY_ALL)
    left, right = _without(found, left, right)
    if path and len(left) != len(right):
        renamed = _renamed(published, ours, path, left, list(right), given)
        found += renamed
        left, right = _without(renamed, left, right)
        left = [place for place in left if _value_at(published[place], path) is MISSING]
        right = [place for place in right if _value_at(ours[place], path) is MISSING]
    return found + _in_sequence(published, ours, left, right, given)


def _without(pairs: _Pairs, left: Sequence[int], right: Sequence[int]) -> tuple[list[int], list[int]]:
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
    published: Sequence[Json],
    ours: Sequence[Json],
    left: Sequence[int],
    right: Sequence[int],
    given: str,
    identifies: Callable[[_Path, _Values, _Values], bool],
    *,
    of: float = 1,
) -> tuple[_Path, _Pairs]:
    """Return the path of what identifies that part of the items, and the pairs of those with one identity.

    Both are empty where nothing identifies them. Of several paths that do, that counts by which the pairs are
    most alike.
    """
    theirs, mine = _places(published, left, of), _places(ours, right, of)
    best: tuple[float, _Path, _Pairs] = (0.0, (), [])
    for path in theirs:
        if path not in mine or not identifies(path, theirs[path], mine[path]):
            continue
        pairs = _of_one_value(published, ours, theirs[path], mine[path], given)
        alike = sum(1 - difference_of(published[one], ours[other], given) for one, other in pairs)
        if alike > best[0] and 2 * len(pairs) >= min(len(left), len(right)):
            best = alike, path, pairs
    return best[1:]


def _renamed(
    published: Sequence[Json],
    ours: Sequence[Json],
    path: _Path,
    left: Sequence[int],
    right: list[int],
    given: str,
) -> _Pairs:
    """Return the pairs of items that have something in common, and of which only the identity differs."""
    pairs = []
    for one in left:
        rest = _stripped(published[one], path)
        fitting = (place for place in right if same(rest, _stripped(ours[place], path), given))
        other = next(fitting, None) if rest else None
        if other is not None:
            pairs.append((one, other))
            right.remove(other)
    return pairs


def _stripped(item: Json, path: _Path) -> Json:
    """Return an item without what it has at a path."""
    if not isinstance(item, dict):
        return item
    rest = {key: value for key, value in item.items() if key != path[0]}
    return (
        rest
        if len(path) == 1 or path[0] not in item
        else {**rest, path[0]: _stripped(item[path[0]], path[1:])}
    )


def _value_at(item: Json, path: _Path) -> Json:
    """Return the value that identifies an item by a path, MISSING where it has none."""
    return dict(_scalars(item, ())).get(path, MISSING)


def _places(items: Sequence[Json], places: Sequence[int], of: float) -> _Places:
    """Return the places of items by their values at each path where at least that part of them has one."""
    found: _Places = {}
    for place in places:
        for path, value in _scalars(items[place], ()):
            found.setdefault(path, {}).setdefault(value, []).append(place)
    return {path: values for path, values in found.items() if _number(values) >= of * len(places)}


def _number(values: _Values) -> int:
    return sum(map(len, values.values()))


def _most_times(values: _Values) -> int:
    return max(map(len, values.values()))


def _are_unlike(_path: _Path, theirs: _Values, mine: _Values) -> bool:
    """Return whether no two items of a side share a value."""
    return _most_times(theirs) == _most_times(mine) == 1


def _are_shared(path: _Path, theirs: _Values, mine: _Values) -> bool:
    """Return whether only a few items share a value: one of an id, or a text that a side seldom has twice."""
    if path[-1].lower().endswith("id") and max(_most_times(theirs), _most_times(mine)) <= _MOST_TIMES:
        return True
    is_text = all(isinstance(value, str) for value in (*theirs, *mine))
    return is_text and any(2 * len(values) > _number(values) for values in (theirs, mine))


def _of_one_value(
    published: Sequence[Json], ours: Sequence[Json], theirs: _Values, mine: _Values, given: str
) -> _Pairs:
    """Return the pairs of items that share a value, in their order, as many equal ones as there can be."""
    pairs: _Pairs = []
    for value, left in theirs.items():
        right = mine.get(value, [])
        if len(left) == len(right):
            pairs += zip(left, right, strict=True)
        elif left and right:
            costs = [
                [0.0 if same(published[one], ours[other], given) else 2 * _ALONE for other in right]
                for one in left
            ]
            pairs += _cheapest(costs, left, right)
    return pairs


def _scalars(item: Json, path: _Path) -> Iterator[tuple[_Path, Hashable]]:
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
) -> _Pairs:
    """Return the pairs of the alignment that costs least."""
    if not left or not right:
        return []
    if len(left) * len(right) > _MOST_PAIRS:
        return list(zip(left, right, strict=False))
    # Where one side has more, two records that have nothing in common are no counterparts.
    most = 1.0 if len(left) == len(right) else _UNLIKE
    costs = [[_cost(published[one], ours[other], given, most) for other in right] for one in left]
    return _cheapest(costs, left, right)


def _cheapest(costs: Sequence[Sequence[float]], left: Sequence[int], right: Sequence[int]) -> _Pairs:
    """Return the pairs of the alignment that costs least, of the costs of each pair."""
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
    pairs: _Pairs = []
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
) -> _Pairs:
    """Return the pairs of equal items that are elsewhere."""
    pairs = []
    for one in left:
        other = next((place for place in right if same(published[one], ours[place], given)), None)
        if other is not None:
            pairs.append((one, other))
            right.remove(other)
    return pairs
