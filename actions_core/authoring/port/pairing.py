"""The requests of both sides in pairs, and what differs in them.

A batch goes out as one request or as several: those to one address are compared as if all their items were
in one, so that each item meets its counterpart wherever that is.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.authoring.port.alignment import Alignment, align
from actions_core.authoring.port.leaves import (
    MISSING_IN_OURS,
    MISSING_IN_PUBLISHED,
    Difference,
    differing_leaves,
)
from actions_core.authoring.port.sameness import difference_of, overlap_of, same
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.values.types import Json, JsonObject

_Pairs = list[tuple["PlainRequest", "PlainRequest"]]
_Path = tuple[str, ...]

#: Kinds of bodies that contain items.
_KINDS: Final = ("json", "lines")
#: What is said of a request that one side lacks.
_REQUEST: Final = "request"
#: Requests of which a larger part differs are no counterparts.
_MOSTLY: Final = 0.5
#: How deep in a body the list of items lies.
_DEEPEST: Final = 3


def compare_requests(
    published: Sequence[PlainRequest], ours: Sequence[PlainRequest], given: str, *, alone: bool = True
) -> list[Difference]:
    """Return what differs; without `alone`, a request that one side lacks is no difference.

    Of several with bodies, those to different addresses are counterparts only if most of them is the same.
    """
    left, right = list(published), list(ours)
    are_several = alone and len(published) + len(ours) > 2  # noqa: PLR2004  # one on each side
    pairs = _taken(left, right, _equal(given)) + _closest(left, right, given)
    similar = _similar(given)
    pairs += _taken(
        left,
        right,
        lambda one, other: not are_several or not (one.kind or other.kind) or similar(one, other),
    )
    found = [leaf for one, other in pairs for leaf in differing_leaves(one.parts, other.parts, "", given)]
    return found + _alone(left, right) if alone else found


def _taken(
    left: list[PlainRequest], right: list[PlainRequest], fits: Callable[[PlainRequest, PlainRequest], bool]
) -> _Pairs:
    """Take the pairs that fit from both lists, and return them."""
    pairs = []
    for one in list(left):
        other = next((candidate for candidate in right if fits(one, candidate)), None)
        if other is not None:
            pairs.append((one, other))
            left.remove(one)
            right.remove(other)
    return pairs


def _closest(left: list[PlainRequest], right: list[PlainRequest], given: str) -> _Pairs:
    """Take pairs of requests to one address from both lists, those first of which least differs."""
    found = sorted(
        (
            (difference_of(one.parts, other.parts, given), row, column)
            for row, one in enumerate(left)
            for column, other in enumerate(right)
            if _same_address(one, other)
        ),
    )
    chosen: list[tuple[int, int]] = []
    for _, row, column in found:
        if all(row != one and column != other for one, other in chosen):
            chosen.append((row, column))
    pairs = [(left[row], right[column]) for row, column in sorted(chosen)]
    rows, columns = {row for row, _ in chosen}, {column for _, column in chosen}
    left[:] = [one for row, one in enumerate(left) if row not in rows]
    right[:] = [one for column, one in enumerate(right) if column not in columns]
    return pairs


def _equal(given: str) -> Callable[[PlainRequest, PlainRequest], bool]:
    return lambda one, other: same(one.parts, other.parts, given)


def _same_address(one: PlainRequest, other: PlainRequest) -> bool:
    return (one.method, one.url) == (other.method, other.url)


def _alone(left: Sequence[PlainRequest], right: Sequence[PlainRequest]) -> list[Difference]:
    found = [Difference(_REQUEST, _summary(request), MISSING) for request in left]
    return found + [Difference(_REQUEST, MISSING, _summary(request)) for request in right]


def _summary(request: PlainRequest) -> Json:
    body = {request.kind: request.body} if request.kind else {}
    return {"method": request.method, "url": request.url, **body}


# -- batches ------------------------------------------------------------------------------------


@attrs.frozen
class BatchDifferences:
    """What differs between the requests of a batch: leaves, and items that one side leaves out."""

    leaves: tuple[Difference, ...]
    missing_in_ours: tuple[Difference, ...]
    missing_in_published: tuple[Difference, ...]
    #: how many items those are, where whole requests are among them
    items_of_ours: int
    items_of_published: int

    def differences(self, *, refused_by_ours: int, refused_by_published: int, items: int) -> list[Difference]:
        """Return the differences, without what refusals by one side alone account for.

        That is as many items as it refuses; where it refuses all `items`, it makes no further request.
        """
        found = list(self.leaves)
        if self.items_of_ours > refused_by_ours:
            found += _of_items(self.missing_in_ours, only=0 < refused_by_ours == items)
        if self.items_of_published > refused_by_published:
            found += _of_items(self.missing_in_published, only=0 < refused_by_published == items)
        return found


def _of_items(missing: Sequence[Difference], *, only: bool) -> list[Difference]:
    """Return what is missing, with `only` without whole requests."""
    return [one for one in missing if not only or one.leaf != _REQUEST]


def compare_batches(
    published: Sequence[PlainRequest], ours: Sequence[PlainRequest], given: str
) -> BatchDifferences:
    """Return what differs between the requests that both sides make of one batch."""
    left, right = list(published), list(ours)
    _taken(left, right, _equal(given))
    leaves: list[Difference] = []
    for address in dict.fromkeys((request.method, request.url) for request in left):
        theirs, mine = _to(left, address), _to(right, address)
        path = _items_path([*theirs, *mine]) if theirs and mine else None
        if path is not None:
            leaves += _merged(theirs, mine, path, given)
            left = [one for one in left if one not in theirs]
            right = [one for one in right if one not in mine]
    for one, other in _closest(left, right, given) + _taken(left, right, _similar(given)):
        leaves += differing_leaves(one.parts, other.parts, "", given)
    return _counted(leaves, left, right)


def _similar(given: str) -> Callable[[PlainRequest, PlainRequest], bool]:
    """Return whether most of two requests is the same: else they have nothing to do with each other."""
    return lambda one, other: difference_of(one.parts, other.parts, given) < _MOSTLY


def _to(requests: Sequence[PlainRequest], address: tuple[str, str]) -> list[PlainRequest]:
    return [one for one in requests if (one.method, one.url) == address]


def _counted(
    leaves: Sequence[Difference], left: Sequence[PlainRequest], right: Sequence[PlainRequest]
) -> BatchDifferences:
    """Tell items that one side leaves out, in requests or with them, from the other differences."""
    in_ours = [one for one in leaves if _is_batch_item(one, MISSING_IN_OURS)]
    in_published = [one for one in leaves if _is_batch_item(one, MISSING_IN_PUBLISHED)]
    return BatchDifferences(
        tuple(one for one in leaves if one not in in_ours and one not in in_published),
        (*in_ours, *_alone(left, [])),
        (*in_published, *_alone([], right)),
        len(in_ours) + sum(map(_size, left)),
        len(in_published) + sum(map(_size, right)),
    )


def _is_batch_item(difference: Difference, word: str) -> bool:
    return difference.leaf.endswith(f": {word}") and difference.leaf.count("[]") == 1


def _size(request: PlainRequest) -> int:
    path = _items_path([request])
    return 1 if path is None else len(_at(request.parts, path))


def _merged(
    published: list[PlainRequest], ours: list[PlainRequest], path: _Path, given: str
) -> Iterator[Difference]:
    """Yield what differs between requests to one address, whose items are compared as one list."""
    ours = _by_likeness(published, ours, path, given)
    for one, other in zip(published, ours, strict=False):
        yield from differing_leaves(_without(one.parts, path), _without(other.parts, path), "", given)
    left, right = _joined(published, path), _joined(ours, path)
    name = ".".join(path)
    yield from differing_leaves([item for _, item in left], [item for _, item in right], name, given)
    if len(published) == len(ours) == 1:
        return
    items = align([item for _, item in left], [item for _, item in right], given)
    if not _is_split_equally(items, [number for number, _ in left], [number for number, _ in right]):
        yield Difference(f"{name}: split differently", _sizes(published, path), _sizes(ours, path))


def _by_likeness(
    published: list[PlainRequest], ours: list[PlainRequest], path: _Path, given: str
) -> list[PlainRequest]:
    """Return our requests in the order of those published ones whose items are most like theirs."""
    rest, ordered = list(ours), []
    for request in published if len(ours) > 1 else ():
        if not rest:
            break
        closest = max(rest, key=functools.partial(_likeness, request, path=path, given=given))
        ordered.append(closest)
        rest.remove(closest)
    return ordered + rest


def _likeness(published: PlainRequest, ours: PlainRequest, *, path: _Path, given: str) -> float:
    """Return how many items two requests have in common; of one that differs, what both have counts."""
    left, right = _at(published.parts, path), _at(ours.parts, path)
    pairs = align(left, right, given).pairs
    return sum(overlap_of(left[one], right[other], given) for one, other in pairs)


def _joined(requests: Sequence[PlainRequest], path: _Path) -> list[tuple[int, Json]]:
    """Return the items of all requests, each with the number of its request."""
    return [(number, item) for number, request in enumerate(requests) for item in _at(request.parts, path)]


def _sizes(requests: Sequence[PlainRequest], path: _Path) -> list[int]:
    return [len(_at(request.parts, path)) for request in requests]


def _is_split_equally(items: Alignment, left: Sequence[int], right: Sequence[int]) -> bool:
    together = {(left[one], right[other]) for one, other in items.pairs}
    return len({one for one, _ in together}) == len(together) == len({other for _, other in together})


# -- the list of items in a body ----------------------------------------------------------------


def _items_path(requests: Sequence[PlainRequest]) -> _Path | None:
    """Return the path of the longest list that is in the bodies of all requests."""
    found = [dict(_lists(request.parts)) for request in requests]
    common = set(found[0]).intersection(*found[1:])
    return max(common, key=lambda path: (sum(lists[path] for lists in found), path), default=None)


def _lists(parts: JsonObject) -> Iterator[tuple[_Path, int]]:
    return itertools.chain.from_iterable(_lists_in(parts.get(kind), (kind,)) for kind in _KINDS)


def _lists_in(value: Json, path: _Path) -> Iterator[tuple[_Path, int]]:
    if isinstance(value, list):
        yield path, len(value)
    elif isinstance(value, dict) and len(path) < _DEEPEST:
        for key, item in value.items():
            yield from _lists_in(item, (*path, key))


def _at(parts: Any, path: _Path) -> list[Json]:
    for key in path:
        parts = parts[key]
    found: list[Json] = parts
    return found


def _without(parts: Any, path: _Path) -> Any:
    """Return parts with an empty list at a path."""
    if not path:
        return []
    return {**parts, path[0]: _without(parts[path[0]], path[1:])}
