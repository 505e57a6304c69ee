"""A subscription's condition: a compiled tree of terms, its traces, and what holds without any event.

Without an event it can be told that a condition never matches, and that two say the same. Both are
careful: "never" and "the same" are certain, their opposites may only be unknown. A condition is
brought to a form in which negations stand at the comparisons only. It can never match when each of
its alternatives asks something impossible of one field: the few kinds of values that FQL can tell
apart (null, true, false, any object or list, the numbers at and between the bounds) are tried, and
texts are compared piece by piece. Different fields count as independent.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from actions_core.subscriptions.compiler import Check, check_at, check_of, compile_term, evaluate, term_value
from actions_core.subscriptions.operands import FilterTerm
from actions_core.subscriptions.terms import Comparison, Negation, field_text, leaves, write
from actions_core.values.events import EVENT_TYPES
from actions_core.values.paths import read
from actions_core.values.types import MISSING, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from actions_core.subscriptions.terms import Term
    from actions_core.values.types import JsonObject

#: With more comparisons or alternatives than this, whether a condition can match is left unknown.
MAX_COMPARISONS: Final = 300
MAX_ALTERNATIVES: Final = 200

_OPPOSITES: Final = {"absent": "present", "is": "is_not", "text": "other_text", "number": "unequal_number"}
_OPPOSITES.update({other: kind for kind, other in _OPPOSITES.items()})
_PIECES: Final = ("contains", "starts_with", "ends_with")


@attrs.frozen
class Condition:
    """A condition on events. `tree` may be walked, or made by hand; equal trees are equal conditions.

    `warnings` say what is odd in the text that it was read from.
    """

    tree: Term
    warnings: tuple[str, ...] = attrs.field(default=(), eq=False, kw_only=True)
    #: Tells whether an event matches. A function of its own for each condition, not a method: it runs
    #: for every event and every subscription.
    matches: Callable[[JsonObject], bool] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "matches", compile_term(self.tree))

    def __str__(self) -> str:
        return write(self.tree)

    def trace(self, event: JsonObject) -> Trace:
        """Return each comparison with the value that it found and its verdict, in a tree like `tree`."""
        return trace_term(self.tree, event)

    def keys(self) -> tuple[str, ...]:
        """Return the fields of the event that it compares, each once, in the order of the text."""
        paths = (
            path
            for leaf in leaves(self.tree)
            for path in (leaf.paths() if isinstance(leaf, FilterTerm) else (leaf.path,))
        )
        return tuple(dict.fromkeys(map(field_text, paths)))


def generate_fql(condition: Condition) -> str:
    """Return a text that means the same as the condition when it is parsed."""
    return write(condition.tree)


@attrs.frozen
class Trace:
    """The verdict on one term, with the value that a comparison found, or the `parts` of a group."""

    term: Term
    matched: bool
    value: Json = MISSING
    parts: tuple[Trace, ...] = ()

    @property
    def text(self) -> str:
        """The term as FQL."""
        return write(self.term)


def trace_term(term: Term, event: JsonObject) -> Trace:
    """Return the verdicts on a term and on everything inside it."""
    if isinstance(term, Comparison):
        value = read(event, term.path)
        return Trace(term, check_of(term).holds(None if value is MISSING else value), value)
    if isinstance(term, FilterTerm):
        return Trace(term, evaluate(term, event), term_value(term, event))
    if isinstance(term, Negation):
        part = trace_term(term.term, event)
        return Trace(term, not part.matched, parts=(part,))
    parts = tuple(trace_term(member, event) for member in term.terms)
    verdicts = [part.matched for part in parts]
    return Trace(term, all(verdicts) if term.operator == "and" else any(verdicts), parts=parts)


@attrs.frozen
class _Literal:
    """A check of one field, and the verdict that it must have."""

    path: tuple[str, ...]
    check: Check
    expected: bool

    def allows(self, value: Json) -> bool:
        return self.check.holds(value) is self.expected


@attrs.frozen
class _Junction:
    """Literals and junctions joined by one operator, in no order."""

    operator: str
    members: frozenset[_Normal]


@attrs.frozen
class _Opaque:
    """A test of which nothing is known without an event, and the verdict that it must have."""

    test: FilterTerm
    expected: bool


_Normal: TypeAlias = "_Literal | _Opaque | _Junction"


def normal_form(condition: Condition) -> Hashable:
    """Return what is equal for conditions that differ only in order, grouping or spelling."""
    return _normalize(condition.tree, expected=True)


def same_meaning(first: Condition, second: Condition) -> bool:
    """Tell whether two conditions certainly match the same events."""
    return normal_form(first) == normal_form(second)


def never_matches(condition: Condition) -> bool:
    """Tell whether certainly no event matches, as with `type = "a" and type = "b"`."""
    if sum(1 for _ in islice(leaves(condition.tree), MAX_COMPARISONS + 1)) > MAX_COMPARISONS:
        return False
    alternatives = _alternatives(_normalize(condition.tree, expected=True))
    return alternatives is not None and not any(map(_satisfiable, alternatives))


def _normalize(term: Term, *, expected: bool) -> _Normal:
    if isinstance(term, Negation):
        return _normalize(term.term, expected=not expected)
    if isinstance(term, Comparison | FilterTerm):
        found = check_at(term)
        if found is None:
            assert isinstance(term, FilterTerm)  # noqa: S101  # every comparison has a check
            return _Opaque(term, expected)
        return _literal(*found, expected=expected)
    operator = term.operator if expected else {"and": "or", "or": "and"}[term.operator]
    members: set[_Normal] = set()
    for member in (_normalize(part, expected=expected) for part in term.terms):
        if isinstance(member, _Junction) and member.operator == operator:
            members |= member.members
        else:
            members.add(member)
    return next(iter(members)) if len(members) == 1 else _Junction(operator, frozenset(members))


def _literal(path: tuple[str, ...], check: Check, *, expected: bool) -> _Literal:
    negation, kind = ("not_", check.kind[4:]) if check.kind.startswith("not_") else ("", check.kind)
    if kind in _PIECES and check.operand == "":
        # Every text contains, starts with and ends with nothing.
        check = Check("never") if negation else Check("contains", "")
    if not expected and check.kind in _OPPOSITES:
        return _Literal(path, Check(_OPPOSITES[check.kind], check.operand), expected=True)
    return _Literal(path, check, expected)


def _alternatives(normal: _Normal) -> list[frozenset[_Literal]] | None:
    """Return the sets of literals of which one must hold entirely; None where there are too many."""
    if isinstance(normal, _Literal):
        return [frozenset([normal])]
    if isinstance(normal, _Opaque):
        return [frozenset()]
    ways: list[frozenset[_Literal]] = [] if normal.operator == "or" else [frozenset()]
    for member in normal.members:
        more = _alternatives(member)
        if more is None:
            return None
        if normal.operator == "or":
            ways = ways + more
        elif len(ways) * len(more) <= MAX_ALTERNATIVES:
            ways = [way | other for way in ways for other in more]
        else:
            return None
        if len(ways) > MAX_ALTERNATIVES:
            return None
    return ways


def _satisfiable(literals: frozenset[_Literal]) -> bool:
    by_path: dict[tuple[str, ...], list[_Literal]] = {}
    for literal in literals:
        by_path.setdefault(literal.path, []).append(literal)
    return all(_field_satisfiable(path, together) for path, together in by_path.items())


def _field_satisfiable(path: tuple[str, ...], literals: list[_Literal]) -> bool:
    if path == ("type",):
        return _any_allowed(EVENT_TYPES, literals)
    for literal in literals:
        if literal.expected and literal.check.kind in ("text", "one_of"):
            operand: Any = literal.check.operand
            return _any_allowed(operand if literal.check.kind == "one_of" else (operand,), literals)
    return _any_allowed([None, True, False, {}, *_numbers(literals)], literals) or _text_satisfiable(literals)


def _any_allowed(values: Iterable[Json], literals: list[_Literal]) -> bool:
    return any(all(literal.allows(value) for literal in literals) for value in values)


def _numbers(literals: list[_Literal]) -> list[float]:
    """Return numbers at, and on both sides of, each number that the value is compared with."""
    numbers: list[float] = [0]
    for literal in literals:
        bound = literal.check.operand
        if isinstance(bound, (int, float)) and not isinstance(bound, bool):
            near = (math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf))
            numbers += [bound, int(bound) - 1, int(bound) + 1, *near]
    return numbers


def _text_satisfiable(literals: list[_Literal]) -> bool:
    """Tell whether some text may satisfy all literals, of which none gives the whole text."""
    required: dict[str, list[str]] = {kind: [] for kind in _PIECES}
    excluded: dict[str, list[str]] = {kind: [] for kind in _PIECES}
    for literal in literals:
        negative = literal.check.kind.startswith("not_")
        kind = literal.check.kind[4:] if negative else literal.check.kind
        if kind in _PIECES:
            side = required if literal.expected is not negative else excluded
            side[kind].append(str(literal.check.operand))
        elif literal.check.kind != "other_text" and not literal.allows(""):
            return False
    return not _contradictory(required, excluded)


def _contradictory(required: dict[str, list[str]], excluded: dict[str, list[str]]) -> bool:
    starts, ends = sorted(required["starts_with"], key=len), sorted(required["ends_with"], key=len)
    if any(not starts[-1].startswith(start) for start in starts) or any(
        not ends[-1].endswith(end) for end in ends
    ):
        return True
    pieces = [*starts, *ends, *required["contains"]]
    return (
        "" in (*excluded["contains"], *excluded["starts_with"], *excluded["ends_with"])
        or any(text in piece for text in excluded["contains"] for piece in pieces)
        or any(start.startswith(text) for text in excluded["starts_with"] for start in starts)
        or any(end.endswith(text) for text in excluded["ends_with"] for end in ends)
    )
