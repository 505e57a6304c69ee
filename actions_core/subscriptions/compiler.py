"""Comparisons as Python expressions, and a tree of terms as one Python function.

A comparison resolves to a check: a kind and an operand. Each kind is a Python expression over the
value, so the function of a whole tree and the trace (which runs the checks one by one) cannot
disagree. The kind depends on the field on the left: `event` and `type` know text only, `name` knows
null as well, `userId` compares numbers as text. In a check a missing value is None: no comparison
tells the two apart.

The function of a tree is one expression, written once when the subscription is parsed. It is fast
because a step into a plain dict is inlined (anything else goes through `step_into`), a value that
several comparisons read is read once, and comparisons of one field with several texts become one
`in`. Trees too large to be worth it are walked instead.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from actions_core.subscriptions.operands import Call, FilterTerm
from actions_core.subscriptions.terms import Comparison, Group, Negation, leaves
from actions_core.subscriptions.verdicts import getter, simple_check, term_function
from actions_core.values.codegen import Source
from actions_core.values.javascript import to_text
from actions_core.values.paths import read, step_into
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actions_core.subscriptions.operands import Value
    from actions_core.subscriptions.terms import Term
    from actions_core.values.types import Json, JsonObject

#: The names in the expressions below, beside the value and the operand.
NAMES: Final[dict[str, Any]] = {"NUMBER": (int, float)}

# `{v}` is the value where it is read first, `{w}` where it is read again, `{x}` the operand.
# `True` is an int in Python and equals 1, hence the last test wherever numbers are meant.
_NUMBER = "isinstance({v}, NUMBER) and {w} %s {x} and type({w}) is not bool"
_TEXT = "isinstance({v}, str) and %s"
EXPRESSIONS: Final = {
    "never": "False",
    "absent": "{v} is None",
    "present": "{v} is not None",
    "is": "{v} is {x}",
    "is_not": "{v} is not {x}",
    "text": "{v} == {x}",
    "other_text": "{v} != {x}",
    "one_of": "{v} in {x}",
    "none_of": "{v} not in {x}",
    "unequal_number": "({v} != {x} or type({w}) is bool)",
    "number": "{v} == {x} and type({w}) is not bool",
    "other_number": _NUMBER % "!=",
    "<": _NUMBER % "<",
    "<=": _NUMBER % "<=",
    ">": _NUMBER % ">",
    ">=": _NUMBER % ">=",
    "contains": _TEXT % "{x} in {w}",
    "not_contains": _TEXT % "{x} not in {w}",
    "starts_with": _TEXT % "{w}.startswith({x})",
    "not_starts_with": _TEXT % "not {w}.startswith({x})",
    "ends_with": _TEXT % "{w}.endswith({x})",
    "not_ends_with": _TEXT % "not {w}.endswith({x})",
}


@attrs.frozen
class Check:
    """A kind out of `EXPRESSIONS`, and the operand that the value is compared with."""

    kind: str
    operand: Value | tuple[Value, ...] = None

    def holds(self, value: Json) -> bool:
        """Tell whether a value passes; a missing one is given as None."""
        return _check_function(self.kind)(value, self.operand)


def check_of(comparison: Comparison) -> Check:
    """Return the check of a comparison, by the field on its left."""
    operator, value, field = comparison.operator, comparison.value, comparison.path[0]
    if operator in ("=", "!="):
        return _equality(field, value, equal=operator == "=")
    if operator in ("<", "<=", ">", ">=") and (isinstance(value, (bool, str)) or value is None):
        return Check("never")
    return Check(operator, value)


def _equality(field: str, value: Value, *, equal: bool) -> Check:
    only_text = field in ("event", "type")
    if value is None and not only_text:
        return Check("absent" if equal else "present")
    if isinstance(value, bool) and field not in ("event", "type", "name"):
        return Check("is" if equal else "is_not", value)
    if isinstance(value, (int, float)) and field not in ("event", "type", "name", "userId"):
        return Check("number" if equal else "other_number", value)
    return Check("text" if equal else "other_text", to_text(value))


@cache
def _check_function(kind: str) -> Callable[[Json, Any], bool]:
    source = Source("comparison", **NAMES)
    with source.function("value, operand", "holds"):
        source.put(f"return {EXPRESSIONS[kind].format(v='value', w='value', x='operand')}")
    holds: Callable[[Json, Any], bool] = source.build()["holds"]
    return holds


Path: TypeAlias = "tuple[str, ...]"

#: Above this many comparisons, compiling costs more than it will ever save.
MAX_COMPARISONS: Final = 300
#: Each step of a path is a parenthesis in the source, of which Python allows 200.
_MAX_INLINE_STEPS: Final = 8


def compile_term(term: Term) -> Callable[[JsonObject], bool]:
    """Return a function that tells whether an event matches."""
    if sum(1 for _ in islice(leaves(term), MAX_COMPARISONS + 1)) > MAX_COMPARISONS:
        return partial(evaluate, term)
    return _Expression(term).function()


def evaluate(term: Term, event: JsonObject, /) -> bool:
    """Tell whether an event matches by walking the tree, as the compiled function does."""
    if isinstance(term, Comparison):
        return check_of(term).holds(value_at(event, term.path))
    if isinstance(term, FilterTerm):
        return term_function(term)(event)
    if isinstance(term, Negation):
        return not evaluate(term.term, event)
    if term.operator == "and":
        return all(evaluate(part, event) for part in term.terms)
    return any(evaluate(part, event) for part in term.terms)


def term_value(test: FilterTerm, event: JsonObject) -> Json:
    """Return the value that a test looks at: a call's own value only where it is compared with another."""
    left = test.left
    if isinstance(left, Call) and test.operator == "is true":
        left = left.arguments[0]
    return getter(left)(event)


def value_at(event: Json, path: Iterable[str]) -> Json:
    """Return the value at `path`, or None."""
    value = read(event, path)
    return None if value is MISSING else value


def _step_or_none(value: Json, key: str) -> Json:
    found = step_into(value, key)
    return None if found is MISSING else found


@attrs.frozen
class _Leaf:
    """One check of one field."""

    path: Path
    check: Check


_Node: TypeAlias = "_Leaf | FilterTerm | Group | Negation"


@attrs.frozen
class _Part:
    """A part of the expression, and the paths whose values have variables once it has run."""

    text: str
    known: frozenset[Path] = frozenset()


class _Expression:
    """The expression of one tree of terms."""

    def __init__(self, term: Term) -> None:
        self._source = Source("subscription", step=_step_or_none, value_at=value_at, **NAMES)
        self._root = _node(term)
        self._shared = _shared_paths(self._root)
        self._names: dict[Path, str] = {}

    def function(self) -> Callable[[JsonObject], bool]:
        """Write the expression and compile it."""
        with self._source.function("event", "matches"):
            self._source.put(f"return {self._write(self._root, frozenset()).text}")
        matches: Callable[[JsonObject], bool] = self._source.build()["matches"]
        return matches

    def _write(self, item: _Node, known: frozenset[Path]) -> _Part:
        if isinstance(item, _Leaf):
            return self._write_leaf(item, known)
        if isinstance(item, FilterTerm):
            return _Part(f"{self._source.keep(term_function(item))}(event)")
        if isinstance(item, Negation):
            part = self._write(_node(item.term), known)
            return _Part(f"not ({part.text})", part.known)
        parts: list[_Part] = []
        for member in _members(item):
            parts.append(self._write(member, known))
            # A later member runs only when all the earlier ones have; the first one always runs.
            known |= parts[-1].known
        return _Part(f" {item.operator} ".join(f"({part.text})" for part in parts), parts[0].known)

    def _write_leaf(self, leaf: _Leaf, known: frozenset[Path]) -> _Part:
        template = EXPRESSIONS[leaf.check.kind]
        if "{v}" not in template:
            return _Part(template)
        value = self._write_value(leaf.path, known, again="{w}" in template)
        operand = self._source.constant(leaf.check.operand)
        return _Part(template.format(v=value.text, w=self._name(leaf.path), x=operand), value.known)

    def _write_value(self, path: Path, known: frozenset[Path], *, again: bool) -> _Part:
        """Return the expression of a value; it gets a variable where the value is needed `again`."""
        if path in known:
            return _Part(self._name(path))
        if len(path) > _MAX_INLINE_STEPS:
            part = _Part(f"value_at(event, {self._source.constant(path)})")
        elif len(path) == 1:
            part = _Part(f"event.get({self._source.constant(path[0])})")
        else:
            parent = self._write_value(path[:-1], known, again=True)
            key = self._source.constant(path[-1])
            name = self._name(path[:-1])
            part = _Part(
                f"{name}.get({key}) if type({parent.text}) is dict else step({name}, {key})", parent.known
            )
        if not again and path not in self._shared:
            return _Part(f"({part.text})", part.known)
        return _Part(f"({self._name(path)} := {part.text})", part.known | {path})

    def _name(self, path: Path) -> str:
        """Return the variable of a value, which the expression assigns where it reads the value first."""
        name = self._names.get(path)
        if name is None:
            name = self._names[path] = self._source.variable()
        return name


def _node(term: Term) -> _Node:
    if isinstance(term, Comparison):
        return _Leaf(term.path, check_of(term))
    found = check_at(term) if isinstance(term, FilterTerm) else None
    return term if found is None else _Leaf(*found)


def check_at(term: Comparison | FilterTerm) -> tuple[Path, Check] | None:
    """Return the path and the check of a comparison, or of a test that is of one field and one literal."""
    if isinstance(term, Comparison):
        return term.path, check_of(term)
    found = simple_check(term)
    return None if found is None else (found[0], Check(found[1], found[2]))


def _members(group: Group) -> list[_Node]:
    """Return a group's members; comparisons of one field with several texts become one check."""
    single, several = ("text", "one_of") if group.operator == "or" else ("other_text", "none_of")
    items: list[_Node] = []
    places: dict[Path, int] = {}
    texts: dict[Path, list[Any]] = {}
    for item in map(_node, group.terms):
        if not isinstance(item, _Leaf) or item.check.kind != single:
            items.append(item)
        elif item.path not in places:
            places[item.path] = len(items)
            texts[item.path] = [item.check.operand]
            items.append(item)
        else:
            texts[item.path].append(item.check.operand)
            items[places[item.path]] = _Leaf(item.path, Check(several, tuple(texts[item.path])))
    return items


def _shared_paths(item: _Node) -> frozenset[Path]:
    """Return the paths that are read for more than one reason: by two checks, or on the way to two keys."""
    readers: Counter[Path] = Counter()
    seen: set[Path] = set()
    stack = [item]
    while stack:
        current = stack.pop()
        if isinstance(current, _Leaf):
            readers[current.path] += 1
            for length in range(len(current.path) - 1, 0, -1):
                if current.path[: length + 1] in seen:
                    break
                seen.add(current.path[: length + 1])
                readers[current.path[:length]] += 1
        elif isinstance(current, Negation):
            stack.append(_node(current.term))
        elif isinstance(current, Group):
            stack.extend(_members(current))
    return frozenset(path for path, count in readers.items() if count > 1)
