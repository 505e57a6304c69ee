"""`actions schema` and `actions delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.validation.documents import SCHEMAS

if TYPE_CHECKING:
    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Shell


def test_schemas_are_listed_printed_and_written(shell: Shell) -> None:
    """One goes to standard output, all of them into a folder."""
    assert [row["name"] for row in shell.run("schema", "--json").json] == list(SCHEMAS)
    assert shell.run("schema", "event").json["title"] == "Event"
    made = shell.run("schema", "--destination", "fullstory")
    assert "fields-trackEventV2" in made.json["$defs"]
    assert shell.run("schema", "--output", "out", "--destination", "fullstory").code == 0
    assert shell.run("schema", "--output", "out").code == 0
    names = {"workspace.actions-fullstory-cloud", *SCHEMAS}
    assert {path.name for path in (shell.folder / "out").iterdir()} == {
        f"{name}.schema.json" for name in names
    }


def test_a_schema_that_is_not_there_is_wrong_usage(shell: Shell) -> None:
    """Another name, another destination, or several at once without a folder."""
    assert shell.run("schema", "nothing").code == 2
    assert shell.run("schema", "--destination", "nothing").code == 2
    assert shell.run("schema", "event", "test").code == 2


def test_a_user_is_deleted_after_a_yes(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """A No and a dry run delete nothing; the verdict of each destination is told."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    shell.write("w.json", workspace)
    key = {"FULLSTORY_API_KEY": stand_in.admin_key}
    refused = shell.run("delete", "w.json", "--user-id", "u/1", given="n\n", **key)
    assert (refused.code, refused.out) == (1, "")
    assert "cannot be undone" in refused.err
    dry = shell.run("delete", "w.json", "--user-id", "u/1", "--dry-run", "--json", **key)
    assert [row["request"]["method"] for row in dry.json] == ["DELETE"]
    assert stand_in.admin_key not in dry.out
    assert stand_in.statuses == {}
    shell.write("events.ndjson", [{"type": "identify", "userId": "u/1"}])
    assert shell.run("run", "w.json", "events.ndjson", **key).code == 0
    done = shell.run("delete", "w.json", "--user-id", "u/1", given="y\n", **key)
    assert (done.code, "accepted" in done.out) == (0, True)
    assert sum(stand_in.statuses.values()) == 2


def test_a_deletion_that_fails_says_so(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """A key without the role, an id of no use, a filter; whom nobody can delete is wrong usage."""
    instance = workspace["destinations"][0]
    instance["settings"]["baseUrl"] = stand_in.url
    shell.write("w.json", workspace)
    failed = shell.run("delete", "w.json", "--user-id", "u1", "--yes", "--json")
    assert failed.code == 3
    assert (failed.json[0]["verdict"], failed.json[0]["status"]) == ("failed", 403)
    assert shell.run("delete", "w.json", "--anonymous-id", "a", "--dry-run").code == 1
    instance["filters"] = [{"if": 'type = "delete"', "actions": [{"type": "DROP"}]}]
    shell.write("dropped.json", workspace)
    dropped = shell.run("delete", "dropped.json", "--user-id", "u1", "--yes", "--json")
    assert (dropped.code, dropped.json[0]["verdict"]) == (3, "skipped")
    assert shell.run("delete", "w.json", "--yes").code == 2
    instance["enabled"] = False
    shell.write("off.json", workspace)
    assert shell.run("delete", "off.json", "--user-id", "u1", "--yes").code == 2
