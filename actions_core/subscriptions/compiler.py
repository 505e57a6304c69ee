"""A tree of terms as one Python function.

The function is one expression, written once when the subscription is parsed. What makes it fast: a
step into a plain dict is inlined (anything else takes the slow road of `step_into`), what several
comparisons read is read once, and comparisons of one field with several texts become one `in`. Trees
too large to be worth it are walked instead.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs

from actions_core.subscriptions.predicates import EXPRESSIONS, NAMES, Check, check_of
from actions_core.subscriptions.terms import Comparison, Group, Negation, comparisons
from actions_core.values.codegen import Source
from actions_core.values.paths import read, step_into
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actions_core.subscriptions.terms import Term
    from actions_core.values.types import Json, JsonObject

Path: TypeAlias = "tuple[str, ...]"

#: Above this many comparisons, compiling costs more than it will ever save.
MAX_COMPARISONS: Final = 300
#: Each step of a path is a parenthesis in the source, of which Python allows 200.
_MAX_INLINE_STEPS: Final = 8


def compile_term(term: Term) -> Callable[[JsonObject], bool]:
    """The function that says whether an event matches."""
    if sum(1 for _ in islice(comparisons(term), MAX_COMPARISONS + 1)) > MAX_COMPARISONS:
        return partial(evaluate, term)
    return _Expression(term).function()


def evaluate(term: Term, event: JsonObject, /) -> bool:
    """The verdict found by walking the tree: what the compiled function says, without compiling."""
    if isinstance(term, Comparison):
        return check_of(term).holds(value_at(event, term.path))
    if isinstance(term, Negation):
        return not evaluate(term.term, event)
    if term.operator == "and":
        return all(evaluate(part, event) for part in term.terms)
    return any(evaluate(part, event) for part in term.terms)


def value_at(event: Json, path: Iterable[str]) -> Json:
    """The value at `path`, None where there is none."""
    value = read(event, path)
    return None if value is MISSING else value


def _reach(value: Json, key: str) -> Json:
    found = step_into(value, key)
    return None if found is MISSING else found


@attrs.frozen
class _Leaf:
    """One check of one field, as it stands in the expression."""

    path: Path
    check: Check


_Item: TypeAlias = "_Leaf | Group | Negation"


@attrs.frozen
class _Part:
    """A piece of the expression, and the paths whose values it has certainly read."""

    text: str
    known: frozenset[Path] = frozenset()


class _Expression:
    """The expression of one tree."""

    def __init__(self, term: Term) -> None:
        self._source = Source("subscription", reach=_reach, value_at=value_at, **NAMES)
        self._item = _item(term)
        self._shared = _shared_paths(self._item)
        self._names: dict[Path, str] = {}

    def function(self) -> Callable[[JsonObject], bool]:
        with self._source.function("event", "matches"):
            self._source.put(f"return {self._write(self._item, frozenset()).text}")
        matches: Callable[[JsonObject], bool] = self._source.build()["matches"]
        return matches

    def _write(self, item: _Item, known: frozenset[Path]) -> _Part:
        if isinstance(item, _Leaf):
            return self._write_leaf(item, known)
        if isinstance(item, Negation):
            part = self._write(_item(item.term), known)
            return _Part(f"not ({part.text})", part.known)
        parts: list[_Part] = []
        for member in _items(item):
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
        """The expression of a value; under a name where the same value is wanted `again`."""
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
                f"{name}.get({key}) if type({parent.text}) is dict else reach({name}, {key})", parent.known
            )
        if not again and path not in self._shared:
            return _Part(f"({part.text})", part.known)
        return _Part(f"({self._name(path)} := {part.text})", part.known | {path})

    def _name(self, path: Path) -> str:
        return self._names.setdefault(path, f"v{len(self._names)}")


def _item(term: Term) -> _Item:
    return _Leaf(term.path, check_of(term)) if isinstance(term, Comparison) else term


def _items(group: Group) -> list[_Item]:
    """A group's members, in which comparisons of one field with several texts have become one check."""
    single, several = ("text", "one_of") if group.operator == "or" else ("other_text", "none_of")
    items: list[_Item] = []
    places: dict[Path, int] = {}
    texts: dict[Path, list[Any]] = {}
    for item in map(_item, group.terms):
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


def _shared_paths(item: _Item) -> frozenset[Path]:
    """The paths that are read for more than one reason: by two checks, or on the way to two keys."""
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
            stack.append(_item(current.term))
        else:
            stack.extend(_items(current))
    return frozenset(path for path, count in readers.items() if count > 1)
