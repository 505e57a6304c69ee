"""Conditions as rows for people, and as FQL, each made from the other.

Rows stand in blocks: where all blocks have to hold, one row of each is enough, and the other way round. That
is what people can read; whatever goes deeper stays text, and `rows_of` says why. A row holds what was typed,
so it may be unfinished: `faults_of` tells what is wrong with each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import attrs

from actions_core.errors import DefinitionError, FqlError, Problem
from actions_core.subscriptions import Comparison, Condition, Group, Negation, generate_fql, parse_fql
from actions_core.subscriptions.operands import FilterTerm, write_value
from actions_core.subscriptions.terms import LONE_FIELDS, TEXT_OPERATORS, field_text
from actions_core.values.paths import parse_path
from actions_core.values.types import MISSING
from actions_core.values.wording import brief, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.subscriptions import Term, Trace
    from actions_core.subscriptions.operands import Value
    from actions_core.subscriptions.terms import Operator
    from actions_core.values.types import Json, Missing

Join: TypeAlias = Literal["all", "any"]

#: The fields that a condition may ask for, in the order of a list to choose from.
FIELDS: Final[Mapping[str, str]] = {
    "type": "Event type",
    "event": "Event name",
    "properties": "Property",
    "traits": "Trait",
    "context": "Context",
    "userId": "User ID",
    "name": "Page or screen name",
}
#: What a row may say of its field. Those of the first table compare with the row's text.
COMPARING: Final[Mapping[str, str]] = {
    "=": "is",
    "!=": "is not",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "not_starts_with": "does not start with",
    "ends_with": "ends with",
    "not_ends_with": "does not end with",
    "<": "is less than",
    "<=": "is at most",
    ">": "is greater than",
    ">=": "is at least",
}
ASKING: Final[Mapping[str, str]] = {
    "exists": "exists",
    "missing": "does not exist",
    "true": "is true",
    "not_true": "is not true",
    "false": "is false",
    "not_false": "is not false",
}
_ASKED: Final[Mapping[str, tuple[Operator, Value]]] = {
    "exists": ("!=", None),
    "missing": ("=", None),
    "true": ("=", True),
    "not_true": ("!=", True),
    "false": ("=", False),
    "not_false": ("!=", False),
}
_ORDERS: Final = ("<", "<=", ">", ">=")
#: Fields of which FQL knows the text only, so that null means the word "null".
_ALWAYS_TEXT: Final = ("type", "event")
_TOO_DEEP: Final = "it has parentheses inside parentheses, which rows cannot show; edit it as text"
_NEGATED: Final = "it has a ! before parentheses, which rows cannot show; edit it as text"


@attrs.frozen
class Row:
    """One line of a condition: a field, with a key where it needs one, what is said of it, and a value.

    `key` is spelled as mappings spell paths (`items[0].sku`). `text` is as it was typed; with `number` it is
    compared as a number.
    """

    field: str = "event"
    key: str = ""
    operator: str = "="
    text: str = ""
    number: bool = False

    @property
    def takes_key(self) -> bool:
        """Whether the field needs a key below it."""
        return self.field not in LONE_FIELDS

    @property
    def takes_text(self) -> bool:
        """Whether the row compares with a value."""
        return self.operator in COMPARING

    @property
    def takes_number(self) -> bool:
        """Whether the value may be a number as well as text: elsewhere there is nothing to choose."""
        return self.operator in ("=", "!=") and self.field in ("properties", "traits", "context")


@attrs.frozen
class Rows:
    """A condition as rows in blocks.

    With `all`, each block needs one row that holds; with `any`, one block needs all of its rows to hold.
    """

    join: Join = "all"
    blocks: tuple[tuple[Row, ...], ...] = ()

    @property
    def inner(self) -> Join:
        """How the rows inside a block are joined."""
        return "any" if self.join == "all" else "all"


def operators_of(field: str) -> dict[str, str]:
    """Return what can be said of a field, with the words for it."""
    if field in _ALWAYS_TEXT:
        return {key: word for key, word in COMPARING.items() if key not in _ORDERS}
    if field in LONE_FIELDS:
        asking = ("exists", "missing")
        return {**operators_of("event"), **{key: ASKING[key] for key in asking}}
    return {**COMPARING, **ASKING}


def words_of(operator: str) -> str:
    """Return the words for what a row says of its field."""
    return COMPARING.get(operator) or ASKING[operator]


def read_rows(text: str) -> Rows | str:
    """Return a condition's text as rows, or a sentence that says why it cannot be shown so."""
    try:
        return rows_of(parse_fql(text))
    except FqlError as error:
        return str(error)


def fault_of(text: str) -> str:
    """Return why a text is no condition; empty where it is one."""
    try:
        parse_fql(text)
    except FqlError as error:
        return str(error)
    return ""


def rows_of(condition: Condition) -> Rows | str:
    """Return a condition as rows, or a sentence that says why it cannot be shown so."""
    try:
        return _rows(_unwrapped(condition.tree))
    except DefinitionError as error:
        return error.message


def _rows(tree: Term) -> Rows:
    if not isinstance(tree, Group):
        return Rows("all", ((_row(tree),),))
    blocks = tuple(
        tuple(map(_row, _members(member))) if isinstance(member, Group) else (_row(member),)
        for member in _members(tree)
    )
    return Rows("all" if tree.operator == "and" else "any", blocks)


def _unwrapped(term: Term) -> Term:
    """Return the term without groups of one around it."""
    while isinstance(term, Group) and len(term.terms) == 1:
        term = term.terms[0]
    return term


def _members(group: Group) -> Iterator[Term]:
    """Yield the members of a group, those of groups of the same kind inside it too."""
    stack = [*reversed(group.terms)]
    while stack:
        member = _unwrapped(stack.pop())
        if isinstance(member, Group) and member.operator == group.operator:
            stack += reversed(member.terms)
        else:
            yield member


def _row(term: Term) -> Row:
    if isinstance(term, Comparison):
        return _row_of(term)
    raise DefinitionError(_NEGATED if isinstance(term, Negation) else _TOO_DEEP)


def _row_of(comparison: Comparison) -> Row:
    root, *keys = comparison.path
    key = field_text(tuple(keys))
    if parse_path(key.strip()) != tuple(keys):
        raise DefinitionError(f"it names a field with unusual characters ({key}); edit it as text")
    operator: str = comparison.operator
    value = comparison.value
    if isinstance(value, bool) or value is None:
        asked = next((word for word, pair in _ASKED.items() if _same(pair, (operator, value))), "")
        if asked not in operators_of(root):
            raise _unlike_rows(comparison)
        return Row(root, key, asked)
    if isinstance(value, str):
        if operator in _ORDERS:  # in a row it would become a number, which holds where text never does
            raise _unlike_rows(comparison)
        return Row(root, key, operator, value)
    return Row(root, key, operator, write_value(value), number=True)


def _unlike_rows(comparison: Comparison) -> DefinitionError:
    field, says = FIELDS[comparison.path[0]].lower(), COMPARING[comparison.operator]
    words = f"{field} {says} {write_value(comparison.value)}"
    return DefinitionError(f"it says '{words}', which rows cannot show; edit it as text")


def _same(one: tuple[str, Value], other: tuple[str, Value]) -> bool:
    return one[0] == other[0] and one[1] is other[1]


def comparison_of(row: Row) -> Comparison:
    """Return what a row says. Raises `DefinitionError` with a sentence where it is not finished, or wrong."""
    path: tuple[str, ...] = (row.field,)
    if row.takes_key:
        keys = parse_path(row.key.strip())
        if not keys:
            raise DefinitionError(f"name the {FIELDS[row.field].lower()}, such as {_EXAMPLES[row.field]}")
        path = (row.field, *keys)
    if row.operator in ASKING:
        operator, value = _ASKED[row.operator]
        return Comparison(path, operator, value)
    is_number = row.operator in _ORDERS or (row.number and row.operator in ("=", "!="))
    return Comparison(path, cast("Operator", row.operator), _number(row) if is_number else _text(row))


_EXAMPLES: Final = {"properties": "price", "traits": "plan", "context": "page.url"}


def _number(row: Row) -> Value:
    try:
        found = parse_fql(f"properties.x = {row.text.strip()}").tree
    except FqlError:
        found = None
    value = found.value if isinstance(found, Comparison) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DefinitionError("needs a number, such as 5 or 19.99")
    return value


def _text(row: Row) -> str:
    if row.operator in TEXT_OPERATORS and not row.text:
        raise DefinitionError("needs a text")
    return row.text


def faults_of(rows: Rows) -> dict[tuple[int, int], str]:
    """Return what is wrong with each row that is wrong, by the numbers of its block and its place there."""
    found: dict[tuple[int, int], str] = {}
    for number, block in enumerate(rows.blocks):
        for place, row in enumerate(block):
            try:
                comparison_of(row)
            except DefinitionError as error:
                found[number, place] = error.message
    return found


def condition_of(rows: Rows) -> Condition:
    """Return the condition that rows say. Raises `DefinitionError` with a problem for each faulty row."""
    faults = faults_of(rows)
    if faults:
        problems = [Problem(f"$[{block}][{place}]", message) for (block, place), message in faults.items()]
        raise DefinitionError("the condition is not finished:", problems=problems)
    blocks = [[comparison_of(row) for row in block] for block in rows.blocks if block]
    if not blocks:
        raise DefinitionError("a condition needs at least one row")
    outer, inner = ("and", "or") if rows.join == "all" else ("or", "and")
    return Condition(_joined(outer, [_joined(inner, block) for block in blocks]))


def _joined(operator: str, terms: list[Comparison] | list[Term]) -> Term:
    return terms[0] if len(terms) == 1 else Group(cast("Literal['and', 'or']", operator), terms)


def text_of(rows: Rows) -> str:
    """Return the condition of rows as FQL. Raises `DefinitionError` as `condition_of` does."""
    return generate_fql(condition_of(rows))


def in_words(term: Term) -> str:
    """Return a term as people read it: `Property price is at least 5`."""
    if isinstance(term, Comparison):
        root, *keys = term.path
        subject = FIELDS[root] + (f" {field_text(tuple(keys))}" if keys else "")
        asked = next((word for word, pair in _ASKED.items() if _same(pair, (term.operator, term.value))), "")
        if asked in operators_of(root):
            return f"{subject} {ASKING[asked]}"
        return f"{subject} {COMPARING[term.operator]} {write_value(term.value)}"
    if isinstance(term, Group):
        return "All of these" if term.operator == "and" else "Any of these"
    return "Not this" if isinstance(term, Negation) else generate_fql(Condition(term))


@attrs.frozen
class TraceLine:
    """One verdict of a trace, for a list: how deep it stands, what was asked, and what was found."""

    depth: int
    matched: bool
    words: str
    found: Json | Missing = MISSING
    is_leaf: bool = True


def trace_lines(trace: Trace, depth: int = 0) -> Iterator[TraceLine]:
    """Yield each verdict of a trace, groups before what is in them."""
    is_leaf = isinstance(trace.term, Comparison | FilterTerm)
    yield TraceLine(depth, trace.matched, in_words(trace.term), trace.value, is_leaf)
    for part in trace.parts:
        yield from trace_lines(part, depth + 1)


def why_not(trace: Trace) -> list[str]:
    """Return what kept a condition from holding: each comparison that failed, with what was found there."""
    if trace.matched:
        return []
    term = trace.term
    if isinstance(term, Group):
        return [reason for part in trace.parts for reason in why_not(part)]
    if isinstance(term, Negation):
        return [f"{in_words(part.term)} holds, and must not" for part in trace.parts]
    found = "nothing is there" if trace.value is MISSING else f"it is {brief(trace.value)}"
    return [f"{in_words(term)}, but {found}"]


def summary(text: str) -> str:
    """Return a condition in one line for a list: in words where it is short, else as it is written."""
    rows = read_rows(text)
    if isinstance(rows, str):
        return text
    listed = [row for block in rows.blocks for row in block]
    if len(listed) == 1:
        return in_words(comparison_of(listed[0]))
    if len(rows.blocks) == len(listed) or len(rows.blocks) == 1:
        alone = rows.join if len(rows.blocks) > 1 else rows.inner
        word = " and " if alone == "all" else " or "
        return word.join(in_words(comparison_of(row)) for row in listed)
    return f"{text} ({counted(len(listed), 'condition')})"
