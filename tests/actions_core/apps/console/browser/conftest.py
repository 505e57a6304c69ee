"""A real browser on a real console: a process of its own at a free port, and one Chromium for each module.

A test fails on an error in the browser's console, on an exception of a page's script, and on a request that
leaves the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

#: Programs that are Chromium; a variable may name another.
_NAMES = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
#: Milliseconds until what should be seen is missing: machines differ, and only a failure waits for so long.
_PATIENCE = 15_000
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the browser of a module; leave its tests out where there is none, unless they are required."""
    program = next((found for name in _NAMES if name and (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail("there is no Chromium, and BROWSER_TESTS=required wants these tests to run")
        pytest.skip("there is no Chromium: apt-get install chromium, or name one with CHROMIUM=")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_OPTIONS)
        yield browser
        browser.close()


@attrs.frozen
class RunningConsole:
    """A console in a process of its own. `entrance` is the address that lets a browser in."""

    process: subprocess.Popen[str]
    entrance: str
    #: Where it takes events, with `--serve`.
    events: str | None = None

    @property
    def url(self) -> str:
        """The address of the first page, without the slash at its end."""
        parts = urlsplit(self.entrance)
        return f"{parts.scheme}://{parts.netloc}"


class Starter:
    """Starts consoles, and ends them."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str | Path, env: dict[str, str] | None = None) -> RunningConsole:
        """Start `actions console` with these arguments, and wait until it listens."""
        command = [sys.executable, "-m", "actions_core.apps.cli", "console", *map(str, arguments)]
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self._running.append(process)
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline() or "{}")
        assert told, "the console did not start"
        return RunningConsole(process, told["url"], told.get("events"))

    def end(self) -> None:
        """End all of them."""
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def start_console() -> Iterator[Callable[..., RunningConsole]]:
    """Return a function that starts `actions console` with these arguments, and ends it after the test."""
    starter = Starter()
    yield starter.start
    starter.end()


@pytest.fixture(scope="module")
def start_lasting_console() -> Iterator[Callable[..., RunningConsole]]:
    """Return a function that starts a console for all tests of a module: each start takes seconds."""
    starter = Starter()
    yield starter.start
    starter.end()


@pytest.fixture(scope="module")
def shared_console(
    tmp_path_factory: pytest.TempPathFactory, fullstory_instance: dict[str, Any]
) -> Iterator[RunningConsole]:
    """Start one console for the tests of a module that change nothing."""
    file = tmp_path_factory.mktemp("shared") / "workspace.json"
    file.write_text(json.dumps({"destinations": [fullstory_instance]}), "utf-8")
    starter = Starter()
    yield starter.start(file)
    starter.end()


class Watched:
    """What went wrong in the pages of a test."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        #: Parts of errors that a test expects.
        self.expected: list[str] = []

    def watch(self, page: Page) -> None:
        """Note errors of a page from now on."""
        page.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note(f"an exception: {error}"))
        page.on("request", lambda request: self._note_request(request.url))

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.errors.append(text)

    def _note_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.errors.append(f"a request left the machine: {url}")


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Fail the test if anything went wrong in its pages."""
    noted = Watched()
    yield noted
    assert noted.errors == []


@pytest.fixture
def open_page(chromium: Browser, watched: Watched) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address in a browser of its own, as wide as is said."""
    contexts: list[BrowserContext] = []

    def open_at(address: str, *, width: int = 1280, height: int = 860, scheme: Any = "light") -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(_PATIENCE)
        contexts.append(context)
        page = context.new_page()
        watched.watch(page)
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        for page in context.pages:
            page.wait_for_load_state()  # to close one that is still loading may never end, and has no limit
        context.close()
