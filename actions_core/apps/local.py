"""Destinations that an author works on and need not be installed: named by a file or a folder.

A definition that lies in an import package stands for the whole package, so that its functions come along.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from actions_core.destination import Destination, load_destination
from actions_core.destination.registry import ENTRY_POINTS, Registry
from actions_core.errors import DefinitionError
from actions_core.values.wording import shown

_DEFINITION: Final = "destination.json"
#: Where the definition lies: in the folder that is named, in a package below it, or in a project's `src`.
_PLACES: Final = (_DEFINITION, f"*/{_DEFINITION}", f"src/*/{_DEFINITION}")


def find_definition(name: str) -> Path | None:
    """Return the definition that a path leads to or a folder contains; None where `name` is a slug.

    Raises `DefinitionError` for a path to a folder without one.
    """
    place = Path(name)
    if not place.is_dir():
        return place if place.suffix == ".json" or place.is_file() else None
    found = [file for pattern in _PLACES for file in sorted(place.glob(pattern))]
    if found:
        return found[0]
    if len(place.parts) == 1 and name == place.name:
        return None  # a folder that happens to have a destination's name
    raise DefinitionError(f"{place}: there is no {_DEFINITION} in it, nor in a package below it")


def package_around(definition: Path) -> str | None:
    """Return the import package that a definition lies in; None for a definition alone."""
    home = definition.resolve().parent
    is_package = (
        definition.name == _DEFINITION and home.name.isidentifier() and (home / "__init__.py").is_file()
    )
    return home.name if is_package else None


def installed_definition(name: str) -> Path:
    """Return the definition of an installed destination of this slug or alias.

    Raises `DefinitionError` where there is none, or where its package has no such file.
    """
    slug = Registry().discover().get(name).slug
    definition = folder_of(installed_package(slug)) / _DEFINITION
    if not definition.is_file():
        raise DefinitionError(f"the package of {shown(slug)} has no {_DEFINITION}")
    return definition


def installed_package(slug: str) -> str:
    """Return the import package of the installed destination of a slug."""
    (point,) = [point for point in entry_points(group=ENTRY_POINTS) if point.name == slug][:1]
    return point.module.partition(".")[0]


def folder_of(package: str) -> Path:
    """Return the folder of an import package. Raises `DefinitionError` where it has none."""
    found = find_spec(package)
    places = [] if found is None else [*(found.submodule_search_locations or ()), found.origin or ""]
    if not places:
        raise DefinitionError(f"the package {package} has no folder")
    place = Path(places[0])
    return place if place.is_dir() else place.parent


def load_local(definition: Path) -> Destination:
    """Load the destination of a definition: that of the package it lies in, or its requests alone."""
    package = package_around(definition)
    if package is None:
        return load_destination(definition)
    parent = str(definition.resolve().parent.parent)
    sys.path.insert(0, parent)
    try:
        return load_package(package)
    finally:
        sys.path.remove(parent)


def load_package(name: str) -> Destination:
    """Import a package and return its destination. Raises `DefinitionError` where that cannot be done."""
    try:
        module = importlib.import_module(name)
    except DefinitionError:
        raise
    except Exception as error:  # it is an author's code, which may raise anything
        why = f"{type(error).__name__}: {error}"
        raise DefinitionError(f"the package {shown(name)} cannot be imported: {why}") from error
    destination = getattr(module, "destination", None)
    if not isinstance(destination, Destination):
        raise DefinitionError(f"the package {shown(name)} has no 'destination'")
    return destination
