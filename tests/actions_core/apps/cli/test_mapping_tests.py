"""`actions test`, run as a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Shell

FIELDS = {"name": "event", "userId": "userId", "properties": "properties"}
EVENT = {"type": "track", "event": "Sold", "userId": "u-1", "properties": {"total": 42}}


def test_tests_are_recorded_and_pass_until_something_changes(shell: Shell, workspace: dict[str, Any]) -> None:
    """Recorded once, they hold without the environment and without the key; a change is shown as a diff."""
    instance = workspace["destinations"][0]
    instance["settings"]["baseUrl"] = {"$env": "WHERE"}
    mapping = {key: {"@path": f"$.{path}"} for key, path in FIELDS.items()}
    instance["subscriptions"] = [
        {"partnerAction": "trackEventV2", "subscribe": 'type = "track"', "mapping": mapping}
    ]
    shell.write("w.json", workspace)
    shell.write("events.ndjson", [EVENT, EVENT, "rubbish", {"type": "page", "name": "Home"}])
    recorded = shell.run("test", "w.json", "--record", "--events", "events.ndjson", "--json")
    assert [(row["test"], row["verdict"]) for row in recorded.json] == [
        ("track-sold.json", "recorded"),
        ("line 3", "failed"),
        ("page-home.json", "recorded"),
    ]
    assert recorded.code == 1
    file = shell.folder / "tests" / "track-sold.json"
    text = file.read_text(encoding="utf-8")
    assert shell.environment["FULLSTORY_API_KEY"] not in text
    written = json.loads(text)
    assert written["event"] == EVENT
    (expected,) = written["expect"]
    assert expected["payload"] == {"name": "Sold", "userId": "u-1", "properties": {"total": 42}}
    assert expected["request"]["url"] == "https://where.placeholder.example/v2/events"
    assert json.loads((file.parent / "page-home.json").read_text(encoding="utf-8"))["expect"] == []
    passed = shell.run("test", "w.json", FULLSTORY_API_KEY="", WHERE="https://elsewhere.test")
    assert (passed.code, passed.err) == (0, "2 passed\n")
    again = shell.run("test", "w.json", "--record", "--events", "events.ndjson")
    assert "2 passed" in again.err
    assert len(list(file.parent.iterdir())) == 2

    expected["payload"]["name"] = "Bought"
    file.write_text(json.dumps(written), encoding="utf-8")
    failed = shell.run("test", "w.json")
    assert failed.code == 1
    assert '-      "name": "Bought"' in failed.out
    assert '+      "name": "Sold"' in failed.out
    assert (
        shell.run("test", "w.json", "--record").code == 1
    )  # what is expected is overwritten only when asked
    assert shell.run("test", "w.json", "--record", "--overwrite").code == 0
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(text)


def test_a_test_may_begin_as_an_event_alone(shell: Shell, workspace: dict[str, Any]) -> None:
    """It fails until it is recorded; settings of its own go for it alone; a mismatch says why."""
    (shell.folder / "cases").mkdir()
    shell.write("w.json", workspace)
    shell.write(
        "cases/all.json",
        [
            {"event": EVENT, "settings": {"fs": {"integrationSource": "mine"}}},
            {"name": "no", "event": EVENT, "expect": [{"instance": "fs", "subscription": "Identify User"}]},
            {"event": {"type": "what"}, "expect": []},
            {"event": EVENT, "settings": {"nobody": {}}, "expect": []},
        ],
    )
    run = shell.run("test", "w.json", "--tests", "cases", "--json")
    assert run.code == 1
    assert [row["verdict"] for row in run.json] == ["empty", "failed", "failed", "failed"]
    assert run.json[1]["reasons"] == ['fs, Identify User: the subscription type = "identify" does not match']
    shell.run("test", "w.json", "--tests", "cases", "--record")
    first, second, *_ = json.loads((shell.folder / "cases" / "all.json").read_text(encoding="utf-8"))
    assert first["expect"][0]["request"]["headers"]["Integration-Source"] == "mine"
    assert second["expect"] == [{"instance": "fs", "subscription": "Identify User"}]


def test_wrong_usage_is_exit_code_2(shell: Shell, workspace: dict[str, Any]) -> None:
    """No tests, a file that is none, and options that go with --record only."""
    shell.write("w.json", workspace)
    assert shell.run("test", "w.json").code == 2
    assert shell.run("test", "w.json", "--overwrite").code == 2
    (shell.folder / "tests").mkdir()
    shell.write("tests/x.json", {"evnt": {}})
    run = shell.run("test", "w.json")
    assert run.code == 2
    assert "did you mean 'event'" in run.err
