"""What is wrong with a JMESPath expression although it can be parsed, found when its mapping is loaded.

The library notices an unknown function, a wrong number of arguments or an expression reference in the
wrong place only when an event reaches it, if at all. Its tree has no positions, so those of functions are
taken from the tokens: both name the functions in the same order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from jmespath import exceptions
from jmespath.functions import Functions
from jmespath.lexer import Lexer

from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.values.types import Json

Tree: TypeAlias = dict[str, Any]

_TABLE: Final[dict[str, dict[str, Any]]] = Functions.FUNCTION_TABLE
_QUOTED: Final = ("'", '"')


def long_number(text: str, longest: int) -> int | None:
    """Return the position of a number outside of quoted text that has too many digits, or None."""
    at = 0
    while at < len(text):
        sign = text[at]
        if sign in _QUOTED:
            at = _end_of_quote(text, at)
        elif sign.isdigit():
            end = at
            while end < len(text) and text[end].isdigit():
                end += 1
            if end - at > longest:
                return at
            at = end
        else:
            at += 1
    return None


def _end_of_quote(text: str, start: int) -> int:
    at = start + 1
    while at < len(text) and text[at] != text[start]:
        at += 2 if text[at] == "\\" else 1
    return at + 1


def parse_fault(error: exceptions.JMESPathError) -> str:
    """Say why an expression cannot be parsed; the library's own words name its tokens, and draw arrows."""
    if isinstance(error, exceptions.EmptyExpressionError):
        return "it is empty"
    if isinstance(error, exceptions.LexerError):
        return _lexer_fault(error)
    if isinstance(error, exceptions.ParseError) and error.token_type not in ("EOF", None):
        return f"at position {error.lex_position}, {shown(error.token_value)} is not expected"
    return "it ends where something more is expected"


def _lexer_fault(error: exceptions.LexerError) -> str:
    position, said = error.lexer_position, error.message
    if said.startswith("Unclosed"):
        return f"the quote at position {position} is not closed"
    if not said.startswith("Unknown token"):
        return f"the quoted text at position {position} has an escape that JSON does not know"
    hint = "; compare with ==" if said.endswith("'='") else ""
    return f"at position {position}, {shown(error.lexer_value)} is not expected{hint}"


def complaints(text: str, tree: Tree) -> list[str]:
    """Return a sentence about each thing in a parsed expression that can never work."""
    found: list[str] = []
    called = _calls(text)
    for node, argument in _walk(tree):
        kind = node["type"]
        if kind == "function_expression":
            name, position = next(called)
            found += [
                f"at position {position}, {problem}" for problem in _call_problems(name, node["children"])
            ]
        elif kind == "expref" and not argument:
            found.append("& may only stand before an argument of map, sort_by, max_by or min_by")
        elif kind == "slice" and node["children"][2] == 0:
            found.append("the step of a slice cannot be 0")
        elif kind == "literal" and not _is_json(node["value"]):
            found.append("a number in a literal is not JSON")
    return list(dict.fromkeys(found))


def _calls(text: str) -> Iterator[tuple[str, int]]:
    name, position = "", -1
    for token in Lexer().tokenize(text):
        if token["type"] == "lparen" and position >= 0:
            yield name, position
        is_name = token["type"] == "unquoted_identifier"
        name, position = (str(token["value"]), token["start"]) if is_name else ("", -1)


def _walk(tree: Tree) -> Iterator[tuple[Tree, bool]]:
    """Yield each node in the order of the text, and whether it is an argument of a function."""
    stack = [(tree, False)]
    while stack:
        node, argument = stack.pop()
        yield node, argument
        if node["type"] == "slice":
            continue  # its children are numbers
        children = node["children"]
        if node["type"] == "filter_projection":
            children = [children[0], children[2], children[1]]
        is_call = node["type"] == "function_expression"
        stack += [(child, is_call) for child in reversed(children)]


def _call_problems(name: str, arguments: list[Tree]) -> Iterator[str]:
    known = _TABLE.get(name)
    if known is None:
        yield f"there is no function {shown(name)}{suggestion(name, _TABLE)}"
        return
    signature = known["signature"]
    least, several = len(signature), bool(signature and signature[-1].get("variadic"))
    if len(arguments) < least or (len(arguments) > least and not several):
        takes = f"{'at least ' if several else ''}{least} argument{'' if least == 1 else 's'}"
        yield f"{name} takes {takes}, not {len(arguments)}"
        return
    for place, argument in enumerate(arguments):
        wanted = "expref" in signature[min(place, least - 1)]["types"]
        if wanted is not (argument["type"] == "expref"):
            form = "an expression after &" if wanted else "a value, not an expression after &"
            yield f"{name} takes {form} as its argument {place + 1}"


def _is_json(value: Json) -> bool:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, float) and not math.isfinite(one):
            return False
        if isinstance(one, dict):
            stack += one.values()
        elif isinstance(one, list):
            stack += one
    return True
