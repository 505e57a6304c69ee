"""What the definition promises to those who write workspaces."""

from __future__ import annotations

import pytest
from actions_fullstory import destination

#: action → field → label, type, whether it is required, the default's expression
FIELDS = {
    "trackEvent": {
        "userId": ("User ID", "string", True, "userId"),
        "name": ("Name", "string", True, "event"),
        "properties": ("Properties", "object", False, "properties"),
        "timestamp": ("Timestamp", "datetime", False, "timestamp"),
        "useRecentSession": ("Use Recent Session", "boolean", False, None),
        "sessionUrl": ("Session URL", "string", False, None),
    },
    "identifyUser": {
        "userId": ("User ID", "string", True, "userId"),
        "anonymousId": ("Anonymous ID", "string", False, "anonymousId"),
        "displayName": ("Display Name", "string", False, "traits.name"),
        "email": ("Email", "string", False, "traits.email"),
        "traits": ("Traits", "object", False, "traits"),
    },
    "trackEventV2": {
        "userId": ("User ID", "string", False, "userId"),
        "name": ("Name", "string", True, "event"),
        "properties": ("Properties", "object", False, "properties"),
        "timestamp": ("Timestamp", "datetime", False, "timestamp"),
        "useRecentSession": ("Use Recent Session", "boolean", False, None),
        "sessionUrl": ("Session URL", "string", False, None),
    },
    "identifyUserV2": {
        "uid": ("User ID", "string", False, "userId"),
        "anonymousId": ("Anonymous ID", "string", False, "anonymousId"),
        "displayName": ("Display Name", "string", False, "traits.name"),
        "email": ("Email", "string", False, "traits.email"),
        "properties": ("Traits", "object", False, "traits"),
    },
}


def test_no_problems() -> None:
    """Definition and handlers fit each other."""
    assert destination.check() == []


@pytest.mark.parametrize("action", FIELDS)
def test_fields(action: str) -> None:
    """The fields are those of Segment's destination, with its labels, types, marks and defaults."""
    found = {
        key: (
            field.label,
            field.type,
            field.required,
            field.default["@jmespath"] if field.default else None,
        )
        for key, field in destination.spec.actions[action].fields.items()
        if key != "batch_size"
    }
    assert found == FIELDS[action]


def test_batches() -> None:
    """The actions that create users take batches, of 1,000 unless told otherwise and of 50,000 at most."""
    actions = destination.spec.actions
    sizes = {key: action.fields.get("batch_size") for key, action in actions.items()}
    assert {key for key, size in sizes.items() if size} == {"trackEventV2", "identifyUserV2"}
    for key in ("trackEventV2", "identifyUserV2"):
        size = sizes[key]
        assert size is not None
        assert (size.minimum, size.maximum, actions[key].batch.size) == (1, 50_000, 1000)
        assert key in destination.batch_handlers
        assert key in destination.poll_handlers


def test_names() -> None:
    """Slug, names, triggers and presets are Segment's, so that a workspace works unchanged."""
    spec = destination.spec
    assert (spec.slug, spec.name) == ("actions-fullstory-cloud", "Fullstory Cloud Mode (Actions)")
    assert {key: (action.title, action.default_subscription) for key, action in spec.actions.items()} == {
        "trackEvent": ("Track Event", 'type = "track"'),
        "identifyUser": ("Identify User", 'type = "identify"'),
        "trackEventV2": ("Track Event V2", 'type = "track"'),
        "identifyUserV2": ("Identify User V2", 'type = "identify"'),
    }
    assert [
        (preset.name, preset.type, preset.partner_action, preset.subscribe) for preset in spec.presets
    ] == [
        ("Track Event", "automatic", "trackEventV2", 'type = "track"'),
        ("Identify User", "automatic", "identifyUserV2", 'type = "identify"'),
    ]


def test_settings() -> None:
    """Only the key has to be set, and it is a secret."""
    assert destination.spec.authentication is not None
    fields = destination.spec.authentication.fields
    assert {key: (field.type, field.required) for key, field in fields.items()} == {
        "apiKey": ("password", True),
        "baseUrl": ("string", False),
        "integrationSource": ("string", False),
        "singleIdentification": ("boolean", False),
        "sendContext": ("boolean", False),
    }
    assert fields["baseUrl"].default == "https://api.fullstory.com"
    assert fields["integrationSource"].default == "segment"


@pytest.mark.parametrize(
    ("action", "successor"), [("trackEvent", "trackEventV2"), ("identifyUser", "identifyUserV2")]
)
def test_superseded(action: str, successor: str) -> None:
    """The v1 actions name the V2 action that took their place, also where v1 answers 404."""
    spec = destination.spec.actions[action]
    assert spec.superseded_by == successor
    assert destination.spec.actions[successor].title in spec.status_hints[404]


def test_hints() -> None:
    """Refusals that the user can mend say how, and a 500 is tried three times at most."""
    hints = destination.spec.status_hints
    assert "Admin or Architect" in hints[403]
    assert "apiKey" in hints[401]
    assert "Retry-After" in hints[429]
    assert destination.spec.tries_by_status == {500: 3}
