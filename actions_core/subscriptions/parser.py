"""The parser of FQL, which reads a text as a tree of terms.

    either     := both ("or" both)*
    both       := single ("and" single)*
    single     := "!"? "(" either ")" | "!"? function | field relation value
    function   := "contains(" field "," text ")" | "match(" field "," text with one * at an end ")"
    relation   := "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
    value      := text | number | "true" | "false" | "null"

`==` is not in the documentation, but in published definitions. Open parentheses are kept in a list
instead of on Python's stack, so no text is too deep to be read; the tree limits how deep groups nest,
but not parentheses around parentheses.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import attrs

from actions_core.errors import DefinitionError, FqlError
from actions_core.subscriptions.condition import Condition
from actions_core.subscriptions.terms import (
    LONE_FIELDS,
    MAX_KEYS,
    PATH_FIELDS,
    RELATIONS,
    Comparison,
    Group,
    Negation,
)
from actions_core.values.javascript import to_text
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from actions_core.subscriptions.terms import Operator, Term, Value

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>\s+)
    | (?P<word>[^\W\d](?:[\w.-]|\\.)*)
    | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<text>"[^"]*"|'[^']*')
    | (?P<sign>==|!=|<=|>=|[=<>!(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_STEP: Final = re.compile(r"\\(.)|(\.)|([^\\.]+)", re.DOTALL)
_CONSTANTS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_FUNCTIONS: Final = ("contains", "match")
_FIELD: Final = "a field (type, event, name, userId, properties.…, traits.… or context.…)"
_SINGLE: Final = f"{_FIELD}, contains, match or ("
_VALUE: Final = "text in quotes, a number, true, false or null"
#: The most characters of an unreadable text that a message quotes.
_MOST_QUOTED: Final = 100
_NAMES: Final = (*LONE_FIELDS, *PATH_FIELDS, *_FUNCTIONS)


def parse_fql(text: str) -> Condition:
    """Parse the text of a subscription's condition.

    Raise an `FqlError` that says where the text is wrong and what was expected there.
    """
    if not isinstance(text, str):
        raise FqlError(f"expected a string, but found a Python {type(text).__name__}", text="", position=0)
    return Condition(_Parser(text).parse())


@attrs.frozen
class _Token:
    kind: str
    text: str
    position: int

    def part(self, start: int) -> _Token:
        """Return the token from one of its characters on."""
        return _Token(self.kind, self.text[start:], self.position + start)


@attrs.define
class _OpenGroup:
    """A parenthesis that is not closed yet, with its alternatives, each a list of terms joined by `and`."""

    position: int
    negated: bool = False
    alternatives: list[list[Term]] = attrs.Factory(lambda: [[]])


class _Parser:
    """A parser of one text, which it reads once from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._token = _Token("blank", "", 0)
        self._advance()

    def parse(self) -> Term:
        opened = [_OpenGroup(0)]
        while True:
            found = self._single()
            if isinstance(found, _OpenGroup):
                opened.append(found)
                continue
            opened[-1].alternatives[-1].append(found)
            while len(opened) > 1 and self._accept(")"):
                closed = self._close(opened.pop())
                opened[-1].alternatives[-1].append(closed)
            word = self._token.text.lower() if self._token.kind == "word" else ""
            if word == "or":
                opened[-1].alternatives.append([])
            elif word != "and":
                break
            self._advance()
        if len(opened) > 1:
            self._fail(f"expected and, or, or ) for the ( at position {opened[-1].position}")
        if self._token.kind != "end":
            self._fail("expected and, or, or the end")
        return self._close(opened[0])

    def _single(self) -> Term | _OpenGroup:
        position = self._token.position
        negated = self._accept("!")
        if self._accept("("):
            return _OpenGroup(position, negated=negated)
        word = self._token.text
        if self._token.kind == "word" and word in _FUNCTIONS:
            return self._function(negated=negated)
        if negated:
            self._fail("expected contains, match or ( after !")
        path = self._field(_SINGLE)
        operator = self._token.text
        if operator not in RELATIONS and operator != "==":
            self._fail(f"expected =, !=, <, <=, > or >= after {shown(word)}")
        self._advance()
        return Comparison(path, cast("Operator", "=" if operator == "==" else operator), self._value(_VALUE))

    def _function(self, *, negated: bool) -> Comparison:
        name = self._token.text
        self._advance()
        self._expect("(", f"( after {name}")
        path = self._field(_FIELD)
        self._expect(",", "a comma after the field")
        token = self._token
        value = self._value("text in quotes")
        operator, text = name, value if isinstance(value, str) else to_text(value)
        if name == "match":
            operator, text = self._pattern(text, token)
        self._expect(")", f") after the text of {name}")
        return Comparison(path, cast("Operator", f"not_{operator}" if negated else operator), text)

    def _pattern(self, text: str, token: _Token) -> tuple[str, str]:
        if text.count("*") != 1 or "*" not in (text[0], text[-1]):
            expected = 'expected text with one * at its start or its end, such as "Order*",'
            self._fail(expected, token, hint=" (contains finds text in the middle)")
        return ("starts_with", text[:-1]) if text[-1] == "*" else ("ends_with", text[1:])

    def _field(self, expected: str) -> tuple[str, ...]:
        token = self._token
        if token.kind != "word":
            self._fail(f"expected {expected}")
        keys = [""]
        for step in _STEP.finditer(token.text):
            if not step[2]:
                keys[-1] += step[1] or step[3]
            elif keys[-1]:
                keys.append("")
            else:
                self._fail("expected a key after the dot", token.part(step.start()))
        self._check_field(token, keys, expected)
        self._advance()
        return tuple(keys)

    def _check_field(self, token: _Token, keys: list[str], expected: str) -> None:
        root = keys[0]
        if root not in (*LONE_FIELDS, *PATH_FIELDS):
            self._fail(f"expected {expected}", hint=suggestion(root, _NAMES))
        if root in LONE_FIELDS and len(keys) > 1:
            self._fail(f"expected {root} alone, without anything below it,")
        if root in PATH_FIELDS and len(keys) == 1:
            self._fail(f"expected a key below {root}, such as {root}.plan,")
        if not keys[-1]:
            self._fail("expected a key after the dot", token.part(len(token.text)))
        if len(keys) > MAX_KEYS:
            self._fail(f"expected at most {MAX_KEYS} keys in a field,")

    def _value(self, expected: str) -> Value:
        token = self._token
        if token.kind == "text":
            value: Value = token.text[1:-1]
        elif token.kind == "number":
            value = self._number(token.text)
        elif token.kind == "word" and token.text in _CONSTANTS:
            value = _CONSTANTS[token.text]
        else:
            self._fail(f"expected {expected}")
        self._advance()
        return value

    def _number(self, text: str) -> float:
        number = float(text)
        if math.isinf(number):
            self._fail("expected a number within the range of JSON,")
        if not text.lstrip("+-").isdigit():
            return number
        return int(text.lstrip("+-").lstrip("0") or "0") * (-1 if text[0] == "-" else 1)

    def _close(self, opened: _OpenGroup) -> Term:
        try:
            alternatives = [_join("and", terms) for terms in opened.alternatives]
            term = _join("or", alternatives)
            return Negation(term) if opened.negated else term
        except DefinitionError as error:
            raise FqlError(error.message, text=self._text, position=opened.position) from None

    def _accept(self, sign: str) -> bool:
        if self._token.kind != "sign" or self._token.text != sign:
            return False
        self._advance()
        return True

    def _expect(self, sign: str, expected: str) -> None:
        if not self._accept(sign):
            self._fail(f"expected {expected}")

    def _advance(self) -> None:
        kind, position = "blank", self._end
        while kind == "blank":
            position = self._end
            match = _TOKEN.match(self._text, position)
            if match is None:
                kind = "end" if position == len(self._text) else "unknown"
                self._token = _Token(kind, self._text[position : position + _MOST_QUOTED], position)
                return
            kind, self._end = cast("str", match.lastgroup), match.end()
        self._token = _Token(kind, cast("Any", match)[0], position)

    def _fail(self, expected: str, token: _Token | None = None, *, hint: str = "") -> NoReturn:
        token = token or self._token
        if token.kind == "unknown" and token.text[0] in "\"'":
            found = "text that is never closed"
        else:
            found = shown(token.text) if token.text else "the end" if token.kind == "end" else "nothing"
        raise FqlError(f"{expected} but found {found}{hint}", text=self._text, position=token.position)


def _join(operator: str, terms: list[Term]) -> Term:
    return terms[0] if len(terms) == 1 else Group(cast("Any", operator), terms)
