"""`actions run`, run as a command against the stand-in."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Shell

TRACKS = [
    {"type": "track", "event": f"Event {number}", "userId": "u-1", "messageId": f"m-{number}"}
    for number in range(3)
]


def base_url(stand_in: FullStorySandbox) -> str:
    """The option that sends a workspace's events to the stand-in."""
    return f"--set=fs.baseUrl={stand_in.url}"


def wait_for_requests(stand_in: FullStorySandbox, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until the command has made so many requests; it fails when the command ends before."""
    deadline = time.monotonic() + 60
    while len(stand_in.requests) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_good_events_arrive(shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox) -> None:
    """All well: exit code 0, a count for each subscription, and no file of failures."""
    shell.write("w.json", workspace)
    shell.write("events.ndjson", [*TRACKS, {"type": "page", "userId": "u-1"}])
    run = shell.run("run", "w.json", "events.ndjson", base_url(stand_in))
    assert (run.code, run.err) == (0, "")
    assert sorted(event["name"] for event in stand_in.events) == ["Event 0", "Event 1", "Event 2"]
    assert "4 events read in" in run.out
    assert "3 sent, 1 matched no subscription" in run.out
    assert sorted(path.name for path in shell.folder.iterdir()) == ["events.ndjson", "w.json"]


def test_a_bad_line_is_one_failure(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """What is no JSON, no event or no payload fails alone, and is kept with its line and its reason."""
    shell.write("w.json", workspace)
    nameless = {"type": "track", "userId": "u-1", "messageId": "m-9"}
    shell.write("day.ndjson", ["{", TRACKS[0], "[1]", "", nameless, {"type": "trak"}, TRACKS[1]])
    run = shell.run("run", "w.json", "day.ndjson", base_url(stand_in), "--json")
    assert run.code == 1
    expected = {"sent": 2, "failed": 4, "skipped": 0, "unmatched": 0, "not_tried": 0}
    assert run.json["events"] == expected
    assert run.json["failures"] == "day.failures.ndjson"
    kept = [json.loads(text) for text in (shell.folder / "day.failures.ndjson").read_text().splitlines()]
    kept_times = next(entry["event"] for entry in kept if entry["line"] == 5)
    assert [
        (entry["line"], entry.get("event"), entry.get("text"))
        for entry in sorted(kept, key=lambda e: e["line"])
    ] == [
        (1, None, "{"),
        (3, [1], None),
        (5, nameless | {key: kept_times[key] for key in ("timestamp", "receivedAt")}, None),
        (6, {"type": "trak"}, None),
    ]
    assert all(entry["reason"] for entry in kept)
    assert len(stand_in.events) == 2


def test_a_refusal_is_a_failure_with_its_reason(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """What the destination answers is the reason, in the summary and in the file."""
    shell.write("w.json", workspace)
    shell.write("events.ndjson", [{**TRACKS[0], "event": "fault:500"}, TRACKS[1]])
    run = shell.run("run", "w.json", "events.ndjson", base_url(stand_in), "--failures", "kept.ndjson")
    assert run.code == 1
    assert "answered 500" in run.out
    entry = json.loads((shell.folder / "kept.ndjson").read_text())
    assert entry["failures"][0]["answer"] == 500
    assert entry["failures"][0]["tries"] == 1
    assert entry["event"]["event"] == "fault:500"


def test_events_come_from_standard_input_as_well(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """`-` reads a pipe to its end."""
    shell.write("w.json", workspace)
    given = "\n".join(map(json.dumps, TRACKS))
    run = shell.run("run", "w.json", "-", base_url(stand_in), "--json", given=given)
    assert (run.code, run.json["events"]["sent"]) == (0, 3)
    assert len(stand_in.events) == 3


def test_a_dry_run_shows_requests_and_sends_nothing(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """The requests are those that would be sent, without the key; what would fail says why."""
    shell.write("w.json", workspace)
    shell.write("events.ndjson", [TRACKS[0], "{", {"type": "track", "userId": "u-1"}])
    arguments = ("run", "--dry-run", "w.json", "events.ndjson", base_url(stand_in))
    people, program = shell.run(*arguments), shell.run(*arguments, "--json")
    assert people.code == program.code == 1
    assert "authorization: basic ***" in people.out.lower()
    assert f"POST {stand_in.url}/v2/events" in people.out
    assert "na1.standard" not in people.out + people.err + program.out + program.err
    assert "3 events read, 1 request, 2 failures; nothing was sent" in people.err
    assert "line 2: not JSON" in people.err
    assert program.json["request"]["json"]["name"] == "Event 0"
    assert len(stand_in.requests) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_accounts_for_every_event(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox, number: signal.Signals
) -> None:
    """In the middle of a run a signal ends it with 130, after a summary in which each event has its place."""
    workspace["destinations"][0]["delivery"]["concurrency"] = 2
    shell.write("w.json", workspace)
    slow = {**TRACKS[0], "event": "fault:slow"}
    shell.write("events.ndjson", [*TRACKS, *[slow] * 200])
    arguments = (
        "run",
        "w.json",
        "events.ndjson",
        base_url(stand_in),
        "--json",
        "--grace",
        "0.2",
        "--concurrency",
        "9",
    )
    with shell.start(*arguments) as process:
        wait_for_requests(stand_in, 5, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    summary = json.loads(out)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    events = summary["events"]
    assert events["sent"] == 3
    assert events["failed"] == 2
    assert sum(events.values()) == summary["read"]
    assert summary["read"] + summary["unread"] == 203
    kept = (shell.folder / "events.failures.ndjson").read_text().splitlines()
    *failed, rest = map(json.loads, kept)
    assert len(failed) == events["failed"] + events["not_tried"]
    assert (rest["rest"], rest["taken"]) == (str(shell.folder / "events.ndjson"), summary["read"])


def test_a_second_signal_ends_at_once(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """Who does not want to wait for the grace interrupts again; the summary still accounts for everything."""
    shell.write("w.json", workspace)
    shell.write("events.ndjson", TRACKS[:1] * 20)
    stand_in.fail(delay=40, times=20)
    with shell.start(
        "run", "w.json", "events.ndjson", base_url(stand_in), "--grace", "60", "--json"
    ) as process:
        wait_for_requests(stand_in, 20, process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)  # sooner than any response, and than the grace
    assert (process.returncode, "Traceback" in err) == (130, False)
    summary = json.loads(out)
    assert sum(summary["events"].values()) == summary["read"] == 20


def test_credentials_that_are_refused_exit_with_3(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox
) -> None:
    """Nothing could be delivered: that is another exit code than some events that failed."""
    shell.write("w.json", workspace)
    shell.write("events.ndjson", TRACKS)
    wrong = shell.run(
        "run", "w.json", "events.ndjson", base_url(stand_in), FULLSTORY_API_KEY="na1.quite-wrong"
    )
    assert (wrong.code, len(stand_in.events)) == (3, 0)
    assert "na1.quite-wrong" not in (shell.folder / "events.failures.ndjson").read_text()
    nobody = shell.run("run", "w.json", "events.ndjson", "--set", "fs.baseUrl=http://127.0.0.1:9")
    assert nobody.code == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "w.json", "absent.ndjson"), "absent.ndjson"),
        (("run", "absent.json", "events.ndjson"), "absent.json"),
        (("run", "broken.json", "events.ndjson"), "broken.json"),
        (("run", "w.json", "events.ndjson", "--set", "fs"), "INSTANCE.SETTING=VALUE"),
        (("run", "w.json", "events.ndjson", "--set", "other.baseUrl=x"), "'other'"),
        (("run", "w.json", "events.ndjson", "--failures", "events.ndjson"), "cannot be both"),
        (("run", "w.json", "events.ndjson", "--failures", "absent/kept.ndjson"), "there is no folder absent"),
        (("run", "w.json"), "EVENTS"),
        (("rum",), "rum"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exits_with_2(
    shell: Shell, workspace: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    """A mistake of the user's is told in words, and nothing is sent."""
    shell.write("w.json", workspace)
    shell.write("broken.json", "{")
    shell.write("events.ndjson", TRACKS)
    run = shell.run(*arguments)
    assert run.code == 2
    assert said in run.err


def test_a_faulty_workspace_is_refused_with_every_fault(shell: Shell, workspace: dict[str, Any]) -> None:
    """The start is refused, and each fault is told with its path."""
    workspace["destinations"][0]["subscriptions"] = [
        {"partnerAction": "nothing", "subscribe": 'type = "track"', "mapping": {}},
        {
            "partnerAction": "trackEventV2",
            "subscribe": "type = ",
            "mapping": {"name": {"@if": {"then": 1}, "@x": 2}},
        },
    ]
    shell.write("w.json", workspace)
    shell.write("events.ndjson", TRACKS)
    run = shell.run("run", "w.json", "events.ndjson")
    assert run.code == 2
    for path in (
        "subscriptions[0].partnerAction",
        "subscriptions[1].subscribe",
        "subscriptions[1].mapping.name",
    ):
        assert f"$.destinations[0].{path}" in run.err
