"""Why an event matches, or does not: every comparison with what it found.

Nothing is skipped: where the compiled function stops at the first answer, the trace goes on, so that
people see all that is wrong at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.paths import read
from actions_core.subscriptions.checks import check_of
from actions_core.subscriptions.terms import Comparison, Negation
from actions_core.subscriptions.writer import write
from actions_core.types import MISSING, Json

if TYPE_CHECKING:
    from actions_core.subscriptions.terms import Term
    from actions_core.types import JsonObject


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
