"""Fixtures that the tests of several packages share."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory.sandbox import FullStorySandbox
from hypothesis import settings

from actions_core.values import codegen
from tests.trials import TIMES, examples

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# The suite tries the same few examples each time, so that red means changed. To look for new ones:
# EXAMPLES=50 pytest tests/…
settings.register_profile("suite", deadline=None, derandomize=TIMES <= 1, max_examples=examples(100))
settings.load_profile("suite")
# Thousands of tests load the same few definitions: the same source becomes code once.
vars(codegen)["compile"] = lru_cache(maxsize=4000)(compile)


def pytest_xdist_auto_num_workers() -> int:
    """Run twice as many tests at once as there are processors: many of them wait for other processes."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is collected as tests out of the garbage collector's way, now and while the tests run.

    Eleven thousand tests are a million objects that live as long as the process.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture
def stand_in() -> Iterator[FullStorySandbox]:
    """Run FullStory's sandbox on loopback in a thread of its own, for tests that start other processes."""
    sandbox = FullStorySandbox()
    listening = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with sandbox:
            listening.set()
            await stop.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(10)
    yield sandbox
    loop.call_soon_threadsafe(stop.set)
    thread.join()


class Network:
    """A fake network: names and addresses that a test defines.

    Only `names` can be looked up. A connection to an address in `routes` goes to the address on this machine
    that is given there; any other is refused. `connections` and `lookups` record what was tried.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.routes: dict[str, str] = {}
        self.connections: list[str] = []
        self.lookups: list[str] = []

    def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        """Replace `socket.getaddrinfo`."""
        name = host.decode() if isinstance(host, bytes) else host
        self.lookups.append(name)
        if name not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "name not known")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self.names[name]
        ]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Replace the network by one that the test defines."""
    made = Network()
    connect = asyncio.SelectorEventLoop.sock_connect

    async def sock_connect(loop: Any, sock: Any, address: Any) -> None:
        made.connections.append(address[0])
        if address[0] not in made.routes:
            raise ConnectionRefusedError(address[0])
        await connect(loop, sock, (made.routes[address[0]], *address[1:]))

    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", sock_connect)
    return made
