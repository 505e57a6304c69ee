"""The console beside an engine that an application runs: it sees what happens, and changes what is saved."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from actions_core import Engine, Outbox, Workspace, open_console
from actions_core.engine.results import Status
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVENT = {"type": "track", "event": "Order Completed", "userId": "u-1"}


def test_beside_an_engine(write_workspace: Callable[..., Path], fullstory: dict[str, Any]) -> None:
    """It shows what this process delivers from then on, and the engine takes up what is saved."""
    file = write_workspace(fullstory)
    told: list[Any] = []

    async def main() -> None:
        engine = Engine.from_file(file, transport=RecordingTransport(), on_result=told.append)
        async with engine:
            await engine.send(EVENT)
            async with open_console(engine, file, port=0) as console:
                await engine.send(EVENT)
                feed = await console.desk.feed.named("")
                assert (await feed.funnel()).sent == 1
                assert len(told) == 2
                draft = console.desk.draft
                assert draft is not None
                changed = draft.changed("fs", lambda instance: instance.update(enabled=False))
                assert await draft.save(changed) == ()
                assert not engine.instances["fs"].enabled
            report = await engine.send(EVENT)
            assert [result.status for result in report.results] == []

    asyncio.run(main())
    assert json.loads(file.read_text("utf-8"))["destinations"][0]["enabled"] is False


def test_beside_an_outbox(
    write_workspace: Callable[..., Path], fullstory: dict[str, Any], tmp_path: Path
) -> None:
    """It shows what the outbox has delivered, and does not end it; without a file nothing is edited."""

    async def main() -> None:
        workspace = Workspace.from_file(write_workspace(fullstory, outbox="events.db"))
        async with Outbox(Engine(workspace, transport=RecordingTransport())) as outbox:
            async with open_console(outbox, port=0, token="given") as console:
                await outbox.enqueue(EVENT)
                await outbox.drain(10)
                feed = await console.desk.feed.named("")
                while (await feed.funnel()).sent != 1:  # noqa: ASYNC110 - numbers are written once a second
                    await asyncio.sleep(0.02)
                assert console.desk.draft is None
                jar = aiohttp.CookieJar(unsafe=True)
                async with aiohttp.ClientSession(cookie_jar=jar) as session:
                    for address in ("", "deliveries", "letters", "i/fs", "i/fs/settings", "i/fs/s/0"):
                        async with session.get(f"{console.url}{address}?token=given") as found:
                            assert found.status == (404 if address == "i/fs/settings" else 200)
            assert (await outbox.enqueue(EVENT)).deliveries == 1

    asyncio.run(main())


def test_one_more_listener() -> None:
    """A listener that is added is told beside the one that the engine was made with, and beside no other."""
    target = {
        "destination": "actions-fullstory-cloud",
        "settings": {"apiKey": "k"},
        "subscriptions": "presets",
    }
    first: list[Any] = []
    second: list[Any] = []

    async def main() -> None:
        workspace = Workspace.from_dict({"destinations": [target]})
        async with Engine(workspace, transport=RecordingTransport()) as engine:
            await engine.send(EVENT)
            engine.add_listener(first.append)
            await engine.send(EVENT)
            engine.add_listener(second.append)
            await engine.send(EVENT)

    asyncio.run(main())
    sent = [[result for result in told if result.status is Status.SENT] for told in (first, second)]
    assert [len(told) for told in sent] == [2, 1]
