"""The parser of FQL, which reads a text as a tree of terms: of subscriptions, and of filters.

    either     := both ("or" both)*
    both       := single ("and" single)*
    single     := "!"? "(" either ")" | "!"? function | field relation value
    function   := "contains(" field "," text ")" | "match(" field "," text with one * at an end ")"
    relation   := "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
    value      := text | number | "true" | "false" | "null" | a word, with a warning to quote it

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
from actions_core.subscriptions.globs import compile_glob
from actions_core.subscriptions.operands import FUNCTIONS, Call, Constant, Field, FilterTerm, Items
from actions_core.subscriptions.terms import (
    LONE_FIELDS,
    MAX_DEPTH,
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
    from collections.abc import Iterator

    from actions_core.subscriptions.operands import FilterOperator, Operand, Value
    from actions_core.subscriptions.terms import Operator, Term

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>\s+)
    | (?P<word>[^\W\d](?:[\w.-]|\\.)*)
    | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<text>"[^"]*"|'[^']*')
    | (?P<sign>==|!=|<=|>=|[=<>!(),\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_STEP: Final = re.compile(r"\\(.)|(\.)|([^\\.]+)", re.DOTALL)
_CONSTANTS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_FUNCTIONS: Final = ("contains", "match")
_FIELD: Final = "a field (type, event, name, userId, properties.…, traits.… or context.…)"
_SINGLE: Final = f"{_FIELD}, contains, match or ("
_VALUE: Final = "text in quotes, a number, true, false or null"
#: The most characters of a condition, so that reading one takes far less than a second.
MAX_LENGTH: Final = 50_000
#: The most characters of an unreadable text that a message quotes.
_MOST_QUOTED: Final = 100
_OPERAND: Final = "text in quotes, a number, true, false, null, a field, a function or a list in brackets"
_FILTER_SINGLE: Final = f"{_OPERAND}, or ("
#: The keys that events have at their top: a word that stands alone is one of them, or meant as text.
_EVENT_KEYS: Final = (
    *LONE_FIELDS,
    *PATH_FIELDS,
    "anonymousId", "category", "channel", "groupId", "integrations", "messageId", "originalTimestamp",
    "previousId", "projectId", "receivedAt", "sentAt", "timestamp", "version", "writeKey",
)  # fmt: skip
_NAMES: Final = (*LONE_FIELDS, *PATH_FIELDS, *_FUNCTIONS)


def parse_fql(text: str) -> Condition:
    """Parse the text of a subscription's condition.

    Raise an `FqlError` that says where the text is wrong and what was expected there.
    """
    return _parse(text, _Parser)


def parse_filter(text: str) -> Condition:
    """Parse the text of a destination filter's condition, which is the larger language.

    Raise an `FqlError` as `parse_fql` does.
    """
    return _parse(text, _FilterParser)


def _parse(text: str, form: type[_Parser]) -> Condition:
    if not isinstance(text, str):
        raise FqlError(f"expected a string, but found a Python {type(text).__name__}", text="", position=0)
    if len(text) > MAX_LENGTH:
        message = f"has {len(text):,} characters; a condition has at most {MAX_LENGTH:,}, and is cut off"
        raise FqlError(message, text=text[:_MOST_QUOTED], position=MAX_LENGTH)
    parser = form(text)
    tree = parser.parse()
    return Condition(tree, warnings=tuple(dict.fromkeys(parser.warnings)))


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
        self.warnings: list[str] = []
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
        relation = cast("Operator", "=" if operator == "==" else operator)
        return Comparison(path, relation, self._bare_word() or self._value(_VALUE))

    def _bare_word(self) -> str:
        """Return a word without quotes as the text that it was meant to be, or nothing."""
        token = self._token
        if token.kind != "word" or token.text.lower() in (*_CONSTANTS, "and", "or"):
            return ""
        self.warnings.append(f"{shown(token.text)} at position {token.position} is text, which needs quotes")
        self._advance()
        return token.text

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
        keys = self._keys(token)
        self._check_field(keys, expected)
        self._advance()
        return tuple(keys)

    def _keys(self, token: _Token) -> list[str]:
        keys = [""]
        for step in _STEP.finditer(token.text):
            if not step[2]:
                keys[-1] += step[1] or step[3]
            elif keys[-1]:
                keys.append("")
            else:
                self._fail("expected a key after the dot", token.part(step.start()))
        if not keys[-1]:
            self._fail("expected a key after the dot", token.part(len(token.text)))
        if len(keys) > MAX_KEYS:
            self._fail(f"expected at most {MAX_KEYS} keys in a field,")
        return keys

    def _check_field(self, keys: list[str], expected: str) -> None:
        root = keys[0]
        if root not in (*LONE_FIELDS, *PATH_FIELDS):
            self._fail(f"expected {expected}", hint=suggestion(root, _NAMES))
        if root in LONE_FIELDS and len(keys) > 1:
            self._fail(f"expected {root} alone, without anything below it,")
        if root in PATH_FIELDS and len(keys) == 1:
            self._fail(f"expected a key below {root}, such as {root}.plan,")

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


class _FilterParser(_Parser):
    """A parser of the larger language of destination filters, whose terms are tests.

        single     := "!"* ("(" either ")" | operand (relation operand | "in" operand)?)
        operand    := field | function "(" operand ("," operand)* ")" | "[" operands? "]" | value

    Everything else is as for subscriptions.
    """

    def _single(self) -> Term | _OpenGroup:
        position, negated = self._token.position, False
        while self._accept("!"):
            negated = not negated
        if self._accept("("):
            return _OpenGroup(position, negated=negated)
        test = self._test()
        return Negation(test) if negated else test

    def _test(self) -> FilterTerm:
        token = self._token
        left = self._operand(_FILTER_SINGLE)
        operator = "=" if self._token.text == "==" else self._token.text
        if self._token.kind == "sign" and operator in RELATIONS:
            self._advance()
            right = self._operand(_OPERAND)
            self._warn_of_bare_word(left, right)
            return FilterTerm(left, cast("FilterOperator", operator), right)
        if self._token.kind == "word" and operator.lower() == "in":
            self._advance()
            listed = self._token
            right = self._operand("a list or a field")
            if isinstance(right, Constant):
                self._fail("expected a list or a field after in", listed)
            return FilterTerm(left, "in", right)
        if isinstance(left, Items) or (isinstance(left, Constant) and not isinstance(left.value, bool)):
            self._fail(f"expected =, !=, <, <=, >, >= or in after {shown(token.text)}")
        return FilterTerm(left, "is true")

    def _warn_of_bare_word(self, left: Operand, right: Operand) -> None:
        if not isinstance(left, Field) or not isinstance(right, Field) or len(right.path) > 1:
            return
        if right.path[0] not in _EVENT_KEYS:
            self.warnings.append(f"{shown(right.path[0])} is a field of the event here; text needs quotes")

    def _operand(self, expected: str, depth: int = 0) -> Operand:
        token = self._token
        if depth > MAX_DEPTH:
            self._fail(f"expected at most {MAX_DEPTH} functions and lists inside each other,")
        if self._accept("["):
            return Items(tuple(self._operands("]", depth)))
        if token.kind != "word" or token.text in _CONSTANTS:
            return Constant(self._value(expected))
        keys = self._keys(token)
        self._advance()
        if self._token.kind == "sign" and self._token.text == "(":
            return self._call(token, depth)
        if token.text.lower() in ("and", "or", "in"):
            self._fail(f"expected {expected}", token)
        return Field(tuple(keys))

    def _operands(self, closing: str, depth: int) -> Iterator[Operand]:
        if self._accept(closing):
            return
        while True:
            yield self._operand(_OPERAND, depth + 1)
            if self._accept(closing):
                return
            self._expect(",", f"a comma or {closing}")

    def _call(self, name: _Token, depth: int) -> Call:
        takes = FUNCTIONS.get(name.text)
        if takes is None:
            self._fail(
                f"expected {', '.join(FUNCTIONS)} before (", name, hint=suggestion(name.text, FUNCTIONS)
            )
        self._expect("(", f"( after {name.text}")
        arguments = list(self._operands(")", depth))
        if len(arguments) != takes:
            number = f"{takes} argument{'s' if takes > 1 else ''}"
            self._fail(f"expected {number} of {name.text}, not {len(arguments)},", name)
        last = arguments[-1]
        if name.text == "match" and isinstance(last, Constant):
            self._check_pattern(last, name)
        return Call(name.text, tuple(arguments))

    def _check_pattern(self, pattern: Constant, name: _Token) -> None:
        if not isinstance(pattern.value, str):
            self._fail("expected a pattern in quotes as the last argument of match", name)
        try:
            compile_glob(pattern.value)
        except DefinitionError as error:
            raise FqlError(f"{error.message} in match", text=self._text, position=name.position) from None


def _join(operator: str, terms: list[Term]) -> Term:
    return terms[0] if len(terms) == 1 else Group(cast("Any", operator), terms)
