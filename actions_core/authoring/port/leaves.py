"""The leaves in which two JSON values differ, each with its path and the value of each side.

Items of lists are compared with those that they belong to: one that a side lacks is a difference by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.port.alignment import align
from actions_core.authoring.port.sameness import same_leaf
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.values.types import Json

MISSING_IN_OURS: Final = "missing in ours"
MISSING_IN_PUBLISHED: Final = "missing in the published one"
_REORDERED: Final = "in another order"


@attrs.frozen
class Difference:
    """One leaf with the value of each side; MISSING where a side has none.

    `item` is the place in its list of an item that one side lacks.
    """

    leaf: str
    published: Json
    ours: Json
    item: int | None = None


def differing_leaves(published: Json, ours: Json, path: str, given: str) -> Iterator[Difference]:
    """Yield the leaves that differ; `given` is the text of what both sides were given."""
    if isinstance(published, dict) and isinstance(ours, dict):
        for key in [*published, *(key for key in ours if key not in published)]:
            below = f"{path}.{key}" if path else key
            yield from differing_leaves(published.get(key, MISSING), ours.get(key, MISSING), below, given)
    elif isinstance(published, list) and isinstance(ours, list):
        yield from _of_lists(published, ours, f"{path}[]", given)
    elif not same_leaf(published, ours, given):
        yield Difference(path, published, ours)


def _of_lists(published: Sequence[Json], ours: Sequence[Json], path: str, given: str) -> Iterator[Difference]:
    found = align(published, ours, given)
    for one, other in found.pairs:
        yield from differing_leaves(published[one], ours[other], path, given)
    for place in found.missing_in_ours:
        yield Difference(f"{path}: {MISSING_IN_OURS}", published[place], MISSING, place)
    for place in found.missing_in_published:
        yield Difference(f"{path}: {MISSING_IN_PUBLISHED}", MISSING, ours[place], place)
    if found.is_reordered:
        by_ours = sorted(found.pairs, key=lambda pair: pair[1])
        yield Difference(
            f"{path}: {_REORDERED}", [one for one, _ in found.pairs], [one for one, _ in by_ours]
        )
