"""A real browser on a real console: a process of its own, and one Chromium for each module.

What takes a browser's time is the start of a page, with a megabyte of NiceGUI's scripts. So the pages of a
module share what the browser keeps of them, its consoles have one port, and pages are opened where they are
tested, without the way over the first one.

A test fails on an error in the browser's console, on an exception of a page's script, and on a request that
leaves the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

from tests.forks import ACTIONS, FORKS, NEEDED, PIPE, Fork

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

    process: Fork
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

    def __init__(self, port: int) -> None:
        self._port = port
        self._running: list[Fork] = []

    def start(self, *arguments: str | Path, env: dict[str, str] | None = None) -> RunningConsole:
        """Start `actions console` with these arguments, and wait until it listens."""
        process = FORKS.start(
            *(ACTIONS, "console", *arguments, "--port", str(self._port), "--json"),
            stdout=PIPE,
            env={**os.environ, **(env or {})},
            imported=NEEDED["console"],
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


def _free_port() -> int:
    """Return a port that the system gives to nobody by itself, so that consoles can have it in turn."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in range(20_000 + 100 * worker, 20_100 + 100 * worker):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail("no port is free")


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of all consoles of a module of which there is one at a time."""
    return _free_port()


@pytest.fixture
def start_console(port: int) -> Iterator[Callable[..., RunningConsole]]:
    """Return a function that starts `actions console` with these arguments, and ends it after the test."""
    starter = Starter(port)
    yield starter.start
    starter.end()


@pytest.fixture(scope="module")
def start_lasting_console() -> Iterator[Callable[..., RunningConsole]]:
    """Return a function that starts a console for all tests of a module: each start takes seconds."""
    starter = Starter(0)
    yield starter.start
    starter.end()


@pytest.fixture(scope="module")
def shared_console(
    tmp_path_factory: pytest.TempPathFactory, fullstory_instance: dict[str, Any]
) -> Iterator[RunningConsole]:
    """Start one console for the tests of a module that change nothing."""
    file = tmp_path_factory.mktemp("shared") / "workspace.json"
    file.write_text(json.dumps({"destinations": [fullstory_instance]}), "utf-8")
    starter = Starter(0)
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


@pytest.fixture(scope="module")
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """Return the browser of the module's pages, which keeps what they are made of from one to the next."""
    context = chromium.new_context()
    context.set_default_timeout(_PATIENCE)
    yield context
    context.close()


@pytest.fixture
def open_page(window: BrowserContext, watched: Watched) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the page of a console at an address, as wide as is said.

    Without an address it is the one that the console has printed.
    """
    pages: list[Page] = []

    def open_at(
        console: RunningConsole,
        address: str | None = None,
        *,
        width: int = 1280,
        height: int = 860,
        scheme: Any = "light",
    ) -> Page:
        page = window.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        watched.watch(page)
        if address is None:
            page.goto(console.entrance)
        else:
            assert window.request.get(console.entrance, max_retries=3).ok
            page.goto(console.url + address)
        return page

    yield open_at
    for page in pages:
        page.wait_for_load_state()  # to close one that is still loading may never end, and has no limit
        page.close()
    window.clear_cookies()
