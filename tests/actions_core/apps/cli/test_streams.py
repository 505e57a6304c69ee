"""Standard streams that are closed, full, cut off or in a narrow encoding."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from actions_fullstory.sandbox import FullStorySandbox
    from conftest import Shell

EVENT = {"type": "track", "event": "Café ✓ 漢字", "userId": "u-1", "messageId": "m-1"}


def in_shell(shell: Shell, command: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of a POSIX shell, in which `actions` is our command."""
    actions = f"{sys.executable} -m actions_core.apps.cli"
    script = f'actions() {{ {actions} "$@"; }}\n{command}'
    return subprocess.run(  # noqa: S603  # our own command
        ["/bin/bash", "-c", script],
        cwd=shell.folder,
        env={**shell.environment, **changes},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["cp1252", "ascii", "C"],
)
def test_a_narrow_encoding_replaces_characters(
    shell: Shell, workspace: dict[str, Any], changes: dict[str, str]
) -> None:
    """Whatever a terminal cannot show is replaced, and the exit code is that of the work."""
    shell.write("w.json", workspace)
    shell.write("e.ndjson", [EVENT])
    run = in_shell(shell, "actions explain w.json e.ndjson", **changes)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"Caf" in run.stdout


@pytest.mark.parametrize(
    ("redirection", "said"),
    [(">&-", b"standard output cannot be written"), (">/dev/full", b"No space left"), ("| head -c 1", b"")],
    ids=["closed", "full", "head"],
)
def test_what_is_delivered_is_delivered(
    shell: Shell, workspace: dict[str, Any], stand_in: FullStorySandbox, redirection: str, said: bytes
) -> None:
    """Output that cannot be written changes no exit code; only a reader that has gone is not spoken of."""
    shell.write("w.json", workspace)
    shell.write("e.ndjson", [EVENT])
    command = f"actions run w.json e.ndjson --set fs.baseUrl={stand_in.url} {redirection}"
    run = in_shell(shell, f"{command}; exit ${{PIPESTATUS[0]}}")
    assert run.returncode == 0, run.stderr
    assert said in run.stderr
    assert b"Traceback" not in run.stderr
    assert bool(run.stderr) is bool(said)
    assert len(stand_in.events) == 1


def test_a_closed_standard_input_is_said(shell: Shell, workspace: dict[str, Any]) -> None:
    """`-` without a standard input is wrong usage, and a file is read in spite of it."""
    shell.write("w.json", workspace)
    shell.write("e.ndjson", [EVENT])
    closed = in_shell(shell, "actions run w.json - <&-")
    assert (closed.returncode, b"standard input is closed" in closed.stderr) == (2, True)
    assert in_shell(shell, "actions run --dry-run w.json e.ndjson <&- 2>&-").returncode == 0


def test_a_dry_run_ends_when_nobody_reads_it(shell: Shell, workspace: dict[str, Any]) -> None:
    """`| head` ends a dry run of many events, without a word and without a failure."""
    shell.write("w.json", workspace)
    shell.write("e.ndjson", [EVENT] * 20_000)
    run = in_shell(shell, "actions run --dry-run w.json e.ndjson | head -n 1; exit ${PIPESTATUS[0]}")
    assert (run.returncode, b"Traceback" in run.stderr) == (0, False)
    assert b"20,000 events" not in run.stderr
