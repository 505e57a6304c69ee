"""JMESPath expressions, parsed once and evaluated within bounds.

An expression of field names and dots only is known as such, so that it costs no more than any path.
All others run in JMESPath's interpreter, which is bounded because an expression can double its data
at every pipe. No other module imports the library.
"""

from __future__ import annotations

import copy
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import jmespath
import jmespath.exceptions
from jmespath.visitor import TreeInterpreter

from actions_core.mapping.runtime import MAX_WEIGHT, fail, weigh
from actions_core.values.javascript import stringify
from actions_core.values.paths import ANY_ITEM
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json, Missing

_Tree: TypeAlias = dict[str, Any]

MAX_SECONDS: Final = 0.5
MAX_SIZE: Final = 100_000
#: Steps whose result can contain the same value several times.
_MULTIPLYING: Final = frozenset({"multi_select_list", "multi_select_dict"})


class _LimitExceeded(Exception):  # noqa: N818  # never leaves this module
    """The expression takes too long, or its value is too large."""


class _BoundedInterpreter(TreeInterpreter):
    """An interpreter that checks the time and the size of the value after every step of an expression."""

    def __init__(self) -> None:
        super().__init__()
        self.deadline = time.monotonic() + MAX_SECONDS
        self.weights: dict[int, int] = {}
        self.made: list[Any] = []  # keeps the weighed values alive, so that no identity is used twice

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, str | list) and len(value) > MAX_SIZE:
            raise _LimitExceeded(f"makes more than {MAX_SIZE:,} items or characters")
        if time.monotonic() > self.deadline:
            raise _LimitExceeded(f"takes longer than {MAX_SECONDS} seconds")
        if node["type"] in _MULTIPLYING and value is not None:
            self.made.append(value)
            if weigh(value, self.weights) > MAX_WEIGHT:
                raise _LimitExceeded(f"makes more than {MAX_WEIGHT:,} values")
        return value

    def visit_literal(self, node: Any, value: Json) -> Json:
        literal: Json = super().visit_literal(node, value)
        # A handler may change what it is handed: the next event gets a list or an object of its own.
        return copy.deepcopy(literal) if isinstance(literal, list | dict) else literal


@attrs.frozen
class Expression:
    """A parsed expression: its steps where it is a plain path (`fields`), and the paths that it reads."""

    text: str
    tree: _Tree
    fields: Steps
    paths: tuple[Steps, ...]

    def search(self, event: Json, place: str) -> Json | Missing:
        """Evaluate the expression; JMESPath cannot tell null from missing, so null is missing."""
        try:
            value = _BoundedInterpreter().visit(self.tree, event)
        except _LimitExceeded as error:
            raise fail(place, f"{stringify(self.text)} {error}") from None
        except (jmespath.exceptions.JMESPathError, ArithmeticError, TypeError, ValueError) as error:
            raise fail(place, f"{stringify(self.text)} failed: {error}") from error
        return MISSING if value is None else value


@lru_cache(maxsize=256)
def parse(text: str) -> Expression | str:
    """Parse an expression; return a message where it is invalid."""
    try:
        tree: _Tree = jmespath.compile(text).parsed  # type: ignore[assignment]  # as the stubs have it, a _TreeNode
        return Expression(text, tree, _fields(tree) or (), _paths(tree))
    except jmespath.exceptions.JMESPathError as error:
        return f"is not JMESPath: {' '.join(str(error).split())}"
    except RecursionError:
        return "is JMESPath nested too deeply"


def _fields(tree: _Tree) -> Steps | None:
    """Return the field names of an expression of nothing else, or None."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] != "subexpression":
        return None
    parts = [_fields(child) for child in tree["children"]]
    return None if None in parts else tuple(step for part in parts if part is not None for step in part)


def _paths(tree: _Tree) -> tuple[Steps, ...]:
    """Return the paths of the event that an expression reads, as far as its text tells."""
    reads: list[Steps] = []
    _add_path(_trace_path(tree, (), reads), reads)
    return tuple(dict.fromkeys(reads))


def _add_path(end: Steps | None, reads: list[Steps]) -> None:
    if end is not None:
        reads.append(end)


def _trace_path(  # noqa: C901, PLR0911  # one for each kind of node
    tree: _Tree, base: Steps | None, reads: list[Steps]
) -> Steps | None:
    """Return the path of the result in the event, seen from `base`; None where it is a new value.

    Paths that are read on the way, but are not part of the result, are added to `reads`.
    """
    children: list[_Tree] = tree["children"]
    match tree["type"]:
        case "field":
            return None if base is None else (*base, tree["value"])
        case "index":
            return None if base is None else (*base, str(tree["value"]) if tree["value"] >= 0 else ANY_ITEM)
        case "identity" | "current" | "slice":
            return base
        case "subexpression" | "index_expression" | "pipe":
            for child in children:
                base = _trace_path(child, base, reads)
            return base
        case "flatten":
            return _trace_path(children[0], base, reads)
        case "projection" | "value_projection" | "filter_projection":
            whole = _trace_path(children[0], base, reads)
            item = None if whole is None else (*whole, ANY_ITEM)
            for condition in children[2:]:
                _add_path(_trace_path(condition, item, reads), reads)
            return _trace_path(children[1], item, reads)
        case "expref":
            # For items that a function takes from elsewhere, at paths that cannot be told.
            for child in children:
                _trace_path(child, None, reads)
            return None
        case _:
            for child in children:
                _add_path(_trace_path(child, base, reads), reads)
            return None
