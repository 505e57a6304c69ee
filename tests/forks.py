"""A Python that has imported what programs need, and forks for each that is started.

A program of its own spends most of its time on imports. A fork of this one has them behind it, and is
otherwise a process like any other: it has its own folder, environment, streams and exit code, takes signals,
and ends as an interpreter ends. Run as a script, this file is that Python.

What is particular to the start of an interpreter needs a real one: what is imported and what is not, options
and variables that Python reads once (its encoding, say), a terminal, streams that are closed.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from threading import Lock, Thread
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: What most programs need.
_IMPORTED: Final = (
    "actions_core.apps.cli.app",
    "actions_core.apps.cli.explain",
    "actions_core.apps.cli.outbox",
    "actions_core.apps.cli.run.command",
    "actions_core.apps.cli.run.stored_command",
    "actions_core.apps.cli.worker.command",
    "actions_core.delivery.background",
    "actions_core.delivery.outbox",
    "actions_core.engine.engine",
    "actions_core.http.transport.http",
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
    "pydantic.type_adapter",  # typer wants it where it is installed
    "uvloop",
)
#: Commands, as the first of a program's arguments.
ACTIONS: Final = "actions"
PYTEST: Final = "pytest"
_SCRIPTS: Final = {
    ACTIONS: "from actions_core.apps.cli import main; main()",
    PYTEST: "import pytest; raise SystemExit(pytest.main())",
}
PIPE: Final = subprocess.PIPE
DEVNULL: Final = subprocess.DEVNULL
STDOUT: Final = subprocess.STDOUT
#: What commands need that others do not.
NEEDED: Final = {
    PYTEST: ("pytest",),
    "console": (
        "actions_core.apps.cli.console",
        "actions_core.apps.console.pages",
        "actions_core.apps.console.server",
    ),
    "sandbox": ("actions_core.apps.cli.sandbox", "actions_fullstory.sandbox"),
    "serve": ("actions_core.apps.cli.serve", "actions_core.apps.server"),
}
#: Streams, and where the Python that forks says how a fork ended.
_DESCRIPTORS: Final = 4
#: Bytes of a number that goes over the line.
_HEAD: Final = 4


class Fork:
    """A program that runs, with what tests need of `subprocess.Popen`; its streams are UTF-8."""

    def __init__(
        self, arguments: Sequence[str], pid: int, ended: int, pipes: Sequence[IO[str] | None]
    ) -> None:
        self.args = list(arguments)
        self.pid = pid
        self.stdin, self.stdout, self.stderr = pipes
        self._ended = ended
        self._code: int | None = None
        self._one_reads = Lock()

    @property
    def returncode(self) -> int | None:
        """The exit code, or the negative number of the signal that ended it; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def poll(self) -> int | None:
        """Return the exit code, or None while the program runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the program ends, and return its exit code."""
        if self._code is None and not select.select([self._ended], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        with self._one_reads:
            if self._code is None:
                told = os.read(self._ended, 16)
                assert told, "the Python that forks has ended"
                self._code = int(told)
            return self._code

    async def ended(self) -> int:
        """Wait in an event loop until the program ends, and return its exit code."""
        while (code := self.returncode) is None:  # noqa: ASYNC110 - a pipe that threads wait at as well
            await asyncio.sleep(0.01)
        return code

    def communicate(self, given: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """Give the program its input, read what it says, and wait until it ends."""
        said: dict[IO[str], str] = {}

        def read(stream: IO[str]) -> None:
            said[stream] = stream.read()

        streams = [stream for stream in (self.stdout, self.stderr) if stream is not None]
        readers = [Thread(target=read, args=(stream,), daemon=True) for stream in streams]
        for reader in readers:
            reader.start()
        if self.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self.stdin:
                self.stdin.write(given or "")
        until = None if timeout is None else time.monotonic() + timeout
        for reader in readers:
            reader.join(None if until is None else max(0, until - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if until is None else max(0, until - time.monotonic()))
        out, err = (said[stream] if stream is not None else "" for stream in (self.stdout, self.stderr))
        self._close()
        return out, err

    def send_signal(self, number: int) -> None:
        """Send a signal, if the program still runs."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        os.close(self._ended)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.wait()

    def _close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


class Forks:
    """A Python that forks; it starts when it is first needed, and imports some modules first."""

    def __init__(self, imported: Sequence[str]) -> None:
        self._imported = list(imported)
        self._server: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._one_asks = Lock()

    def close(self) -> None:
        """End the Python that forks; what it has forked runs on."""
        if self._line is not None and self._server is not None:
            self._line.close()
            self._server.wait(30)
            self._line = None

    def start(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int | IO[Any] = DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        imported: Sequence[str] = (),
    ) -> Fork:
        """Start `-c SOURCE`, `-m MODULE`, a file, `actions` or `pytest` with its arguments.

        `imported` names modules that the program needs and few others do: they are imported before the fork.
        """
        words = [str(each) for each in arguments]
        asked = {
            "arguments": words,
            "folder": str(cwd or os.getcwd()),  # noqa: PTH109 - a str is what is sent
            "environment": dict(os.environ if env is None else env),
            "imported": list(imported),
        }
        own: list[int] = []  # to be closed here, once the fork has them
        pipes: list[IO[str] | None] = []
        theirs: list[int] = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            descriptor, pipe = _stream(number, wanted, theirs, own)
            theirs.append(descriptor)
            pipes.append(pipe)
        ended, told = os.pipe()
        own.append(told)
        try:
            pid = self._ask(json.dumps(asked).encode(), [*theirs, told])
        finally:
            for descriptor in own:
                os.close(descriptor)
        return Fork(words, pid, ended, pipes)

    def run(
        self, *arguments: str | Path, given: str | None = None, timeout: float = 60, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, and return what it said."""
        streams = {"stdin": DEVNULL if given is None else PIPE, "stdout": PIPE, "stderr": PIPE}
        fork = self.start(*arguments, **streams | options)
        try:
            out, err = fork.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            fork.kill()
            raise
        return subprocess.CompletedProcess(fork.args, fork.wait(), out, err)

    def _ask(self, asked: bytes, descriptors: list[int]) -> int:
        with self._one_asks:
            line = self._line = self._line or self._open()
            socket.send_fds(line, [len(asked).to_bytes(_HEAD)], descriptors)
            line.sendall(asked)
            pid = line.recv(_HEAD)
        assert pid, "the Python that forks has ended"
        return int.from_bytes(pid)

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, __file__, str(theirs.fileno()), *self._imported],
                env={**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"},
                stdin=DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.close)
        return ours


#: That of this process: all tests share it.
FORKS: Final = Forks(_IMPORTED)


def _stream(
    number: int, wanted: int | IO[Any] | None, before: list[int], own: list[int]
) -> tuple[int, IO[str] | None]:
    """Return the descriptor of a fork's stream, and our end of it where it is a pipe."""
    if wanted == PIPE:
        reading, writing = os.pipe()
        theirs, ours = (reading, writing) if number == 0 else (writing, reading)
        own.append(theirs)
        return theirs, open(ours, "w" if number == 0 else "r", encoding="utf-8")  # noqa: PTH123 - a descriptor
    if wanted == STDOUT:
        return before[1], None
    if wanted == DEVNULL:
        nothing = os.open(os.devnull, os.O_RDWR)
        own.append(nothing)
        return nothing, None
    if wanted is None:
        return number, None
    return (wanted if isinstance(wanted, int) else wanted.fileno()), None


def _serve(line: socket.socket, imported: Sequence[str]) -> dict[str, Any] | None:
    """Fork for each program that is asked for. Return what is asked in the fork, and None at the end."""
    _import(imported)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    signal.signal(signal.SIGCHLD, lambda *_: None)
    woken, waker = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    running: dict[int, int] = {}
    while True:
        ready = select.select([line, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 1000)
            _tell_ends(running)
        if line not in ready:
            continue
        head, descriptors, *_ = socket.recv_fds(line, _HEAD, _DESCRIPTORS)
        if not head:
            return None
        asked = _receive(line, int.from_bytes(head))
        _import(asked["imported"])
        child = os.fork()
        *streams, told = descriptors
        if not child:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            line.close()
            for descriptor in (woken, waker, told, *running.values()):
                os.close(descriptor)
            return asked | {"streams": streams}
        for descriptor in streams:
            os.close(descriptor)
        running[child] = told
        line.sendall(child.to_bytes(_HEAD))


def _import(names: Sequence[str]) -> None:
    """Import modules, and keep collections of garbage in forks from copying them."""
    for name in names:
        __import__(name)
    if names:
        gc.collect()
        gc.freeze()


def _receive(line: socket.socket, size: int) -> dict[str, Any]:
    text = b""
    while len(text) < size:
        text += line.recv(size - len(text))
    return dict(json.loads(text))


def _tell_ends(running: dict[int, int]) -> None:
    for child, told in list(running.items()):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            with contextlib.suppress(BrokenPipeError):  # nobody wants to know
                os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(told)
            del running[child]


def _become(asked: dict[str, Any]) -> None:
    """Run what is asked as the main program of this process."""
    for number, place in enumerate(asked["streams"]):
        os.dup2(place, number)
    for place in asked["streams"]:
        os.close(place)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    sys.path[1:1] = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    first, *others = asked["arguments"]
    main = sys.modules["__main__"] = ModuleType("__main__")
    if first == "-m":
        sys.argv, sys.path[0] = others, asked["folder"]
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
        return
    if first in _SCRIPTS:
        sys.argv, sys.path[0] = [first, *others], os.path.dirname(sys.executable)  # noqa: PTH120 - as Python does
        source, name = _SCRIPTS[first], f"<{first}>"
    elif first == "-c":
        sys.argv, sys.path[0] = ["-c", *others[1:]], ""
        source, name = others[0], "<string>"
    else:
        sys.argv, sys.path[0] = [first, *others], os.path.dirname(os.path.abspath(first))  # noqa: PTH100, PTH120 - as Python does
        with open(first, encoding="utf-8") as file:  # noqa: PTH123 - as above
            source, name = file.read(), first
        main.__file__ = first
    exec(compile(source, name, "exec"), main.__dict__)  # noqa: S102 - that is what is asked


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _line:
        _asked = _serve(_line, sys.argv[2:])
    if _asked is not None:
        _become(_asked)
