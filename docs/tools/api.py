"""The page of the public classes and functions, made from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import actions_core
import actions_core.testing
from docs.tools.markdown import cell, table

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
# API

Each public name with its signature and what its docstring says. [Public names](public-names.md) is the short list, by
topic. A parameter after `*` is given by its name.
"""
#: What every class has from its language, or from what it is made with.
_OF_THE_LANGUAGE = object, Exception, BaseException, type


def public() -> dict[str, Any]:
    """Return the public classes and functions by name, those of `actions_core.testing` last."""
    own = {name: getattr(actions_core, name) for name in sorted(actions_core.__all__)}
    names = sorted(actions_core.testing.__all__)
    return own | {f"testing.{name}": getattr(actions_core.testing, name) for name in names}


def signature(value: Any, *, method: bool = False) -> str:
    """Return the parameters of a callable as they are written in a call, without the instance of a method."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    parts, keyword = [], False
    listed = list(found.parameters.values())
    for parameter in listed[1:] if method else listed:
        if parameter.name.startswith("_"):
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            keyword = True
            parts.append(f"*{parameter.name}")
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append(f"**{parameter.name}")
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword:
            keyword = True
            parts.append("*")
        parts.append(parameter.name + _default(parameter.default))
    return f"({', '.join(parts)})"


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return ""
    if value is None or isinstance(value, (bool, int, float, str, tuple)):
        return f"={value!r}"
    return "=…"


def members(kind: type) -> Iterator[tuple[str, str, str]]:
    """Yield the public methods and properties of a class: the name, how it is called, its docstring."""
    for name in dir(kind):
        home = next((base for base in kind.__mro__ if name in vars(base)), object)
        if name.startswith("_") or home in _OF_THE_LANGUAGE or not home.__module__.startswith("actions_"):
            continue
        value = vars(home)[name]
        doc = inspect.getdoc(getattr(value, "__func__", value)) or ""
        if isinstance(value, (classmethod, staticmethod)):
            yield name, f"{name}{signature(getattr(kind, name))}", doc
        elif inspect.isfunction(value):
            prefix = "await " if inspect.iscoroutinefunction(value) else ""
            yield name, f"{prefix}{name}{signature(value, method=True)}", doc
        elif isinstance(value, property):
            yield name, name, doc


def fields(kind: type) -> list[str]:
    """Return the names of the public attributes of a class that holds data."""
    return [field.name for field in getattr(kind, "__attrs_attrs__", ()) if not field.name.startswith("_")]


def _text(doc: str) -> str:
    """Return a docstring as Markdown: drawings are indented there already, and signs of HTML are text."""
    return re.sub(r"<(?=\w)", "&lt;", doc)


def write_page() -> str:
    """Return the page."""
    parts = [HEAD]
    for name, value in public().items():
        parts.append(f"## {name}\n")
        if isinstance(value, type):
            own = inspect.getdoc(value) if "__doc__" in vars(value) else ""
            call = "" if getattr(value, "_is_protocol", False) else signature(value)
            parts += [f"`{name}{call}`\n", f"{_text(own or '')}\n"]
            if attributes := fields(value):
                parts.append("Attributes: " + ", ".join(f"`{field}`" for field in attributes) + ".\n")
            rows = [(f"`{call}`", cell(_text(doc.partition("\n\n")[0]))) for _, call, doc in members(value)]
            parts.append(table(("member", "what it does"), rows))
        elif callable(value) and not hasattr(value, "__origin__") and inspect.isfunction(value):
            prefix = "await " if inspect.iscoroutinefunction(value) else ""
            parts += [f"`{prefix}{name}{signature(value)}`\n", f"{_text(inspect.getdoc(value) or '')}\n"]
        else:
            parts.append(f"{_constants().get(name, 'A type alias.')}\n")
    return "\n".join(part for part in parts if part)


def _constants() -> dict[str, str]:
    return {
        "MISSING": "The absence of a value, which is not `null`: the only value of its kind, and false.",
        "Json": "A type alias: a JSON value.",
        "JsonObject": "A type alias: a JSON object.",
    }
