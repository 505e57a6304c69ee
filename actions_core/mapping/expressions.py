"""The only door to JMESPath.

An expression is parsed once. One of plain field names and dots is handed out as such, so that it
costs no more than any path. All others run in JMESPath's interpreter, under bounds: an expression
can double its data at every pipe.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs
import jmespath
import jmespath.exceptions
from jmespath.visitor import TreeInterpreter

from actions_core.javascript import stringify
from actions_core.mapping.source import fail
from actions_core.types import MISSING

if TYPE_CHECKING:
    from actions_core.mapping.paths import Steps
    from actions_core.types import Json, Missing

MAX_SECONDS: Final = 0.5
MAX_SIZE: Final = 100_000


class _TooMuch(Exception):  # noqa: N818  # never leaves this module
    """The expression takes too long, or what it makes is too large."""


class _BoundedInterpreter(TreeInterpreter):
    """Looks at the clock, and at what came out, after every step of the expression."""

    def __init__(self) -> None:
        super().__init__()
        self.deadline = time.monotonic() + MAX_SECONDS

    def visit(self, node: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        value = super().visit(node, *args, **kwargs)
        if isinstance(value, str | list) and len(value) > MAX_SIZE:
            raise _TooMuch(f"makes more than {MAX_SIZE:,} items or characters")
        if time.monotonic() > self.deadline:
            raise _TooMuch(f"takes longer than {MAX_SECONDS} seconds")
        return value


@attrs.frozen
class Expression:
    """A parsed expression; `fields` holds its steps where it is a plain path, `paths` what it reads."""

    text: str
    tree: dict[str, Any]
    fields: Steps
    paths: tuple[Steps, ...]

    def search(self, event: Json, place: str) -> Json | Missing:
        """The expression's value; JMESPath cannot tell null from missing, so null is missing."""
        try:
            value = _BoundedInterpreter().visit(self.tree, event)
        except _TooMuch as error:
            raise fail(place, f"{stringify(self.text)} {error}") from None
        except (jmespath.exceptions.JMESPathError, ArithmeticError, TypeError, ValueError) as error:
            raise fail(place, f"{stringify(self.text)} failed: {error}") from error
        return MISSING if value is None else value


@lru_cache(maxsize=256)
def parse(text: str) -> Expression | str:
    """The parsed expression, or what is wrong with it."""
    try:
        tree = jmespath.compile(text).parsed
        fields = _fields(tree) or ()
        return Expression(text, tree, fields, tuple(dict.fromkeys(_paths(tree, ()))))
    except jmespath.exceptions.JMESPathError as error:
        return f"is not JMESPath: {' '.join(str(error).split())}"
    except RecursionError:
        return "is JMESPath nested too deeply"


def _fields(tree: dict[str, Any]) -> Steps | None:
    """The field names of an expression of nothing else."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] != "subexpression":
        return None
    parts = [_fields(child) for child in tree["children"]]
    return None if None in parts else tuple(step for part in parts if part is not None for step in part)


def _paths(tree: dict[str, Any], base: Steps | None) -> list[Steps]:
    """The paths of the event that an expression reads, as far as they can be told by looking at it."""
    found, _ = _walk(tree, base)
    return found


def _walk(tree: dict[str, Any], base: Steps | None) -> tuple[list[Steps], Steps | None]:
    return [], base
