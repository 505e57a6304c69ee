"""The page of licences: of everything that an installation brings, by the extra that brings it."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.tools.markdown import table

#: Extras for those who work on this library, not for those who use it.
_FOR_DEVELOPERS: Final = {"dev", "docs"}
_OWN: Final = "actions-core"
HEAD: Final = """\
# Licences

This library is under the MIT licence. What it brings when it is installed, by the extra that asks for it, with the licence that each
package names in its metadata. Some of them are there for some versions of Python only.
"""
#: Licences as their classifiers name them, in the words of SPDX.
_SPDX: Final = {
    "MIT": "MIT",
    "MIT License": "MIT",
    "BSD License": "BSD",
    "BSD": "BSD",
    "Apache Software License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def extras() -> list[str]:
    """Return the extras for users."""
    found = metadata.metadata(_OWN).get_all("Provides-Extra") or []
    return sorted(set(found) - _FOR_DEVELOPERS)


def needed(name: str, asked: frozenset[str]) -> set[str]:
    """Return the packages of the environment that one needs with some of its extras, itself left out."""
    found: set[str] = set()
    open_ones = [(canonicalize_name(name), asked)]
    while open_ones:
        package, wanted = open_ones.pop()
        for line in metadata.requires(package) or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                continue
            child = canonicalize_name(requirement.name)
            if child not in found:
                found.add(child)
                open_ones.append((child, frozenset(requirement.extras)))
    return found - {canonicalize_name(name)}


def licence(name: str) -> str:
    """Return the licence that a package names: its expression, its classifiers, else the line of its metadata."""
    data = metadata.metadata(name)
    if expression := data.get("License-Expression"):
        return expression
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in data.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    named = [line for line in classifiers if line != "OSI Approved"] or [data.get("License") or "not named"]
    return ", ".join(_SPDX.get(line, line) for line in (re.sub(r"\s+", " ", text)[:60] for text in named))


def packages() -> dict[str, list[str]]:
    """Return the packages of the environment by what brings them: nothing, which is the core, or an extra."""
    core = needed(_OWN, frozenset())
    made = {"": sorted(core)}
    for extra in extras():
        made[extra] = sorted(needed(_OWN, frozenset({extra})) - core)
    return made


def write_page() -> str:
    """Return the page."""
    parts = [HEAD]
    for extra, names in packages().items():
        parts.append(f"## The extra `{extra}`\n" if extra else "## Always\n")
        parts.append(table(("package", "licence"), [(f"`{name}`", licence(name)) for name in names]))
    return "\n".join(parts).rstrip("\n") + "\n"
