"""The destinations that an engine may use: registered by hand, or found among the installed packages.

The name of an entry point is the slug of its destination, so that discovery imports nothing: a package
loads when its destination is first asked for. Its aliases, and what lists show of it, stand in the
`destination.json` beside its code, which is read without importing that. One that cannot be loaded is an
error for whoever asks for it, and hides nothing else.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination import Destination
from actions_core.destination.overview import Overview, read_overview
from actions_core.errors import DefinitionError, Problem, child_path
from actions_core.validation.fields import unstructure
from actions_core.values.wording import raised, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

    from actions_core.values.types import JsonObject

ENTRY_POINTS: Final = "actions_core.destinations"
_DEFINITION: Final = "destination.json"


@attrs.frozen
class _Entry:
    """A destination, and in words where it came from."""

    destination: Destination
    origin: str


class Registry:
    """Destinations by slug.

    Its length counts the destinations that iterating yields; both load every package. `slug in registry`
    asks whether a slug is registered or installed, and loads nothing.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._waiting: dict[str, EntryPoint] = {}
        self._problems: dict[str, Problem] = {}

    def __iter__(self) -> Iterator[Destination]:
        self._load_all()
        return iter([entry.destination for entry in self._entries.values()])

    def __len__(self) -> int:
        self._load_all()
        return len(self._entries)

    def __contains__(self, slug: object) -> bool:
        return isinstance(slug, str) and (slug in self._entries or slug in self._waiting)

    def __repr__(self) -> str:
        return f"<Registry {', '.join(self.slugs)}>"

    @property
    def slugs(self) -> tuple[str, ...]:
        """The slugs of all destinations, in order; nothing is loaded for them."""
        return tuple(sorted({*self._entries, *self._waiting}))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The installed destinations found unusable so far: the path is the slug, the message the reason.

        Whether a package can be loaded shows when it is loaded: iterate over the registry first to have
        all of them.
        """
        return tuple(self._problems[slug] for slug in sorted(self._problems))

    def overviews(self) -> list[Overview]:
        """Return what each destination says of itself, without loading what says it in a `destination.json`.

        One that cannot be used may be among them: that shows when it is loaded.
        """
        stated: list[Overview] = []
        for slug in sorted(self._waiting):
            overview = _stated_overview(self._waiting[slug])
            if overview is None:
                self._load(slug)
            else:
                stated.append(overview)
        specs = [entry.destination.spec for entry in self._entries.values()]
        return [*stated, *(read_overview(unstructure(spec)) for spec in specs)]

    def register(self, destination: Destination) -> Destination:
        """Take a destination; raise `DefinitionError` with everything that is wrong with it.

        Registering the same object again changes nothing; another one of the same slug is an error. An
        installed destination of that slug which has not been loaded gives way.
        """
        if not isinstance(destination, Destination):
            raise DefinitionError(f"{shown(type(destination).__name__)} is not a Destination")
        before = self._entries.get(destination.slug)
        if before is None:
            _check(destination)
            self._entries[destination.slug] = _Entry(destination, "a call of register")
            self._waiting.pop(destination.slug, None)
            self._problems.pop(destination.slug, None)
        elif before.destination is not destination:
            raise DefinitionError(
                f"two destinations are called {shown(destination.slug)}: "
                f"one from {before.origin}, one from a call of register"
            )
        return destination

    def get(self, name: str) -> Destination:
        """Return the destination with this slug or alias, loading its package where it is installed.

        A slug wins over an alias; to look an alias up, packages without a `destination.json` are loaded too.
        Raises `DefinitionError` where there is no such destination, where it cannot be loaded, or where
        several share the alias.
        """
        if not isinstance(name, str):
            raise DefinitionError(f"a destination is named by a str, not by {shown(name)}")
        if name in self._waiting:
            self._load(name)
        if name in self._entries:
            return self._entries[name].destination
        if name in self._problems:
            raise DefinitionError(self._problems[name].message)
        return self._by_alias(name)

    def discover(self) -> Registry:
        """List the destinations of the installed packages without importing any of them.

        Of two entry points with one name neither is taken, because which of them comes first is chance.
        """
        from importlib.metadata import entry_points  # costly, and only discovery needs it

        found: dict[str, dict[str, EntryPoint]] = {}
        for entry_point in sorted(entry_points(group=ENTRY_POINTS), key=lambda one: one.value):
            found.setdefault(entry_point.name, {})[entry_point.value] = entry_point
        for slug, points in found.items():
            if slug in self._entries or slug in self._problems:
                continue
            if len(points) > 1:
                origins = ", ".join(map(_origin, points.values()))
                self._note(slug, f"several installed destinations are called {shown(slug)}: {origins}")
                self._waiting.pop(slug, None)
            else:
                self._waiting[slug] = next(iter(points.values()))
        return self

    def _load_all(self) -> None:
        for slug in sorted(self._waiting):
            self._load(slug)

    def _load(self, slug: str) -> None:
        """Load an installed destination; where it cannot be used, note why."""
        entry_point = self._waiting.pop(slug)
        try:
            destination = _loaded(entry_point)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin is foreign code: it may raise anything
            why = str(error) if isinstance(error, DefinitionError) else raised(error)
            self._note(slug, f"the destination of {_origin(entry_point)} cannot be used: {why}")
        else:
            self._entries[slug] = _Entry(destination, _origin(entry_point))

    def _by_alias(self, name: str) -> Destination:
        for slug in sorted(self._waiting):
            if _may_be_called(name, self._waiting[slug]):
                self._load(slug)
        found = [entry for entry in self._entries.values() if name in entry.destination.spec.aliases]
        if len(found) == 1:
            return found[0].destination
        if not found:
            raise self._unknown(name)
        named = ", ".join(f"{shown(entry.destination.slug)} from {entry.origin}" for entry in found)
        raise DefinitionError(f"{shown(name)} is an alias of several destinations ({named}): use a slug")

    def _unknown(self, name: str) -> DefinitionError:
        """Return the error for a name that no destination has, with what there is."""
        self._load_all()
        aliases = [alias for entry in self._entries.values() for alias in entry.destination.spec.aliases]
        near = suggestion(name, [*self._entries, *aliases])
        known = f"; there are {', '.join(self.slugs)}" if self._entries else "; none is registered"
        message = f"no destination is called {shown(name)}{near or known}"
        if self._problems:
            message += "; these installed destinations cannot be used:"
        return DefinitionError(message, problems=self.problems)

    def _note(self, slug: str, message: str) -> None:
        self._problems[slug] = Problem(child_path("$", slug), message)


def _origin(entry_point: EntryPoint) -> str:
    """Say in words where an installed destination comes from."""
    package = "" if entry_point.dist is None else f" of {entry_point.dist.name}"
    return f"the entry point {shown(entry_point.name)}{package} ({entry_point.value})"


def _stated(entry_point: EntryPoint) -> JsonObject | None:
    """Return the definition beside the code of an entry point as it is written, None without one."""
    package, *inner = entry_point.module.split(".")
    try:
        spec = find_spec(package)  # which imports nothing, since it is no part of another one
        folders = [] if spec is None else spec.submodule_search_locations or []
        files = [file for folder in folders if (file := Path(folder, *inner, _DEFINITION)).is_file()]
        data: JsonObject = json.loads(files[0].read_bytes())
        return data if data["slug"] == entry_point.name else None
    except Exception:  # noqa: BLE001 - whatever is odd about it is told by loading it
        return None


def _stated_overview(entry_point: EntryPoint) -> Overview | None:
    definition = _stated(entry_point)
    try:
        return None if definition is None else read_overview(definition)
    except ValueError:
        return None


def _may_be_called(name: str, entry_point: EntryPoint) -> bool:
    """Return whether a name may be an alias of the destination of an entry point."""
    definition = _stated(entry_point)
    aliases = None if definition is None else definition.get("aliases", [])
    return not isinstance(aliases, list) or name in aliases


def _check(destination: Destination) -> None:
    problems = [problem for problem in destination.check() if problem.is_error]
    if problems:
        raise DefinitionError(f"the destination {shown(destination.slug)} is faulty:", problems=problems)


def _loaded(entry_point: EntryPoint) -> Destination:
    """Import what an entry point names; raise where that is not a sound destination of the same name."""
    loaded = entry_point.load()
    if not isinstance(loaded, Destination):
        raise DefinitionError(f"it names something of type {type(loaded).__name__}, not a Destination")
    if loaded.slug != entry_point.name:
        raise DefinitionError(
            f"its destination has the slug {shown(loaded.slug)}, and the name of an entry point is the slug: "
            "make the two the same"
        )
    _check(loaded)
    return loaded
