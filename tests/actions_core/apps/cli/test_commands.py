"""The commands that deliver nothing: list, describe, check, auth-test, sandbox."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.cli.catalog import default_text, required_text, type_name
from actions_core.validation.fields import ConditionSet, FieldCondition, FieldSpec

if TYPE_CHECKING:
    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Shell


def test_list_shows_what_is_installed(shell: Shell) -> None:
    """Each installed destination has its slug and its aliases."""
    listed = shell.run("list").out
    assert {"actions-fullstory-cloud", "fullstory"} <= set(listed.split())
    found = {entry["slug"]: entry for entry in shell.run("list", "--json").json}
    assert found["actions-fullstory-cloud"]["aliases"] == ["fullstory"]
    assert "trackEventV2" in found["actions-fullstory-cloud"]["actions"]


@pytest.mark.parametrize(("name", "columns"), [("fullstory", "160"), ("actions-fullstory-cloud", "40")])
def test_describe_shows_everything_at_any_width(shell: Shell, name: str, columns: str) -> None:
    """A slug or an alias gives settings, presets, actions and fields; nothing is cut off."""
    run = shell.run("describe", name, COLUMNS=columns)
    assert run.code == 0
    # In a narrow terminal a word may be broken, but every character of it is there.
    text = "".join(run.out.split())
    for word in (
        "apiKey",
        "trackEventV2",
        "useRecentSession",
        "displayName",
        'type="identify"',
        "traits.email",
    ):
        assert word in text or columns != "160"
    assert max(map(len, run.out.splitlines())) <= int(columns)


def test_describe_shows_the_definition_in_a_file(shell: Shell) -> None:
    """A published definition is described by its file; a file that is none is an error with its name."""
    shell.write("slack.json", {"name": "Slack", "slug": "actions-slack", "actions": {}})
    run = shell.run("describe", "slack.json")
    assert (run.code, run.out.splitlines()[0]) == (0, "Slack  actions-slack")
    shell.write("slack.json", [])
    run = shell.run("describe", "slack.json")
    assert run.code == 2
    assert "slack.json" in run.err


def test_a_folder_stands_for_the_definition_in_it(shell: Shell) -> None:
    """`describe` and `docs` take the folder of a project; one without a definition is an error."""
    home = shell.folder / "desk" / "src" / "actions_desk"
    home.mkdir(parents=True)
    (shell.folder / "empty").mkdir()
    actions = {"act": {"title": "Act", "fields": {}}}
    shell.write(
        "desk/src/actions_desk/destination.json", {"slug": "desk", "name": "Desk", "actions": actions}
    )
    reasons = {"destination": "desk", "differences": {"act": {"url": "another address"}}}
    shell.write("desk/src/actions_desk/differences.json", reasons)
    assert "Desk" in shell.run("describe", "./desk").out
    page = shell.run("docs", "./desk").out
    assert page.startswith("# Desk")
    assert "Another address." in page
    run = shell.run("describe", "./empty")
    assert run.code == 2
    assert "there is no destination.json in it" in run.err


def test_describe_prints_the_definition_for_programs(shell: Shell) -> None:
    """As JSON, a description has Segment's spelling."""
    described = shell.run("describe", "fullstory", "--json").json
    assert described["actions"]["trackEventV2"]["fields"]["name"]["required"] is True
    assert described["presets"][0]["partnerAction"] == "trackEventV2"


def test_an_unknown_destination_is_named_with_a_suggestion(shell: Shell) -> None:
    """A misspelt name is a mistake of the user's: one sentence, exit code 2."""
    run = shell.run("describe", "actions-fulstory-cloud")
    assert run.code == 2
    assert "actions-fullstory-cloud" in run.err


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (FieldSpec("string", required=True, multiple=True), ("list of string", "yes", "")),
        (FieldSpec("string", default={"@path": "$.a"}), ("string", "", "$.a")),
        (FieldSpec("object", default={"a": {"@path": "$.a"}}), ("object", "", '{"a": {"@path": "$.a"}}')),
        (
            FieldSpec(
                "number",
                required=ConditionSet(
                    (FieldCondition("is", "kind", "x"), FieldCondition("is_not", "id")), "any"
                ),
            ),
            ("number", 'if kind is "x" or id is there', ""),
        ),
    ],
)
def test_a_field_is_told_in_words(field: FieldSpec, shown: tuple[str, str, str]) -> None:
    """Type, requiredness and default stand as people say them."""
    assert (type_name(field), required_text(field), default_text(field)) == shown


def test_check_tells_every_fault_of_every_file(shell: Shell, workspace: dict[str, Any]) -> None:
    """Workspaces, definitions and mappings are told apart; each fault has its file and path."""
    shell.write("good.json", workspace)
    shell.write(
        "mapping.json", {"a": {"@path": 1}, "b": [{"@nothing": 1}], "c": {"@case": {"operator": "x"}}}
    )
    shell.write("definition.json", {"slug": "s", "name": "S", "actions": {"a": {"fields": {}}}, "odd": 1})
    shell.write("bad.json", {"destinations": [{"id": "x", "destination": "nowhere"}, {"destination": 1}]})
    run = shell.run("check", "good.json", "mapping.json", "definition.json", "bad.json")
    assert run.code == 1
    assert "good.json: the workspace is good" in run.out
    assert "mapping.json: $.a" in run.out
    assert "definition.json: $" in run.out
    assert "bad.json: $.destinations[1].destination" in run.out
    found = shell.run("check", "mapping.json", "--json").json
    assert {(entry["file"], entry["path"]) for entry in found} >= {("mapping.json", "$.a.@path")}


def test_check_takes_an_unset_variable_for_a_warning(shell: Shell, workspace: dict[str, Any]) -> None:
    """A file is not faulty because the secrets are elsewhere; that it needs them is said."""
    shell.write("w.json", workspace)
    run = shell.run("check", "w.json", FULLSTORY_API_KEY="")
    assert run.code == 0
    assert "warning" in run.out
    assert "FULLSTORY_API_KEY" in run.out


def test_check_says_where_a_file_is_no_json(shell: Shell) -> None:
    """A file that is no JSON is wrong usage, not a faulty workspace: exit code 2."""
    texts = ["{", "[1,]", "\x00", '{"a": "\\ud8']
    names = [shell.write(f"{index}.json", text).name for index, text in enumerate(texts)]
    run = shell.run("check", *names)
    assert run.code == 2
    for name in names:
        assert f"{name}:1:" in run.err


def test_auth_test_tells_good_keys_from_bad_ones(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """0 when all are good, 1 when some are not, 3 when none is."""
    other = json.loads(json.dumps(workspace["destinations"][0])) | {"id": "other"}
    other["settings"]["apiKey"] = "na1.quite-wrong"
    shell.write("one.json", workspace)
    shell.write("two.json", {"destinations": [*workspace["destinations"], other]})
    urls = [f"--set={name}.baseUrl={stand_in.url}" for name in ("fs", "other")]
    good = shell.run("auth-test", "one.json", urls[0])
    assert (good.code, "good" in good.out) == (0, True)
    both = shell.run("auth-test", "two.json", *urls, "--json")
    assert both.code == 1
    assert [(row["instance"], row["verdict"]) for row in both.json] == [("fs", "good"), ("other", "refused")]
    assert shell.run("auth-test", "two.json", *urls, "--instance", "other").code == 3
    assert shell.run("auth-test", "two.json", *urls, "--instance", "third").code == 2


def test_the_stand_in_runs_until_it_is_stopped(shell: Shell) -> None:
    """`sandbox` says where it listens, which keys it takes and what arrives, and ends in order."""
    with shell.start("sandbox", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        request = urllib.request.Request(f"{address}/me", headers={"authorization": "Basic na1.standard"})  # noqa: S310  # our own server
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server on loopback
            assert json.load(answer)["role"] == "USER"
        assert "admin key: " in process.stdout.readline()
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError), urllib.request.urlopen(f"{address}/v2/users?a=1"):  # noqa: S310  # as above
                pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    lines = [line for line in out.splitlines() if " /" in line]
    # Each second has lines of its own.
    assert lines[0] == "GET /me  200"
    assert lines[1:] in (["GET /v2/users  401  (2 requests)"], ["GET /v2/users  401"] * 2)
    assert "1 response with 200" in err
    assert "Traceback" not in err
    assert shell.run("sandbox", "nothing").code == 2
    without = shell.run("sandbox", "webhook")
    assert (without.code, "actions-webhook brings no stand-in" in without.err) == (2, True)


def test_the_stand_in_tells_a_program_where_it_is(shell: Shell) -> None:
    """With --json, its address and keys are one line."""
    with shell.start("sandbox", "fullstory", "--port", "0", "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert (told["name"], told["api_key"]) == ("actions-fullstory-cloud", "na1.standard")
        assert told["url"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_without_the_extra_the_command_says_what_is_missing() -> None:
    """The core works without typer and rich; the command then says how to get them."""
    code = "import sys; sys.modules['typer'] = None; from actions_core.apps.cli import main; main()"
    run = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 2
    assert "actions-core[cli]" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_person_at_a_terminal_sees_progress(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """On a terminal standard error shows how far the run is; standard output holds the summary only."""
    shell.write("w.json", workspace)
    event = {"type": "track", "event": "fault:slow", "userId": "u"}
    shell.write("events.ndjson", [{**event, "event": "quick"}] * 50 + [event])
    ours, theirs = pty.openpty()
    arguments = ["run", "w.json", "events.ndjson", f"--set=fs.baseUrl={stand_in.url}"]
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "actions_core.apps.cli", *arguments],
        cwd=shell.folder,
        env={**shell.environment, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
        out = process.communicate(timeout=20)[0]
    os.close(ours)
    assert b"delivering" in seen
    assert b"events" in seen
    assert b"/s" in seen
    assert "51 events read" in out


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side has closed
        return b""
