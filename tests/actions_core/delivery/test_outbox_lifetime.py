"""The beginning and the end of an outbox: what is interrupted, comes too late, or happens elsewhere."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actions_core import ActionsError, Engine, Response
from actions_core.delivery import dispatch
from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.file import FileStore
from actions_core.delivery.outbox import Outbox
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.support import until
from tests.actions_core.delivery.test_outbox import Server, play, registry, track, workspace


def make(path: Path, url: str = "http://127.0.0.1:9", *, store_only: bool = False) -> Outbox:
    """Return an outbox that is not open yet."""
    return Outbox(Engine(workspace(url), registry=registry()), path, store_only=store_only)


def in_thread(work: Callable[[], Awaitable[object]]) -> list[BaseException]:
    """Run work in another thread with an event loop of its own, and return what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        async def main() -> None:
            await work()

        try:
            asyncio.run(main())
        except ActionsError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised


def test_a_drain_ends_when_the_file_is_gone(tmp_path: Path) -> None:
    """Whoever waits until nothing is due is told that the file can no longer be used."""
    path = tmp_path / "events.db"

    async def work(outbox: Outbox) -> None:
        await outbox.enqueue(track(1))
        draining = asyncio.create_task(outbox.drain())
        await asyncio.sleep(0)
        path.unlink()
        with pytest.raises(OutboxError, match="deleted or replaced"):
            async with asyncio.timeout(20):
                await draining

    play(Server(lambda _n, _times: Response(503)), path, work)


def test_a_drain_ends_when_deliveries_stop(tmp_path: Path) -> None:
    """It returns what is left, before and after `stop`; once the outbox is closed, it says so."""

    async def work(outbox: Outbox) -> None:
        await outbox.enqueue(track(1))
        draining = asyncio.create_task(outbox.drain())
        await asyncio.sleep(0)
        await outbox.stop()
        async with asyncio.timeout(20):
            for left in (await draining, await outbox.drain()):
                assert [each.due + each.later for each in left] == [1]
            await outbox.close()
            with pytest.raises(OutboxError, match="the outbox is closed"):
                await outbox.drain()

    play(Server(lambda _n, _times: Response(503)), tmp_path / "events.db", work)


def test_an_opening_that_is_cancelled_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the thread opens meanwhile is closed again, so that the next one may open it."""
    path = tmp_path / "events.db"
    started, go_on = threading.Event(), threading.Event()
    opened = FileStore.open

    def slowly(*arguments: object, **more: object) -> FileStore:
        started.set()
        assert go_on.wait(20)
        return opened(*arguments, **more)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(FileStore, "open", slowly)

    async def main() -> None:
        opening = asyncio.create_task(make(path).open())
        await until(started.is_set)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        go_on.set()

    asyncio.run(main())
    opened(path).close()


def test_an_opening_that_fails_half_way_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where deliveries cannot begin, the file is closed again."""
    path = tmp_path / "events.db"

    def refuse(_store: FileStore) -> None:
        raise OutboxError("no states")

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "states", refuse)
        with pytest.raises(OutboxError, match="no states"):
            asyncio.run(make(path).open())
        patch.setattr(FileStore, "register", refuse)
        with pytest.raises(TypeError):
            asyncio.run(make(path).open())
    FileStore.open(path).close()


@pytest.mark.parametrize("was_open", [True, False])
def test_an_outbox_is_not_opened_again(tmp_path: Path, *, was_open: bool) -> None:
    """Once it is closed, with its engine, another one has to be made."""

    async def main() -> None:
        outbox = make(tmp_path / "events.db")
        if was_open:
            await outbox.open()
        await outbox.close()
        with pytest.raises(OutboxError, match="was closed: make another one") as caught:
            await outbox.open()
        assert not caught.value.retryable

    asyncio.run(main())
    FileStore.open(tmp_path / "events.db").close()


def test_events_are_accepted_in_the_event_loop_that_delivers(tmp_path: Path) -> None:
    """Another thread is refused, at once and in words; nothing is kept for it that nobody would deliver."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        for call in (
            lambda: outbox.enqueue(track(1)),
            lambda: outbox.enqueue_group([track(2)]),
            lambda: anext(outbox.enqueue_many([track(3)])),
        ):
            (error,) = await asyncio.to_thread(in_thread, call)
            assert isinstance(error, OutboxError)
            assert error.code == "OTHER_LOOP"
            assert "BackgroundEngine" in str(error)
        await outbox.enqueue(track(4))
        (left,) = await outbox.drain(20)
        assert (left.due, left.in_hand) == (0, 0)

    play(server, tmp_path / "events.db", work)
    assert dict(server.got) == {4: 1}


def test_who_only_stores_may_do_so_in_any_event_loop(tmp_path: Path) -> None:
    """Several threads with event loops of their own share an outbox that delivers nothing."""

    async def work(outbox: Outbox) -> None:
        async def store() -> None:
            for n in range(20):
                await outbox.enqueue(track(n))

        found = await asyncio.gather(*[asyncio.to_thread(in_thread, store) for _ in range(4)])
        assert found == [[], [], [], []]
        assert [each.due for each in await outbox.backlog()] == [80]

    play(Server(), tmp_path / "events.db", work, store_only=True)


def test_an_outbox_whose_event_loop_has_ended(tmp_path: Path) -> None:
    """It accepts nothing that nobody would deliver; closing it in another one gives all back."""
    path = tmp_path / "events.db"
    outbox = make(path)

    async def begin() -> None:
        await outbox.open()
        await outbox.enqueue(track(1))

    asyncio.run(begin())
    with pytest.raises(OutboxError, match="event loop"):
        asyncio.run(outbox.enqueue(track(2)))
    asyncio.run(outbox.close())
    store = FileStore.open(path)
    try:
        assert [(each.due + each.later, each.in_hand) for each in store.backlog()] == [(1, 0)]
    finally:
        store.close()


def test_an_engine_of_another_thread_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    """Not with the first event, which would only be put off again and again."""

    async def main() -> None:
        async with LoopbackServer(Server().handle) as loopback:
            outbox = make(tmp_path / "events.db", loopback.url)
            used, over = threading.Event(), threading.Event()

            async def use() -> None:
                await outbox.engine.send(track(1))
                used.set()
                await asyncio.to_thread(over.wait, 20)
                await outbox.engine.close()

            using = asyncio.create_task(asyncio.to_thread(in_thread, use))
            await until(used.is_set)
            with pytest.raises(ActionsError, match="belongs to the thread") as caught:
                await outbox.open()
            assert caught.value.code == "OTHER_THREAD"
            over.set()
            assert await using == []

    asyncio.run(main())
    FileStore.open(tmp_path / "events.db").close()


def test_a_look_for_instances_that_fails_is_not_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a look at the states fails, as on a full disk, an instance that is resumed later is found yet."""
    server = Server()
    path = tmp_path / "events.db"
    monkeypatch.setattr(dispatch, "_LOOK", 0.01)
    store = FileStore.open(path)
    store.set_state("a", "gone")
    store.close()
    states, faults = FileStore.states, [0]

    def faulty(store: FileStore) -> object:
        faults[0] += 1
        if faults[0] in (2, 3):
            raise OutboxFullError("full")
        return states(store)

    monkeypatch.setattr(FileStore, "states", faulty)

    async def work(outbox: Outbox) -> None:
        await outbox.enqueue(track(1))
        await until(lambda: faults[0] >= 3)
        writer = outbox._writer
        assert writer is not None
        await writer.run(lambda store: store.set_state("a", "active"))
        await until(lambda: server.got == {1: 1})

    play(server, path, work)


@pytest.mark.parametrize("is_async", [True, False])
def test_a_source_that_raises_loses_nothing(tmp_path: Path, *, is_async: bool) -> None:
    """All that a source of events gave before its error is accepted, whichever kind of source it is."""
    server = Server()

    def plain() -> Iterator[Any]:
        yield from (track(n) for n in range(30))
        raise ValueError("the source")

    async def later() -> AsyncIterator[Any]:
        for event in plain():
            yield event

    async def work(outbox: Outbox) -> None:
        receipts = []
        with pytest.raises(ValueError, match="the source"):
            async for receipt in outbox.enqueue_many(later() if is_async else plain(), group=20):
                receipts.append(receipt)  # noqa: PERF401 - those before the error are meant
        assert len(receipts) == 30
        await outbox.drain(20)
        assert sum(server.got.values()) == 30

    play(server, tmp_path / "events.db", work)


@pytest.mark.parametrize("restarted", [True, False])
def test_a_pause_ends_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    """A long Retry-After holds an instance back no longer than somebody wants, here or after a restart."""
    monkeypatch.setattr(dispatch, "_LOOK", 0.01)
    server = Server(lambda n, times: Response(200 if n or times > 1 else 429, {"retry-after": "600"}))

    async def begin(outbox: Outbox) -> None:
        for n in range(5):
            await outbox.enqueue(track(n))
        async with asyncio.timeout(20):
            while (await outbox.backlog())[0].state.state != "paused":  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        if not restarted:
            await resume(outbox)

    async def resume(outbox: Outbox) -> None:
        assert not server.got
        await outbox._parts()[0].run(lambda store: store.set_state("a", "active"))
        await until(lambda: len(server.got) == 5)

    play(server, tmp_path / "events.db", begin, concurrency=1)
    if restarted:
        play(server, tmp_path / "events.db", resume, concurrency=1)
