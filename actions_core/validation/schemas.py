"""The JSON Schemas of our files, in the wheel or in the working tree."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actions_core.errors import DefinitionError
from actions_core.values.json_files import read_json

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject

SCHEMAS: Final = ("destination", "workspace", "mapping", "event", "test")


@functools.cache
def schema(name: str) -> JsonObject:
    """The JSON Schema of that name: `destination`, `workspace`, `mapping`, `event` or `test`.

    The one dictionary is shared by all who ask: it is not to be changed.
    """
    if name not in SCHEMAS:
        raise DefinitionError(f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}")
    from importlib.resources import files  # costly, and a program that is set up needs it no more

    package = Path(str(files(__name__.partition(".")[0])))
    # A wheel carries the schemas inside the package; in a working tree they lie beside it.
    inside, beside = package / "schemas", package.parent / "schemas"
    document: JsonObject = read_json((inside if inside.is_dir() else beside) / f"{name}.schema.json")
    return document
