"""Exports of Segment that are pasted: what they add, where it goes, and what is left out."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.console.draft import Draft
from actions_core.apps.console.pasting import read_pasted
from actions_core.errors import DefinitionError
from tests.actions_core.apps.console.support import INSTANCE, TRACK, changed, registry, workspace_file

if TYPE_CHECKING:
    from pathlib import Path

EXPORTED: dict[str, Any] = {
    "data": {
        "destinations": [
            {
                "id": "d1",
                "name": "FullStory EU",
                "metadata": {"slug": "actions-fullstory-cloud", "name": "Fullstory Cloud Mode (Actions)"},
                "settings": {"apiKey": "na1.very-secret", "baseUrl": "https://api.eu1.fullstory.com"},
            }
        ],
        "subscriptions": [
            {
                "id": "s1",
                "name": "Sold",
                "destinationId": "d1",
                "actionSlug": "trackEventV2",
                "trigger": 'type = "track"',
                "settings": {"name": {"@path": "$.event"}},
                "enabled": True,
            }
        ],
    }
}
ALONE = [{"name": "Sold", "partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": {}}]


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """Return the draft of a workspace with one instance."""
    return Draft(workspace_file(tmp_path), registry())


def test_exported_destinations_become_instances(draft: Draft) -> None:
    """They come under ids that are free, with variables in the place of secrets, and can be saved at once."""
    pasted = read_pasted(draft, json.dumps(EXPORTED))
    (_, made) = pasted.data["destinations"]
    assert made["destination"] == "actions-fullstory-cloud"
    assert [item["name"] for item in made["subscriptions"]] == ["Sold"]
    assert "very-secret" not in json.dumps(pasted.data)
    assert made["settings"]["apiKey"] == {"$env": pasted.variables[0]}
    assert pasted.added == (f"{made['id']}: 1 mapping",)
    assert pasted.data["destinations"][0] == draft.data["destinations"][0]
    asyncio.run(draft.save(pasted.data))
    again = read_pasted(draft, json.dumps(EXPORTED))
    ids = [item["id"] for item in again.data["destinations"]]
    assert len(set(ids)) == 3


def test_subscriptions_alone_need_a_destination_or_an_instance(draft: Draft) -> None:
    """What does not say where it belongs is asked for; an instance gets them beside its own."""
    owned = [{**ALONE[0], "destinationId": "d9"}]
    for given in (ALONE, owned):
        with pytest.raises(DefinitionError, match="choose it under “Destination”") as raised:
            read_pasted(draft, json.dumps(given))
        assert "--destination" not in str(raised.value)
    named = read_pasted(draft, json.dumps(ALONE), destination="actions-fullstory-cloud")
    assert len(named.data["destinations"]) == 2
    pasted = read_pasted(draft, json.dumps(ALONE), instance="fullstory")
    (instance,) = pasted.data["destinations"]
    assert [item["name"] for item in instance["subscriptions"]] == ["Track", "Identify", "Sold"]
    assert instance["settings"] == INSTANCE["settings"]
    assert pasted.added == ("fullstory: 1 mapping",)
    assert pasted.variables == ()


def test_what_cannot_be_taken_is_told(draft: Draft) -> None:
    """A destination that is not installed is left out with a note; with nothing else in it, it is refused."""
    unknown = {"slug": "actions-unknown", "name": "Unknown", "mode": "cloud", "actions": {}}
    with pytest.raises(DefinitionError, match="nothing in it") as raised:
        read_pasted(draft, json.dumps({"data": {"destinationsCatalog": [unknown]}}))
    assert "actions-unknown is not installed" in str(raised.value)
    both = {"data": {"destinationsCatalog": [unknown], **EXPORTED["data"]}}
    pasted = read_pasted(draft, json.dumps(both))
    assert len(pasted.data["destinations"]) == 2
    assert any("not installed" in note.message for note in pasted.notes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" ", "paste what"),
        ("{", "what you pasted:1:2"),
        ("{}", "contains no definition"),
        ("[]", "^there is nothing in what you pasted: .* Public API.$"),
        ('{"data": {"subscriptions": []}}', "^there is nothing in what you pasted"),
        ('{"a": 1}', "contains no definition"),
    ],
)
def test_what_is_no_export_is_refused(draft: Draft, text: str, why: str) -> None:
    """A text with nothing of an export in it says so."""
    with pytest.raises(DefinitionError, match=why):
        read_pasted(draft, text)


def test_an_instance_takes_what_is_for_its_destination_only(tmp_path: Path) -> None:
    """What is for another destination is left out, and presets are no list to add to."""
    webhook = {"id": "hook", "destination": "actions-webhook", "settings": {}, "subscriptions": []}
    presets = changed(INSTANCE, subscriptions="presets")
    draft = Draft(workspace_file(tmp_path, {"destinations": [presets, webhook]}), registry())
    with pytest.raises(DefinitionError, match="nothing in it for this instance"):
        read_pasted(draft, json.dumps(EXPORTED), instance="hook")
    with pytest.raises(DefinitionError, match="takes the presets"):
        read_pasted(draft, json.dumps([TRACK]), instance="fullstory")
