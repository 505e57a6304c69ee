"""A tree of terms as FQL text.

Text goes between double quotes, or single ones where it holds double ones: FQL has no escapes inside
text. In paths, everything but letters, digits and `_` of ASCII is escaped, which every reader of FQL
understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.subscriptions.terms import RELATIONS, Comparison, Group, Negation

if TYPE_CHECKING:
    from actions_core.subscriptions.terms import Term, Value


def write(term: Term) -> str:
    """The text that parses to a tree of the same meaning."""
    if isinstance(term, Comparison):
        return _write_comparison(term)
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
    field = ".".join(map(_write_key, comparison.path))
    operator, value = comparison.operator, comparison.value
    if operator in RELATIONS:
        return f"{field} {operator} {_write_value(value)}"
    sign, _, function = operator.rpartition("not_")
    sign = "!" if operator.startswith("not_") else ""
    pattern = {"contains": f"{value}", "starts_with": f"{value}*", "ends_with": f"*{value}"}[function]
    return f"{sign}{'contains' if function == 'contains' else 'match'}({field}, {_write_value(pattern)})"


def _write_key(key: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"\\{c}" for c in key)


def _write_value(value: Value) -> str:
    if isinstance(value, str):
        return f"'{value}'" if '"' in value else f'"{value}"'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
