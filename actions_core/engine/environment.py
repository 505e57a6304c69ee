"""What a workspace takes from the environment: `{"$env": "NAME"}` in settings and in mappings.

It is read when an instance is compiled. Whatever is found is a secret of that instance.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from actions_core.errors import Problem, child_path
from actions_core.values.json_faults import too_deep
from actions_core.values.wording import kind, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.values.types import Json, JsonObject

#: Below it, everything is meant as it stands.
_LITERAL: Final = "@literal"


def is_variable(value: Json) -> bool:
    """Return whether a value comes from the environment."""
    return isinstance(value, dict) and value.keys() == {"$env"}


def resolve_environment(
    settings: JsonObject, path: str, environ: Mapping[str, str] = os.environ
) -> tuple[JsonObject, list[str], list[Problem]]:
    """Replace each `{"$env": NAME}`; return the settings, the values found, and the problems."""
    reader = _Reader(environ)
    # Not for the settings as a whole: a variable holds one value, not all of them.
    resolved = {key: reader.resolve(value, child_path(path, key)) for key, value in settings.items()}
    return resolved, reader.found, reader.problems


def resolve_mapping(
    mapping: Json, path: str, environ: Mapping[str, str] = os.environ
) -> tuple[Json, list[str], list[Problem]]:
    """Replace each `{"$env": NAME}` that is a value in a mapping, as `resolve_environment` does.

    What stands below `@literal` stays, and so does what is nested too deeply for a mapping.
    """
    reader = _Reader(environ)
    if too_deep(mapping):
        return mapping, [], []
    return reader.resolve(mapping, path), reader.found, reader.problems


class _Reader:
    """Reads variables, and notes their values and what is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.found: list[str] = []
        self.problems: list[Problem] = []
        self._environ = environ

    def resolve(self, value: Json, place: str) -> Json:
        """Return the value with what the environment gives."""
        if isinstance(value, dict):
            if is_variable(value):
                return self._look_up(value["$env"], place)
            if _LITERAL in value:
                return value
            return {key: self.resolve(item, child_path(place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, child_path(place, index)) for index, item in enumerate(value)]
        return value

    def _look_up(self, name: Json, place: str) -> str:
        if not isinstance(name, str) or not name:
            given = "empty" if name == "" else kind(name)
            message = f"the name of an environment variable is a string, but it is {given}"
            self.problems.append(Problem(child_path(place, "$env"), message))
            return ""
        try:
            value = self._environ.get(name, "")
        except UnicodeEncodeError:  # half a surrogate pair, for which no system has bytes
            message = f"{shown(name)} cannot be the name of an environment variable"
            self.problems.append(Problem(place, message))
            return ""
        if value:
            self.found.append(value)
        else:
            known_as = name if name.isprintable() else shown(name)
            message = f"the environment variable {known_as} is not set; set it before starting"
            self.problems.append(Problem(place, message))
        return value
