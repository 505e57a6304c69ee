"""Names: from a key of JSON to a name in Python.

The table from field to parameter is made from the definition and read in one direction only: a
parameter is looked up, never converted back, so `URLPath` and `urlPath` cannot be mistaken.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where a word of camelCase ends: before a capital after a small letter or a digit (`user|Id`), and
#: before the last capital of several that a small letter follows (`URL|Path`).
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_IN_A_NAME = re.compile(r"\W", re.ASCII)


def snake_case(key: str) -> str:
    """Return the key as a Python name: `userId` is `user_id`, `first-name` is `first_name`, `1st` is `_1st`.

    Keywords keep their spelling: what to do about them is decided where clashes are.
    """
    text = unicodedata.normalize("NFKC", key)
    name = _WORD_END.sub("_", text).lower()
    # Letters beyond ASCII stay where Python takes them in a name.
    name = "".join(
        letter if f"_{letter}".isidentifier() else "_" for letter in unicodedata.normalize("NFKC", name)
    )
    return name if name.isidentifier() else f"_{name}"


def camel_case(name: str) -> str:
    """Return the key of an attribute in JSON: `allow_null` is `allowNull`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def parameter_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the parameter of each field, in the order of the definition.

    A keyword gets a trailing `_`, and so does the later of two fields that would share a name; a
    field that is spelled exactly like the parameter keeps it, wherever it stands.
    """
    keys = list(keys)
    own = {key for key in keys if snake_case(key) == key and not keyword.iskeyword(key)}
    names: dict[str, str] = {}
    taken = set(own)
    for key in keys:
        name = snake_case(key)
        if key not in own:
            while name in taken or keyword.iskeyword(name):
                name += "_"
        taken.add(name)
        names[key] = name
    return names
