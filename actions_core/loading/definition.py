"""A definition from its file or its dictionary, with everything that is wrong with it at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions_core.errors import DefinitionError, Problem
from actions_core.files import read_json
from actions_core.loading.checks import cross_check
from actions_core.loading.sources import schema
from actions_core.loading.structuring import structure_definition
from actions_core.validation.documents import check_document

if TYPE_CHECKING:
    from actions_core.specs import DestinationSpec
    from actions_core.types import JsonObject


def check_definition(
    definition: JsonObject | str | os.PathLike[str],
) -> tuple[DestinationSpec | None, list[Problem]]:
    """The definition, or None where it has errors, and every problem, warnings included.

    Raises `DefinitionError` for a file that cannot be read. The parts are compared with each other
    only when the whole has the form of a definition.
    """
    if isinstance(definition, (str, os.PathLike)):
        data = read_json(definition)
    elif isinstance(definition, dict):
        data = definition
    else:
        kind = type(definition).__name__
        raise DefinitionError(f"a definition is a dictionary or the path of a file, not of type {kind}")
    problems = check_document(data, schema("destination"))
    if problems:
        return None, problems
    try:
        spec = structure_definition(data)
        problems = list(cross_check(spec))
    except RecursionError:
        return None, [Problem("$", "is nested too deeply")]
    return (None if any(problem.severity == "error" for problem in problems) else spec), problems


def read_definition(
    definition: JsonObject | str | os.PathLike[str],
) -> tuple[DestinationSpec, tuple[Problem, ...]]:
    """The definition and its warnings; raises `DefinitionError` with every problem where it has errors."""
    spec, problems = check_definition(definition)
    if spec is None:
        named = "the definition" if isinstance(definition, dict) else str(definition)
        raise DefinitionError(f"{named} is faulty:", problems=problems)
    return spec, tuple(problems)


def load_definition(definition: JsonObject | str | os.PathLike[str]) -> DestinationSpec:
    """The definition in a file or a dictionary; raises `DefinitionError` with every problem."""
    return read_definition(definition)[0]
