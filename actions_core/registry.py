"""The destinations that an engine may use: registered by hand, or found among the installed packages.

A plugin that cannot be loaded is listed in `problems` and hides nothing else; it matters only to a
workspace that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.destination import Destination
from actions_core.errors import DefinitionError, Problem, child_path
from actions_core.names import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

ENTRY_POINTS: Final = "actions_core.destinations"


class Registry:
    """Destinations by slug."""

    def __init__(self) -> None:
        self._destinations: dict[str, Destination] = {}
        self._origins: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._problems: dict[str, Problem] = {}

    def __iter__(self) -> Iterator[Destination]:
        return iter(self._destinations.values())

    def __len__(self) -> int:
        return len(self._destinations)

    def __contains__(self, slug: object) -> bool:
        return slug in self._destinations

    def __repr__(self) -> str:
        return f"<Registry {', '.join(self._destinations)}>"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The plugins that could not be loaded, each with its entry point and the reason."""
        return tuple(self._problems.values())

    def register(self, destination: Destination) -> Destination:
        """Take a destination; raises `DefinitionError` with everything that is wrong with it.

        Registering the same object again changes nothing; another one of the same slug is an error.
        """
        self._add(destination, "register")
        return destination

    def get(self, slug: str) -> Destination:
        """The destination of that slug; raises `DefinitionError`, with a suggestion, where there is none."""
        if slug in self._destinations:
            return self._destinations[slug]
        if slug in self._refused:
            raise DefinitionError(self._refused[slug])
        near = suggestion(slug, list(self._destinations))
        known = "" if near else f"; there are {', '.join(sorted(self._destinations)) or 'none at all'}"
        raise DefinitionError(
            f"no destination is called {shown(slug)}{near or known}", problems=self.problems
        )

    def discover(self) -> Registry:
        """Take the destinations of the installed packages; what cannot be loaded is in `problems`."""
        from importlib.metadata import entry_points  # costly, and only discovery needs it

        for entry_point in sorted(
            entry_points(group=ENTRY_POINTS), key=lambda found: (found.name, found.value)
        ):
            self._discover(entry_point)
        return self

    def _discover(self, entry_point: EntryPoint) -> None:
        origin = f"entry point {shown(entry_point.name)} ({entry_point.value})"
        try:
            self._add(_loaded(entry_point), origin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin is foreign code: it may raise anything
            reason = str(error) if isinstance(error, DefinitionError) else f"{type(error).__name__}: {error}"
            path = child_path("$", entry_point.name)
            self._problems[origin] = Problem(path, f"{origin} cannot be used: {reason}")

    def _add(self, destination: Destination, origin: str) -> None:
        slug = destination.slug
        before = self._destinations.get(slug)
        if before is destination:
            return
        if before is not None:
            first = self._origins[slug]
            raise DefinitionError(
                f"two destinations are called {shown(slug)}: from {first} and from {origin}"
            )
        problems = [problem for problem in destination.check() if problem.severity == "error"]
        if problems:
            raise DefinitionError(f"the destination {shown(slug)} is faulty:", problems=problems)
        self._destinations[slug] = destination
        self._origins[slug] = origin


def _loaded(entry_point: EntryPoint) -> Destination:
    loaded = entry_point.load()
    if not isinstance(loaded, Destination):
        raise DefinitionError(f"it names something of type {type(loaded).__name__}, not a Destination")
    return loaded
