"""Runs the servers of docs/start/in-your-application.md as the page starts them, and stops them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_fullstory.sandbox import FullStorySandbox

PAGE = (Path(__file__).parents[1] / "docs" / "start" / "in-your-application.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"[Ss]ave this as `([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))
COMMANDS = {
    found[0].split(":")[0].removesuffix(".py"): line
    for line in re.findall(r"^\$ (.*)$", PAGE, flags=re.MULTILINE)
    if (found := re.findall(r"\w+_shop\S*", line))
}
ORDERS = [f"order-{number}" for number in range(100)]


@pytest.fixture
def environment(tmp_path: Path, stand_in: FullStorySandbox) -> dict[str, str]:
    """The files of the page in a folder, and what a reader's shell has."""
    for name, source in FILES.items():
        (tmp_path / name).write_text(source.replace("http://127.0.0.1:8811", stand_in.url), encoding="utf-8")
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "FULLSTORY_API_KEY": stand_in.api_key,
    }


def _stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    try:
        return process.communicate(timeout=120)[0]
    finally:
        process.kill()


def _wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def _arrived(stand_in: FullStorySandbox) -> list[Any]:
    return sorted(event["properties"]["order"] for event in stand_in.events)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("flask_shop", "flask"),
        ("django_shop", "django"),
        ("fastapi_shop", "fastapi"),
        ("aiohttp_shop", "aiohttp"),
    ],
)
def test_servers(
    name: str, package: str, tmp_path: Path, environment: dict[str, str], stand_in: FullStorySandbox
) -> None:
    """16 clients order at once; each event arrives once, also what is pending when the server stops."""
    pytest.importorskip(package)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if name == "aiohttp_shop":
        file = tmp_path / "aiohttp_shop.py"
        file.write_text(file.read_text(encoding="utf-8").replace("8000", str(port)), encoding="utf-8")
    command = shlex.split(COMMANDS[name].replace("8000", str(port)))

    def order(number: str) -> int:
        url = f"http://127.0.0.1:{port}/orders/{number}"
        with urlopen(Request(url, method="POST"), timeout=60) as response:
            return int(response.status)

    def listens() -> bool:
        try:
            urlopen(f"http://127.0.0.1:{port}/nothing", timeout=60)
        except URLError as error:
            return hasattr(error, "code")
        return True

    with subprocess.Popen(  # noqa: S603 - the commands of our own page
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            _wait(listens)
            with ThreadPoolExecutor(16) as clients:
                assert set(clients.map(order, ORDERS)) == {201}
        finally:
            said = _stop(process)
    assert "Traceback" not in said
    assert _arrived(stand_in) == sorted(ORDERS)


def test_celery(tmp_path: Path, environment: dict[str, str], stand_in: FullStorySandbox) -> None:
    """Tasks in forked workers post; what is pending when Celery is stopped is delivered."""
    pytest.importorskip("celery")
    for folder in ("data_in", "control"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data_out").symlink_to("data_in")  # a broker of files: one end's output is the other's input
    environment["BROKER_URL"] = "filesystem://"
    give = "from celery_shop import ship\nfor n in range(100): ship.delay(f'order-{n}')"
    subprocess.run([sys.executable, "-c", give], cwd=tmp_path, env=environment, check=True)  # noqa: S603 - our own
    command = [*shlex.split(COMMANDS["celery_shop"]), "--without-gossip", "--without-mingle"]
    with subprocess.Popen(  # noqa: S603 - the command of our own page
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            _wait(lambda: not list((tmp_path / "data_in").iterdir()))
        finally:
            said = _stop(process)
    assert "Traceback" not in said
    assert _arrived(stand_in) == sorted(ORDERS)


def test_every_server_of_the_page_is_tried() -> None:
    """A command that the page gains needs a test here."""
    tried = {"flask_shop", "django_shop", "celery_shop", "fastapi_shop", "aiohttp_shop"}
    assert set(COMMANDS) == tried
    others = {"analytics", "workspace.json", "durable.json"}
    assert {name.removesuffix(".py") for name in FILES} == tried | others
