"""The destinations that an engine may use: registered by hand, or found among the installed packages.

A plugin that cannot be loaded is listed in `problems` and hides nothing else; it matters only to a
workspace that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination import Destination
from actions_core.errors import DefinitionError, Problem, child_path
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

ENTRY_POINTS: Final = "actions_core.destinations"


@attrs.frozen
class _Entry:
    """A destination that was taken, in words where it came from, and the plugin that brought it."""

    destination: Destination
    origin: str
    plugin: str | None = None


class Registry:
    """Destinations by slug."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._refused: dict[str, str] = {}
        self._problems: dict[str, Problem] = {}

    def __iter__(self) -> Iterator[Destination]:
        return (entry.destination for entry in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, slug: object) -> bool:
        return isinstance(slug, str) and slug in self._entries

    def __repr__(self) -> str:
        return f"<Registry {', '.join(self._entries)}>"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The plugins that cannot be used: the path is the entry point's name, the message the reason."""
        return tuple(self._problems.values())

    def register(self, destination: Destination) -> Destination:
        """Take a destination; raises `DefinitionError` with everything that is wrong with it.

        Registering the same object again changes nothing; another one of the same slug is an error.
        """
        if not isinstance(destination, Destination):
            raise DefinitionError(f"{shown(type(destination).__name__)} is not a Destination")
        before = self._entries.get(destination.slug)
        if before is None:
            _check(destination)
            self._entries[destination.slug] = _Entry(destination, "a call of register")
        elif before.destination is not destination:
            raise DefinitionError(_two(destination.slug, before.origin, "a call of register"))
        return destination

    def get(self, slug: str) -> Destination:
        """The destination of that slug; raises `DefinitionError`, with a suggestion, where there is none."""
        if slug in self:
            return self._entries[slug].destination
        if isinstance(slug, str) and slug in self._refused:
            raise DefinitionError(self._refused[slug])
        near = suggestion(slug, list(self._entries))
        known = f"; there are {', '.join(sorted(self._entries))}" if self._entries else "; none is registered"
        message = f"no destination is called {shown(slug)}{near or known}"
        if self._problems:
            message += "; these plugins cannot be used:"
        raise DefinitionError(message, problems=self.problems)

    def discover(self) -> Registry:
        """Take the destinations of the installed packages; what cannot be used is in `problems`.

        Of two plugins with one slug neither is taken, because which of them comes first is chance.
        """
        from importlib.metadata import entry_points  # costly, and only discovery needs it

        for entry_point in sorted(entry_points(group=ENTRY_POINTS), key=lambda one: (one.name, one.value)):
            origin = f"the entry point {shown(entry_point.name)} ({entry_point.value})"
            try:
                destination = _loaded(entry_point)
                if destination.slug not in self._entries:
                    _check(destination)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin is foreign code: it may raise anything
                kind = "" if isinstance(error, DefinitionError) else f"{type(error).__name__}: "
                self._note(entry_point.name, origin, f"{origin} cannot be used: {kind}{error}")
            else:
                self._take(_Entry(destination, origin, entry_point.name))
        return self

    def _take(self, entry: _Entry) -> None:
        slug = entry.destination.slug
        before = self._entries.get(slug)
        if before is not None and before.destination is entry.destination:
            return
        if before is None and slug not in self._refused:
            self._entries[slug] = entry
            return
        message = self._refused.get(slug) or _two(slug, before.origin if before else "", entry.origin)
        self._note(entry.plugin or slug, entry.origin, message)
        if before is not None and before.plugin is not None:
            self._note(before.plugin, before.origin, message)
            self._refused[slug] = message
            del self._entries[slug]

    def _note(self, name: str, origin: str, message: str) -> None:
        """Keep one problem for each entry point, however often it is looked for."""
        self._problems[origin] = Problem(child_path("$", name), message)


def _two(slug: str, first: str, second: str) -> str:
    return f"two destinations are called {shown(slug)}: one from {first}, one from {second}"


def _check(destination: Destination) -> None:
    problems = [problem for problem in destination.check() if problem.is_error]
    if problems:
        raise DefinitionError(f"the destination {shown(destination.slug)} is faulty:", problems=problems)


def _loaded(entry_point: EntryPoint) -> Destination:
    loaded = entry_point.load()
    if not isinstance(loaded, Destination):
        raise DefinitionError(f"it names something of type {type(loaded).__name__}, not a Destination")
    return loaded
