"""What several packages' tests share."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from destinations.fullstory.sandbox import FullStorySandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stand_in() -> Iterator[FullStorySandbox]:
    """A stand-in for FullStory on loopback, in a thread of its own, for tests that start other processes."""
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
