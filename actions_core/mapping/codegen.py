"""Python source that a mapping is turned into when it is loaded.

A mapping runs for each event, so it is compiled to one flat Python function instead of being
walked: every node writes the lines that compute its value and names the variable that then holds
it. Only this module knows how those lines are put together, named and executed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from actions_core.errors import MappingError, Problem
from actions_core.values.types import MISSING, Json, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.values.paths import Steps

#: The variable of the event itself, which is known to be an object.
EVENT: Final = "event"
#: The variable of what stands for the event inside an item shape: any value.
ITEM: Final = "item"
_INDENT: Final = "    "
#: A longer constant is no clearer or faster in the source than under a name.
_LONGEST_TEXT: Final = 200
LARGEST_INT: Final = 2**63


class Node(Protocol):
    """A part of a mapping, checked and ready to be written as source."""

    def emit(self, source: Source, event: str) -> str:
        """Write the lines that compute the value for the event in variable `event`; name what holds it."""

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        """The paths that are read where the event stands at `base` in the real one, or nowhere (None)."""

    def repeats(self) -> int:
        """How often a value of the event can at most stand in the result."""


def fail(path: str, message: str) -> MappingError:
    """The error of a directive that cannot do its work."""
    return MappingError(problems=[Problem(path, message)])


class Source:
    """The lines of one function, and what they need by name."""

    def __init__(
        self, names: dict[str, object] | None = None, *, depth: int = 2, traced: bool = False
    ) -> None:
        self.names: dict[str, object] = {"MISSING": MISSING, "fail": fail} if names is None else names
        self.traced = traced
        self.loops = 0
        self._functions: list[str] = []
        self._lines: list[str] = []
        self._depth = depth
        self._variables = 0
        self._known: dict[tuple[object, ...], str] = {}
        self._learnt: list[list[tuple[object, ...]]] = [[]]

    def put(self, line: str) -> None:
        """Write one line at the present depth."""
        self._lines.append(_INDENT * self._depth + line)

    def variable(self) -> str:
        """A variable that nothing uses yet."""
        self._variables += 1
        return f"v{self._variables}"

    def let(self, expression: str) -> str:
        """Write an assignment to a new variable."""
        name = self.variable()
        self.put(f"{name} = {expression}")
        return name

    def once(self, key: tuple[object, ...], expression: str) -> str:
        """A variable for an expression, which a later expression of the same key shares."""
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = self.let(expression)
            self._learnt[-1].append(key)
        return name

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write what follows below a header such as `if x:`; what it finds out is not known after it."""
        self.put(header)
        self._depth += 1
        self._learnt.append([])
        yield
        for key in self._learnt.pop():
            del self._known[key]
        self._depth -= 1

    @contextmanager
    def loop(self, header: str) -> Iterator[None]:
        """Write what follows inside a loop."""
        self.loops += 1
        with self.block(header):
            yield
        self.loops -= 1

    @contextmanager
    def untraced(self) -> Iterator[None]:
        """Read without noting it: what is read decides, but does not give the value."""
        before, self.traced = self.traced, False
        yield
        self.traced = before

    def keep(self, value: object) -> str:
        """A name in the source for any object."""
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def constant(self, value: Json) -> str:
        """An expression for a value that never changes."""
        if value is None or value is True or value is False:
            return repr(value)
        if (isinstance(value, str) and len(value) <= _LONGEST_TEXT) or (
            isinstance(value, int) and abs(value) < LARGEST_INT
        ):
            return repr(value)
        return self.keep(value)

    def named(self, value: str) -> str:
        """A variable that holds what the expression of a node's value says."""
        return value if value.isidentifier() else self.let(value)

    def use(self, *helpers: Callable[..., object]) -> None:
        """Make functions known in the source under their own names."""
        self.names.update({helper.__name__: helper for helper in helpers})

    def function(self, node: Node) -> str:
        """Write a node as a function of its own, of an event that may be any value; its name."""
        inner = Source(self.names, depth=1)
        inner._functions = self._functions  # one unit of source, written by several of these
        name = self.keep(None)
        inner.put(f"return {node.emit(inner, ITEM)}")
        self._functions.append("\n".join([f"def {name}({ITEM}):", *inner._lines]))  # as above
        return name

    def build(self, node: Node) -> Callable[..., Json | Missing]:
        """Compile the node to a function of an event which is an object, and of a list where traced."""
        self.put(f"return {node.emit(self, EVENT)}")
        header = f"def resolve({EVENT}{', seen' if self.traced else ''}):"
        text = "\n".join([*self._functions, header, _GUARD, *self._lines, _RESCUE])
        self.names["MappingError"] = MappingError
        code = compile(text, "<mapping>", "exec")
        exec(code, self.names)  # noqa: S102  # the text is made here: constants by repr, everything else by name
        function: Callable[..., Json | Missing] = self.names["resolve"]  # type: ignore[assignment]  # the text above defines it
        return function


#: An event nested without end is the one thing that can exhaust the stack below these lines.
_GUARD: Final = f"""\
{_INDENT}if type(event) is not dict and not isinstance(event, dict):
{_INDENT * 2}raise MappingError("the event must be an object")
{_INDENT}try:"""
_RESCUE: Final = f"""\
{_INDENT}except RecursionError:
{_INDENT * 2}raise MappingError("the event is nested too deeply") from None"""
