"""Two versions of a definition, part by part."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.authoring.comparison import Level, compare_definitions
from actions_core.destination.loading import load_definition

if TYPE_CHECKING:
    from collections.abc import Callable

FIELD = {"label": "Name", "type": "string"}
MODES = [{"label": "Add", "value": "add"}, {"label": "Update", "value": "update"}]
DEFINITION: dict[str, Any] = {
    "slug": "sample",
    "aliases": ["short"],
    "name": "Sample",
    "authentication": {"scheme": "custom", "fields": {"key": {"label": "Key", "type": "password"}}},
    "audienceConfig": {
        "mode": {"type": "synced", "full_audience_sync": False},
        "supportsAudienceFunctions": True,
        "audienceFields": {"list": FIELD},
    },
    "actions": {
        "send": {
            "title": "Send",
            "defaultSubscription": 'type = "track"',
            "fields": {"name": FIELD},
            "hasPerformBatch": True,
            "syncMode": {"label": "Mode", "choices": MODES, "default": "add"},
            "hooks": {
                "onMappingSave": {
                    "label": "Save",
                    "inputFields": {"list": FIELD},
                    "outputFields": {"id": FIELD},
                }
            },
        },
        "other": {"title": "Other", "fields": {}},
    },
    "presets": [
        {"name": "Send", "type": "automatic", "partnerAction": "send", "subscribe": 'type = "track"'},
        {"name": "Seen", "type": "specificEvent", "partnerAction": "send", "eventSlug": "seen"},
    ],
}


def new(change: Callable[[Any], object]) -> dict[str, Any]:
    """The definition with a change."""
    changed: dict[str, Any] = json.loads(json.dumps(DEFINITION))
    change(changed)
    return changed


SEND = "$.actions.send"
PRESET = {"name": "More", "type": "automatic", "partnerAction": "other", "subscribe": 'type = "page"'}
#: what changes, then level and path
CASES: list[tuple[Callable[[Any], object], list[tuple[str, str]]]] = [
    (lambda it: it.update(slug="other"), [("breaking", "$.slug")]),
    (lambda it: it.update(slug="short", aliases=["sample"]), [("breaking", "$.slug")]),
    (lambda it: it.update(aliases=["short", "shorter"]), []),
    (lambda it: it.update(aliases=None), [("breaking", "$.aliases")]),
    (lambda it: it.update(name="Other"), [("note", "$.name")]),
    (lambda it: it.update(mode="device"), [("breaking", "$.mode")]),
    (lambda it: it.update(description="Words.", statusHints={"404": "Words."}), []),
    (lambda it: it.update(urlsFromUsers=True), [("warning", "$.urlsFromUsers")]),
    (lambda it: it.update(triesByStatus={"500": 3}), [("note", "$.triesByStatus")]),
    (lambda it: it["authentication"].update(scheme="basic"), [("warning", "$.authentication.scheme")]),
    (lambda it: it["authentication"].update(scheme="oauth2"), [("breaking", "$.authentication.scheme")]),
    (
        lambda it: it["authentication"]["fields"].update(url={**FIELD, "required": True}),
        [("breaking", "$.authentication.fields.url")],
    ),
    (lambda it: it["authentication"]["fields"].clear(), [("breaking", "$.authentication.fields.key")]),
    (lambda it: it.pop("audienceConfig"), [("breaking", "$.audienceConfig")]),
    (
        lambda it: it["audienceConfig"].update(mode={"type": "realtime"}),
        [("breaking", "$.audienceConfig.mode")],
    ),
    (
        lambda it: it["audienceConfig"].update(supportsAudienceFunctions=False),
        [("breaking", "$.audienceConfig.supportsAudienceFunctions")],
    ),
    (
        lambda it: it["audienceConfig"]["audienceFields"].clear(),
        [("breaking", "$.audienceConfig.audienceFields.list")],
    ),
    (lambda it: it["actions"].pop("other"), [("breaking", "$.actions.other")]),
    (lambda it: it["actions"].update(more={"title": "More", "fields": {}}), [("note", "$.actions.more")]),
    (lambda it: it["actions"]["send"].update(title="Sent", description="Words."), []),
    (lambda it: it["actions"]["send"].update(platform="web"), [("breaking", f"{SEND}.platform")]),
    (
        lambda it: it["actions"]["send"].update(defaultSubscription=None),
        [("note", f"{SEND}.defaultSubscription")],
    ),
    (
        lambda it: it["actions"]["send"].update(supersededBy="other"),
        [("warning", f"{SEND}.supersededBy")],
    ),
    (
        lambda it: it["actions"]["send"].update(hasPerformBatch=False),
        [("warning", f"{SEND}.hasPerformBatch")],
    ),
    (
        lambda it: it["actions"]["send"]["fields"]["name"].update(required=True),
        [("breaking", f"{SEND}.fields.name.required")],
    ),
    (lambda it: it["actions"]["send"].pop("syncMode"), [("breaking", f"{SEND}.syncMode")]),
    (
        lambda it: it["actions"]["other"].update(syncMode={"choices": MODES}),
        [("warning", "$.actions.other.syncMode")],
    ),
    (
        lambda it: it["actions"]["send"]["syncMode"].update(choices=MODES[:1]),
        [("breaking", f"{SEND}.syncMode.choices")],
    ),
    (
        lambda it: it["actions"]["send"]["syncMode"].update(default="update"),
        [("note", f"{SEND}.syncMode.default")],
    ),
    (lambda it: it["actions"]["send"].pop("hooks"), [("breaking", f"{SEND}.hooks.onMappingSave")]),
    (
        lambda it: it["actions"]["other"].update(hooks={"onMappingSave": {}}),
        [("note", "$.actions.other.hooks.onMappingSave")],
    ),
    (
        lambda it: it["actions"]["send"]["hooks"]["onMappingSave"]["inputFields"].clear(),
        [("warning", f"{SEND}.hooks.onMappingSave.inputFields.list")],
    ),
    (
        lambda it: it["actions"]["send"]["hooks"]["onMappingSave"]["outputFields"].update(more=FIELD),
        [("warning", f"{SEND}.hooks.onMappingSave.outputFields.more")],
    ),
    (lambda it: it["presets"].pop(0), [("breaking", "$.presets[0]")]),
    (lambda it: it["presets"].pop(1), [("note", "$.presets[1]")]),
    (lambda it: it["presets"].reverse(), []),
    (lambda it: it["presets"].insert(0, PRESET), [("warning", "$.presets[0]")]),
    (
        lambda it: it["presets"].append({**PRESET, "type": "specificEvent", "eventSlug": "x"}),
        [("note", "$.presets[2]")],
    ),
    (lambda it: it["presets"][0].update(name="Renamed"), [("warning", "$.presets[0]")]),
    (
        lambda it: it["presets"][0].update(partnerAction="other"),
        [("warning", "$.presets[0].partnerAction")],
    ),
    (
        lambda it: it["presets"][0].update(subscribe='type = "page"'),
        [("warning", "$.presets[0].subscribe")],
    ),
    (lambda it: it["presets"][1].update(eventSlug="heard"), [("warning", "$.presets[1].eventSlug")]),
    (lambda it: it["presets"][0].update(mapping={"name": "x"}), [("warning", "$.presets[0].mapping")]),
    (
        lambda it: it["presets"][0].update(type="specificEvent", eventSlug="x", subscribe=None),
        [("breaking", "$.presets[0].type"), ("warning", "$.presets[0].eventSlug")],
    ),
]


@pytest.mark.parametrize(("change", "expected"), CASES)
def test_a_change_has_its_level(change: Callable[[Any], object], expected: list[tuple[str, str]]) -> None:
    """One difference between two definitions is one change, where it stands."""
    changes = compare_definitions(load_definition(DEFINITION), load_definition(new(change)))
    assert [(str(change.level), change.path) for change in changes] == expected


def test_what_breaks_comes_first() -> None:
    """The order is that of the levels, whatever the place."""

    def change(definition: Any) -> None:
        definition["name"] = "Other"
        definition["presets"].insert(0, PRESET)
        definition["actions"]["send"]["fields"].clear()

    changes = compare_definitions(load_definition(DEFINITION), load_definition(new(change)))
    assert [found.level for found in changes] == [Level.BREAKING, Level.WARNING, Level.NOTE]
    assert str(changes[0]) == f"{SEND}.fields.name: the field is gone: its values are no longer sent"


def test_a_definition_does_not_differ_from_itself() -> None:
    """Nothing is found where nothing changed."""
    spec = load_definition(DEFINITION)
    assert compare_definitions(spec, load_definition(new(dict))) == ()
