"""Python source that a mapping is turned into when it is loaded.

A mapping runs for each event, so it is compiled to one flat Python function instead of being
walked: every node writes the lines that compute its value and names the variable that then holds
it. How source is written at all, and constants into it, is the business of `values.codegen`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from actions_core.errors import MappingError, Problem
from actions_core.values.codegen import Source
from actions_core.values.types import MISSING, Json, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.values.paths import Steps

#: The variable of the event itself, which is known to be an object.
EVENT: Final = "event"
#: The variable of what stands for the event inside an item shape: any value.
ITEM: Final = "item"


class Node(Protocol):
    """A part of a mapping, checked and ready to be written as source."""

    def emit(self, source: MappingSource, event: str) -> str:
        """Write the lines that compute the value for the event in variable `event`; name what holds it."""

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        """Yield the paths that are read where `event` stands at `base` in the real one, or nowhere (None)."""

    def repeats(self) -> int:
        """Return how often a value of the event can at most stand in the result."""


def fail(path: str, message: str) -> MappingError:
    """Return the error of a directive that cannot do its work."""
    return MappingError(problems=[Problem(path, message)])


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
