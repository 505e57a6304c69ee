"""A definition from its file or its dictionary, with everything that is wrong with it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.errors import DefinitionError, Problem
from actions_core.files import read_json
from actions_core.loading.structuring import structure_definition

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.specs import DestinationSpec
    from actions_core.types import JsonObject


def check_definition(definition: JsonObject | str | Path) -> tuple[DestinationSpec | None, list[Problem]]:
    """The definition, or None where it has errors, and every problem, warnings included.

    Raises `DefinitionError` for a file that cannot be read.
    """
    data = definition if isinstance(definition, dict) else read_json(definition)
    return structure_definition(data), []


def read_definition(definition: JsonObject | str | Path) -> tuple[DestinationSpec, tuple[Problem, ...]]:
    """The definition and its warnings; raises `DefinitionError` with every problem where it has errors."""
    spec, problems = check_definition(definition)
    if spec is None:
        named = "the definition" if isinstance(definition, dict) else str(definition)
        raise DefinitionError(f"{named} is faulty:", problems=problems)
    return spec, tuple(problems)


def load_definition(definition: JsonObject | str | Path) -> DestinationSpec:
    """The definition in a file or a dictionary; raises `DefinitionError` with every problem."""
    return read_definition(definition)[0]
