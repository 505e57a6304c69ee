"""A new package for a destination: the names it may have, and its files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actions_core.authoring.editor_schema import beside, bundled_schema
from actions_core.errors import DefinitionError
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

_SUFFIX: Final = ".txt"

#: Each template, and what it is for.
TEMPLATES: Final[Mapping[str, str]] = {
    "minimal": "no authentication",
    "custom": "settings of one's own, such as a key",
    "basic": "user name and password",
    "oauth2": "an access token that is refreshed",
    "json": "a key, and requests written in JSON alone",
}
_SLUG: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_SLUG: Final = 50
_LONGEST_NAME: Final = 60
#: What our own distribution, and the package of the library itself, are called.
_TAKEN: Final = frozenset({"core", "actions-core"})
#: Where the schema of the definition lies in a package.
SCHEMA_FILE: Final = "schemas/destination.schema.json"
HANDLERS_ROW: Final = (
    "| `src/@@package@@/handlers.py` | a function for each action, which makes a request of a payload |"
)


def package_name(slug: str) -> str:
    """Return the name under which Python imports the package of a destination: `actions_` and the slug."""
    return f"actions_{slug.removeprefix('actions-').replace('-', '_')}"


def distribution_name(slug: str) -> str:
    """Return the name under which pip installs the package of a destination: that of its import package."""
    return package_name(slug).replace("_", "-")


def check_slug(slug: str) -> None:
    """Raise `DefinitionError` unless the slug can name a destination, a distribution and a package."""
    if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST_SLUG:
        raise DefinitionError(
            f"{shown(slug)} cannot be a slug here: it is small letters and digits in words joined by '-', "
            f"begins with a letter and has at most {_LONGEST_SLUG} characters, such as 'acme-orders'"
        )
    if slug in _TAKEN:
        raise DefinitionError(
            f"{shown(slug)} cannot be a slug here: {package_name(slug)} is the library itself"
        )


def check_name(name: str) -> None:
    """Raise `DefinitionError` unless the name can stand in a title, a table, a docstring and JSON."""
    if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME:
        raise DefinitionError(f"a name has 1 to {_LONGEST_NAME} characters, none of them blank at its ends")
    odd = sorted({letter for letter in name if not letter.isprintable() or letter in "\"'\\`|<>@"})
    if odd:
        raise DefinitionError(f"the name may not hold {' '.join(map(shown, odd))}")


def package_files(slug: str, *, name: str | None = None, template: str = "custom") -> dict[str, str]:
    """Return the files of a new package by their paths in it.

    Raises `DefinitionError` for a slug, a name or a template that cannot be.
    """
    check_slug(slug)
    name = slug.replace("-", " ").title() if name is None else name
    check_name(name)
    if template not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        near = suggestion(template, list(TEMPLATES))
        raise DefinitionError(f"there is no template {shown(template)}{near or f'; there are {known}'}")
    package = package_name(slug)
    words = {"slug": slug, "name": name, "package": package, "distribution": distribution_name(slug)}
    found = {**read_template("common"), **read_template(template)}
    has_handlers = "src/package/handlers.py" in found
    found["README.md"] = found["README.md"].replace(
        "@@handlers_row@@\n", f"{HANDLERS_ROW}\n" if has_handlers else ""
    )
    files = {
        path.replace("src/package/", f"src/{package}/"): put_words(text, words)
        for path, text in found.items()
    }
    return {**files, SCHEMA_FILE: schema_text()}


def schema_text() -> str:
    """Return the schema that definitions of packages name, complete in itself for an editor offline."""
    document = beside(bundled_schema("destination"), Path(SCHEMA_FILE).name)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_template(name: str) -> dict[str, str]:
    """Read the files of a template, by the path that they will have."""
    from importlib.resources import files  # costly, and only authors need it

    return dict(_files(files(__name__.rpartition(".")[0]) / "templates" / name, ""))


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            name = entry.name.removesuffix(_SUFFIX)
            if name.startswith("dot_"):
                name = f".{name.removeprefix('dot_')}"
            yield prefix + name, entry.read_text(encoding="utf-8")


def put_words(text: str, words: Mapping[str, str]) -> str:
    """Replace each `@@word@@` in the text."""
    for word, value in words.items():
        text = text.replace(f"@@{word}@@", value)
    return text
