"""The tree of a condition: comparisons, or the tests of a filter, and the groups that join them.

A term is data: embedders may walk it, build it and compare it. It says what the text of the condition
says; what a comparison means is the business of `compiler`. Terms check themselves, so a tree made by
hand can always be written, run and walked without running out of stack.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import attrs

from actions_core.errors import DefinitionError
from actions_core.subscriptions.operands import FilterTerm, Value, write_filter_term, write_path, write_value
from actions_core.values.paths import add_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Relation = Literal["=", "!=", "<", "<=", ">", ">="]
TextOperator = Literal[
    "contains", "not_contains", "starts_with", "not_starts_with", "ends_with", "not_ends_with"
]
Operator: TypeAlias = Relation | TextOperator

RELATIONS: Final = frozenset(get_args(Relation))
TEXT_OPERATORS: Final = frozenset(get_args(TextOperator))
#: Fields that stand alone, and those that need a path below them.
LONE_FIELDS: Final = ("type", "event", "name", "userId")
PATH_FIELDS: Final = ("properties", "traits", "context")
#: How deep groups may nest. Python's own parser allows 200 parentheses, and every walk of a tree recurses.
MAX_DEPTH: Final = 100
#: How many keys a field may have: as deep as an event may be.
MAX_KEYS: Final = 100


def _keys(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(keys)


def _terms(terms: Iterable[Term]) -> tuple[Term, ...]:
    return tuple(terms)


@attrs.frozen
class Comparison:
    """A comparison of one field with a value: `properties.price >= 5`, `!match(event, "Order*")`.

    `path` names the field key by key (`("properties", "price")`). For text operators, `value` is the
    text without the pattern's star.
    """

    path: tuple[str, ...] = attrs.field(converter=_keys)
    operator: Operator
    value: Value

    def __attrs_post_init__(self) -> None:
        _check_path(self.path)
        if self.operator in TEXT_OPERATORS:
            if not isinstance(self.value, str):
                raise DefinitionError(f"{self.operator} needs a string, not {self.value!r}")
            if "contains" not in self.operator and "*" in self.value:
                raise DefinitionError(f"the text of {self.operator} contains a *, which FQL cannot express")
        elif self.operator not in RELATIONS:
            raise DefinitionError(f"unknown operator {self.operator!r}")
        _check_value(self.value)


@attrs.frozen
class Group:
    """Several terms of which all (`and`) or at least one (`or`) must match."""

    operator: Literal["and", "or"]
    terms: tuple[Term, ...] = attrs.field(converter=_terms)
    depth: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.operator not in ("and", "or"):
            raise DefinitionError(f"a group's operator is and or or, not {self.operator!r}")
        if not self.terms:
            raise DefinitionError("a group needs at least one term")
        object.__setattr__(self, "depth", _one_deeper(max(map(depth_of, self.terms))))


@attrs.frozen
class Negation:
    """`!( … )`: a term that matches where its own does not, whatever kind of value is there."""

    term: Term
    depth: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "depth", _one_deeper(depth_of(self.term)))


Term: TypeAlias = Comparison | FilterTerm | Group | Negation


def depth_of(term: Term) -> int:
    """Return how many groups and negations are nested in the term."""
    return 0 if isinstance(term, Comparison | FilterTerm) else term.depth


def comparisons(term: Term) -> Iterator[Comparison]:
    """Yield every comparison of a subscription's tree, in the order of its text."""
    return (leaf for leaf in leaves(term) if isinstance(leaf, Comparison))


def leaves(term: Term) -> Iterator[Comparison | FilterTerm]:
    """Yield every comparison and every test of a tree, in the order of its text."""
    stack = [term]
    while stack:
        current = stack.pop()
        if isinstance(current, Comparison | FilterTerm):
            yield current
        elif isinstance(current, Negation):
            stack.append(current.term)
        else:
            stack.extend(reversed(current.terms))


def field_text(path: tuple[str, ...]) -> str:
    """Return a field as a mapping's `@path` spells it: `properties.items[0].name`, `traits['is.on']`."""
    return reduce(add_step, path, "")


def _one_deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise DefinitionError(f"groups nest deeper than {MAX_DEPTH} levels")
    return depth + 1


def _check_path(path: tuple[str, ...]) -> None:
    if not path or not all(isinstance(key, str) and key for key in path):
        raise DefinitionError("a field is named by one or more keys, none of them empty")
    if len(path) > MAX_KEYS:
        raise DefinitionError(f"a field has at most {MAX_KEYS} keys")
    if path[0] in LONE_FIELDS:
        if len(path) > 1:
            raise DefinitionError(f"{path[0]} has nothing below it")
    elif path[0] not in PATH_FIELDS:
        raise DefinitionError(f"unknown field {path[0]!r}")
    elif len(path) == 1:
        raise DefinitionError(f"{path[0]} needs a key below it")


def _check_value(value: Value) -> None:
    if isinstance(value, str):
        if '"' in value and "'" in value:
            raise DefinitionError("FQL cannot express a text that contains both kinds of quotes")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise DefinitionError(f"{value} is not a number that FQL can express")
    elif isinstance(value, int):
        try:
            float(value)
        except OverflowError:
            raise DefinitionError("the number is too large") from None
    elif value is not None:
        raise DefinitionError(f"a comparison is with a string, a number, true, false or null, not {value!r}")


def write(term: Term) -> str:
    """Return a text that parses to a tree of the same meaning."""
    if isinstance(term, Comparison):
        return _write_comparison(term)
    if isinstance(term, FilterTerm):
        return write_filter_term(term)
    if isinstance(term, Negation):
        return f"!({write(term.term)})"
    return f" {term.operator} ".join(_write_member(member, term) for member in term.terms)


def _write_member(term: Term, group: Group) -> str:
    while isinstance(term, Group) and len(term.terms) == 1:
        term = term.terms[0]
    if len(group.terms) == 1:
        return write(term)
    binds_tighter = isinstance(term, Group) and group.operator == "or" and term.operator == "and"
    return f"({write(term)})" if isinstance(term, Group) and not binds_tighter else write(term)


def _write_comparison(comparison: Comparison) -> str:
    field = write_path(comparison.path)
    operator, value = comparison.operator, comparison.value
    if operator in RELATIONS:
        return f"{field} {operator} {write_value(value)}"
    sign, _, function = operator.rpartition("not_")
    sign = "!" if operator.startswith("not_") else ""
    pattern = {"contains": f"{value}", "starts_with": f"{value}*", "ends_with": f"*{value}"}[function]
    return f"{sign}{'contains' if function == 'contains' else 'match'}({field}, {write_value(pattern)})"
