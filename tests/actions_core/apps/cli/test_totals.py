"""The totals of a run: each line is counted once, and the exit code follows from all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actions_core.apps.cli.output import Exit, printable
from actions_core.apps.cli.run.failures import FailureFile, default_path
from actions_core.apps.cli.run.totals import EventStatus, RunTotals
from actions_core.apps.events.inputs import InputEvent, read_input
from actions_core.apps.events.lines import EventLine
from actions_core.engine.results import Report, Result, Status
from actions_core.errors import ActionsError, PayloadError, Problem
from actions_core.http.errors import AuthenticationError, TransportError
from actions_core.http.masking import Mask

SENT = Result("fs", "Track", "trackEventV2", Status.SENT, tries=1)
SKIPPED = Result("fs", "Identify", "identifyUserV2", Status.SKIPPED, reason="does not match")
NOTHING = Result("fs", "Page", "pageV2", Status.SKIPPED, reason="nothing to send", mask=Mask(()))
NOT_TRIED = Result("fs", "Track", "trackEventV2", Status.NOT_TRIED, reason="closed")


def failed(error: ActionsError) -> Result:
    """A result that failed."""
    return Result("fs", "Track", "trackEventV2", Status.FAILED, error, str(error), tries=1)


def given(number: int, text: bytes) -> InputEvent:
    """An event of a file, as `run` reads it."""
    return read_input(EventLine(number, text))


def totals_of(path: Path, *results: tuple[Result, ...]) -> tuple[RunTotals, FailureFile]:
    """Count one event for each tuple of results."""
    file = FailureFile(path)
    totals = RunTotals(file)
    with file:
        for index, entry in enumerate(results):
            totals.begin(given(index + 1, b'{"type": "track"}'))
            totals.settle(Report("m", entry, None, index))
    return totals, file


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ((SENT, SKIPPED), EventStatus.SENT),
        ((SKIPPED,), EventStatus.UNMATCHED),
        ((SKIPPED, NOTHING), EventStatus.SKIPPED),
        ((SENT, NOTHING), EventStatus.SENT),
        ((), EventStatus.UNMATCHED),
        ((SENT, failed(PayloadError("bad"))), EventStatus.FAILED),
        ((NOT_TRIED, failed(PayloadError("bad"))), EventStatus.FAILED),
        ((SENT, NOT_TRIED), EventStatus.NOT_TRIED),
    ],
)
def test_an_event_has_the_worst_outcome_of_its_results(
    tmp_path: Path, results: tuple[Result, ...], status: EventStatus
) -> None:
    """One that failed makes a failed event, one not tried an event not tried; skipped ones do not count."""
    totals, _ = totals_of(tmp_path / "f", results)
    assert dict(totals.events) == {status: 1}


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([(SENT,), (SKIPPED,)], Exit.OK),
        ([], Exit.OK),
        ([(SENT,), (failed(TransportError("refused")),)], Exit.FAILURES),
        ([(failed(TransportError("refused")),)], Exit.UNDELIVERABLE),
        ([(failed(AuthenticationError("bad key")),), (failed(PayloadError("bad")),)], Exit.UNDELIVERABLE),
        ([(failed(PayloadError("bad")),)], Exit.FAILURES),
        ([(NOT_TRIED,)], Exit.FAILURES),
    ],
)
def test_the_exit_code_follows_from_all_events(
    tmp_path: Path, results: list[tuple[Result, ...]], code: Exit
) -> None:
    """0 all well, 1 some failed, 3 where credentials or connection let nothing through."""
    totals, _ = totals_of(tmp_path / "f", *results)
    assert totals.exit_code is code


def test_no_file_is_made_without_failures(tmp_path: Path) -> None:
    """A run in which all went well leaves nothing behind."""
    totals_of(tmp_path / "f", (SENT,))
    assert list(tmp_path.iterdir()) == []


def test_failures_keep_the_event_as_it_came_and_say_why(tmp_path: Path) -> None:
    """A line of the file holds the event as it came, what was made for it, the reason, and what failed."""
    path = tmp_path / "f"
    with FailureFile(path) as file:
        totals = RunTotals(file)
        totals.begin(given(7, b' {"type": "track", "n": 1.50, "m": 2}\r'))
        error = PayloadError(problems=[Problem("$.name", "Name is missing.")])
        totals.settle(Report("m", (failed(error), SENT), None, 0))
        totals.reject(given(8, b"rub\xffbish"))
    first, second = path.read_text().splitlines()
    assert '"event": {"type": "track", "n": 1.50, "m": 2, "messageId": "' in first
    entry = json.loads(first)
    assert (entry["line"], entry["reason"]) == (7, "Name is missing.")
    assert [(item["code"], item["problems"]) for item in entry["failures"]] == [
        ("PAYLOAD_VALIDATION_FAILED", [["$.name", "Name is missing."]])
    ]
    assert json.loads(second) == {
        "line": 8,
        "reason": "not JSON: byte 4 is not UTF-8",
        "retryable": False,
        "text": "rub\ufffdbish",
    }


def test_a_full_disk_costs_the_file_and_not_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure that cannot be kept is said once, and everything is still counted."""
    with FailureFile(Path("/dev/full")) as file:
        totals = RunTotals(file)
        for number in (1, 2, 3):
            totals.reject(given(number, b"{"))
    assert dict(totals.events) == {EventStatus.FAILED: 3}
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_what_the_engine_did_not_report_was_not_tried(tmp_path: Path) -> None:
    """At an interruption every event that is still open is counted and kept."""
    path = tmp_path / "f"
    with FailureFile(path) as file:
        totals = RunTotals(file)
        for number in (1, 2, 3):
            totals.begin(given(number, b"{}"))
        totals.settle(Report("m", (SENT,), None, 1))
        totals.interrupted = True
        totals.abandon("interrupted")
    assert dict(totals.events) == {EventStatus.SENT: 1, EventStatus.NOT_TRIED: 2}
    assert [json.loads(text)["line"] for text in path.read_text().splitlines()] == [1, 3]
    assert totals.exit_code is Exit.INTERRUPTED


def test_the_number_of_reasons_is_bounded(tmp_path: Path) -> None:
    """Reasons that differ in every event are counted, but not kept."""
    entries = [(failed(PayloadError(f"bad {number}")),) for number in range(1500)]
    totals, _ = totals_of(tmp_path / "f", *entries)
    assert len(totals.reasons) == 1001
    assert totals.reasons.total() == 1500


def test_an_earlier_file_of_failures_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default name gets a number where the file exists: it may hold what was never delivered."""
    monkeypatch.chdir(tmp_path)
    events = tmp_path / "day.ndjson"
    assert default_path(str(events)).name == "day.failures.ndjson"
    (tmp_path / "day.failures.ndjson").touch()
    assert default_path(str(events)).name == "day.failures.2.ndjson"
    assert default_path("-").name == "stdin.failures.ndjson"


def test_a_terminal_does_not_obey_what_an_event_says() -> None:
    """Control characters are shown, not sent to the terminal."""
    assert printable("a\x1b[31mb\r\u202ec\nd é") == "a\\x1b[31mb\\r\\u202ec\nd é"
