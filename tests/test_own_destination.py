"""A destination of one's own, made by doing what the README says and nothing else.

Its files are taken from the page as they stand there, built into a package and installed with pip; the rest
happens as for any plugin, in processes that know nothing of this repository's destinations but by that.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from actions_core import Request, Response
from actions_core.testing import LoopbackServer

ROOT = Path(__file__).parents[1]
SECTION = re.search(
    r"^## Your own destination$(.*?)^## ",
    (ROOT / "README.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE | re.DOTALL,
)
SAVED = re.compile(r"Save this as\s`([\w./]+)`:\n\n```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
MOST_LINES = 40
EVENTS = [
    {"type": "track", "event": "Order Completed", "userId": "u", "properties": {"order_id": 7, "total": 42}},
    {"type": "track", "event": "Order Cancelled", "userId": "u", "properties": {"order_id": 8}},
]


@attrs.frozen
class Made:
    """The folder with the files of the page, and the one into which pip installed the package."""

    folder: Path
    site: Path

    def command(self, *arguments: str | Path) -> list[str]:
        """A command of Python's, as a reader's shell would run it."""
        return [sys.executable, "-m", *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        """Only what was installed can be imported: neither the files of the page nor the current folder."""
        return {**os.environ, "PYTHONPATH": str(self.site), "PYTHONSAFEPATH": "1"}

    def run(self, *arguments: str | Path) -> str:
        """What a command prints; it has to end well."""
        run = subprocess.run(  # noqa: S603  # what the README says
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The package of the page, installed without a network: what builds it is here already."""
    made = Made(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("site"))
    for name, _, text in files():
        (made.folder / name).parent.mkdir(exist_ok=True)
        (made.folder / name).write_text(text, encoding="utf-8")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-q")
    made.run("pip", "install", *offline, "--target", made.site, ".")
    shutil.rmtree(made.folder / "actions_shop")  # from here on only what is installed counts
    return made


def files() -> list[tuple[str, str, str]]:
    """Name, language and text of each file that the page has its reader save."""
    assert SECTION is not None
    return SAVED.findall(SECTION[1])


def test_it_is_small() -> None:
    """Definition, functions and tests are at most 40 lines of JSON and Python."""
    counted = [text for _, language, text in files() if language in ("json", "python")]
    assert len(counted) == 3
    assert sum(len(text.splitlines()) for text in counted) <= MOST_LINES


def test_it_is_found(made: Made) -> None:
    """`actions list` shows it beside the others, with the package that it came with."""
    found = {
        entry["slug"]: entry for entry in json.loads(made.run("actions_core.apps.cli", "list", "--json"))
    }
    assert found["shop"] == {
        "slug": "shop",
        "aliases": [],
        "name": "Shop",
        "actions": ["addOrder"],
        "from": "actions-shop 1.0",
    }
    assert "actions-fullstory-cloud" in found
    assert made.run("actions_core.apps.cli", "docs", "shop").startswith("# Shop\n")


def test_it_delivers(made: Made) -> None:
    """Events of a file reach a real server, mapped and authenticated, and only those it is meant for."""
    requests = asyncio.run(delivered(made))
    assert [(request.method, request.url, request.json) for request in requests] == [
        ("POST", "/orders", {"id": "7", "total": 42})
    ]
    assert requests[0].headers["authorization"] == "Bearer secret-1"


async def delivered(made: Made) -> list[Request]:
    """The requests that a server gets when the command delivers the events to it."""

    async def accept(_request: Request) -> Response:
        return Response(201)

    async with LoopbackServer(accept) as server:
        settings = {"token": "secret-1", "url": server.url}
        instance = {"destination": "shop", "settings": settings, "subscriptions": "presets"}
        workspace, events = made.folder / "workspace.json", made.folder / "events.ndjson"
        workspace.write_text(json.dumps({"destinations": [instance]}), encoding="utf-8")
        events.write_text("".join(f"{json.dumps(event)}\n" for event in EVENTS), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *made.command("actions_core.apps.cli", "run", workspace, events),
            cwd=made.folder,
            env=made.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        assert process.returncode == 0, printed.decode()
        assert b"secret-1" not in printed
        return [request.evolve(url=request.url.removeprefix(server.url)) for request in server.requests]


def test_it_passes_the_conformance_suite(made: Made) -> None:
    """The test of the page runs against the installed package, a warning being a failure."""
    printed = made.run("pytest", "-W", "error", "-v", "-p", "no:cacheprovider", "test_shop.py")
    for check in ("definition", "mapping[addOrder]", "preset[Orders]", "pure[addOrder]", "secrets[addOrder]"):
        assert f"test_shop[{check}] PASSED" in printed
