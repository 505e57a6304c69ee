"""A changed workspace under a running outbox: what waits goes by the new one, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

from actions_core import Engine, Request, Response, Workspace, WorkspaceError
from actions_core.delivery.file import FileStore
from actions_core.delivery.outbox import Outbox
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.support import until
from tests.actions_core.delivery.test_outbox import Server, registry, track, workspace


def changed(made: Workspace, **instance: Any) -> Workspace:
    """The workspace with other values in its one instance."""
    (spec,) = made.destinations
    return attrs.evolve(made, destinations=(attrs.evolve(spec, **instance),))


def test_what_waits_goes_by_the_new_workspace(tmp_path: Path) -> None:
    """An outbox that takes up another URL delivers what waits and what comes there, each event once."""
    old, new = Server(lambda _n, _times: Response(503)), Server()

    async def main() -> None:
        async with LoopbackServer(old.handle) as first, LoopbackServer(new.handle) as second:
            made = workspace(first.url)
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                for n in range(20):
                    await outbox.enqueue(track(n))
                await until(lambda: outbox._dispatch.pumps["a"].breaker.state == "open")  # type: ignore[union-attr]  # it is open
                pump = outbox._dispatch.pumps["a"]  # type: ignore[union-attr]  # it is open
                await outbox.replace(workspace(second.url))
                assert outbox._dispatch.pumps["a"] is not pump  # type: ignore[union-attr]  # as above
                for n in range(20, 30):
                    await outbox.enqueue(track(n))
                await until(lambda: len(new.got) >= 30)
                await outbox.drain(20)

    asyncio.run(main())
    assert new.got == Counter(range(30))


def test_an_unchanged_instance_goes_on(tmp_path: Path) -> None:
    """Replacing a workspace by the same one keeps pumps, lanes and connections; another option does not."""

    async def main() -> None:
        server = Server()
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url)
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                dispatch = outbox._dispatch
                assert dispatch is not None
                pump, breaker = dispatch.pumps["a"], dispatch.pumps["a"].breaker
                await outbox.replace(workspace(loopback.url))
                assert dispatch.pumps["a"] is pump
                await outbox.replace(workspace(loopback.url, orderedBy="userId"))
                assert dispatch.pumps["a"] is not pump
                assert dispatch.pumps["a"].breaker is breaker
                await outbox.enqueue(track(1))
                await outbox.drain(20)
        assert server.got == Counter([1])

    asyncio.run(main())


def test_a_faulty_workspace_changes_nothing(tmp_path: Path) -> None:
    """Every problem is said, also those of an outbox alone, and the old workspace goes on."""

    async def main() -> None:
        server = Server()
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url)
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                for faulty, words in (
                    (changed(made, settings={"url": {"$env": "NOT_SET_ANYWHERE"}}), "NOT_SET_ANYWHERE"),
                    (workspace(loopback.url, subscriptions=("Send", "Send")), "another subscription"),
                    (
                        Workspace.from_dict({"outbox": str(tmp_path / "other.db"), "destinations": []}),
                        "while it is open",
                    ),
                ):
                    with pytest.raises(WorkspaceError, match=words):
                        await outbox.replace(faulty)
                    assert outbox.engine.workspace is made
                await outbox.enqueue(track(1))
                await outbox.drain(20)
        assert server.got == Counter([1])

    asyncio.run(main())


def test_subscriptions_that_are_gone_keep_what_waits(tmp_path: Path) -> None:
    """Deliveries of a subscription that is gone or disabled wait, and go when it is there again."""
    blocked = True
    server = Server(lambda _n, _times: Response(503 if blocked else 200))

    async def main() -> None:
        nonlocal blocked
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url, retry={"base": 0.01, "cap": 0.02})
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:
                for n in range(5):
                    await outbox.enqueue(track(n))
                await until(lambda: len(server.times) == 5)
                for smaller in (changed(made, subscriptions=()), changed(made, enabled=False)):
                    await outbox.replace(smaller)
                    await until(lambda: not outbox._dispatch._retired)  # type: ignore[union-attr]  # it is open
                    came = sum(server.times.values())
                    await asyncio.sleep(0.1)
                    assert sum(server.times.values()) == came
                    (left,) = await outbox.backlog()
                    assert (left.due + left.later, left.in_hand) == (5, 0)
                    assert outbox._writer is not None
                    assert outbox._writer.delivered == set()
                blocked = False
                await outbox.replace(made)
                assert outbox._writer.delivered == outbox._writer.active
                await until(lambda: len(server.got) == 5)

    asyncio.run(main())


def test_changed_settings_end_that_an_instance_is_gone(tmp_path: Path) -> None:
    """After a 410 other settings have an instance delivered to again, at once and after a restart."""
    gone = Server(lambda _n, _times: Response(410))
    here = Server()

    async def is_gone(outbox: Outbox) -> None:
        async with asyncio.timeout(20):
            while (await outbox.backlog())[0].state.state != "gone":  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)

    async def main() -> None:
        async with LoopbackServer(gone.handle) as first, LoopbackServer(here.handle) as second:
            made = workspace(first.url)
            path = tmp_path / "events.db"
            async with Outbox(Engine(made, registry=registry()), path) as outbox:
                await outbox.enqueue(track(1))
                await is_gone(outbox)
                await outbox.replace(workspace(first.url, concurrency=3))
                assert not outbox._dispatch.pumps  # type: ignore[union-attr]  # it is open
                await outbox.replace(workspace(second.url))
                await until(lambda: here.got[1] == 1)
                await outbox.replace(made)
                await outbox.enqueue(track(2))
                await is_gone(outbox)
            async with Outbox(Engine(made, registry=registry()), path) as outbox:
                await asyncio.sleep(0.05)
                assert (await outbox.backlog())[0].state.state == "gone"
            async with Outbox(Engine(workspace(second.url), registry=registry()), path):
                await until(lambda: here.got[2] == 1)

    asyncio.run(main())


def test_an_instance_whose_settings_were_not_noted_stays_gone(tmp_path: Path) -> None:
    """What was gone in a file of the first version is resumed by hand: no settings count as changed."""
    here, there = Server(), Server()
    path = tmp_path / "events.db"
    store = FileStore.open(path, worker=False)
    store.set_state("a", "gone", reason="a 410", settings="")
    store.close()

    async def main() -> None:
        async with LoopbackServer(here.handle) as first, LoopbackServer(there.handle) as second:
            async with Outbox(Engine(workspace(first.url), registry=registry()), path) as outbox:
                await outbox.enqueue(track(1))
                assert not outbox._dispatch.pumps  # type: ignore[union-attr]  # it is open
                await outbox.replace(workspace(second.url))
                assert not outbox._dispatch.pumps  # type: ignore[union-attr]  # as above
                assert (await outbox.backlog())[0].state.state == "gone"
            async with Outbox(Engine(workspace(second.url), registry=registry()), path) as outbox:
                assert not outbox._dispatch.pumps  # type: ignore[union-attr]  # as above
                await outbox._parts()[0].run(lambda store: store.set_state("a", "active"))
                await until(lambda: there.got[1] == 1)

    asyncio.run(main())
    assert not here.times


def test_replacing_under_load_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """While workspaces change, each event arrives once, and those of a key in order."""
    order: list[int] = []

    async def handle(request: Request) -> Response:
        body: Any = request.json
        await asyncio.sleep(0.002)
        order.append(body["n"])
        return Response(200)

    async def main() -> None:
        async with LoopbackServer(handle) as loopback:
            made = workspace(loopback.url, orderedBy="userId")
            async with Outbox(Engine(made, registry=registry()), tmp_path / "events.db") as outbox:

                async def accept() -> None:
                    for n in range(120):
                        await outbox.enqueue(track(n, userId=f"u{n % 20}"))

                accepting = asyncio.create_task(accept())
                for place in range(5):
                    await asyncio.sleep(0.05)
                    await outbox.replace(
                        workspace(loopback.url, orderedBy="userId", concurrency=10 + place % 2)
                    )
                await accepting
                await until(lambda: len(order) >= 120)
                await outbox.drain(20)

    asyncio.run(main())
    assert Counter(order) == Counter(range(120))
    for key in range(20):
        own = [n for n in order if n % 20 == key]
        assert own == sorted(own)
