"""End to end over real sockets: events per second of the engine and of a bare aiohttp client."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import aiohttp
from ours import CONCURRENCY, ORDER, SHOP, expect, make_engine

from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


async def through_engine(url: str, duration: float) -> float:
    """Return events per second through `send_many`."""
    async with make_engine({"baseUrl": url}) as engine:
        started = perf_counter()
        deadline = started + duration

        def events() -> Iterator[object]:
            while perf_counter() < deadline:
                yield SHOP[ORDER]["event"]

        done = 0
        async for report in engine.send_many(events()):
            expect(report.ok, report.results)
            done += 1
        return done / (perf_counter() - started)


async def bare_client(url: str, duration: float) -> float:
    """Return requests per second of an aiohttp client that only sends the same bytes."""
    transport = RecordingTransport()
    async with make_engine({"baseUrl": url}, transport=transport) as engine:
        await engine.send(SHOP[ORDER]["event"])
    (request,) = transport.requests
    body, content_type = request.content()
    headers = {**request.headers, "content-type": str(content_type)}
    done = 0
    started = perf_counter()
    deadline = started + duration

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal done
        while perf_counter() < deadline:
            async with session.post(request.url, data=body, headers=headers) as response:
                await response.read()
            done += 1

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))
    return done / (perf_counter() - started)
