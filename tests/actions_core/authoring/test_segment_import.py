"""A workspace from what other tools export."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from actions_core import DefinitionError, Registry, Workspace, load_destination
from actions_core.authoring.segment_import import (
    WorkspaceImport,
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
    assert Workspace.from_dict({"destinations": [instance]}).problems == ()


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
    assert [note.path for note in imported.notes] == [f"$.subscriptions[{index}]" for index in range(2)]
    assert "'partnerAction' or 'actionSlug'" in imported.notes[1].message


@pytest.mark.parametrize(
    ("mapping", "paths"),
    [
        ({"url": "https://hooks.chat.example/services/T0/B0/aB3dE5gH7jK9mN1pQ3sT5vW7"}, ["$[0].mapping.url"]),
        ({"url": {"@template": "https://x.example/?t=aB3dE5gH7jK9mN1pQ3"}}, ["$[0].mapping.url.@template"]),
        ({"to": [{"url": "https://user:word@x.example/"}]}, ["$[0].mapping.to[0].url"]),
        ({"api_key": "abc", "headers": {"accessToken": "abc"}}, [
            "$[0].mapping.api_key", "$[0].mapping.headers.accessToken",
        ]),
        ({"token": {"@path": "$.properties.token"}, "password": "", "key": "email"}, []),
        ({"icon": "https://x.example/a/logo-0123456789abcdef.png", "text": "https://x.example/orders"}, []),
        ({"text": {"@template": "see https://x.example/{{properties.a1_long_enough_name}}"}}, []),
    ],
)  # fmt: skip
def test_a_secret_in_a_mapping_is_pointed_at(mapping: Any, paths: list[str]) -> None:
    """A mapping is copied as it is; what looks like a secret there is named, without its text."""
    imported = import_subscriptions(
        [{"partnerAction": "a", "subscribe": "type = 'track'", "mapping": mapping}]
    )
    assert imported is not None
    assert imported.value[0]["mapping"] == mapping
    assert [note.path for note in imported.notes] == paths
    for note in imported.notes:
        assert "looks like a secret" in note.message
        assert "aB3" not in note.message
    as_the_api_has_it = [{"actionSlug": "a", "trigger": "type = 'track'", "settings": mapping}]
    exported = import_subscriptions({"data": {"subscriptions": as_the_api_has_it}})
    assert exported is not None
    places = [path.replace("$[0].mapping", "$.data.subscriptions[0].settings") for path in paths]
    assert [note.path for note in exported.notes] == places


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


# -- a whole workspace -------------------------------------------------------------------------------

PEOPLE: dict[str, Any] = {
    "slug": "actions-people",
    "aliases": ["people"],
    "name": "People (Actions)",
    "authentication": {
        "scheme": "oauth2",
        "fields": {
            "token": {"label": "Token", "type": "password", "required": True},
            "signingKey": {"label": "A secret of type string", "type": "string"},
            "pairs": {"label": "Passwords", "type": "password", "multiple": True},
            "server": {
                "label": "Server",
                "type": "object",
                "properties": {"host": {"type": "string"}, "password": {"type": "password"}},
            },
            "region": {"label": "Region", "type": "string", "default": "eu"},
            "retries": {"label": "Retries", "type": "integer"},
        },
    },
    "actions": {"buy": {"title": "Buy", "fields": {"name": {"type": "string"}}}},
}
SHOP_RAW: dict[str, Any] = {
    "id": "d-shop",
    "name": "Shop of ours",
    "enabled": True,
    "sourceId": "s-1",
    "metadata": {"id": "m-1", "slug": "actions-shop-cloud", "name": "Shop"},
    "settings": {"apiKey": "SECRET-1", "region": "us", "extra": "", "unknown": 1},
}
PEOPLE_RAW: dict[str, Any] = {
    "id": "d-people",
    "name": "People EU",
    "enabled": False,
    "metadata": {"id": "m-2", "slug": "people", "name": "People (Actions)"},
    "settings": {
        "token": "SECRET-2",
        "signingKey": "SECRET-3",
        "pairs": ["SECRET-4", "SECRET-5"],
        "server": {"host": "h", "password": "SECRET-6"},
        "oauth": {"access_token": "SECRET-7", "refresh_token": ""},
        "retries": 3,
    },
}


def of(destination: str, **changes: Any) -> dict[str, Any]:
    """A subscription as the Public API gives it."""
    return {
        "id": f"s-{destination}",
        "actionId": "a-1",
        "destinationId": destination,
        "modelId": None,
        **PUBLIC,
        **changes,
    }


def imported_workspace(*files: Any, destination: str | None = None) -> tuple[dict[str, Any], WorkspaceImport]:
    """Import files with one installed destination, Shop; the other one comes as a definition."""
    registry = Registry()
    registry.register(load_destination(DEFINITION))
    work = WorkspaceImport(registry, destination)
    for number, data in enumerate(files):
        work.add(f"{number}.json", data)
    workspace = work.workspace()
    assert "SECRET" not in json.dumps(workspace)
    assert Workspace.from_dict(workspace).problems == ()
    return workspace, work


FILES = [
    {"data": {"destinations": [SHOP_RAW, PEOPLE_RAW], "pagination": {"current": "x", "totalEntries": 2}}},
    {"data": {"subscriptions": [of("d-shop"), of("d-people", name="B")], "pagination": {}}},
    {
        "data": {
            "filters": [
                {
                    "id": "f",
                    "sourceId": "s-1",
                    "destinationId": "d-people",
                    "title": "No x",
                    "description": "D",
                    "if": 'event = "x"',
                    "actions": [{"type": "DROP"}],
                    "enabled": True,
                    "createdAt": "2026-01-02T03:04:05Z",
                    "updatedAt": "2026-01-02T03:04:05Z",
                }
            ]
        }
    },
    PEOPLE,
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_whole_workspace_in_any_order(order: tuple[int, ...]) -> None:
    """Destinations, subscriptions and filters find each other by their ids, in whatever order they come."""
    workspace, work = imported_workspace(*(FILES[index] for index in order))
    shop, people = sorted(workspace["destinations"], key=lambda one: one["id"], reverse=True)
    assert shop == {
        "id": "actions-shop-cloud",
        "destination": "actions-shop-cloud",
        "settings": {"apiKey": {"$env": "SHOP_CLOUD_API_KEY"}, "region": "us"},
        "subscriptions": [OWN],
    }
    assert people == {
        "id": "actions-people",
        "destination": "actions-people",
        "enabled": False,
        "settings": {
            "token": {"$env": "PEOPLE_TOKEN"},
            "signingKey": {"$env": "PEOPLE_SIGNING_KEY"},
            "pairs": [{"$env": "PEOPLE_PAIRS_1"}, {"$env": "PEOPLE_PAIRS_2"}],
            "server": {"host": "h", "password": {"$env": "PEOPLE_SERVER_PASSWORD"}},
            "region": "eu",
            "retries": 3,
            "oauth": {"access_token": {"$env": "PEOPLE_OAUTH_ACCESS_TOKEN"}},
        },
        "subscriptions": [{**OWN, "name": "B"}],
        "filters": [{"name": "No x", "if": 'event = "x"', "actions": [{"type": "DROP"}], "enabled": True}],
    }
    assert workspace["definitions"] == ["definitions/actions-people.json"]
    assert work.copies == {"definitions/actions-people.json": PEOPLE}
    assert [str(note) for _, note in work.notes] == [
        "$.data.destinations[0].settings.unknown: actions-shop-cloud has no such setting: left out"
    ]
    assert "PEOPLE_PAIRS_2" in work.variables()


def test_two_instances_of_one_destination() -> None:
    """Their ids come of their names, and each has variables of its own."""
    second = {**SHOP_RAW, "id": "d-2", "name": "Shop of theirs"}
    third = {**SHOP_RAW, "id": "d-3", "name": "shop of  ours!"}
    workspace, _ = imported_workspace(
        [SHOP_RAW, second, third], [of("d-2"), of("d-2", name="C"), of("d-shop"), of("d-3")]
    )
    assert [
        (one["id"], one["settings"]["apiKey"]["$env"], len(one["subscriptions"]))
        for one in workspace["destinations"]
    ] == [
        ("shop-of-ours", "SHOP_OF_OURS_API_KEY", 1),
        ("shop-of-theirs", "SHOP_OF_THEIRS_API_KEY", 2),
        ("shop-of-ours-2", "SHOP_OF_OURS_2_API_KEY", 1),
    ]


@pytest.mark.parametrize(
    "mark", [{"modelId": "m"}, {"reverseETLModelId": "m"}, {"reverseETLSchedule": {"strategy": "PERIODIC"}}]
)
def test_subscriptions_of_reverse_etl_come_in_disabled(mark: dict[str, Any]) -> None:
    """What the rows of a warehouse start is never started by events; the reason is said."""
    workspace, work = imported_workspace({"destinations": [SHOP_RAW]}, [of("d-shop", **mark), of("d-shop")])
    enabled = [one.get("enabled", True) for one in workspace["destinations"][0]["subscriptions"]]
    assert enabled == [False, True]
    assert [note.path for file, note in work.notes if "rows of a warehouse" in note.message] == ["$[0]"]


def test_a_destination_that_is_not_installed_is_made_of_its_metadata() -> None:
    """Where the export says what actions there are, subscriptions can be checked; ids stand for keys."""
    metadata = {
        "slug": "actions-other",
        "name": "Other",
        "options": [{"name": "apiKey", "type": "string", "required": True}],
        "actions": [
            {
                "id": "a-9",
                "slug": "send",
                "name": "Send",
                "defaultTrigger": 'type = "track"',
                "fields": [{"fieldKey": "name", "type": "STRING", "label": "Name", "required": True}],
            }
        ],
    }
    raw = {"id": "d-9", "name": "", "metadata": metadata, "settings": {"apiKey": "SECRET-9"}}
    by_id = {
        "actionId": "a-9",
        "destinationId": "d-9",
        "trigger": 'type = "page"',
        "settings": '{"name": "x"}',
    }
    workspace, work = imported_workspace({"data": {"destination": raw}}, {"data": {"subscription": by_id}})
    (instance,) = workspace["destinations"]
    assert instance["settings"] == {"apiKey": {"$env": "OTHER_API_KEY"}}
    assert instance["subscriptions"] == [
        {"partnerAction": "send", "subscribe": 'type = "page"', "mapping": {"name": "x"}}
    ]
    copied = load_destination(work.copies["definitions/actions-other.json"])
    assert copied.spec.actions["send"].fields["name"].required is True
    assert copied.spec.settings["apiKey"].type == "password"


def test_what_belongs_to_nothing_is_named() -> None:
    """Unknown destinations and strays are left out, each with a note; the rest comes in."""
    unknown = {**SHOP_RAW, "id": "d-x", "metadata": {"slug": "webhooks", "name": "Webhooks"}}
    workspace, work = imported_workspace(
        {"destinations": [SHOP_RAW, unknown, 5], "subscriptions": [of("d-shop"), of("d-gone"), of("d-x")]}
    )
    assert [one["id"] for one in workspace["destinations"]] == ["actions-shop-cloud"]
    said = [f"{note.path}: {note.message}" for _, note in work.notes]
    assert "$.destinations[2]: is not a destination: left out" in said
    assert any(text.startswith("$.destinations[1]: no destination 'webhooks' is installed") for text in said)
    assert any(text.startswith("$.subscriptions[1]: its destination is not given") for text in said)


@pytest.mark.parametrize("name", ["actions-people", "people", "People (Actions)"])
def test_a_destination_goes_by_its_slug_its_alias_or_its_name(name: str) -> None:
    """Names are what they are everywhere, and what Segment shows to people is one as well."""
    raw = {**PEOPLE_RAW, "metadata": {"name": name}}
    workspace, _ = imported_workspace(raw, PEOPLE)
    assert [one["destination"] for one in workspace["destinations"]] == ["actions-people"]
    workspace, _ = imported_workspace([OWN], PEOPLE, destination=name)
    assert [one["destination"] for one in workspace["destinations"]] == ["actions-people"]


def test_a_file_without_anything_is_refused() -> None:
    """A file that has nothing of an export in it is a mistake; an empty list is none."""
    with pytest.raises(DefinitionError, match=r"0\.json: contains no definition"):
        imported_workspace({"data": {"sources": []}})
    workspace, _ = imported_workspace({"data": {"destinations": []}})
    assert workspace == {"destinations": []}
