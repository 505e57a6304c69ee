"""A definition from its file or its dictionary, with everything that is wrong with it at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from actions_core.destination.loading.checks import cross_check, parts_of, readable_parts
from actions_core.destination.loading.fragments import fill_in
from actions_core.destination.specs import DestinationSpec
from actions_core.errors import DefinitionError, Problem
from actions_core.validation.documents import check_document, schema
from actions_core.validation.fields import structure
from actions_core.values.json_faults import json_problems
from actions_core.values.json_files import read_json

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject


def check_definition(
    definition: JsonObject | str | os.PathLike[str], *, strict: bool = False
) -> tuple[DestinationSpec | None, list[Problem]]:
    """Return the definition, or None where it has errors, and every problem, warnings included.

    Raises `DefinitionError` for a file that cannot be read. Parts are compared with each other also
    where the whole has not the form of a definition, as far as they can be read. `strict` is for authors:
    a default condition that cannot be read is then an error, not a warning.
    """
    if isinstance(definition, (str, os.PathLike)):
        data = read_json(definition)
    elif isinstance(definition, dict):
        data = definition
    else:
        kind = type(definition).__name__
        raise DefinitionError(f"a definition is a dictionary or the path of a file, not of type {kind}")
    problems: list[Problem] = []
    try:
        filled = fill_in(data)
        faults = check_document(filled.definition, schema("destination"))
        problems = [*filled.problems, *filled.relate(faults)]
        if faults and json_problems(data):
            return None, problems  # no JSON at all
        spec = None if faults else structure(filled.definition, DestinationSpec)
        parts = readable_parts(filled.definition) if spec is None else parts_of(spec)
        found = {problem.path for problem in problems}
        others = filled.relate(cross_check(parts, strict=strict))
        problems += [problem for problem in others if problem.path not in found]
    except RecursionError:
        return None, problems or json_problems(data) or [Problem("$", "is nested too deeply")]
    return (None if any(problem.is_error for problem in problems) else spec), problems


def read_definition(
    definition: JsonObject | str | os.PathLike[str],
) -> tuple[DestinationSpec, tuple[Problem, ...]]:
    """Return the definition and its warnings; raise `DefinitionError` with every problem of a faulty one."""
    spec, problems = check_definition(definition)
    if spec is None:
        named = "the definition" if isinstance(definition, dict) else str(definition)
        raise DefinitionError(f"{named} is faulty:", problems=problems)
    return spec, tuple(problems)


def load_definition(definition: JsonObject | str | os.PathLike[str]) -> DestinationSpec:
    """Load the definition in a file or a dictionary; raise `DefinitionError` with every problem."""
    return read_definition(definition)[0]


def package_file(package: str | None, name: str) -> Path:
    """Return the path of a file in a package; raise `DefinitionError` where there is no such package."""
    if not package:
        raise DefinitionError("Destination.from_package wants __package__, and this module is in no package")
    from importlib.resources import files  # as above

    try:
        found = files(package) / name
    except (ImportError, TypeError, ValueError) as error:
        raise DefinitionError(f"the package {package} cannot be found: {error}") from None
    return Path(str(found))
