"""Python source that definitions and workspaces are turned into when they are loaded.

What runs for every event or payload is compiled to flat Python functions instead of being walked:
mappings, conditions, payload checks and calls of handlers all write their source with `Source`.
Nothing from outside becomes code. A value gets into the source through `Source.constant` and
`Source.formatted` alone, which escape it or refer to it by a name, and a name through `identifier`.
"""

from __future__ import annotations

import keyword
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from actions_core.values.types import Json

_INDENT: Final = "    "
#: A longer str is no clearer or faster in the source than under a name.
_LONGEST_TEXT: Final = 200
#: A longer list or object is copied by a function instead of being written out.
_LONGEST_DISPLAY: Final = 1000
#: Python allows 200 brackets inside each other.
_DEEPEST_DISPLAY: Final = 100
_LARGEST_INT: Final = 2**63


def copy_json(value: Json) -> Json:
    """Return a copy that shares no list and no object with the value."""
    if isinstance(value, dict):
        return {key: copy_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    return value


def identifier(name: str) -> str:
    """Return a name that can stand in source as it is; raise `ValueError` for any other."""
    if type(name) is not str or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name!r} is not a name in Python")
    return name


@attrs.define
class _Function:
    """A function that is being written: its lines, and the expressions whose values have variables."""

    lines: list[str]
    depth: int = 1
    loops: int = 0
    variables: int = 0
    known: dict[Hashable, str] = attrs.field(factory=dict)
    #: The keys of `known` that each open block has added, the innermost last.
    learnt: list[list[Hashable]] = attrs.field(factory=lambda: [[]])


class Source:
    """The source of functions that are compiled together, and the objects that it refers to by name.

    `origin` is what tracebacks call the source.
    """

    def __init__(self, origin: str, **names: object) -> None:
        self._origin = origin
        self._names: dict[str, object] = {identifier(name): value for name, value in names.items()}
        self._finished: list[str] = []
        self._open: list[_Function] = []
        self._exported: list[str] = []

    # Functions and their lines

    @contextmanager
    def function(self, parameters: str, name: str | None = None) -> Iterator[str]:
        """Write the lines that follow as a function, and give its name.

        A function without a name of its own is for the others in this source. One that is opened
        inside another stands before it, not in it.
        """
        if name is None:
            name = self.keep(None)
        else:
            self._exported.append(identifier(name))
        self._open.append(_Function([f"def {name}({parameters}):"]))
        yield name
        self._finished += self._open.pop().lines

    def put(self, line: str) -> None:
        """Write one line at the present depth."""
        function = self._open[-1]
        function.lines.append(_INDENT * function.depth + line)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write the lines that follow below a header such as `if x:`.

        Variables that `once` makes in a block are not shared with the lines after it.
        """
        self.put(header)
        function = self._open[-1]
        function.depth += 1
        function.learnt.append([])
        yield
        for key in function.learnt.pop():
            del function.known[key]
        function.depth -= 1

    @contextmanager
    def loop(self, header: str) -> Iterator[None]:
        """Write the lines that follow as the body of a loop."""
        function = self._open[-1]
        function.loops += 1
        with self.block(header):
            yield
        function.loops -= 1

    @property
    def loops(self) -> int:
        """The number of loops that are open around the next line."""
        return self._open[-1].loops

    # Variables

    def variable(self) -> str:
        """Return the name of a new variable of the open function."""
        function = self._open[-1]
        function.variables += 1
        return f"v{function.variables}"

    def let(self, expression: str) -> str:
        """Assign an expression to a new variable, and return its name."""
        name = self.variable()
        self.put(f"{name} = {expression}")
        return name

    def once(self, key: Hashable, expression: str) -> str:
        """Assign an expression to a variable, or return the variable that has been made for the same key."""
        function = self._open[-1]
        name = function.known.get(key)
        if name is None:
            name = function.known[key] = self.let(expression)
            function.learnt[-1].append(key)
        return name

    # Values from outside

    def constant(self, value: object) -> str:
        """Return an expression for any value; a list or an object is made anew each time it is evaluated.

        Short plain values stand in the source as literals, others under a name.
        """
        return self._constant(value, 0)

    def _constant(self, value: object, depth: int) -> str:
        literal = _literal(value)
        if literal is None and type(value) is tuple:
            items = [_literal(item) for item in value]
            if None not in items:
                literal = f"({''.join(f'{item}, ' for item in items)})"
        if literal is not None:
            return literal
        if not isinstance(value, list | dict):
            return self.keep(value)
        display = self._display(value, depth + 1)
        if display is None:
            self.use(copy_json)
            return f"copy_json({self.keep(value)})"
        return display

    def _display(self, value: list[Json] | dict[str, Json], depth: int) -> str | None:
        """Write a list or an object out in brackets; None where that would be long."""
        if len(value) * 4 > _LONGEST_DISPLAY or depth > _DEEPEST_DISPLAY:
            return None
        if isinstance(value, dict):
            pairs = [
                f"{self._constant(key, depth)}: {self._constant(item, depth)}" for key, item in value.items()
            ]
            display = f"{{{', '.join(pairs)}}}"
        else:
            display = f"[{', '.join([self._constant(item, depth) for item in value])}]"
        return display if len(display) <= _LONGEST_DISPLAY else None

    def formatted(self, pieces: Iterable[tuple[str, str]]) -> str:
        """Return an f-string of plain texts, each followed by the value of an expression.

        The expressions are the caller's own, without quotation marks; an empty one stands for nothing.
        """
        parts = []
        for text, expression in pieces:
            parts.append(_escaped(text).replace("{", "{{").replace("}", "}}"))
            parts.append(f"{{{expression}}}" if expression else "")
        return f"f'{''.join(parts)}'"

    def keep(self, value: object) -> str:
        """Return a name for an object, by which the source gets this very object."""
        name = f"k{len(self._names)}"
        self._names[name] = value
        return name

    def use(self, *helpers: Callable[..., object]) -> None:
        """Make functions known in the source under their own names."""
        for helper in helpers:
            name = identifier(helper.__name__)
            if self._names.setdefault(name, helper) is not helper:
                raise ValueError(f"{name} means something else in this source")

    def build(self) -> dict[str, Any]:
        """Compile the functions; return those that have names of their own."""
        code = compile("\n".join(self._finished), f"<{_escaped(self._origin)}>", "exec")
        exec(code, self._names)  # noqa: S102  # the callers' own lines; what is from outside is escaped above
        # Taken out of what they see, the functions are freed without the garbage collector.
        return {name: self._names.pop(name) for name in self._exported}


def _literal(value: object) -> str | None:
    """Return a plain value as a literal; None where it is long, has none, or may not say what it is.

    A class derived from `str`, `int` or `float` writes its own `repr`, and so could write code.
    """
    if type(value) is str:
        return f"'{_escaped(value)}'" if len(value) <= _LONGEST_TEXT else None
    if value is None or value is True or value is False:
        return str(value)
    if type(value) is int:
        return str(value) if abs(value) < _LARGEST_INT else None
    if type(value) is float:
        return repr(value) if math.isfinite(value) else None
    return None


def _escaped(text: str) -> str:
    """Return the characters of a text as they stand between single quotes: ASCII, on one line."""
    return str.encode(text, "unicode_escape").decode("ascii").replace("'", "\\'")
