"""`actions worker`, run as a command against the stand-in, with other commands beside it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from actions_core.apps.cli.worker.counts import Counts, LiveLine
from actions_core.apps.cli.worker.logs import Formatter
from actions_core.apps.cli.worker.watching import WorkspaceWatch
from actions_core.delivery.file import FileStore
from actions_core.engine.workspace import Workspace
from actions_core.errors import WorkspaceError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Run, Shell

    from tests.forks import Fork

    Command = Callable[..., Run]

SECRET = "a payload that no log shows"


def tracks(count: int, first: int = 0, **more: Any) -> list[dict[str, Any]]:
    """So many events, numbered."""
    return [
        {"type": "track", "event": f"Event {number}", "userId": "u-1", "messageId": f"m-{number}", **more}
        for number in range(first, first + count)
    ]


@pytest.fixture
def outbox(shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox) -> Path:
    """The path of the outbox of the workspace `w.json`."""
    workspace["destinations"][0]["settings"]["baseUrl"] = stand_in.url
    workspace["destinations"][0]["delivery"] = {"retry": {"base": 0.05, "cap": 0.1}}
    workspace["outbox"] = "events.db"
    shell.write("w.json", workspace)
    return shell.folder / "events.db"


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count_workers(command: Command) -> int:
    """How many workers the outbox has, none where it is not there yet."""
    run = command("outbox", "status", "w.json", "--json")
    return 0 if run.code else len(run.json["workers"])


@attrs.define
class Worker:
    """A worker that runs, and what it said once it has ended."""

    process: Fork | subprocess.Popen[str]
    err: str = ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.process.send_signal(number)
        _, self.err = self.process.communicate(timeout=60)
        assert "Traceback" not in self.err
        return self.process.returncode

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]


@contextmanager
def working(shell: Shell, *arguments: str, anew: bool = False) -> Iterator[Worker]:
    """Run a worker, in a Python of its own if so asked, and kill it if it is still there in the end."""
    process = (shell.start_anew if anew else shell.start)("worker", "w.json", *arguments)
    try:
        yield Worker(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_worker_delivers_what_others_store(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Stored before and meanwhile, events are delivered; each try is a line of the log, without a payload."""
    shell.write("events.ndjson", tracks(2, properties={"note": SECRET}))
    assert command("run", "w.json", "events.ndjson", "--store-only").code == 0
    with working(shell, anew=True) as worker:
        until(lambda: len(stand_in.events) == 2)
        stand_in.fail(503)
        more = [*tracks(1, 2), {"type": "track", "event": "fault:400", "userId": "u", "messageId": "bad"}]
        shell.write("more.ndjson", more)
        assert command("run", "w.json", "more.ndjson", "--store-only").code == 0
        until(lambda: command("outbox", "status", "w.json", "--json").json["deadLetters"] == 1)
        until(lambda: len(stand_in.events) == 3)
        status = command("outbox", "status", "w.json", "--json").json
        assert [each["pid"] for each in status["workers"]] == [worker.process.pid]
        assert command("dlq", "list", "w.json", "--json").json["deadLetters"][0]["messageId"] == "bad"
        assert worker.stop() == 0
    assert SECRET not in worker.err
    tries = {(line["messageId"], line["message"]): line for line in worker.lines if "messageId" in line}
    assert tries["m-0", "delivered"]["try"] == 1
    assert {"instance", "subscription", "status", "duration", "time", "level"} <= tries[
        "m-0", "delivered"
    ].keys()
    (again,) = [line for line in worker.lines if line["message"] == "to be tried again"]
    assert (again["response"], again["level"], again["try"]) == (503, "warning", 1)
    assert tries[again["messageId"], "delivered" if again["messageId"] != "bad" else "dead"]["try"] == 2
    assert (tries["bad", "dead"]["level"], tries["bad", "dead"]["response"]) == ("error", 400)
    assert worker.lines[0]["pid"] == worker.process.pid
    assert worker.lines[-1] == {
        **worker.lines[-1],
        "message": "stopped",
        "delivered": 3,
        "retries": 1,
        "dead": 1,
    }
    store = FileStore.open(outbox, worker=False)
    assert store.workers() == []
    store.close()


def test_a_replayed_letter_is_delivered_by_a_worker_that_runs(
    shell: Shell, workspace: dict[str, Any], outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Mend and replay: a running worker takes up a changed workspace, and delivers what was given up."""
    del outbox
    settings = workspace["destinations"][0]["settings"]
    good = settings["baseUrl"]
    settings["baseUrl"] = f"{good}/elsewhere"
    shell.write("w.json", workspace)
    shell.write("events.ndjson", tracks(3))
    assert command("run", "w.json", "events.ndjson", "--store-only").code == 0
    with working(shell) as worker:
        until(lambda: command("outbox", "status", "w.json", "--json").json["deadLetters"] == 3)
        codes = {each["code"] for each in command("dlq", "list", "w.json", "--json").json["deadLetters"]}
        settings["baseUrl"] = good
        shell.write("w.json", workspace)

        def deliver() -> bool:
            (code,) = codes
            command("dlq", "replay", "w.json", "--code", code, "--instance", "fs")
            return len(stand_in.events) == 3

        until(deliver)
        shell.write("w.json", '{"destinations": "none"}')
        time.sleep(3)  # a faulty file is looked at twice before it counts
        shell.write("more.ndjson", tracks(1, 3))
        shell.write("v.json", workspace)
        assert command("run", "v.json", "more.ndjson", "--store-only").code == 0
        until(lambda: len(stand_in.events) == 4)
        assert worker.stop() == 0
    said = [line for line in worker.lines if "changed" in line["message"]]
    assert [line["level"] for line in said] == ["info", "error"]
    assert "w.json has changed, and is taken up" in said[0]["message"]
    assert "cannot be taken up; the former one goes on: w.json is faulty" in said[1]["message"]
    assert "na1." not in worker.err


def test_a_key_that_has_expired_costs_no_event(
    shell: Shell, workspace: dict[str, Any], outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Events wait while the key is refused, which log and status say; then they go."""
    del outbox
    settings = workspace["destinations"][0]["settings"]
    good, settings["apiKey"] = settings["apiKey"], "na1.expired"
    shell.write("w.json", workspace)
    shell.write("events.ndjson", tracks(25))
    assert command("run", "w.json", "events.ndjson", "--store-only").code == 0
    with working(shell) as worker:
        until(lambda: "refused for " in command("outbox", "status", "w.json").out)
        settings["apiKey"] = good
        shell.write("w.json", workspace)
        until(lambda: len(stand_in.events) == 25)
        assert worker.stop() == 0
    (said,) = [line for line in worker.lines if line["level"] == "error"]
    assert "fs gets nothing for 60 s" in said["message"]
    assert "its credentials were refused 20 times in a row" in said["message"]
    assert command("dlq", "list", "w.json", "--json").json["deadLetters"] == []
    assert "na1." not in worker.err


def test_two_workers_share_a_file(
    shell: Shell, outbox: Path, stand_in: FullStorySandbox, command: Command
) -> None:
    """Each event is delivered by one of two workers; Ctrl-C ends one with 130, and the other goes on."""
    del outbox
    shell.write("events.ndjson", tracks(150))
    with (
        working(shell, "--rate", "50") as one,
        working(shell, "--rate", "50", "--log-format", "text") as two,
    ):
        until(lambda: count_workers(command) == 2)
        assert command("run", "w.json", "events.ndjson", "--store-only").code == 0
        until(lambda: len(stand_in.events) > 20)
        assert one.stop(signal.SIGINT) == 130
        until(lambda: len(stand_in.events) == 150)
        assert two.stop() == 0
    assert sorted(event["name"] for event in stand_in.events) == sorted(f"Event {n}" for n in range(150))
    assert one.lines[-1]["message"] == "stopped"
    assert " info delivered messageId=m-" in two.err
    assert 'instance=fs subscription="Track Event' in two.err or "subscription=" in two.err


def test_a_worker_ends_when_its_file_is_gone(shell: Shell, outbox: Path, command: Command) -> None:
    """A file that is deleted under a worker ends it with a sentence."""
    shell.write("events.ndjson", tracks(1))
    assert command("run", "w.json", "events.ndjson", "--store-only").code == 0
    with working(shell) as worker:
        until(lambda: command("outbox", "status", "w.json", "--json").json["instances"][0]["due"] == 0)
        for file in shell.folder.glob("events.db*"):
            file.unlink()
        _, err = worker.process.communicate(timeout=60)
    assert worker.process.returncode == 2
    assert "was deleted or replaced while the outbox was open" in err
    assert not outbox.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("w.json",), "w.json has no outbox"),
        (("w.json", "--outbox", "no/such/folder.db"), "there is no folder"),
        (("w.json", "--outbox", "x.db", "--rate", "-1"), "a number above 0"),
        (("w.json", "--outbox", "x.db", "--log-format", "xml"), "'xml' is not one of"),
        (("v.json",), "does not exist"),
    ],
)
def test_a_worker_that_cannot_start_says_why(
    shell: Shell, workspace: dict[str, Any], command: Command, arguments: tuple[str, ...], words: str
) -> None:
    """Each reason is exit code 2 and a sentence."""
    shell.write("w.json", workspace)
    run = command("worker", *arguments)
    assert run.code == 2
    assert words in " ".join(run.err.replace("│", " ").split())


def test_a_log_line_is_one_line() -> None:
    """Line breaks and quotes in what is logged make no second line, in both forms."""
    record = logging.makeLogRecord(
        {"msg": "it broke\nhere", "levelno": 30, "levelname": "WARNING", "created": 0.0}
    )
    record.fields = {"instance": 'a "b"', "try": 2, "code": None}
    assert (
        Formatter("text").format(record)
        == '1970-01-01T00:00:00.000Z warning it broke here instance="a \\"b\\"" try=2'
    )
    assert json.loads(Formatter("json").format(record)) == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "warning",
        "message": "it broke\nhere",
        "instance": 'a "b"',
        "try": 2,
        "code": None,
    }


def test_a_watch_takes_up_changes_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A changed file is taken up, a touched one is not, and a faulty one is told once for each change."""
    file = tmp_path / "w.json"
    file.write_text('{"destinations": []}')
    taken: list[Workspace] = []

    async def take_up(workspace: Workspace) -> None:
        if workspace.name == "bad":
            raise WorkspaceError("w.json is faulty: as told")
        taken.append(workspace)

    def told() -> list[str]:
        return [*[workspace.name for workspace in taken], *["bad"] * bool(caplog.messages)]

    async def watch() -> None:
        load = lambda: Workspace.from_file(file)  # noqa: E731 - one line for three uses
        task = asyncio.create_task(WorkspaceWatch(file, load, take_up, load(), every=0.01).run())
        await asyncio.sleep(0.1)
        os.utime(file, (1, 1))
        await asyncio.sleep(0.2)
        for name in ("one", "bad", "two"):
            file.write_text(json.dumps({"destinations": [], "name": name}))
            async with asyncio.timeout(30):
                while name not in told():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        task.cancel()

    with caplog.at_level(logging.ERROR, "actions_core"):
        asyncio.run(watch())
    assert [workspace.name for workspace in taken] == ["one", "two"]
    assert [message.rpartition(": ")[2] for message in caplog.messages] == ["as told"]


def test_the_live_line_says_how_it_goes() -> None:
    """Rate, lag, what is in flight, retries and dead letters stand in one line."""

    class Outbox:
        in_progress = 3

        async def backlog(self) -> list[Any]:
            return []

    counts = Counts()
    counts.delivered, counts.retries, counts.dead, counts.waiting, counts.lag = 1234, 5, 6, 7, 8.4
    words = LiveLine(Outbox(), counts).words()  # type: ignore[arg-type] - the part that is used
    assert words.partition("/s  ")[2] == "1,234 delivered  7 waiting  lag 8 s  3 in flight  5 retries  6 dead"
