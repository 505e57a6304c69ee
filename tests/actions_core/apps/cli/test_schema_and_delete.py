"""`actions schema` and `actions delete`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from actions_core.validation.documents import SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Shell


def test_schemas_are_listed_printed_and_written(shell: Shell) -> None:
    """One goes to standard output, all of them into a folder."""
    assert [row["name"] for row in shell.run("schema", "--json").json] == list(SCHEMAS)
    assert shell.run("schema", "event").json["title"] == "Event"
    made = shell.run("schema", "--destination", "fullstory")
    assert "fields-actions-fullstory-cloud-trackEventV2" in made.json["$defs"]
    assert shell.run("schema", "--output", "out", "--destination", "fullstory").code == 0
    assert shell.run("schema", "--output", "out").code == 0
    shell.write("own.json", {"slug": "own", "name": "Own", "actions": {"act": {"title": "A", "fields": {}}}})
    (shell.folder / "own").mkdir()
    (shell.folder / "own.json").rename(shell.folder / "own/destination.json")
    assert shell.run("schema", "--destination", "./own").json["$id"].endswith("workspace.own.schema.json")
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


GOOD: dict[str, Any] = {
    "$schema": "./workspace.schema.json",
    "definitions": ["own.json"],
    "destinations": [
        {
            "destination": "fullstory",
            "settings": {"apiKey": {"$env": "FULLSTORY_API_KEY"}},
            "subscriptions": [
                {
                    "partnerAction": "trackEventV2",
                    "subscribe": 'type = "track"',
                    "mapping": {"name": {"@path": "$.event"}, "properties": {"a": {"@literal": {"b": 1}}}},
                }
            ],
        },
        {
            "destination": "own",
            "settings": {"key": "k"},
            "subscriptions": [
                {"partnerAction": "a/b ~c", "subscribe": 'type = "track"', "mapping": {"id": "x"}}
            ],
        },
    ],
}
OWN = {
    "slug": "own",
    "name": "Own",
    "authentication": {"scheme": "custom", "fields": {"key": {"type": "password", "required": True}}},
    "actions": {"a/b ~c": {"title": "A", "fields": {"id": {"type": "string", "required": True}}}},
}
BAD: list[tuple[str, Any]] = [
    ("destinations.0.settings.apikey", "k"),
    ("destinations.0.subscriptions.0.mapping.name", {"@pth": "$.event"}),
    ("destinations.0.subscriptions.0.mapping.properties", {"a": [{"b": {"@jmespaht": "x"}}]}),
    ("destinations.0.subscriptions.0.mapping.nmae", "x"),
    ("destinations.0.subscriptions.0.partnerAction", "trackEvents"),
    ("destinations.0.subscriptions.0.subscribes", "x"),
    ("destinations.1.settings", {}),
    ("destinations.1.subscriptions.0.mapping.id", {"@path": 5}),
    ("destinatoins", []),
]


def test_written_schemas_work_offline(shell: Shell) -> None:
    """Beside a workspace they need no network, let through what is good, and find misspelt words."""
    shell.write("own.json", OWN)
    shell.write("good.json", GOOD)
    written = shell.run("schema", "--write", "good.json")
    assert written.code == 0, written.out + written.err
    assert "begin it with" not in written.out
    for number, (path, value) in enumerate(BAD):
        data = json.loads(json.dumps(GOOD))
        *steps, last = path.split(".")
        holder = data
        for step in steps:
            holder = holder[int(step) if step.isdecimal() else step]
        holder[last] = value
        shell.write(f"bad-{number}.json", data)
    assert check_files(shell.folder, "workspace", "good.json") == ["good.json"]
    bad = [f"bad-{number}.json" for number in range(len(BAD))]
    assert check_files(shell.folder, "workspace", *bad) == []
    assert check_files(shell.folder, "destination", "own.json") == ["own.json"]
    assert check_files(shell.folder, "mapping", "own.json") == ["own.json"]
    assert shell.run("check", "good.json", FULLSTORY_API_KEY="k").code == 0


def check_files(folder: Path, name: str, *files: str) -> list[str]:
    """Return the files that check-jsonschema passes, one run for all, with no network to be had."""
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    run = subprocess.run(  # noqa: S603  # a tool of ours, on what we made
        [
            *(sys.executable, "-m", "check_jsonschema", "--no-cache", "-o", "json"),
            *("--schemafile", f"{name}.schema.json", *files),
        ],
        cwd=folder,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = json.loads(run.stdout)
    assert not found.get("parse_errors"), run.stdout
    faulty = {error["filename"] for error in found.get("errors", ())}
    return [file for file in files if file not in faulty]


def test_a_workspace_without_its_schema_is_told_how(shell: Shell) -> None:
    """The line to add is printed; a destination that is not there is named, the rest is written."""
    shell.write("w.json", {"destinations": [{"destination": "nowhere"}, {"destination": "fullstory"}]})
    result = shell.run("schema", "--write", "w.json")
    assert result.code == 0
    assert '"$schema": "./workspace.schema.json"' in result.out
    assert "nowhere" in result.err
