"""What can be said of conditions without an event: which can never match, which say the same.

Both answers are careful: "never" and "the same" are certain, their opposites may only be unknown.
A condition is brought to a form in which negations stand at the comparisons only. It can never match
when each of its alternatives asks something impossible of one field: the few kinds of values that
FQL can tell apart (null, true, false, any object or list, the numbers at and between the bounds) are
tried, and texts are compared piece by piece. Different fields count as independent.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from actions_core.subscriptions.predicates import Check, check_of
from actions_core.subscriptions.terms import Comparison, Negation, comparisons
from actions_core.values.events import EVENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from actions_core.subscriptions.condition import Condition
    from actions_core.subscriptions.terms import Term
    from actions_core.values.types import Json

#: With more comparisons or alternatives than this, whether a condition can match is left unknown.
MAX_COMPARISONS: Final = 300
MAX_ALTERNATIVES: Final = 200

_OPPOSITES: Final = {"absent": "present", "is": "is_not", "text": "other_text"}
_OPPOSITES.update({other: kind for kind, other in _OPPOSITES.items()})
_PIECES: Final = ("contains", "starts_with", "ends_with")


@attrs.frozen
class _Literal:
    """A check of one field, and the verdict that is wanted of it."""

    path: tuple[str, ...]
    check: Check
    wanted: bool

    def allows(self, value: Json) -> bool:
        return self.check.holds(value) is self.wanted


@attrs.frozen
class _Joined:
    operator: str
    members: frozenset[_Normal]


_Normal: TypeAlias = "_Literal | _Joined"


def normal_form(condition: Condition) -> Hashable:
    """The same for two conditions that say the same in another order, grouping or spelling."""
    return _normal(condition.tree, wanted=True)


def same_meaning(first: Condition, second: Condition) -> bool:
    """Whether two conditions certainly match the same events."""
    return normal_form(first) == normal_form(second)


def never_matches(condition: Condition) -> bool:
    """Whether certainly no event matches, such as with `type = "a" and type = "b"`."""
    if sum(1 for _ in islice(comparisons(condition.tree), MAX_COMPARISONS + 1)) > MAX_COMPARISONS:
        return False
    alternatives = _alternatives(_normal(condition.tree, wanted=True))
    return alternatives is not None and not any(map(_possible, alternatives))


def _normal(term: Term, *, wanted: bool) -> _Normal:
    if isinstance(term, Negation):
        return _normal(term.term, wanted=not wanted)
    if isinstance(term, Comparison):
        return _literal(term, wanted=wanted)
    operator = term.operator if wanted else {"and": "or", "or": "and"}[term.operator]
    members: set[_Normal] = set()
    for member in (_normal(part, wanted=wanted) for part in term.terms):
        if isinstance(member, _Joined) and member.operator == operator:
            members |= member.members
        else:
            members.add(member)
    return next(iter(members)) if len(members) == 1 else _Joined(operator, frozenset(members))


def _literal(comparison: Comparison, *, wanted: bool) -> _Literal:
    check = check_of(comparison)
    negation, kind = ("not_", check.kind[4:]) if check.kind.startswith("not_") else ("", check.kind)
    if kind in _PIECES and check.operand == "":
        # Every text contains, starts with and ends with nothing.
        check = Check("never") if negation else Check("contains", "")
    if not wanted and check.kind in _OPPOSITES:
        return _Literal(comparison.path, Check(_OPPOSITES[check.kind], check.operand), wanted=True)
    return _Literal(comparison.path, check, wanted)


def _alternatives(normal: _Normal) -> list[frozenset[_Literal]] | None:
    """The sets of literals of which one must hold entirely; None where there are too many."""
    if isinstance(normal, _Literal):
        return [frozenset([normal])]
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


def _possible(literals: frozenset[_Literal]) -> bool:
    by_path: dict[tuple[str, ...], list[_Literal]] = {}
    for literal in literals:
        by_path.setdefault(literal.path, []).append(literal)
    return all(_field_possible(path, together) for path, together in by_path.items())


def _field_possible(path: tuple[str, ...], literals: list[_Literal]) -> bool:
    if path == ("type",):
        return _any_allowed(EVENT_TYPES, literals)
    texts = [literal.check.operand for literal in literals if literal.check.kind == "text" and literal.wanted]
    if texts:
        return _any_allowed(texts[:1], literals)
    return _any_allowed([None, True, False, {}, *_numbers(literals)], literals) or _text_possible(literals)


def _any_allowed(values: Iterable[Json], literals: list[_Literal]) -> bool:
    return any(all(literal.allows(value) for literal in literals) for value in values)


def _numbers(literals: list[_Literal]) -> list[float]:
    """Numbers at, and on both sides of, everything that numbers are compared with."""
    numbers: list[float] = [0]
    for literal in literals:
        bound = literal.check.operand
        if isinstance(bound, (int, float)) and not isinstance(bound, bool):
            near = (math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf))
            numbers += [bound, int(bound) - 1, int(bound) + 1, *near]
    return numbers


def _text_possible(literals: list[_Literal]) -> bool:
    """Whether some text may satisfy all; none of them names the text as a whole."""
    has: dict[str, list[str]] = {kind: [] for kind in _PIECES}
    lacks: dict[str, list[str]] = {kind: [] for kind in _PIECES}
    for literal in literals:
        negative = literal.check.kind.startswith("not_")
        kind = literal.check.kind[4:] if negative else literal.check.kind
        if kind in _PIECES:
            side = has if literal.wanted is not negative else lacks
            side[kind].append(str(literal.check.operand))
        elif literal.check.kind != "other_text" and not literal.allows(""):
            return False
    return not _contradicts(has, lacks)


def _contradicts(has: dict[str, list[str]], lacks: dict[str, list[str]]) -> bool:
    starts, ends = sorted(has["starts_with"], key=len), sorted(has["ends_with"], key=len)
    if any(not starts[-1].startswith(start) for start in starts) or any(
        not ends[-1].endswith(end) for end in ends
    ):
        return True
    pieces = [*starts, *ends, *has["contains"]]
    return (
        "" in (*lacks["contains"], *lacks["starts_with"], *lacks["ends_with"])
        or any(lacked in piece for lacked in lacks["contains"] for piece in pieces)
        or any(start.startswith(lacked) for lacked in lacks["starts_with"] for start in starts)
        or any(end.endswith(lacked) for lacked in lacks["ends_with"] for end in ends)
    )
