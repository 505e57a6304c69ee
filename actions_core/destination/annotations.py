"""Which parameters of a function ask to be handed something, by the type they are annotated with.

An annotation that can be resolved is matched by its class. Authors import these types for the type
checker alone, so the name in an annotation may not exist at run time: then its last part decides.
"""

from __future__ import annotations

import ast
import enum
import inspect
import typing
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from actions_core.destination.client import Client
from actions_core.destination.context import Context
from actions_core.destination.items import Items
from actions_core.http.requests import Request, Response
from actions_core.values.types import JsonObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Whole(enum.Enum):
    """The mark by which an annotation asks for the whole payload."""

    PAYLOAD = "payload"


#: The annotation of a parameter that takes the whole payload, under the keys that it has in JSON.
Payload: TypeAlias = Annotated[JsonObject, _Whole.PAYLOAD]

#: The argument that is handed in for each type.
_HANDED: Final[dict[type, str]] = {
    Context: "context",
    Client: "client",
    Request: "request",
    Items: "items",
    Response: "response",
}
_HANDED_BY_NAME: Final = {
    **{handed.__name__: argument for handed, argument in _HANDED.items()},
    "Payload": _Whole.PAYLOAD.value,
}


def handed_in(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, str]:
    """Return what is to be handed in for each parameter whose annotation asks for it."""
    hints = _hints(function)
    found: dict[str, str] = {}
    for parameter in signature.parameters.values():
        annotation = hints.get(parameter.name, parameter.annotation)
        if annotation is inspect.Parameter.empty:
            continue
        asked = next(_asked_by_text(annotation) if isinstance(annotation, str) else _asked(annotation), None)
        if asked is not None:
            found[parameter.name] = asked
    return found


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations as objects; nothing where one of them cannot be resolved."""
    target = inspect.unwrap(function)
    if not hasattr(target, "__annotations__"):
        target = getattr(target, "func", None) or type(target).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001 - resolving an annotation evaluates it, so it may raise anything
        return {}


def _asked(annotation: object) -> Iterator[str]:
    """Yield what an annotation that was resolved asks for, members of a union one by one."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        plain, *marks = typing.get_args(annotation)
        yield from (mark.value for mark in marks if isinstance(mark, _Whole))
        yield from _asked(plain)
    elif origin is typing.Union or origin is UnionType:
        for member in typing.get_args(annotation):
            yield from _asked(member)
    elif isinstance(annotation, typing.ForwardRef):
        yield from _asked_by_text(annotation.__forward_arg__)
    elif isinstance(annotation, type):
        yield from (_HANDED[base] for base in annotation.__mro__ if base in _HANDED)


def _asked_by_text(annotation: str) -> Iterator[str]:
    """Yield what an annotation that cannot be resolved asks for: `Client | None`, `core.Client`."""
    yield from (_HANDED_BY_NAME[name] for name in _names_in_text(annotation) if name in _HANDED_BY_NAME)


def _names_in_text(annotation: str) -> Iterator[str]:
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
