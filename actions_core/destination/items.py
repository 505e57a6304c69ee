"""The items of a batch: what a function made of each payload, to be sent together.

Items are made before the batch is: an event of which none can be made fails, or is skipped, alone. So the
places here are those of the list that goes out, by which an API tells which of its items it refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import attrs

from actions_core.destination.multistatus import MultiStatus, Node, failure, node_of, success
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination.context import Context
    from actions_core.destination.multistatus import Outcome
    from actions_core.values.types import Json, JsonObject

    #: What an API said of an item: a message alone means that it refused the item for good.
    ItemError: TypeAlias = str | Outcome

    Key = TypeVar("Key")

_REFUSED = 400


@attrs.frozen(eq=False)
class BatchItem:
    """One item of a batch: its place among all items, its `value`, and what it was made of."""

    place: int
    value: Json = attrs.field(repr=False)
    payload: JsonObject = attrs.field(repr=False)
    context: Context


class Items(Sequence[BatchItem]):
    """The items of a batch, or some of them, in the order of their events."""

    __slots__ = ("_items", "_size")

    def __init__(self, items: Sequence[BatchItem], size: int | None = None) -> None:
        self._items = items
        #: how many the batch has altogether
        self._size = len(items) if size is None else size

    def __repr__(self) -> str:
        return f"<Items {len(self._items)} of {self._size}>"

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> BatchItem:  # type: ignore[override] # slices have no use here
        return self._items[index]

    @property
    def values(self) -> list[Json]:
        """What was made of the payloads: the list to send."""
        return [item.value for item in self._items]

    def where(self, keep: Callable[[BatchItem], bool]) -> Items:
        """Return the items for which `keep` is true."""
        return Items([item for item in self._items if keep(item)], self._size)

    def groups(self, key: Callable[[BatchItem], Key]) -> dict[Key, Items]:
        """Return the items by the value that `key` has for them, such as those that go to one address."""
        found: dict[Key, list[BatchItem]] = {}
        for item in self._items:
            found.setdefault(key(item), []).append(item)
        return {value: Items(items, self._size) for value, items in found.items()}

    def results(
        self,
        response: Outcome | None = None,
        errors: Mapping[int, ItemError] | None = None,
        *,
        into: MultiStatus | None = None,
    ) -> MultiStatus:
        """Return the outcome of each item: what `errors` says of it, else what `response` is for all.

        `errors` go by the place in `values`. A message alone is a refusal with the status 400, which is
        final; a `Node`, a `Skip` or an error says more. `response` may be the error that came instead.
        Where the items are some of a batch, `into` takes their outcomes beside those of the others: a
        `MultiStatus(len(items))` of all. Raises `IndexError` for an error at a place that no item has, so
        that an item is not taken for accepted by mistake.
        """
        errors = errors or {}
        for place in errors:
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(self._items):
                raise IndexError(f"no item has the place {place!r}: {len(self._items)} were sent")
        outcomes = MultiStatus(self._size) if into is None else into
        shared = success(body={}) if response is None else node_of(response)
        for index, item in enumerate(self._items):
            error = errors.get(index)
            if isinstance(error, str):
                node = failure(_REFUSED, error, sent=item.value)
            else:
                node = _with_sent(shared if error is None else node_of(error), item)
            outcomes.put(item.place, node)
        return outcomes


def _with_sent(node: Node, item: BatchItem) -> Node:
    """Return a node with the item as what was sent, where it does not say."""
    return node if node.skipped or node.sent is not MISSING else attrs.evolve(node, sent=item.value)
