"""Where files of ours lie: schemas in the wheel or the working tree, a definition in its package."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actions_core.errors import DefinitionError
from actions_core.files import read_json

if TYPE_CHECKING:
    from actions_core.types import JsonObject

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


def package_file(package: str | None, name: str) -> Path:
    """The path of a file that lies in a package; raises `DefinitionError` where there is no such package."""
    if not package:
        raise DefinitionError("Destination.from_package wants __package__, and this module is in no package")
    from importlib.resources import files  # as above

    try:
        found = files(package) / name
    except (ImportError, TypeError, ValueError) as error:
        raise DefinitionError(f"the package {package} cannot be found: {error}") from None
    return Path(str(found))
