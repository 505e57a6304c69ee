"""The page of a destination: what stands on it, and that nothing in a definition breaks its tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from actions_fullstory import destination

from actions_core.authoring.docs_page import destination_page
from actions_core.authoring.port.differences import differences_of
from actions_core.destination.loading import load_definition

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "tests" / "actions_core" / "destination" / "data" / "published.json"
ODD: dict[str, Any] = {
    "slug": "odd",
    "name": "Odd <b> | End",
    "authentication": {
        "scheme": "custom",
        "fields": {
            "key": {"label": "Key", "type": "password", "required": True, "description": "Yours."},
            "unseen": {"label": "Unseen", "type": "string", "unsafe_hidden": True},
        },
    },
    "actions": {
        "one": {
            "title": "Do it!",
            "description": "First\nline, see [there](https://example.com/a) or `a | b`.",
            "defaultSubscription": 'type = "track" or event = "a|b"',
            "supersededBy": "two",
            "statusHints": {"404": "Make it first."},
            "fields": {
                "list": {
                    "label": "List",
                    "type": "object",
                    "multiple": True,
                    "default": {"@template": "`{{a|b}}`"},
                    "properties": {"x": {"label": "X", "type": "string", "required": True}},
                },
                "kind": {
                    "type": "string",
                    "choices": [{"label": "A", "value": "a"}, "b|c", 5],
                    "required": {"conditions": [{"fieldKey": "list", "operator": "is_not"}]},
                },
                "way": {
                    "label": "Way",
                    "type": "string",
                    "required": {
                        "match": "any",
                        "conditions": [
                            {"fieldKey": "kind", "operator": "is_not", "value": "x"},
                            {"type": "syncMode", "operator": "is", "value": "add"},
                        ],
                    },
                },
                "unseen": {"label": "Unseen", "type": "string", "hidden": True},
            },
            "syncMode": {"choices": [{"label": "Add", "value": "add"}]},
        },
        "two": {"title": "Do it", "fields": {}},
        "three": {"title": "Unseen", "fields": {}, "hidden": True},
    },
    "presets": [{"name": "P", "type": "specificEvent", "partnerAction": "two", "eventSlug": "a_b"}],
}


def cells(line: str) -> int:
    """How many cells a row of a table has."""
    return len(re.findall(r"(?<!\\)\|", line)) - 1


@pytest.mark.parametrize(
    "definition", [ODD, PUBLISHED, destination.spec], ids=["odd", "published", "fullstory"]
)
def test_tables_stay_whole(definition: Any) -> None:
    """Every row has as many cells as its head, whatever stands in it, and no link leads nowhere."""
    spec = destination.spec if definition is destination.spec else load_definition(definition)
    page = destination_page(spec)
    for block in page.split("\n\n"):
        lines = block.splitlines()
        if block.startswith("|"):
            assert {cells(line) for line in lines} == {cells(lines[0])}
    headings = re.findall(r"^### (.*)$", page, flags=re.MULTILINE)
    assert len(re.findall(r"^- \[.*\]\(#[\w-]+\)$", page, flags=re.MULTILINE)) == len(headings) > 0


@pytest.mark.parametrize(
    "line",
    [
        r"# Odd \<b\> \| End",
        "| Key | `key` | Required. Yours. |",
        "| P | The event `a_b` | Do it |",
        "- [Do it!](#do-it)",
        "- [Do it](#do-it-1)",
        r"First line, see [there](https://example.com/a) or `a \| b`.",
        r'Do it! (`one`) is a **Cloud** action. The default trigger is: `type = "track" or event = "a\|b"`',
        "It is superseded by Do it.",
        "Its sync modes are `add`.",
        r'| List | `list` Type: `OBJECT`, a list<br>Default: `` {"@template": "`{{a\|b}}`"} `` |',
        r"| X\* | `list.x` Type: `STRING` |",
        r"| kind | `kind` Type: `STRING`<br>Required if `list` is there.<br>One of `a`, `b\|c`, `5`. |",
        r"| Way | `way` Type: `STRING`<br>Required if `kind` is not `x` or the sync mode is `add`. |",
        "| 404 | Do it! | Make it first. |",
    ],
)
def test_a_page_says(line: str) -> None:
    """Each part of a definition has its line."""
    assert line in destination_page(load_definition(ODD)).splitlines()


def test_what_is_hidden_stays_hidden() -> None:
    """Hidden fields, settings and actions are not on the page."""
    assert "nseen" not in destination_page(load_definition(ODD))


def test_the_page_of_fullstory_is_the_one_of_its_definition() -> None:
    """The committed page is what `actions docs fullstory` writes now."""
    committed = ROOT / "docs" / "destinations" / "fullstory.md"
    assert committed.read_text(encoding="utf-8") == destination_page(
        destination.spec, differences_of(destination.slug)
    )
