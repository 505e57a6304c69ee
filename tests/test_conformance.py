"""Every destination of this repository keeps to what is asked of all; none has to be named here."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

from actions_core import Destination
from actions_core.testing.suite import Check, checks_of

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in (ROOT / "destinations").glob("*/destination.json"))
PLUGINS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]


def destination_in(folder: Path) -> Destination:
    """The destination that a folder holds."""
    found = importlib.import_module(folder.name).destination
    assert isinstance(found, Destination)
    return found


CHECKS = [
    pytest.param(check, id=f"{folder.name}-{check.name}")
    for folder in FOLDERS
    for check in checks_of(
        destination_in(folder), cases=ROOT / "tests" / "destinations" / folder.name / "cases"
    )
]


@pytest.mark.parametrize("check", CHECKS)
def test_a_destination_conforms(check: Check) -> None:
    """Nothing is wrong, and there is nothing to be warned of."""
    assert [str(problem) for problem in check.run()] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_destination_is_found_by_its_entry_point(folder: Path) -> None:
    """A folder with a definition is a plugin of this distribution, under its slug."""
    slug = destination_in(folder).slug
    assert PLUGINS["actions_core.destinations"][slug] == f"{folder.name}:destination"


def test_there_are_destinations() -> None:
    """The search finds something."""
    assert "actions_fullstory" in {folder.name for folder in FOLDERS}
