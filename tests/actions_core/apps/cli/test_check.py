"""`actions check`: what is likely to be a mistake, as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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


_FUNCTION = """
from actions_core import Destination, Request

destination = Destination.from_package(__package__)


@destination.action("act")
def act({parameter}: str | None = None) -> Request:
    return Request("POST", "https://desk.example/")
"""


def write_package(shell: Shell, name: str, source: str) -> str:
    """Write a package with one action, and return the path of its definition."""
    field = {"label": "Id", "type": "string"}
    actions = {"act": {"title": "Act", "fields": {"deskId": field}}}
    (shell.folder / name).mkdir()
    file = f"{name}/destination.json"
    shell.write(file, {"slug": name, "name": name, "actions": actions})
    (shell.folder / name / "__init__.py").write_text(source, encoding="utf-8")
    return file


def test_functions_of_a_package_are_checked_with_its_definition(shell: Shell) -> None:
    """Functions that do not fit their definition are errors, as is a package that cannot be imported."""
    good = write_package(shell, "desk_good", _FUNCTION.format(parameter="desk_id"))
    run = shell.run("check", good)
    assert (run.code, run.out) == (0, f"{good}: the definition is good\n")
    wrong = write_package(shell, "desk_wrong", _FUNCTION.format(parameter="desk_number"))
    run = shell.run("check", wrong, "--json")
    assert run.code == 1
    assert "desk_number" in "".join(row["message"] for row in run.json)
    broken = write_package(shell, "desk_broken", "import there_is_no_such_module\n")
    run = shell.run("check", broken)
    assert run.code == 1
    assert "the package 'desk_broken' cannot be imported: ModuleNotFoundError" in run.out + run.err


def test_a_folder_or_a_name_stands_for_a_definition(shell: Shell) -> None:
    """The definition in a folder, and that of an installed destination, need not be named by its file."""
    write_package(shell, "desk_folder", _FUNCTION.format(parameter="desk_id"))
    assert shell.run("check", "./desk_folder").out.endswith("destination.json: the definition is good\n")
    run = shell.run("check", "fullstory")
    assert run.code == 0
    assert "the definition is good" in run.out


@pytest.mark.parametrize("name", ["nothing.json", "./nowhere", "ful_story"])
def test_what_is_no_file_and_no_destination_is_said(shell: Shell, name: str) -> None:
    """A name that leads nowhere is a wrong usage, and the error repeats it."""
    run = shell.run("check", name)
    assert run.code == 2
    assert name.removeprefix("./") in run.err


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
