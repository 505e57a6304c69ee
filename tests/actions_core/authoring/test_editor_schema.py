"""The schema of a workspace for one destination: it completes and explains, and lets through what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory import destination
from jsonschema import Draft202012Validator

from actions_core.authoring.editor_schema import workspace_schema
from actions_core.destination import load_destination
from actions_core.validation.documents import schema

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject

ROOT = Path(__file__).parents[3]
SCHEMA = workspace_schema(destination)
VALIDATOR = Draft202012Validator(SCHEMA)


def workspace(mapping: Any, **changes: Any) -> JsonObject:
    """A workspace with one subscription to Track Event V2."""
    subscription = {"partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": mapping}
    instance = {"destination": destination.slug, "settings": {"apiKey": {"$env": "KEY"}}}
    return {"destinations": [{**instance, "subscriptions": [{**subscription, **changes}]}]}


def test_it_is_a_schema_that_needs_no_other_file() -> None:
    """Every reference leads to a definition in it; the shared schemas are not changed by it."""
    Draft202012Validator.check_schema(SCHEMA)
    text = json.dumps(SCHEMA)
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert all(reference.startswith("#/$defs/") for reference in references)
    assert {reference.removeprefix("#/$defs/") for reference in references} <= SCHEMA["$defs"].keys()
    assert SCHEMA["$id"].endswith("/workspace.actions-fullstory-cloud.schema.json")
    assert "subscription-actions-fullstory-cloud" not in schema("workspace")["$defs"]


@pytest.mark.parametrize("action", list(destination.spec.actions))
def test_an_editor_has_every_field_with_its_words(action: str) -> None:
    """Fields stand inside `mapping` with title, description and default; required ones are asked for."""
    fields = destination.spec.actions[action].fields
    then = SCHEMA["$defs"][f"fields-actions-fullstory-cloud-{action}"]["then"]
    shown = {key: part for key, part in then["properties"].items() if key in fields}
    assert shown.keys() == fields.keys()
    assert all(part["title"] and part["description"] for part in shown.values())
    assert {key: part.get("default") for key, part in shown.items() if "default" in part} == (
        destination.spec.actions[action].default_mapping
    )
    assert then["required"] == [key for key, field in fields.items() if field.required is True]


def test_what_runs_is_not_marked() -> None:
    """The example, the mappings of all vectors, presets, and other destinations."""
    assert (
        list(VALIDATOR.iter_errors(json.loads((ROOT / "examples/workspace.json").read_text("utf-8")))) == []
    )
    vectors = json.loads((ROOT / "tests/conformance/fullstory.json").read_text("utf-8"))["fullstory"]
    for vector in vectors:
        mapping, action = vector["mapping"], vector["action"]
        assert list(VALIDATOR.iter_errors(workspace(mapping, partnerAction=action))) == []
    merged = {"objects": [{"name": "x"}], "direction": "left"}
    assert VALIDATOR.is_valid(workspace({"@merge": merged}))
    assert VALIDATOR.is_valid(workspace({"__segment_internal_directive": {"@merge": merged}, "x": 1}))
    other = {"destination": "other", "settings": {"x": 1}, "subscriptions": "presets"}
    assert VALIDATOR.is_valid(
        {"destinations": [other, {**other, "destination": destination.slug, "settings": {"apiKey": "k"}}]}
    )


@pytest.mark.parametrize(
    "faulty",
    [
        workspace({"name": "x", "nmae": "y"}),
        workspace({"userId": "x"}),
        workspace({"name": "x", "properties": "text"}),
        workspace({"name": ["x"]}),
        workspace({"name": {"@case": {"operator": 5}}}),
        workspace({"name": {"@pth": "$.event"}}),
        workspace({"name": "x", "properties": {"a": {"b": [{"@tempalte": "x"}]}}}),
        workspace({"name": "x"}, partnerAction="trackEvents"),
        {"destinations": [{"destination": "fullstory", "settings": {"apiKey": "k", "apikey": "k"}}]},
        {"destinations": [{"destination": destination.slug, "settings": {}}]},
        {"destinations": [{"destination": destination.slug, "settings": {"apiKey": 1, "sendContext": []}}]},
    ],
)
def test_what_cannot_work_is_marked(faulty: JsonObject) -> None:
    """Unknown fields and actions, missing ones, values of the wrong kind, and faults of directives."""
    assert not VALIDATOR.is_valid(faulty)


def test_nested_fields_lists_and_choices_are_completed() -> None:
    """Children of objects, items of lists, choices, sync modes and superseded actions are in it."""
    sku = {"label": "SKU", "type": "string", "required": True}
    fields = {
        "items": {"label": "Items", "type": "object", "multiple": True, "properties": {"sku": sku}},
        "kind": {"label": "Kind", "type": "string", "choices": ["a", {"label": "B", "value": "b"}]},
    }
    modes = {"label": "Mode", "choices": [{"label": "Add", "value": "add"}]}
    shop = load_destination(
        {
            "slug": "shop",
            "name": "Shop",
            "actions": {
                "old": {"title": "Old", "supersededBy": "new", "fields": {}},
                "new": {"title": "New", "fields": fields, "syncMode": modes},
            },
        }
    )
    made = workspace_schema(shop)
    validator = Draft202012Validator(made)

    def good(mapping: Any) -> bool:
        subscription = {"partnerAction": "new", "subscribe": 'type = "track"', "mapping": mapping}
        return validator.is_valid(
            {"destinations": [{"destination": "shop", "subscriptions": [subscription]}]}
        )

    assert good(
        {"items": [{"sku": "x"}, {"@path": "$.item"}], "kind": "b", "__segment_internal_sync_mode": "add"}
    )
    assert good({"items": {"@arrayPath": ["$.items", {"sku": {"@path": "$.sku"}}]}, "kind": {"@path": "$.k"}})
    assert not good({"items": [{"skuu": "x"}]})
    assert not good({"kind": "c"})
    assert not good({"__segment_internal_sync_mode": "mirror"})
    old, _new = made["$defs"]["subscription-shop"]["properties"]["partnerAction"]["oneOf"]
    assert old["deprecated"]
    assert "Superseded by new." in old["description"]
