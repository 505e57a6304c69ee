"""What was not delivered: kept in a file that is ours alone, and tried again where it failed."""

from __future__ import annotations

import gzip
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.cli.run.failures import FailureFile, FailureFileError, default_path
from actions_core.apps.cli.run.selection import MOST_REFUSALS, Gate, Selection, read_moment
from actions_core.apps.events.inputs import InputEvent, read_input
from actions_core.apps.events.lines import EventLine
from actions_core.engine.results import Result, Status
from actions_core.http.errors import AuthenticationError

if TYPE_CHECKING:
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Shell

TRACK = {"type": "track", "userId": "u-1", "timestamp": "2026-01-02T00:00:00.000Z"}


def failure(path: Path) -> None:
    """Write one failure to a file."""
    with FailureFile(path) as file:
        file.write(read_input(EventLine(1, b'{"type": "track"}')), "why", ())
        assert file.count == 1


def test_the_file_is_for_its_owner_and_is_continued(tmp_path: Path) -> None:
    """Its mode is 0600, also where an earlier run left it open to others; a second run appends."""
    path = tmp_path / "f.ndjson"
    failure(path)
    path.chmod(0o644)
    failure(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [json.loads(line)["line"] for line in path.read_text().splitlines()] == [1, 1]


def test_a_line_that_was_cut_off_is_ended_first(tmp_path: Path) -> None:
    """Where an earlier run died in the middle of a line, the next failure begins a line of its own."""
    path = tmp_path / "f.ndjson"
    failure(path)
    path.write_bytes(path.read_bytes() + b'{"line": 2, "rea')
    failure(path)
    assert [line[:9] for line in path.read_text().splitlines()] == ['{"line": '] * 3


@pytest.mark.parametrize("content", ["{}", '{"type": "track"}\n', "text", '{"destinations": []}'])
def test_what_is_not_ours_is_not_touched(tmp_path: Path, content: str) -> None:
    """A file of another kind, a link, a folder and a missing folder are refused before the run."""
    path = tmp_path / "other"
    path.write_text(content)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "absent")
    for wrong, said in (
        (path, "is not overwritten"),
        (link, "symbolic link"),
        (tmp_path, "directory"),
        (tmp_path / "absent" / "f", "there is no folder"),
    ):
        with pytest.raises(FailureFileError, match=said):
            FailureFile(wrong).check()
    assert path.read_text() == content
    assert not (tmp_path / "absent").exists()


def test_a_dangling_link_is_not_a_free_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default name passes over whatever stands there, and leaves endings and patterns out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day.failures.ndjson").symlink_to("nowhere")
    assert default_path("logs/day.ndjson.gz").name == "day.failures.2.ndjson"
    assert default_path("logs/*.gz").name == "events.failures.ndjson"


def test_refused_credentials_give_an_instance_up() -> None:
    """Refusals in a row without one success halt an instance; a success, however early, keeps it."""
    refused = Result("a", "s", "x", Status.FAILED, AuthenticationError("no"), tries=1)
    sent = Result("a", "s", "x", Status.SENT, tries=1)
    for results, halted in (
        ([refused] * MOST_REFUSALS, True),
        ([refused] * (MOST_REFUSALS - 1), False),
        ([sent, *[refused] * 100], False),
        ([*[refused] * 19, sent, *[refused] * 100], False),
    ):
        gate = Gate(Selection(), lambda _: InputEvent("", 1, b"{}"))
        for result in results:
            gate.learn(result)
        assert ("a" in gate.halted) is halted


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of failures."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_failures_are_tried_again_where_they_failed(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """Only the failed deliveries are made again, with the ids and times that were made the first time."""
    good = workspace["destinations"][0]
    workspace["destinations"].append({**good, "id": "bad", "settings": {"apiKey": "na1.quite-wrong"}})
    shell.write("w.json", workspace)
    events = [{"type": "track", "event": f"E{n}", "userId": "u-1"} for n in range(3)]
    shell.write("e.json", [*events, {"type": "track", "userId": "u-1"}])
    at = [f"--set={name}.baseUrl={stand_in.url}" for name in ("fs", "bad")]
    first = shell.run("run", "w.json", "e.json", *at, "--json")
    assert (first.code, len(stand_in.events)) == (1, 3)
    kept = lines_of(shell.folder / "e.failures.ndjson")
    assert [len(entry["failures"]) for entry in sorted(kept, key=lambda entry: entry["line"])]
    assert all(entry["event"]["messageId"] and entry["event"]["timestamp"] for entry in kept)
    again = shell.run(
        "run", "w.json", "e.failures.ndjson", *at, "--set", "bad.apiKey=na1.standard", "--retryable", "--json"
    )
    assert (again.code, again.json["events"]["sent"], again.json["leftOut"]) == (0, 3, 1)
    assert len(stand_in.events) == 6
    sent = [row["sent"] for row in again.json["subscriptions"] if row["instance"] == "fs"]
    assert sum(sent) == 0
    gone = {"destinations": [good]}
    shell.write("gone.json", gone)
    lost = shell.run("run", "gone.json", "e.failures.ndjson", at[0], "--retryable", "--json")
    assert (lost.code, lost.json["events"]["not_tried"]) == (1, 3)
    assert "no enabled instance" in lines_of(shell.folder / "e.failures.2.ndjson")[0]["reason"]


def test_a_wrong_key_is_given_up(shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox) -> None:
    """After twenty refusals nothing more is tried, everything is kept, and the summary says so."""
    workspace["destinations"][0]["delivery"]["concurrency"] = 1
    shell.write("w.json", workspace)
    shell.write("e.ndjson", [{**TRACK, "event": f"E{n}", "messageId": f"m-{n}"} for n in range(200)])
    run = shell.run(
        "run",
        "w.json",
        "e.ndjson",
        f"--set=fs.baseUrl={stand_in.url}",
        "--concurrency=1",
        "--json",
        FULLSTORY_API_KEY="na1.quite-wrong",
    )
    assert (run.code, sum(run.json["events"].values())) == (3, 200)
    assert run.json["events"]["not_tried"] > 170
    assert "20 times in a row" in run.json["halted"]["fs"]
    assert len(stand_in.requests) < 30
    kept = lines_of(shell.folder / "e.failures.ndjson")
    assert {entry["event"]["messageId"] for entry in kept} == {f"m-{n}" for n in range(200)}


@pytest.mark.parametrize("batch", [(), ("--batch", "--batch-size", "3")], ids=["single", "batch"])
def test_options_choose_events(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox, batch: tuple[str, ...]
) -> None:
    """Times, a limit and an instance choose events of packed files, singly and in batches."""
    workspace["destinations"].append({**workspace["destinations"][0], "id": "other"})
    shell.write("w.json", workspace)
    days = [{**TRACK, "event": "E", "messageId": f"m-{n}", "timestamp": f"2026-01-0{n}"} for n in range(1, 8)]
    (shell.folder / "logs").mkdir()
    (shell.folder / "logs" / "a.gz").write_bytes(gzip.compress(json.dumps(days).encode()))
    shell.write("logs/b.ndjson", [{**days[0], "timestamp": "yesterday"}, {**days[3], "type": "trak"}])
    at = [f"--set={name}.baseUrl={stand_in.url}" for name in ("fs", "other")]
    chosen = ("--instance", "fs", "--since", "2026-01-03", "--until", "2026-01-06", *batch)
    run = shell.run("run", "w.json", "logs", *at, *chosen, "--json")
    assert (run.code, run.json["leftOut"]) == (1, 4)
    assert run.json["events"] == {"sent": 3, "failed": 2, "skipped": 0, "unmatched": 0, "not_tried": 0}, (
        run.json
    )
    assert {row["instance"] for row in run.json["subscriptions"]} == {"fs"}
    few = shell.run("run", "w.json", "logs/a.gz", *at, *batch, "--limit", "2", "--json")
    assert (few.code, few.json["read"], few.json["unread"]) == (0, 2, 0)
    wrong = shell.run("run", "w.json", "logs", *at, "--since", "then", "--instance", "fs")
    assert (wrong.code, "--since" in wrong.err) == (2, True)
    wrong = shell.run("run", "w.json", "logs", *at, "--since", "2026-01-06", "--until", "2026-01-06")
    assert (wrong.code, "no time lies from --since on" in wrong.err) == (2, True)
    wrong = shell.run("run", "w.json", "logs", *at, "--subscription", "absent")
    assert (wrong.code, "absent" in wrong.err) == (2, True)


def test_times_are_read_as_fields_read_them() -> None:
    """A date is its midnight in UTC."""
    assert read_moment("2026-01-02").isoformat() == "2026-01-02T00:00:00+00:00"
