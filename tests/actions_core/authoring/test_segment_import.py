"""A workspace from what other tools export."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import Workspace, load_destination
from actions_core.authoring.segment_import import (
    import_definition,
    import_filters,
    import_subscriptions,
    variable_name,
)

DEFINITION: dict[str, Any] = {
    "slug": "actions-shop-cloud",
    "name": "Shop",
    "mode": "cloud",
    "authentication": {
        "scheme": "custom",
        "fields": {
            "apiKey": {
                "label": "Key",
                "description": "D",
                "type": "password",
                "required": True,
                "default": None,
            },
            "region": {"label": "Region", "description": "D", "type": "string", "default": "eu"},
            "extra": {"label": "Extra", "description": "D", "type": "password"},
        },
    },
    "audienceConfig": None,
    "actions": {
        "buy": {
            "title": "Buy",
            "description": "D",
            "platform": "cloud",
            "defaultSubscription": None,
            "hidden": False,
            "hasPerformBatch": True,
            "fields": {
                "name": {"label": "N", "description": "D", "type": "string", "default": {"@path": "$.event"}}
            },
        }
    },
    "presets": [
        {
            "name": "Own",
            "type": "automatic",
            "partnerAction": "buy",
            "subscribe": 'type = "track"',
            "mapping": {},
        },
        {"name": "Default", "type": "automatic", "partnerAction": "buy", "subscribe": 'type = "page"'},
        {"name": "Made", "type": "specificEvent", "partnerAction": "buy", "eventSlug": "x_entered_identify"},
    ],
}


def test_a_definition_becomes_an_instance_with_its_presets() -> None:
    """Presets become subscriptions, what must be given becomes a variable, defaults are filled in."""
    imported = import_definition(load_destination(DEFINITION))
    instance = imported.value
    assert instance["settings"] == {"apiKey": {"$env": "SHOP_CLOUD_API_KEY"}, "region": "eu"}
    assert [item["mapping"] for item in instance["subscriptions"][:2]] == [{}, {"name": {"@path": "$.event"}}]
    made = instance["subscriptions"][2]
    assert (made["subscribe"], made["enabled"]) == ('type = "identify"', False)
    assert [note.path for note in imported.notes] == ["$.presets[2]"]
    assert Workspace.from_dict({"destinations": [instance]})


PUBLIC = {
    "name": "A",
    "actionSlug": "buy",
    "enabled": True,
    "trigger": 'type = "track"',
    "settings": {"name": "x"},
}
OWN = {"name": "A", "partnerAction": "buy", "subscribe": 'type = "track"', "mapping": {"name": "x"}}


@pytest.mark.parametrize(
    "data",
    [
        {"data": {"subscriptions": [{**PUBLIC, "id": "s1", "destinationId": "d1"}]}},
        {"settings": {"apiKey": "x", "subscriptions": [{**OWN, "enabled": True}]}},
        {"data": {"destination": {"settings": {"subscriptions": [OWN]}}}},
        {"subscriptions": [OWN]},
        [PUBLIC],
    ],
)
def test_every_exported_form_gives_the_same_subscription(data: Any) -> None:
    """The public API's form, that of a destination's settings and a bare list give what runs here."""
    imported = import_subscriptions(data)
    assert imported is not None
    assert imported.value == [OWN]


def test_what_cannot_be_taken_over_is_noted() -> None:
    """An item that is no subscription is left out and named; a disabled one stays disabled."""
    imported = import_subscriptions(
        {"subscriptions": [5, {"name": "x"}, {**OWN, "enabled": False, "id": "1"}]}
    )
    assert imported is not None
    assert imported.value == [{**OWN, "enabled": False}]
    assert [note.path for note in imported.notes] == [f"$.subscriptions[{index}]" for index in range(3)]
    assert "'partnerAction' or 'actionSlug'" in imported.notes[1].message


def test_filters_are_taken_over() -> None:
    """Filters of the public API become the instance's filters."""
    drop = {"if": 'event = "x"', "actions": [{"type": "DROP"}], "enabled": True}
    imported = import_filters(
        {"data": {"filters": [{**drop, "title": "No x", "id": "f", "sourceId": "s"}, 7]}}
    )
    assert imported is not None
    assert imported.value == [{"name": "No x", **drop}]
    assert len(imported.notes) == 1
    assert import_filters({"data": {}}) is None


@pytest.mark.parametrize(
    "data", [None, 5, "x", {}, {"data": None}, {"data": {"data": {"data": {}}}}, {"subscriptions": 5}]
)
def test_what_holds_nothing_gives_nothing(data: Any) -> None:
    """Data without subscriptions or filters gives None, never an exception."""
    assert import_subscriptions(data) is None
    assert import_filters(data) is None


def test_variables_are_named_after_slug_and_setting() -> None:
    """The variable of a setting is in capitals, without the words that every slug begins with."""
    assert variable_name("actions-fullstory-cloud", "apiKey") == "FULLSTORY_CLOUD_API_KEY"
    assert variable_name("x", "a b.c") == "X_A_B_C"
