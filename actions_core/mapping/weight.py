"""How large a value is when it is written out.

A value made by a mapping may hold another one many times over without taking room for it, and a
few steps of doubling make something that nobody could ever write. Weighing looks at each list and
object only once, so that it is quick where writing would not end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from actions_core.mapping.codegen import MappingSource, fail

if TYPE_CHECKING:
    from actions_core.values.types import Json

#: A value that repeats the event more often than this is weighed.
_OFTEN: Final = 100

#: The most values that may be in one, counted as often as they stand there.
MAX_WEIGHT: Final = 1_000_000
#: A text weighs one, and one more for each of so many characters.
_CHARACTERS: Final = 50


def weigh(value: Json, known: dict[int, int]) -> int:
    """The weight of a value; `known` holds, by identity, those of lists and objects still in use."""
    if isinstance(value, str):
        return 1 + len(value) // _CHARACTERS
    if not isinstance(value, list | dict):
        return 1
    weight = known.get(id(value))
    if weight is None:
        inner = value.values() if isinstance(value, dict) else value
        weight = known[id(value)] = 1 + sum([weigh(item, known) for item in inner])
    return weight


def check_weight(value: Json, place: str) -> None:
    """Refuse a value that has been multiplied beyond all measure."""
    if weigh(value, {}) > MAX_WEIGHT:
        raise fail(place, f"makes more than {MAX_WEIGHT:,} values")


class Repeating(Protocol):
    """A node that may repeat the event, and where it stands in the mapping."""

    @property
    def place(self) -> str:
        """The path of the node in the mapping."""

    def repeats(self) -> int:
        """How often a value of the event can at most stand in the result."""


def guard_weight(source: MappingSource, node: Repeating, value: str) -> str:
    """Check what a node makes, where it repeats the event so often that a few like it never end."""
    if node.repeats() > _OFTEN:
        source.use(check_weight)
        source.put(f"check_weight({value}, {source.constant(node.place)})")
    return value
