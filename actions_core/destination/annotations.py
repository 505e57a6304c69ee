"""Which parameters of a function ask to be handed something, by the type they are annotated with.

Types are known by their name and the package they come from, not by identity: the client stands in a
higher layer than destinations do, and authors import types for the type checker alone, so that the
name in the annotation may not exist when the program runs.
"""

from __future__ import annotations

import ast
import inspect
import typing
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What is handed in for which type of ours.
HANDED: Final = {"Context": "context", "Client": "client", "Request": "request"}

_PACKAGE: Final = __name__.partition(".")[0]


def handed_in(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, str]:
    """For each parameter annotated with a type of ours: what it asks for."""
    hints = _hints(function)
    found: dict[str, str] = {}
    for parameter in signature.parameters.values():
        annotation = hints.get(parameter.name, parameter.annotation)
        if annotation is inspect.Parameter.empty:
            continue
        names = _names_in_text(annotation) if isinstance(annotation, str) else _names_in(annotation)
        asked = next((HANDED[name] for name in names if name in HANDED), None)
        if asked is not None:
            found[parameter.name] = asked
    return found


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations as objects; as text where one of them cannot be resolved."""
    target = inspect.unwrap(function)
    if not hasattr(target, "__annotations__"):
        target = getattr(target, "func", None) or type(target).__call__
    try:
        return typing.get_type_hints(target)
    except Exception:  # noqa: BLE001 - resolving an annotation evaluates it, so it may raise anything
        return {}


def _names_in(annotation: object) -> Iterator[str]:
    """The names of our types in an annotation that was resolved, members of a union one by one."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        yield from _names_in(typing.get_args(annotation)[0])
    elif origin is typing.Union or origin is UnionType:
        for member in typing.get_args(annotation):
            yield from _names_in(member)
    elif isinstance(annotation, typing.ForwardRef):
        yield from _names_in_text(annotation.__forward_arg__)
    elif isinstance(annotation, type):
        for base in annotation.__mro__:
            if base.__module__.partition(".")[0] == _PACKAGE:
                yield base.__name__


def _names_in_text(annotation: str) -> Iterator[str]:
    """The names in an annotation that exists only for the type checker: `Client | None`, `core.Client`."""
    try:
        tree: ast.expr = ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from _names_in_tree(tree)


def _names_in_tree(tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield from _names_in_text(tree.value)  # quoted, in a module whose annotations are all text
    elif isinstance(tree, ast.Name):
        yield tree.id
    elif isinstance(tree, ast.Attribute):
        yield tree.attr
    elif isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
        yield from _names_in_tree(tree.left)
        yield from _names_in_tree(tree.right)
    elif isinstance(tree, ast.Subscript) and {*_names_in_tree(tree.value)} & {
        "Optional",
        "Union",
        "Annotated",
    }:
        inner = tree.slice
        for member in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
            yield from _names_in_tree(member)
