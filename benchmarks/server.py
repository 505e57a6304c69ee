"""A server on this machine that responds 200 to everything: nginx if installed, else one of our own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_NGINX: Final = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/errors crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} reuseport;
    default_type application/json;
    location / {{ return 200 '{{}}'; }}
  }}
}}
"""
_RESPONSE: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_START: Final = 10.0
#: nginx is often outside the PATH of ordinary users.
_PLACES: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, str]]:
    """Run the server while the context is entered; yield its URL and its name."""
    port = _free_port()
    nginx = shutil.which("nginx", path=_PLACES)
    with tempfile.TemporaryDirectory() as folder:
        if nginx is None:
            command, name = [sys.executable, __file__, str(port)], "a small asyncio server"
        else:
            file = Path(folder) / "nginx.conf"
            file.write_text(_NGINX.format(folder=folder, port=port), encoding="utf-8")
            command, name = [nginx, "-p", folder, "-e", f"{folder}/errors", "-c", str(file)], "nginx"
        process = subprocess.Popen(command)  # noqa: S603 - nginx or this very file
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}", name
        finally:
            process.terminate()
            process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit("the server for the measure did not start")


class _Responder(asyncio.Protocol):
    """A protocol that reads just enough of HTTP to know where a request ends."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            size = end + 4 + int(length or b"0")
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            self._transport.write(_RESPONSE)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Responder, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1])))
