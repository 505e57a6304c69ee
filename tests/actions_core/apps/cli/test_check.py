"""`actions check`: what is likely to be a mistake, as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Shell


def test_warnings_are_told_in_order_and_count_only_if_asked(shell: Shell, workspace: dict[str, Any]) -> None:
    """Warnings of the engine, of the environment and of likely mistakes stand together, by path."""
    instance = workspace["destinations"][0]
    instance["settings"] = {"apiKey": "na1.quite-wrong", "baseUrl": {"$env": "WHERE"}, "bseUrl": "x"}
    mapping = {"name": {"@path": "$.evnt"}, "nmae": 1}
    subscription = {"partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": mapping}
    old = {"partnerAction": "trackEvent", "subscribe": 'type = "page"', "mapping": None}
    instance["subscriptions"] = [subscription, old]
    shell.write("w.json", workspace)
    shell.write("events.ndjson", [{"type": "track", "event": "A"}, "rubbish"])
    run = shell.run("check", "w.json", "--events", "events.ndjson", "--json")
    assert run.code == 0
    assert "line 2: not JSON" in run.err
    start = "$.destinations[0]."
    assert [row["path"].removeprefix(start) for row in run.json if "properties" not in row["path"]][:6] == [
        "settings.apiKey",
        "settings.baseUrl",
        "settings.bseUrl",
        "subscriptions[0].mapping.name",
        "subscriptions[0].mapping.nmae",
        "subscriptions[1].partnerAction",
    ]
    assert {row["severity"] for row in run.json} == {"warning"}
    strict = shell.run("check", "w.json", "--strict")
    assert strict.code == 1
    assert "the workspace is good" not in strict.out
    assert "evnt" not in strict.out
    assert "no setting" not in strict.err  # told once, on standard output


def test_errors_are_found_although_the_environment_is_empty(shell: Shell, workspace: dict[str, Any]) -> None:
    """A variable that is not set is a warning, and hides no fault of the file."""
    workspace["destinations"][0]["settings"]["sendContext"] = "perhaps"
    shell.write("w.json", workspace)
    run = shell.run("check", "w.json", "--json", FULLSTORY_API_KEY="")
    assert run.code == 1
    assert [(row["path"], row["severity"]) for row in run.json] == [
        ("$.destinations[0].settings.apiKey", "warning"),
        ("$.destinations[0].settings.sendContext", "error"),
    ]


def test_texts_that_a_draft_has_marked_are_told(shell: Shell) -> None:
    """A definition with texts of its publisher is no error, but a warning that says how many and where."""
    field = {"label": "Id", "type": "string", "description": "Rewrite: Its id."}
    action = {"title": "Act", "description": "Rewrite: Acts.", "fields": {"id": field}}
    definition = {"slug": "drafted", "name": "Drafted", "description": "Ours.", "actions": {"act": action}}
    shell.write("destination.json", definition)
    run = shell.run("check", "destination.json", "--json")
    assert run.code == 0
    assert [(row["path"], row["severity"]) for row in run.json] == [("$.actions.act.description", "warning")]
    assert "2 descriptions" in run.json[0]["message"]
    action["description"], field["description"] = "Rewrite: what is marked.", "Ours too."
    shell.write("destination.json", definition)
    assert "1 description is" in shell.run("check", "destination.json", "--json").json[0]["message"]


def test_a_workspace_may_name_an_alias(shell: Shell, workspace: dict[str, Any]) -> None:
    """An alias is as good as the slug, of installed destinations and of those the workspace brings."""
    shell.write(
        "shop.json",
        {
            "slug": "acme-shop",
            "aliases": ["shop", "fullstory"],
            "name": "Shop",
            "actions": {
                "add": {
                    "title": "Add",
                    "fields": {"id": {"type": "string"}},
                    "request": {"method": "POST", "url": "https://shop.example/"},
                }
            },
        },
    )
    subscription = {"partnerAction": "add", "subscribe": 'type = "track"', "mapping": {"odd": 1}}
    workspace["definitions"] = ["shop.json"]
    workspace["destinations"] = [
        {"id": "mine", "destination": "shop", "subscriptions": [subscription]},
        {**workspace["destinations"][0], "destination": "webhook", "settings": {"odd": 1}},
    ]
    shell.write("w.json", workspace)
    run = shell.run("check", "w.json", "--json")
    assert not [row for row in run.json if "no destination is called" in row["message"]]
    assert {row["path"] for row in run.json} >= {
        "$.destinations[0].subscriptions[0].mapping.odd",
        "$.destinations[1].settings.odd",
    }
