"""JMESPath expressions, parsed once and evaluated within bounds.

An expression of field names and dots only is known as such, so that it costs no more than any path.
All others run in JMESPath's interpreter, which is bounded because an expression can double its data
at every pipe. Where the library shows Python, this one speaks JSON: `true` is not 1, also inside lists
and objects; only numbers have an order. Functions are in `jmespath_functions`.
"""

from __future__ import annotations

import copy
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import jmespath
import jmespath.exceptions
from jmespath.visitor import Options, TreeInterpreter

from actions_core.mapping.deadline import Deadline
from actions_core.mapping.jmespath_checks import complaints, long_number, parse_fault
from actions_core.mapping.jmespath_functions import JsonFunctions, LimitExceeded, UnfitArgument, same
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
#: The most characters of an expression.
MAX_LENGTH: Final = 10_000
#: Python reads no longer integer than this.
_MOST_DIGITS: Final = 4_300
#: Steps whose result can contain the same value several times.
_MULTIPLYING: Final = frozenset({"multi_select_list", "multi_select_dict"})


class _BoundedInterpreter(TreeInterpreter):
    """An interpreter that checks the time and the size of the value after every step of an expression."""

    def __init__(self) -> None:
        super().__init__(Options(custom_functions=JsonFunctions(self.tick)))
        self.clock = Deadline(MAX_SECONDS)
        self.weights: dict[int, int] = {}
        self.made: list[Any] = []  # keeps the weighed values alive, so that no identity is used twice

    def tick(self) -> None:
        """Raise an error where time is up."""
        if self.clock.is_over():
            raise LimitExceeded(f"takes longer than {MAX_SECONDS} seconds")

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, str | list) and len(value) > MAX_SIZE:
            raise LimitExceeded(f"makes more than {MAX_SIZE:,} items or characters")
        self.tick()
        if node["type"] in _MULTIPLYING and value is not None:
            self.made.append(value)
            if weigh(value, self.weights) > MAX_WEIGHT:
                raise LimitExceeded(f"makes more than {MAX_WEIGHT:,} values")
        return value

    def visit_literal(self, node: Any, value: Json) -> Json:
        literal: Json = super().visit_literal(node, value)
        # A handler may change what it is handed: the next event gets a list or an object of its own.
        return copy.deepcopy(literal) if isinstance(literal, list | dict) else literal

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Compare two values: anything for equality, numbers alone for their order."""
        left, right = (self.visit(child, value) for child in node["children"])
        kind = node["value"]
        if kind in ("eq", "ne"):
            return same(left, right, self.tick) is (kind == "eq")
        for side in (left, right):
            if isinstance(side, bool) or not isinstance(side, int | float):
                return None
        return self.COMPARATOR_FUNC[kind](left, right)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Take the items of inner lists into one, unless these are too many."""
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        if sum(len(item) for item in base if isinstance(item, list)) > MAX_SIZE:
            raise LimitExceeded(f"makes more than {MAX_SIZE:,} items or characters")
        return [one for item in base for one in (item if isinstance(item, list) else (item,))]


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
        except LimitExceeded as error:
            raise fail(place, f"{stringify(self.text)} {error}") from None
        except UnfitArgument as error:
            raise fail(place, f"{stringify(self.text)} failed: {error}") from None
        return MISSING if value is None else value


@lru_cache(maxsize=256)
def parse(text: str) -> Expression | str:
    """Parse an expression; return a message where it is invalid."""
    if len(text) > MAX_LENGTH:
        return f"has {len(text):,} characters; a JMESPath expression has at most {MAX_LENGTH:,}"
    position = long_number(text, _MOST_DIGITS)
    if position is not None:
        return f"is not JMESPath: the number at position {position} has more than {_MOST_DIGITS:,} digits"
    try:
        with warnings.catch_warnings():
            # The library warns programmers of an old form of literals, which users may have written.
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            tree: _Tree = jmespath.compile(text).parsed  # type: ignore[assignment]  # as the stubs have it, a _TreeNode
            found = complaints(text, tree)
    except jmespath.exceptions.JMESPathError as error:
        found = [parse_fault(error)]
    except ValueError:  # where quotes inside of quotes hid it from the search above
        found = [f"a number has more than {_MOST_DIGITS:,} digits"]
    except RecursionError:
        return "is JMESPath nested too deeply"
    if found:
        return f"is not JMESPath: {'; '.join(found)}"
    return Expression(text, tree, _fields(tree) or (), _paths(tree))


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
