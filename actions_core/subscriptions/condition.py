"""A subscription's condition: a tree of terms, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.subscriptions.compiler import compile_term
from actions_core.subscriptions.predicates import check_of
from actions_core.subscriptions.terms import Comparison, Negation, comparisons, field_text, write
from actions_core.values.paths import read
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.subscriptions.terms import Term
    from actions_core.values.types import JsonObject


@attrs.frozen
class Condition:
    """What an event must be like. `tree` may be walked, or made by hand; equal trees are equal conditions."""

    tree: Term
    #: Whether an event matches. A function of its own for each condition, not a method: it runs for
    #: every event and every subscription.
    matches: Callable[[JsonObject], bool] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "matches", compile_term(self.tree))

    def __str__(self) -> str:
        return write(self.tree)

    def trace(self, event: JsonObject) -> Trace:
        """Every comparison with the value it found and its verdict, in a tree like `tree`."""
        return trace_term(self.tree, event)

    def keys(self) -> tuple[str, ...]:
        """The event's fields that decide, each once, in the order of the text."""
        return tuple(dict.fromkeys(field_text(found.path) for found in comparisons(self.tree)))


def generate_fql(condition: Condition) -> str:
    """Text that means the same as the condition when it is parsed."""
    return write(condition.tree)


@attrs.frozen
class Trace:
    """The verdict on one term. `value` is what a comparison found; groups have `parts` instead."""

    term: Term
    matched: bool
    value: Json = MISSING
    parts: tuple[Trace, ...] = ()

    @property
    def text(self) -> str:
        """The term as FQL."""
        return write(self.term)


def trace_term(term: Term, event: JsonObject) -> Trace:
    """The verdicts on a term and on everything inside it."""
    if isinstance(term, Comparison):
        value = read(event, term.path)
        return Trace(term, check_of(term).holds(None if value is MISSING else value), value)
    if isinstance(term, Negation):
        part = trace_term(term.term, event)
        return Trace(term, not part.matched, parts=(part,))
    parts = tuple(trace_term(member, event) for member in term.terms)
    verdicts = [part.matched for part in parts]
    return Trace(term, all(verdicts) if term.operator == "and" else any(verdicts), parts=parts)
