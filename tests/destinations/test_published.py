"""Destinations that exist at Segment: workspaces made for theirs work with ours, and each has its page.

`published.json` in a destination's folder of tests is the published definition without its texts.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from actions_core import Destination, load_destination
from actions_core.authoring.comparison import Level, compare_definitions
from actions_core.authoring.docs_page import destination_page

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(
    path
    for path in Path(__file__).parent.glob("*/published.json")
    if "slug" in json.loads(path.read_text("utf-8"))
)
PAGES = sorted((ROOT / "docs" / "destinations").glob("*.md"))


def destination_of(package: str) -> Destination:
    """The destination of an import package."""
    found = importlib.import_module(package).destination
    assert isinstance(found, Destination)
    return found


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_workspaces_of_the_published_one_work(path: Path) -> None:
    """Slug, settings, actions, fields, defaults, presets are the published ones; what is new is optional."""
    ours = destination_of(path.parent.name).spec
    changes = compare_definitions(load_destination(path).spec, ours)
    known = "$.urlsFromUsers"  # says where requests in JSON may go; the published ones are functions
    assert [str(change) for change in changes if change.level != Level.NOTE and change.path != known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_the_one_of_its_definition(page: Path) -> None:
    """The committed page is what `actions docs` writes now."""
    destination = destination_of(f"actions_{page.stem}")
    assert page.read_text(encoding="utf-8") == destination_page(destination.spec)
