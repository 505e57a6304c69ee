"""A Python that has imported what programs need, and forks for each that is run.

A program of its own spends most of its time on imports. A fork of this one has them behind it, and is
otherwise a process like any other: it has its own folder, environment, output and exit code, and ends as
an interpreter ends. Run as a script, this file is that Python.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What is imported before anything is run.
_IMPORTED = (
    "actions_core.apps.cli.app",
    "actions_core.delivery.background",
    "actions_core.delivery.outbox",
    "actions_core.engine.engine",
    "actions_core.testing",
    "actions_braze",
    "actions_customerio",
    "actions_fullstory",
    "actions_posthog",
    "actions_segment",
    "actions_slack",
    "actions_meta_conversions",
    "actions_webhook",
    "jsonschema",
    "liquid",
    "uvloop",
)


class Forks:
    """A Python that forks; it starts with an environment, and each fork has the one that it is given."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._server: subprocess.Popen[str] | None = None

    def close(self) -> None:
        """End the Python that forks."""
        if self._server is not None:
            self._server.communicate(timeout=30)

    def run(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run `-c SOURCE`, a file or `actions` with its arguments to the end."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            links = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
            asked = _program(arguments, folder, environment, links)
            code = self._ask(asked, timeout)
            if code is None:
                raise subprocess.TimeoutExpired(list(arguments), timeout)
            return subprocess.CompletedProcess(list(arguments), code, _read(out), _read(err))

    def start(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, out: str, err: str
    ) -> int:
        """Start what `run` would run, printing into two files; return its number, by which `end` ends it."""
        asked = _program(arguments, folder, environment, [out, err])
        number = self._ask({**asked, "goes_on": True}, 60)
        assert number is not None
        return number

    def end(self, number: int, how: int = signal.SIGTERM) -> None:
        """End a process that was started with a signal, and wait for it."""
        assert self._ask({"end": number, "how": how}, 60) is not None

    def _ask(self, asked: Mapping[str, Any], timeout: float) -> int | None:
        """Have the Python that forks do something; the number that it gives, None after the time."""
        server = self._server = self._server or self._start()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            server.kill()
            return None
        return int(server.stdout.readline())

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, __file__],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _program(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], output: Sequence[str]
) -> dict[str, Any]:
    return {
        "arguments": list(arguments),
        "folder": str(folder),
        "environment": dict(environment),
        "output": list(output),
    }


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _serve() -> dict[str, Any] | None:
    """Fork for each line that comes in. Return what is asked in the fork, and None at the end."""
    for name in _IMPORTED:
        __import__(name)
    # By descriptors of their own: a fork gets streams that nobody has used.
    with os.fdopen(os.dup(0)) as requests, os.fdopen(os.dup(1), "w") as codes:
        while line := requests.readline():
            asked: dict[str, Any] = json.loads(line)
            number = asked.get("end")
            if number is None:
                number = os.fork()
                if not number:
                    return asked
            else:
                os.kill(number, asked["how"])
            if not asked.get("goes_on"):
                number = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
            codes.write(f"{number}\n")
            codes.flush()
    return None


def _become(asked: dict[str, Any]) -> None:
    """Run what is asked as the main program of this process."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, place in enumerate((nothing, *(os.open(path, flags, 0o600) for path in asked["output"]))):
        os.dup2(place, number)
        os.close(place)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    first, *others = asked["arguments"]
    main = sys.modules["__main__"] = ModuleType("__main__")
    if first == "actions":
        sys.argv = ["actions", *others]
        source, name = "from actions_core.apps.cli import main; main()", "<actions>"
    elif first == "-c":
        sys.argv, sys.path[0] = ["-c"], ""
        source, name = others[0], "<string>"
    else:
        sys.argv, sys.path[0] = [first, *others], os.path.dirname(os.path.abspath(first))  # noqa: PTH100, PTH120 - as Python does
        with open(first, encoding="utf-8") as file:  # noqa: PTH123 - as above
            source, name = file.read(), first
        main.__file__ = first
    exec(compile(source, name, "exec"), main.__dict__)  # noqa: S102 - that is what is asked


if __name__ == "__main__":
    _asked = _serve()
    if _asked is not None:
        _become(_asked)
