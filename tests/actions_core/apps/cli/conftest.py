"""Runs the command: in this process where it runs to its end, in one of its own where it is watched.

A Python of its own costs a second of the processor for imports alone, so that most processes are forks of one
that has them. `test_streams.py`, `test_what_is_not_installed`, and the first test of `test_serve.py`,
`test_worker.py` and `test_console.py` try the command as a user starts it.
"""

from __future__ import annotations

import io
import json
import logging
import os
import select
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from unittest import mock

import attrs
import pytest

from actions_core.apps.cli import output
from actions_core.apps.cli.app import run_app
from tests.forks import ACTIONS, FORKS, NEEDED, PIPE, Fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Two secrets that must never be printed; the first is the stand-in's.
KEY = "na1.standard"
WRONG_KEY = "na1.quite-wrong"


@attrs.frozen
class Run:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


@attrs.frozen
class Shell:
    """A folder of its own, and the command `actions` in it."""

    folder: Path
    environment: dict[str, str]

    def write(self, name: str, value: Any) -> Path:
        """Write a file: text as it is, a list of events as NDJSON, anything else as JSON."""
        path = self.folder / name
        if name.endswith(".ndjson") and not isinstance(value, str):
            value = "".join(f"{item if isinstance(item, str) else json.dumps(item)}\n" for item in value)
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    def start(self, *arguments: str | Path, **changes: str) -> Fork:
        """Start the command, in a fork of a Python that has imported what it needs."""
        return FORKS.start(
            *(ACTIONS, *arguments),
            cwd=self.folder,
            env={**self.environment, **changes},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            imported=NEEDED.get(str(arguments[0]), ()),
        )

    def start_anew(self, *arguments: str | Path, **changes: str) -> subprocess.Popen[str]:
        """Start the command, in a Python of its own."""
        return subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "actions_core.apps.cli", *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **changes},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: object, given: str = "", **changes: str) -> Run:
        """Run the command to its end, in this process, with the environment of the shell and no other."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            with mock.patch.dict(os.environ, {**self.environment, **changes}, clear=True):
                return run_cli(*arguments, given=given)
        finally:
            os.chdir(before)
            self._forget_packages()

    def _forget_packages(self) -> None:
        """Have what was imported from this folder gone, as it is when a process of its own has ended."""
        inside = f"{self.folder.resolve()}{os.sep}"
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(inside):
                del sys.modules[name]


def run_cli(*arguments: object, given: str = "") -> Run:
    """Run the command to its end, in this process. It never shows a traceback or the key."""
    words = mock.patch.object(sys, "argv", ["actions", *map(str, arguments)])
    with _streams(given) as (out, err), _own_log(), words:
        code = run_app()
    said = Run(code, _text(out), _text(err))
    assert "Traceback" not in said.err
    assert WRONG_KEY not in said.out + said.err
    return said


@contextmanager
def _streams(given: str) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Have standard streams that are no terminal, and consoles that print to them."""
    raw = io.BytesIO(), io.BytesIO()
    out, err = (
        io.TextIOWrapper(each, encoding="utf-8", errors="replace", write_through=True) for each in raw
    )
    with _pipe(given) as stdin, mock.patch.multiple(sys, stdin=stdin, stdout=out, stderr=err):
        _forget_consoles()
        try:
            yield raw
        finally:
            _forget_consoles()
            out.detach()
            err.detach()


@contextmanager
def _pipe(given: str) -> Iterator[TextIO]:
    """Have a pipe with a text in it as standard input, also for whoever reads the descriptor."""
    reading, writing = os.pipe()
    assert os.write(writing, given.encode()) < select.PIPE_BUF
    os.close(writing)
    before = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    try:
        with open(0, encoding="utf-8", closefd=False) as stdin:
            yield stdin
    finally:
        os.dup2(before, 0)
        os.close(before)


def _forget_consoles() -> None:
    output.stdout.cache_clear()
    output.stderr.cache_clear()


@contextmanager
def _own_log() -> Iterator[None]:
    """Leave the logger of the project as it was."""
    logger = logging.getLogger("actions_core")
    before = logger.handlers[:], logger.level, logger.propagate
    try:
        yield
    finally:
        logger.handlers[:], logger.level, logger.propagate = before


def _text(stream: io.BytesIO) -> str:
    """Decode what was written, with the line ends that a pipe opened as text gives."""
    return stream.getvalue().decode().replace("\r\n", "\n")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell without colours, wide enough for tables, with a key in its environment."""
    names = {"PATH", "HOME", "PYTHONPATH"} | {name for name in os.environ if name.startswith("COVERAGE_")}
    kept = {name: os.environ[name] for name in names if name in os.environ}
    added = {"FULLSTORY_API_KEY": KEY, "COLUMNS": "160", "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"}
    return Shell(tmp_path, kept | added)


@pytest.fixture
def workspace() -> dict[str, Any]:
    """A workspace that delivers to the stand-in, once `baseUrl` is set."""
    instance = {
        "id": "fs",
        "destination": "actions-fullstory-cloud",
        "settings": {"apiKey": {"$env": "FULLSTORY_API_KEY"}},
        "subscriptions": "presets",
        "delivery": {"retry": {"tries": 1}},
    }
    return {"destinations": [instance]}


@pytest.fixture
def command(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the command in the folder and the environment of the test, which it may change."""
    monkeypatch.chdir(shell.folder)
    for name, value in shell.environment.items():
        monkeypatch.setenv(name, value)
    return run_cli
