"""`actions import`: what is written can be checked, explained and used."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions_core import Engine, Status
from actions_core.testing import make_event

if TYPE_CHECKING:
    from conftest import Shell

DEFINITION = {
    "slug": "actions-shop-cloud",
    "name": "Shop",
    "mode": "cloud",
    "authentication": {
        "scheme": "custom",
        "fields": {"apiKey": {"label": "Key", "description": "D", "type": "password", "required": True}},
    },
    "actions": {
        "buy": {
            "title": "Buy",
            "description": "D",
            "fields": {
                "name": {"label": "N", "description": "D", "type": "string", "default": {"@path": "$.event"}}
            },
        }
    },
    "presets": [{"name": "P", "type": "automatic", "partnerAction": "buy", "subscribe": 'type = "track"'}],
}


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    """A published definition of a destination that is not installed."""
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(DEFINITION))
    return path


def test_a_definition_that_is_not_installed(
    shell: Shell, definition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its copy stands beside the workspace; the workspace is good, and explains what would be sent."""
    output = tmp_path / "there" / "workspace.json"
    result = shell.run("import", definition, "-o", output)
    assert result.code == 0, result.out
    assert "SHOP_CLOUD_API_KEY" in result.out
    checked = shell.run("check", output)
    assert checked.code == 0
    assert "is a definition only" in checked.out + checked.err
    monkeypatch.setenv("SHOP_CLOUD_API_KEY", "k")

    async def scenario() -> None:
        async with Engine.from_file(output) as engine:
            (delivery,) = (await engine.explain(make_event())).deliveries
            assert delivery.payload == {"name": "Test Event"}
            (sent,) = (await engine.send(make_event())).results
            assert sent.status is Status.FAILED
            assert "no handler" in sent.reason

    asyncio.run(scenario())


def test_exported_subscriptions_take_the_place_of_the_presets(
    shell: Shell, definition: Path, tmp_path: Path
) -> None:
    """Subscriptions that were exported are used as they are, instead of the definition's presets."""
    exported = tmp_path / "subscriptions.json"
    mine = {"name": "Mine", "actionSlug": "buy", "trigger": 'type = "page"', "settings": {"name": "x"}}
    exported.write_text(json.dumps({"data": {"subscriptions": [mine]}}))
    filters = tmp_path / "filters.json"
    filters.write_text(
        json.dumps({"data": {"filters": [{"if": 'type = "page"', "actions": [{"type": "DROP"}]}]}})
    )
    output = tmp_path / "workspace.json"
    assert shell.run("import", definition, exported, filters, "-o", output).code == 0
    (instance,) = json.loads(output.read_text())["destinations"]
    assert [item["name"] for item in instance["subscriptions"]] == ["Mine"]
    assert len(instance["filters"]) == 1
    assert shell.run("check", output).code == 0


def test_subscriptions_of_an_installed_destination(shell: Shell, tmp_path: Path) -> None:
    """With --destination, exported subscriptions become a workspace of an installed destination."""
    exported = tmp_path / "subscriptions.json"
    mine = {"partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": {"name": "x"}}
    exported.write_text(json.dumps([mine]))
    output = tmp_path / "workspace.json"
    assert shell.run("import", exported, "-o", output).code != 0
    assert shell.run("import", exported, "-o", output, "-d", "actions-fullstory-cloud").code == 0
    workspace = json.loads(output.read_text())
    assert "definitions" not in workspace
    assert workspace["destinations"][0]["subscriptions"] == [mine]
    assert shell.run("import", exported, "-o", output, "-d", "fullstory", "--force").code == 0
    assert json.loads(output.read_text()) == workspace
    assert shell.run("import", exported, "-o", output, "-d", "fulstory", "--force").code == 2


def test_nothing_is_replaced_unasked(shell: Shell, definition: Path, tmp_path: Path) -> None:
    """A file that is there stays as it is, unless --force says otherwise."""
    output = tmp_path / "workspace.json"
    output.write_text("mine")
    assert shell.run("import", definition, "-o", output).code == 2
    assert output.read_text() == "mine"
    assert shell.run("import", definition, "-o", output, "--force").code == 0
