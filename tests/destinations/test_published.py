"""Destinations that exist at Segment: workspaces made for theirs work with ours, and each has its page.

`published.json` in a destination's folder of tests is the published definition without its texts.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from actions_core import Destination, load_destination
from actions_core.authoring.comparison import Level, compare_definitions
from actions_core.authoring.docs_page import destination_page
from actions_core.authoring.port.differences import differences_of

if TYPE_CHECKING:
    from actions_core.destination.specs import DestinationSpec

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(
    path
    for path in Path(__file__).parent.glob("*/published.json")
    if "slug" in json.loads(path.read_text("utf-8"))
)
KNOWN = {
    "$.urlsFromUsers",  # says where requests in JSON may go; the published ones are functions
    "$.authentication.fields.accessToken",  # Meta's: Segment sends with a token of its own
}
PAGES = sorted((ROOT / "docs" / "destinations").glob("*.md"))


def destination_of(package: str) -> Destination:
    """The destination of an import package."""
    found = importlib.import_module(package).destination
    assert isinstance(found, Destination)
    return found


def without_mappings_by_default(spec: DestinationSpec) -> DestinationSpec:
    """The definition with no mapping for presets whose mapping is that of the fields' defaults."""
    presets = [
        attrs.evolve(preset, mapping=None)
        if preset.mapping == spec.actions[preset.partner_action].default_mapping
        else preset
        for preset in spec.presets
    ]
    return attrs.evolve(spec, presets=tuple(presets))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_workspaces_of_the_published_one_work(path: Path) -> None:
    """Slug, settings, actions, fields, defaults, presets are the published ones; what is new is optional."""
    ours = destination_of(path.parent.name).spec
    changes = compare_definitions(*map(without_mappings_by_default, (load_destination(path).spec, ours)))
    assert [
        str(change) for change in changes if change.level != Level.NOTE and change.path not in KNOWN
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_the_one_of_its_definition(page: Path) -> None:
    """The committed page is what `actions docs` writes now."""
    destination = destination_of(f"actions_{page.stem}")
    assert page.read_text(encoding="utf-8") == destination_page(
        destination.spec, differences_of(destination.slug)
    )
