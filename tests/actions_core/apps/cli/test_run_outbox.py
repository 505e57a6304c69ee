"""`actions run` through an outbox, run as a command against the stand-in."""

from __future__ import annotations

import gzip
import json
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.cli.run.positions import FileMark
from actions_core.delivery.file import FileStore
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.store import InputPosition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Run, Shell

    Command = Callable[..., Run]


def tracks(count: int, first: int = 0, **more: Any) -> list[dict[str, Any]]:
    """So many events, numbered."""
    return [
        {"type": "track", "event": f"Event {number}", "userId": "u-1", **more}
        for number in range(first, first + count)
    ]


def names(stand_in: FullStorySandbox) -> Counter[str]:
    """The names of the events that arrived."""
    return Counter(event["name"] for event in stand_in.events)


@pytest.fixture
def outbox(shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox) -> Path:
    """The path of the outbox that the workspace `w.json` names."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    workspace["destinations"][0]["delivery"] = {"retry": {"base": 0.05, "cap": 0.1}}
    shell.write("w.json", {**workspace, "outbox": "events.db"})
    return shell.folder / "events.db"


def rows(outbox: Path) -> int:
    """How many deliveries the file has, once nobody has it open."""
    store = FileStore.open(outbox, worker=False)
    try:
        return sum([each.due + each.later + each.in_hand for each in store.backlog()])
    finally:
        store.close()


def test_events_are_stored_and_delivered(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """The workspace's outbox is used, the summary says so, and nothing is left in it."""
    shell.write("events.ndjson", [*tracks(3), {"type": "page", "userId": "u-1"}])
    run = command("run", "w.json", "events.ndjson")
    assert (run.code, run.err) == (0, "")
    assert names(stand_in) == {"Event 0": 1, "Event 1": 1, "Event 2": 1}
    assert ": 3 stored, 1 matched no subscription\n3 deliveries: 3 delivered\n" in run.out
    assert rows(outbox) == 0


def test_an_outbox_may_be_named_where_the_workspace_has_none(
    shell: Shell,
    workspace: dict[str, Any],
    stand_in: FullStorySandbox,
    command: Command,
) -> None:
    """`--outbox` names the file, `--no-outbox` delivers from memory although the workspace has one."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    shell.write("w.json", workspace)
    shell.write("events.ndjson", tracks(2))
    run = command("run", "w.json", "events.ndjson", "--outbox", "own.db", "--json")
    assert (run.code, run.json["stored"], run.json["deliveries"]["delivered"]) == (0, 2, 2)
    assert (shell.folder / "own.db").exists()
    shell.write("v.json", {**workspace, "outbox": "other.db"})
    run = command("run", "v.json", "events.ndjson", "--no-outbox", "--json")
    assert (run.code, run.json["events"]["sent"]) == (0, 2)
    assert not (shell.folder / "other.db").exists()


def test_a_file_is_read_once(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """A second run goes on where the first one ended, also when the file has grown; `--again` reads all."""
    del outbox
    file = shell.write("events.ndjson", tracks(3))
    assert command("run", "w.json", "events.ndjson").code == 0
    run = command("run", "w.json", "events.ndjson", "--json")
    assert (run.code, run.json["read"]) == (0, 0)
    assert run.err == "events.ndjson: goes on after the 3 events that are stored already\n"
    with file.open("a", encoding="utf-8") as more:
        more.write(json.dumps(tracks(1, 3)[0]) + "\n")
    assert command("run", "w.json", "events.ndjson", "--json").json["read"] == 1
    assert names(stand_in) == {f"Event {number}": 1 for number in range(4)}
    assert command("run", "w.json", "events.ndjson", "--json", "--again").json["read"] == 4
    assert names(stand_in)["Event 0"] == 2


def test_another_file_of_the_same_name_is_read_from_its_start(
    shell: Shell,
    outbox: Path,
    stand_in: FullStorySandbox,
    command: Command,
) -> None:
    """A file that begins in another way is another file; one that lost its end is refused with what to do."""
    del outbox
    shell.write("events.ndjson", tracks(3))
    assert command("run", "w.json", "events.ndjson").code == 0
    shell.write("events.ndjson", tracks(2, 7))
    run = command("run", "w.json", "events.ndjson")
    assert run.code == 0
    assert (
        "events.ndjson is not the file that was read before under this name: read from its start" in run.err
    )
    assert names(stand_in) == {f"Event {number}": 1 for number in (0, 1, 2, 7, 8)}
    big = tracks(40, properties={"text": "x" * 200})
    shell.write("events.ndjson", big)
    assert command("run", "w.json", "events.ndjson").code == 0
    shell.write("events.ndjson", big[:30])
    run = command("run", "w.json", "events.ndjson")
    assert run.code == 2
    assert "it is shorter than it was when its first 40 events were stored" in run.err


def test_folders_and_packed_files_go_on_too(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Each file of a folder has its own place, also where it is packed."""
    del outbox
    folder = shell.folder / "logs"
    folder.mkdir()
    for day in range(3):
        text = "".join(json.dumps(event) + "\n" for event in tracks(10, 10 * day))
        (folder / f"{day}.ndjson.gz").write_bytes(gzip.compress(text.encode()))
    run = command("run", "w.json", "logs", "--limit", "15", "--json")
    assert (run.code, run.json["stored"]) == (0, 15)
    run = command("run", "w.json", "logs", "--json")
    assert (run.code, run.json["stored"]) == (0, 15)
    assert names(stand_in) == {f"Event {number}": 1 for number in range(30)}


def test_standard_input_is_stored_as_it_comes(shell: Shell, outbox: Path, stand_in: FullStorySandbox) -> None:
    """An event of a pipe is delivered before the pipe ends, and a signal keeps what was read of it."""
    with shell.start("run", "w.json", "-", "--json") as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(tracks(1)[0]) + "\n")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while not stand_in.events and time.monotonic() < deadline:
            time.sleep(0.02)
        assert names(stand_in) == {"Event 0": 1}
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["deliveries"]["delivered"] == 1
    assert rows(outbox) == 0


def test_what_is_no_event_is_kept_apart(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Lines that are not events go to the file of failures; all others are delivered."""
    del outbox
    shell.write("events.ndjson", ["{", *tracks(2), {"type": "trick"}])
    run = command("run", "w.json", "events.ndjson", "--json")
    assert (run.code, run.json["rejected"], run.json["stored"]) == (1, 2, 2)
    kept = [json.loads(line) for line in (shell.folder / "events.failures.ndjson").read_text().splitlines()]
    assert [entry["line"] for entry in kept] == [1, 4]
    assert len(stand_in.events) == 2


def test_what_is_refused_for_good_is_a_dead_letter(
    shell: Shell,
    outbox: Path,
    stand_in: FullStorySandbox,
    command: Command,
) -> None:
    """A final refusal is counted as dead, with its reason, and kept in the outbox."""
    shell.write("events.ndjson", [*tracks(1), {"type": "track", "event": "fault:400", "userId": "u"}])
    run = command("run", "w.json", "events.ndjson")
    assert run.code == 1
    assert "2 deliveries: 1 delivered, 1 dead" in run.out
    assert "answered 400" in run.out
    assert "actions dlq list --outbox" in run.out
    store = FileStore.open(outbox, worker=False)
    assert store.letters.count(LetterFilter()) == 1
    store.close()
    assert len(stand_in.events) == 1


def test_a_key_that_is_refused_leaves_everything_in_the_outbox(
    shell: Shell, workspace: dict[str, Any], outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """After 20 refusals the run ends with code 3 and says why; with a good key, the next one delivers all."""
    settings = workspace["destinations"][0]["settings"]
    good, settings["apiKey"] = settings["apiKey"], "na1.expired"
    shell.write("w.json", {**workspace, "outbox": "events.db"})
    shell.write("events.ndjson", tracks(25))
    run = command("run", "w.json", "events.ndjson")
    assert run.code == 3
    text = " ".join(run.out.split())
    assert "25 deliveries: 25 waiting" in text
    assert "fs: 25 deliveries waiting: its credentials were refused 20 times in a row, last with: " in text
    assert "actions outbox resume fs has it tried again" in text
    assert rows(outbox) == 25
    settings["apiKey"] = good
    shell.write("w.json", {**workspace, "outbox": "events.db"})
    assert command("run", "w.json", "events.ndjson").code == 0
    assert sum(names(stand_in).values()) == 25
    assert rows(outbox) == 0


def test_what_fails_is_tried_again_within_the_run(
    shell: Shell,
    outbox: Path,
    stand_in: FullStorySandbox,
    command: Command,
) -> None:
    """A run waits for later tries, and what they come to counts."""
    stand_in.fail(503, times=3)
    shell.write("events.ndjson", tracks(3))
    run = command("run", "w.json", "events.ndjson", "--json")
    assert (run.code, run.json["deliveries"]["delivered"], run.json["deliveries"]["retries"]) == (0, 3, 3)
    assert rows(outbox) == 0


def test_a_run_does_not_wait_for_ever(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Where nothing gets through, a run ends after `--wait`; the next one delivers what waits."""
    shell.write("events.ndjson", tracks(4))
    stand_in.fail(503, times=10_000)
    run = command("run", "w.json", "events.ndjson", "--wait", "0.5")
    assert run.code == 1
    assert "4 deliveries: 4 waiting" in run.out
    assert "fs: 4 deliveries waiting" in run.out
    assert f"actions worker w.json --outbox {outbox.name}" in run.out
    stand_in.heal()
    run = command("run", "w.json", "events.ndjson", "--json")
    assert (run.code, run.json["stored"], run.json["deliveries"]["delivered"]) == (0, 0, 4)


def test_nothing_can_be_delivered(shell: Shell, workspace: dict[str, Any], command: Command) -> None:
    """Where no connection is made at all, the exit code is 3, and everything waits."""
    workspace["destinations"][0]["settings"]["baseUrl"] = "http://127.0.0.1:9"
    workspace["destinations"][0]["delivery"] = {"retry": {"base": 0.05, "cap": 0.1}}
    shell.write("w.json", {**workspace, "outbox": "events.db"})
    shell.write("events.ndjson", tracks(2))
    run = command("run", "w.json", "events.ndjson", "--wait", "0.3", "--json")
    assert (run.code, run.json["deliveries"]["waiting"]) == (3, 2)


def test_a_run_may_only_store(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """With `--store-only` nothing is delivered, and the next run delivers it."""
    shell.write("events.ndjson", tracks(5))
    run = command("run", "w.json", "events.ndjson", "--store-only", "--json")
    assert (run.code, run.json["stored"], run.json["deliveries"]["waiting"]) == (0, 5, 5)
    assert len(stand_in.requests) == 0
    assert rows(outbox) == 5
    assert command("run", "w.json", "events.ndjson").code == 0
    assert len(stand_in.events) == 5


def test_chosen_subscriptions_only(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """`--subscription` and a file of failures narrow what is stored, not only what is sent."""
    shell.write("events.ndjson", [*tracks(1), {"type": "identify", "userId": "u", "traits": {"a": 1}}])
    run = command("run", "w.json", "events.ndjson", "--subscription", "Identify User", "--json")
    assert run.code == 0, run.err
    assert (run.json["stored"], run.json["unmatched"]) == (1, 1)
    assert rows(outbox) == 0
    assert len(stand_in.events) == 0
    failure = {
        "line": 1,
        "reason": "x",
        "failures": [{"instance": "fs", "subscription": "Gone", "retryable": True}],
        "event": tracks(1)[0],
    }
    shell.write("old.failures.ndjson", json.dumps(failure) + "\n")
    run = command("run", "w.json", "old.failures.ndjson", "--failures", "new.ndjson", "--json")
    assert (run.code, run.json["rejected"], run.json["unmatched"]) == (1, 1, 1)
    assert "no enabled instance and subscription" in (shell.folder / "new.ndjson").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--batch",), "for deliveries from memory (--no-outbox)"),
        (("--concurrency", "3"), "for deliveries from memory (--no-outbox)"),
        (("--no-outbox", "--store-only"), "it needs an outbox"),
        (("--no-outbox", "--again"), "it needs an outbox"),
        (("--no-outbox", "--outbox", "x.db"), "it contradicts --outbox"),
        (("--rate", "0"), "a number above 0"),
        (("--rate", "nan"), "a number above 0"),
    ],
)
def test_options_that_do_not_go_together(
    shell: Shell,
    outbox: Path,
    options: tuple[str, ...],
    words: str,
    command: Command,
) -> None:
    """What means nothing here is refused with a sentence, before anything is stored."""
    shell.write("events.ndjson", tracks(1))
    run = command("run", "w.json", "events.ndjson", *options)
    assert run.code == 2
    assert words in " ".join(run.err.replace("│", " ").split())
    assert not outbox.exists()


def test_an_outbox_that_cannot_be_used(shell: Shell, outbox: Path, command: Command) -> None:
    """A file that is not an outbox is refused with a sentence, and left as it is."""
    outbox.write_text("my diary\n" * 100)
    shell.write("events.ndjson", tracks(1))
    run = command("run", "w.json", "events.ndjson")
    assert run.code == 2
    assert "is not a database; name another file for the outbox" in run.err
    assert outbox.read_text() == "my diary\n" * 100


def test_a_full_outbox_makes_room_by_delivering(
    shell: Shell,
    workspace: dict[str, Any],
    stand_in: FullStorySandbox,
    command: Command,
) -> None:
    """More events than fit at once are all stored and delivered, while deliveries make space."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    workspace["destinations"][0]["delivery"] = {"retry": {"base": 0.05, "cap": 0.1}}
    options = {"path": "events.db", "mostBytes": 1_100_000, "recent": 0}
    shell.write("w.json", {**workspace, "outbox": options})
    shell.write("events.ndjson", tracks(200, context={"extra": "x" * 20_000}))
    run = command("run", "w.json", "events.ndjson", "--json")
    assert (run.code, run.json["stored"], run.json["deliveries"]["delivered"]) == (0, 200, 200)


def test_a_full_outbox_and_a_dead_destination(
    shell: Shell,
    workspace: dict[str, Any],
    stand_in: FullStorySandbox,
    command: Command,
) -> None:
    """Where no space comes, the run stops and says so; the next one goes on after what was stored."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    workspace["destinations"][0]["delivery"] = {"retry": {"base": 0.05, "cap": 0.1}}
    options = {"path": "events.db", "mostBytes": 1_100_000, "recent": 0}
    shell.write("w.json", {**workspace, "outbox": options})
    shell.write("events.ndjson", tracks(200, context={"extra": "x" * 20_000}))
    stand_in.fail(503, times=100_000)
    run = command("run", "w.json", "events.ndjson", "--wait", "0.5", "--json")
    stored = run.json["stored"]
    assert run.code == 1
    assert "the disk is full, or `mostBytes` is reached" in run.json["stopped"]
    assert 0 < stored < 200
    stand_in.heal()
    run = command("run", "w.json", "events.ndjson", "--json")
    assert (run.code, run.json["stored"]) == (0, 200 - stored)
    assert names(stand_in) == {f"Event {number}": 1 for number in range(200)}


@pytest.mark.parametrize("options", [(), ("--no-outbox",)], ids=["outbox", "memory"])
def test_a_rate_paces_requests(
    shell: Shell,
    outbox: Path,
    stand_in: FullStorySandbox,
    options: tuple[str, ...],
    command: Command,
) -> None:
    """With `--rate`, no more requests are made than it allows, with and without an outbox."""
    del outbox
    shell.write("events.ndjson", tracks(30))
    started = time.monotonic()
    run = command("run", "w.json", "events.ndjson", "--rate", "20", *options)
    assert run.code == 0
    # 20 at once, the others one by one: half a second at the least, however quick the machine is.
    assert time.monotonic() - started > 0.5
    assert len(stand_in.events) == 30


def signalled(
    shell: Shell, stand_in: FullStorySandbox, signals: int, *arguments: str
) -> tuple[int, Any, float]:
    """Run until some requests were made, send so many signals; return code, summary, and seconds since."""
    with shell.start("run", "w.json", "events.ndjson", "--json", *arguments) as process:
        deadline = time.monotonic() + 60
        while len(stand_in.requests) < 20 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        started = time.monotonic()
        for number in range(signals):
            process.send_signal(signal.SIGINT if number % 2 else signal.SIGTERM)
            time.sleep(0.3)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, json.loads(out), time.monotonic() - started


def test_sigterm_drains(shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command) -> None:
    """A signal in the middle ends the run with 130; the next one delivers the rest, and nothing twice."""
    shell.write("events.ndjson", tracks(1000, messageId=None))
    code, summary, _ = signalled(shell, stand_in, 1, "--rate", "200")
    assert (code, summary["interrupted"]) == (130, True)
    assert summary["deliveries"]["delivered"] == len(stand_in.events) < 1000
    assert rows(outbox) == summary["deliveries"]["waiting"]
    run = command("run", "w.json", "events.ndjson", "--json")
    assert run.code == 0
    assert names(stand_in) == {f"Event {number}": 1 for number in range(1000)}


def test_a_second_signal_stops_at_once(shell: Shell, outbox: Path, stand_in: FullStorySandbox) -> None:
    """Requests that hang have their grace after the first signal, and none after the second."""
    stand_in.fail(delay=30, times=10_000)
    shell.write("events.ndjson", tracks(200))
    code, _, seconds = signalled(shell, stand_in, 2, "--grace", "25")
    assert code == 130
    assert seconds < 20
    assert rows(outbox) == 200


def test_two_runs_do_not_read_one_file(
    shell: Shell, outbox: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another run has stored events of a file meanwhile, the run stops before it repeats them."""
    shell.write("events.ndjson", tracks(3))
    read = Outbox.read_position

    async def late(self: Outbox, path: str) -> InputPosition | None:
        known = await read(self, path)
        mark = FileMark.of(shell.folder / "events.ndjson")
        await self.enqueue_group(tracks(3), InputPosition(mark.path, mark.size, mark.mtime, mark.head, 3))
        return known

    monkeypatch.setattr(Outbox, "read_position", late)
    run = command("run", "w.json", "events.ndjson", "--store-only", "--json")
    assert (run.code, run.json["stored"]) == (1, 0)
    assert "another run has stored events of" in run.json["stopped"]
    assert rows(outbox) == 3
