"""JMESPath expressions, parsed once and evaluated within bounds.

An expression of field names and dots only is known as such, so that it costs no more than any path.
All others run in JMESPath's interpreter, which is bounded because an expression can double its data
at every pipe. Where the library shows Python, this one speaks JSON: `true` is not 1, also inside lists
and objects; only numbers have an order; numbers are read and written as JSON has them.
"""

from __future__ import annotations

import copy
import math
import re
import time
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import jmespath
import jmespath.exceptions
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from actions_core.mapping.jmespath_checks import complaints, long_number
from actions_core.mapping.runtime import MAX_WEIGHT, fail, weigh, written_size
from actions_core.values.javascript import stringify
from actions_core.values.paths import ANY_ITEM
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.values.paths import Steps
    from actions_core.values.types import Json, Missing

_Tree: TypeAlias = dict[str, Any]

MAX_SECONDS: Final = 0.5
MAX_SIZE: Final = 100_000
#: The most characters in a text that a function writes.
MAX_TEXT: Final = 1_000_000
#: The most characters of an expression.
MAX_LENGTH: Final = 10_000
#: Python reads no longer integer than this.
_MOST_DIGITS: Final = 4_300
#: Steps whose result can contain the same value several times.
_MULTIPLYING: Final = frozenset({"multi_select_list", "multi_select_dict"})
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: A longer text is no number that a double can hold.
_LONGEST_NUMBER: Final = 400


class _LimitExceeded(Exception):  # noqa: N818  # never leaves this module
    """The expression takes too long, or its value is too large."""


def _same(left: Any, right: Any, tick: Callable[[], None]) -> bool:
    """Tell whether two JSON values are equal: booleans are not numbers, at any depth."""
    if left is right:
        return True
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, list):
        tick()
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(_same(one, other, tick) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, dict):
        tick()
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(_same(one, right[key], tick) for key, one in left.items())
        )
    return bool(left == right)


class _JsonFunctions(Functions):
    """The functions of which the library's own show Python, or grow without a bound."""

    def __init__(self, interpreter: _BoundedInterpreter) -> None:
        self._interpreter = interpreter

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if written_size(value, {}) > MAX_TEXT:
            raise _LimitExceeded(f"makes a text of more than {MAX_TEXT:,} characters")
        return stringify(value)

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or len(value) > _LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            return None
        if value.removeprefix("-").isdigit():
            return int(value)
        number = float(value)
        return number if math.isfinite(number) else None

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> bool:
        if isinstance(subject, str):
            return isinstance(search, str) and search in subject
        self._interpreter.tick()
        return any(_same(one, search, self._interpreter.tick) for one in subject)

    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, texts: list[str]) -> str:
        if len(separator) * len(texts) + sum(map(len, texts)) > MAX_TEXT:
            raise _LimitExceeded(f"makes a text of more than {MAX_TEXT:,} characters")
        return separator.join(texts)


class _BoundedInterpreter(TreeInterpreter):
    """An interpreter that checks the time and the size of the value after every step of an expression."""

    def __init__(self) -> None:
        super().__init__(Options(custom_functions=_JsonFunctions(self)))
        self.deadline = time.monotonic() + MAX_SECONDS
        self.weights: dict[int, int] = {}
        self.made: list[Any] = []  # keeps the weighed values alive, so that no identity is used twice

    def tick(self) -> None:
        """Raise an error where time is up."""
        if time.monotonic() > self.deadline:
            raise _LimitExceeded(f"takes longer than {MAX_SECONDS} seconds")

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, str | list) and len(value) > MAX_SIZE:
            raise _LimitExceeded(f"makes more than {MAX_SIZE:,} items or characters")
        self.tick()
        if node["type"] in _MULTIPLYING and value is not None:
            self.made.append(value)
            if weigh(value, self.weights) > MAX_WEIGHT:
                raise _LimitExceeded(f"makes more than {MAX_WEIGHT:,} values")
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
            return _same(left, right, self.tick) is (kind == "eq")
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
            raise _LimitExceeded(f"makes more than {MAX_SIZE:,} items or characters")
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
        except _LimitExceeded as error:
            raise fail(place, f"{stringify(self.text)} {error}") from None
        except (jmespath.exceptions.JMESPathError, ArithmeticError, TypeError, ValueError) as error:
            raise fail(place, f"{stringify(self.text)} failed: {_sentence(error)}") from error
        return MISSING if value is None else value


def _sentence(error: Exception) -> str:
    """Return what the library says; it cannot write a number of thousands of digits."""
    try:
        return " ".join(str(error).split())
    except ValueError:
        return "a value has too many digits to be written"


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
    except (jmespath.exceptions.JMESPathError, ValueError) as error:
        return f"is not JMESPath: {_sentence(error)}"
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
