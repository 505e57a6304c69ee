"""FQL, the language of the conditions that subscriptions put on events.

`parse_fql` reads the text once, `Condition.matches` runs for each event.
"""

from actions_core.subscriptions.condition import (
    Condition,
    Trace,
    generate_fql,
    never_matches,
    normal_form,
    same_meaning,
)
from actions_core.subscriptions.operands import FilterTerm
from actions_core.subscriptions.parser import parse_filter, parse_fql
from actions_core.subscriptions.terms import Comparison, Group, Negation, Term

__all__ = [
    "Comparison",
    "Condition",
    "FilterTerm",
    "Group",
    "Negation",
    "Term",
    "Trace",
    "generate_fql",
    "never_matches",
    "normal_form",
    "parse_filter",
    "parse_fql",
    "same_meaning",
]
