"""Fragments of a definition: written once, under `fragments`, and used in several places.

`{"$fragment": "email"}` stands for a copy of the fragment of that name; further keys beside it are laid over
that. A fragment may use others. All are in place before anything else looks at the definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import Problem, child_path, is_within
from actions_core.values.wording import kind, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actions_core.values.types import Json, JsonObject

_FRAGMENTS: Final = "fragments"
_FRAGMENT: Final = "$fragment"

#: More values than a definition has; fragments that use each other twice over make more in no time.
_MOST_VALUES: Final = 100_000


@attrs.frozen
class Use:
    """The name of the fragment that stands in a place, and the keys that are written in that place itself."""

    name: str
    written: frozenset[str]


@attrs.frozen
class Filled:
    """A definition with its fragments in place: where they stand, by path, and where none could be put."""

    definition: Json
    problems: list[Problem] = attrs.field(factory=list)
    uses: Mapping[str, Use] = attrs.field(factory=dict, repr=False)
    unfilled: Sequence[str] = ()

    def relate(self, problems: Iterable[Problem]) -> list[Problem]:
        """Do what `relate_all` does, without problems that only follow from a missing fragment."""
        return self.relate_all(
            problem
            for problem in problems
            if not any(is_within(problem.path, path) for path in self.unfilled)
        )

    def relate_all(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return problems at the fragments that they are in: each once, with one place of its use."""
        found: dict[tuple[str, str], Problem] = {}
        for problem in problems:
            path, user = self._fragment_of(problem.path)
            said = f"{problem.message} (used in {user})" if user else problem.message
            found.setdefault((path, problem.message), Problem(path, said, problem.severity))
        return list(found.values())

    def _fragment_of(self, path: str) -> tuple[str, str]:
        """Return the path within a fragment that a path leads to, and the place of that fragment, if any."""
        around = [place for place in self.uses if is_within(path, place)]
        for place in sorted(around, key=len, reverse=True):
            use = self.uses[place]
            if not any(is_within(path, child_path(place, key)) for key in use.written):
                return child_path(f"$.{_FRAGMENTS}", use.name) + path[len(place) :], place
        return path, ""


def fill_in(data: Json) -> Filled:
    """Put the fragments of a definition where they are used; raise `RecursionError` if it holds itself."""
    if not isinstance(data, dict):
        return Filled(data)
    fragments = data.get(_FRAGMENTS)
    filling = _Filling(fragments if isinstance(fragments, dict) else {})
    rest = {key: value for key, value in data.items() if key != _FRAGMENTS}
    filled = Filled(filling.fill(rest, "$", ()), uses=filling.uses, unfilled=[*filling.faults])
    if filling.is_too_large:
        filled = Filled({}, unfilled=["$"])  # nothing of it is worth looking at
    problems = filled.relate_all(
        Problem(child_path(path, _FRAGMENT), fault) for path, fault in filling.faults.items()
    )
    if fragments is not None and not isinstance(fragments, dict):
        problems.insert(0, Problem(f"$.{_FRAGMENTS}", f"must be an object but is {kind(fragments)}"))
    if not problems:
        problems = [
            Problem(child_path(f"$.{_FRAGMENTS}", name), "is used nowhere", "warning")
            for name in filling.fragments
            if name not in filling.used
        ]
    return attrs.evolve(filled, problems=problems)


class _Filling:
    """A walk through a definition that puts fragments in their places."""

    def __init__(self, fragments: JsonObject) -> None:
        self.fragments = fragments
        self.faults: dict[str, str] = {}
        self.uses: dict[str, Use] = {}
        self.used: set[str] = set()
        self._values = 0
        self.is_too_large = False

    def fill(self, value: Json, path: str, inside: tuple[str, ...]) -> Any:
        """Return the value with fragments in their places; `inside` are those that it stands in."""
        self._values += 1
        if isinstance(value, list):
            return [self.fill(item, f"{path}[{place}]", inside) for place, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if _FRAGMENT in value:
            return self._fragment(value, path, inside)
        return {key: self.fill(item, child_path(path, str(key)), inside) for key, item in value.items()}

    def _fragment(self, value: JsonObject, path: str, inside: tuple[str, ...]) -> Json:
        name = value[_FRAGMENT]
        fault = self._fault(name, inside)
        if not fault:
            over = {key: item for key, item in value.items() if key != _FRAGMENT}
            self.used.add(name)
            self.uses[path] = Use(name, frozenset(value))
            fragment = self.fill(self.fragments[name], path, (*inside, name))
            if not over:
                return fragment
            if isinstance(fragment, dict):
                return {**fragment, **self.fill(over, path, inside)}
            fault = f"keys can be laid over an object only, but {shown(name)} is {kind(fragment)}"
        if not self.is_too_large:
            self.faults[path] = fault
        self.is_too_large = self._values > _MOST_VALUES
        return None

    def _fault(self, name: Json, inside: tuple[str, ...]) -> str:
        """Return why a fragment cannot be put in place; nothing where it can."""
        if not isinstance(name, str):
            return f"must be the name of a fragment, a string, but is {kind(name)}"
        if name not in self.fragments:
            return f"there is no fragment {shown(name)}{suggestion(name, self.fragments)}"
        if name in inside:
            return f"the fragment contains itself: {' → '.join([*inside[inside.index(name) :], name])}"
        if self._values > _MOST_VALUES:
            return f"with this fragment, the definition has more than {_MOST_VALUES:,} values"
        return ""
