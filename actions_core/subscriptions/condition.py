"""A subscription's condition: a tree of terms, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.subscriptions.compiler import compile_term
from actions_core.subscriptions.terms import comparisons, field_text
from actions_core.subscriptions.trace import Trace, trace_term
from actions_core.subscriptions.writer import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.subscriptions.terms import Term
    from actions_core.types import JsonObject


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
