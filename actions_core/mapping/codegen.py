# ruff: noqa: D102  # the protocol Node says what its methods do
"""The nodes of a mapping, and the Python source that they are turned into when it is loaded.

A mapping runs for each event, so it is compiled to one flat Python function instead of being
walked: every node writes the lines that compute its value and names the variable that then holds
it. How source is written at all, and constants into it, is the business of `values.codegen`. The
nodes of the directives stand in `directives/`; here are those of plain JSON, and those that a faulty
directive leaves behind.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from actions_core.errors import MappingError
from actions_core.mapping.runtime import check_weight, fail
from actions_core.values.codegen import Source
from actions_core.values.types import MISSING, Json, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.values.paths import Steps

#: The variable of the event itself, which is known to be an object.
EVENT: Final = "event"
#: The variable of what stands for the event inside an item shape: any value.
ITEM: Final = "item"
#: A value that repeats the event more often than this is weighed.
_MANY_REPEATS: Final = 100


class Node(Protocol):
    """A part of a mapping, checked and ready to be written as source."""

    def emit(self, source: MappingSource, event: str) -> str:
        """Write the lines that compute the value for the event in variable `event`; return what holds it."""

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        """Yield the paths that are read where `event` stands at `base` in the real one, or nowhere (None)."""

    def repeats(self) -> int:
        """Return how often a value of the event can at most stand in the result."""


class MappingSource(Source):
    """The source of one mapping, or of one field of it; where traced, it notes what it reads."""

    def __init__(self, *, traced: bool = False) -> None:
        super().__init__("mapping", MISSING=MISSING, MappingError=MappingError, fail=fail)
        self.traced = traced

    @contextmanager
    def untraced(self) -> Iterator[None]:
        """Write lines that read without a note: what is read decides, but does not give the value."""
        before, self.traced = self.traced, False
        yield
        self.traced = before

    def assigned(self, expression: str) -> str:
        """Return the expression where it is a variable, else a new variable that holds its value."""
        return expression if expression.isidentifier() else self.let(expression)

    def shape_function(self, shape: Node) -> str:
        """Write an item shape as a function of its own, of any value; return the function's name."""
        with self.untraced(), self.function(ITEM) as name:
            self.put(f"return {shape.emit(self, ITEM)}")
        return name

    def resolver(self, node: Node) -> Callable[..., Json | Missing]:
        """Compile a node to a function of an event, which takes a list for its notes where traced.

        It refuses what is not an object. An event nested without end is the one thing that can
        exhaust the stack in it.
        """
        with self.function(f"{EVENT}, seen" if self.traced else EVENT, "resolve"):
            with self.block(f"if type({EVENT}) is not dict and not isinstance({EVENT}, dict):"):
                self.put('raise MappingError("the event must be an object")')
            with self.block("try:"):
                self.put(f"return {node.emit(self, EVENT)}")
            with self.block("except RecursionError:"):
                self.put('raise MappingError("the event is nested too deeply") from None')
        resolve: Callable[..., Json | Missing] = self.build()["resolve"]
        return resolve


class Repeating(Protocol):
    """A node that may repeat the event, and its place in the mapping."""

    @property
    def place(self) -> str:
        """The path of the node in the mapping."""

    def repeats(self) -> int:
        """Return how often a value of the event can at most stand in the result."""


def guard_weight(source: MappingSource, node: Repeating, value: str) -> str:
    """Write a check of what a node makes, where it repeats the event so often that nesting it never ends."""
    if node.repeats() > _MANY_REPEATS:
        source.use(check_weight)
        source.put(f"check_weight({value}, {source.constant(node.place)})")
    return value


@attrs.frozen
class Constant:
    """A value that is the same for every event; each gets its own copy of lists and objects."""

    value: Json

    def emit(self, source: MappingSource, event: str) -> str:  # noqa: ARG002  # the form of every node
        constant = source.constant(self.value)
        return source.let(constant) if isinstance(self.value, list | dict) else constant

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1


@attrs.frozen
class Absent:
    """A value that is always missing."""

    def emit(self, source: MappingSource, event: str) -> str:  # noqa: ARG002  # the form of every node
        return "MISSING"

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1


@attrs.frozen
class Object:
    """An object with directives somewhere in it; keys of missing values are left out."""

    entries: dict[str, Node]

    def emit(self, source: MappingSource, event: str) -> str:
        result = source.let("{}")
        for key, node in self.entries.items():
            value = node.emit(source, event)
            line = f"{result}[{source.constant(key)}] = {value}"
            source.put(line if never_missing(node, value) else f"if {value} is not MISSING: {line}")
        return result

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in self.entries.values():
            yield from node.reads(base)

    def repeats(self) -> int:
        return sum(node.repeats() for node in self.entries.values())


@attrs.frozen
class List:
    """A list with directives somewhere in it; a missing item is null, unless `keeps_missing`."""

    items: tuple[Node, ...]
    keeps_missing: bool = False

    def emit(self, source: MappingSource, event: str) -> str:
        result = source.let("[]")
        for node in self.items:
            value = node.emit(source, event)
            is_there = self.keeps_missing or never_missing(node, value)
            absent = "" if is_there else f"None if {value} is MISSING else "
            source.put(f"{result}.append({absent}{value})")
        return result

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in self.items:
            yield from node.reads(base)

    def repeats(self) -> int:
        return sum(node.repeats() for node in self.items)


def keeping_missing(node: Node) -> Node:
    """Return the node with its missing items left missing, for one that takes lists apart."""
    if isinstance(node, Object):
        return Object({key: keeping_missing(inner) for key, inner in node.entries.items()})
    if isinstance(node, List):
        return List(tuple([keeping_missing(inner) for inner in node.items]), keeps_missing=True)
    return node


def never_missing(node: Node, value: str) -> bool:
    """Tell whether the value of a node, named so in the source, is always there."""
    return isinstance(node, Constant | Object | List) or not value.isidentifier()


@attrs.frozen
class AlwaysFails:
    """A directive that always fails: harmless until an event reaches it."""

    path: str
    message: str

    def emit(self, source: MappingSource, event: str) -> str:  # noqa: ARG002  # the form of every node
        source.put(f"raise fail({source.constant(self.path)}, {source.constant(self.message)})")
        return "MISSING"

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1
