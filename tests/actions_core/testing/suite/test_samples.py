"""Events and settings that nobody wrote: they match, hold what a mapping reads, and fit their fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actions_core import PayloadValidator, compile_mapping, parse_fql
from actions_core.destination.loading import load_definition
from actions_core.testing.samples import sample_settings, sample_value
from actions_core.testing.suite.samples import fill_event, matching_event
from actions_core.validation.fields import read_fields
from actions_core.values.events import check_event

ROOT = Path(__file__).parents[4]
VERDICTS = json.loads((ROOT / "tests/conformance/fql.json").read_text("utf-8"))["fql"]
PUBLISHED = load_definition(ROOT / "tests" / "actions_core" / "destination" / "data" / "published.json")


@pytest.mark.parametrize(
    "text",
    [
        'type = "identify"',
        'type != "track" and type != "identify"',
        'type = "track" and (event = "A" or event = "B") and properties.total >= 10',
        'event = "A" and !contains(userId, "x") and context.app.name = null',
        'match(event, "Order*") and contains(event, "Shop") and match(event, "*Done")',
        "properties.a = true and properties.b != false and traits.c < -5 and traits.d > 3 and traits.d <= 4",
        'name = "Home" and type = "page"',
        'userId = 5 and !(event = "A")',
    ],
)
def test_an_event_is_found_that_matches(text: str) -> None:
    """Whatever the condition asks for, the event has it, and the event is valid."""
    condition = parse_fql(text)
    event = matching_event(condition)
    assert event is not None
    assert condition.matches(event)
    assert check_event(event)


def test_most_conditions_that_can_match_get_an_event() -> None:
    """Of the conditions that match some event of the vectors, one in twenty may need a case."""
    matching = {vector["fql"] for vector in VERDICTS if vector["match"]}
    found = [text for text in matching if matching_event(parse_fql(text)) is not None]
    assert len(found) > 0.95 * len(matching) > 10


def test_no_event_is_made_for_what_never_matches() -> None:
    """Nothing is invented that does not match."""
    assert matching_event(parse_fql('event = "A" and event = "B"')) is None


MAPPING: dict[str, Any] = {
    "id": {"@path": "$.properties.order.id"},
    "email": {"@if": {"exists": {"@path": "$.traits.mail"}, "then": {"@path": "$.traits.mail"}}},
    "total": {"@jmespath": "properties.sum"},
    "note": {"@template": "{{properties.first-name}} of {{context.shop}}"},
    "items": {
        "@arrayPath": ["$.properties.items", {"price": {"@path": "$.price"}, "sku": {"@path": "$.sku"}}]
    },
    "address": {"city": {"@path": "$.properties.city"}},
    "tags": {"@path": "$.properties.tags"},
    "fixed": "x",
    "all": {"@path": "$."},
}
FIELDS: dict[str, Any] = {
    "id": {"type": "integer", "minimum": 3, "required": True},
    "email": {"type": "string", "format": "email", "required": True},
    "total": {"type": "number", "maximum": 0.5, "required": True},
    "note": {"type": "string"},
    "items": {
        "type": "object",
        "multiple": True,
        "properties": {
            "price": {"type": "number", "required": True},
            "sku": {"type": "string", "required": True, "choices": ["A", "B"]},
        },
    },
    "address": {"type": "object", "properties": {"city": {"type": "string", "required": True, "minimum": 9}}},
    "tags": {"type": "string", "multiple": True, "required": True},
    "fixed": {"type": "string"},
    "all": {"type": "object"},
}


def test_an_event_is_filled_with_what_a_mapping_reads() -> None:
    """Each path gets a value of its field's type; existing values stay."""
    event = {"type": "track", "properties": {"sum": 0.25}}
    full = fill_event(event, MAPPING, read_fields(FIELDS))
    assert event == {"type": "track", "properties": {"sum": 0.25}}
    payload = PayloadValidator(FIELDS).check(compile_mapping(MAPPING).resolve(full))
    assert payload["total"] == 0.25
    assert payload["items"] == [{"price": 1, "sku": "A"}]
    assert payload["note"] == "sample of sample"
    assert len(payload["address"]["city"]) == 9


def test_sample_values_fit_their_fields() -> None:
    """Every field of a published definition takes the value that is made for it."""
    for action in PUBLISHED.actions.values():
        payload = {key: sample_value(field) for key, field in action.fields.items()}
        assert PayloadValidator(action.fields).check(payload) == payload
    settings = sample_settings(PUBLISHED)
    assert PayloadValidator(PUBLISHED.settings, keep=["oauth"]).check(settings) == settings
