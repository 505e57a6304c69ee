"""The keys that sample events contain.

Only keys are kept, merged into one tree, so that a file of any length takes little memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.values.paths import ANY_ITEM, format_path
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions_core.values.types import Json, JsonObject

#: One step of a path, as mappings and conditions write it.
_STEP: Final = re.compile(
    r"\[\]|\[(?P<index>\d+)\]|\['(?P<single>[^']*)'\]|\[\"(?P<double>[^\"]*)\"\]|[^.\[\]]+"
)
#: Keys that the engine adds where they are missing.
_ADDED: Final = frozenset({"messageId", "timestamp", "receivedAt"})
#: The number of paths among which a similar one is looked for.
_MOST_PATHS: Final = 2000


@attrs.define
class _Node:
    """One place in the samples, and the keys below it."""

    keys: dict[str, _Node] = attrs.field(factory=dict)
    items: _Node | None = None
    has_length: bool = False

    def add(self, value: Json) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                self.keys.setdefault(key, _Node()).add(item)
        elif isinstance(value, list):
            self.has_length = True
            for item in value:
                self.items = self.items or _Node()
                self.items.add(item)
        elif isinstance(value, str):
            self.has_length = True

    def paths(self, steps: tuple[str, ...] = ()) -> Iterator[str]:
        for key, node in self.keys.items():
            yield format_path((*steps, key))
            yield from node.paths((*steps, key))
        if self.items is not None:
            yield from self.items.paths((*steps, ANY_ITEM))


class SampleKeys:
    """The keys of sample events."""

    def __init__(self, events: Iterable[JsonObject] = ()) -> None:
        self._root = _Node()
        self._known: list[str] | None = None
        self.count = 0
        for event in events:
            self.add(event)

    def add(self, event: JsonObject) -> None:
        """Add the keys of one more event."""
        self.count += 1
        self._known = None
        self._root.add(event)

    def has(self, path: str) -> bool:
        """Return True if any sample has a value at the path; `[]` stands for any item."""
        steps = [
            found["index"] or found["single"] or found["double"] or found[0] for found in _STEP.finditer(path)
        ]
        if path == "$." or not steps or steps[0] in _ADDED:
            return True
        node = self._root
        for number, step in enumerate(steps, 1):
            if step == ANY_ITEM:
                # An object counts as a list of one where items are mapped, and its values as its items.
                below = node.items or (node if node.keys else None)
            else:
                below = node.keys.get(step) or (node.items if step.isdigit() else None)
            if below is None:
                return step == "length" and node.has_length and number == len(steps)
            node = below
        return True

    def missing(self, path: str) -> str:
        """Return a sentence about a path that no sample has; empty where one has it."""
        if self.has(path):
            return ""
        if self._known is None:
            self._known = [known for known, _ in zip(self._root.paths(), range(_MOST_PATHS), strict=False)]
        number = "the sample has no" if self.count == 1 else f"none of the {self.count:,} samples has"
        return f"{number} {shown(path)}{suggestion(path, self._known)}"
