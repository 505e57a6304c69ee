"""Runs the real command in a process of its own, as a user does."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from actions_core.apps.cli import output
from actions_core.apps.cli.app import run_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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

    def start(self, *arguments: str | Path, **changes: str) -> subprocess.Popen[str]:
        """Start the command."""
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

    def run(self, *arguments: str | Path, given: str = "", **changes: str) -> Run:
        """Run the command to its end. It never shows a traceback or the key."""
        with self.start(*arguments, **changes) as process:
            out, err = process.communicate(given, timeout=60)
        assert "Traceback" not in err
        assert WRONG_KEY not in out + err
        return Run(process.returncode, out, err)


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
def command(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Run]]:
    """Run the command in this process, for what needs no process of its own."""
    monkeypatch.chdir(shell.folder)
    for name, value in shell.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Run:
        output.stdout.cache_clear()
        output.stderr.cache_clear()
        monkeypatch.setattr(sys, "argv", ["actions", *map(str, arguments)])
        capsys.readouterr()
        logger = logging.getLogger("actions_core")
        before = logger.handlers[:]
        code = run_app()
        logger.handlers[:] = before
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Run(code, said.out, said.err)

    yield run
    output.stdout.cache_clear()
    output.stderr.cache_clear()
