# ruff: noqa: T201 - a command prints
"""Random cancellations: whatever an engine is doing, they arrive, and nothing is left behind.

A scenario is known by its seed. On the ground called "turns" the transport waits for turns of the event
loop instead of time, so a seed always gives the same run, and a cancellation can meet any turn: the one
in which a place is handed over, in which a response comes, in which a token is there. On the ground
"network" the same goes through the real transport to a server on loopback.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core import (
    Client,
    Context,
    Destination,
    Engine,
    MultiStatus,
    Registry,
    Request,
    Response,
    Tokens,
    TransportError,
    Workspace,
)
from actions_core.testing import LoopbackServer
from tests.fuzz.adapter import free_places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Call = Callable[[], Awaitable[None]]

#: After so many turns, and so many seconds, what is cancelled counts as hanging.
_TURNS: Final = 3_000
_SECONDS: Final = 0.3
#: How many turns clean-up may take after a wait has ended.
_SETTLING: Final = 60
_FIELD: Final = {"label": "L", "description": "D.", "type": "string", "default": {"@path": "$.userId"}}
_EVENT: Final = {"type": "track", "event": "E", "userId": "u", "messageId": "m"}


# -- the ground --------------------------------------------------------------------------------------


def _destination(waiting: Callable[[], Awaitable[None]]) -> Destination:
    """Make a destination with a function of each kind that awaits: one request, many, batches, tokens."""
    action = {"title": "T", "description": "D.", "fields": {"id": _FIELD}}
    made = Destination.from_definition(
        {
            "slug": "waits",
            "name": "Waits",
            "authentication": {
                "scheme": "oauth2",
                "fields": {"url": {**_FIELD, "default": "https://waits.test"}},
            },
            "actions": {"plain": action, "several": action},
        }
    )

    @made.prepare
    def prepare(request: Request, context: Context) -> Request:
        base = context.settings.get("url") or "https://waits.test"
        return request.with_base(base).with_bearer(str(context.auth.access_token))

    @made.refresh_access_token
    async def refresh(client: Client) -> Tokens:
        response = await client.send(Request("POST", "/token"))
        await waiting()
        return Tokens(response.text)

    @made.action("plain")
    def plain(id: str | None = None) -> Request:  # noqa: A002 - as the field is called
        return Request("POST", "/plain", json={"id": id})

    @made.action("several")
    async def several(id: str | None = None, *, client: Client) -> None:  # noqa: A002 - as above
        await client.send(Request("POST", "/first", json={"id": id}))
        await waiting()
        await client.send(Request("POST", "/second", json={"id": id}))

    @made.batch("several")
    async def together(payloads: list[dict[str, Any]], client: Client) -> MultiStatus:
        await client.send(Request("POST", "/batch", json=payloads))
        nodes = MultiStatus()
        for _ in payloads:
            nodes.add_success()
        return nodes

    return made


class _Api:
    """Answers requests: some with a 401, until the token is the newest, some with a 503."""

    def __init__(self, rng: Random, *, expiring: float, failing: float) -> None:
        self._rng = rng
        self._expiring = expiring
        self._failing = failing
        self._token = 0

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.url.endswith("/token"):
            self._token += 1
            return Response(200, {}, f"t{self._token}".encode())
        headers = {name.lower(): text for name, text in request.headers.items()}
        if headers.get("authorization") != f"Bearer t{self._token}":
            return Response(401, {}, b"")
        if self._rng.random() < self._expiring:
            self._token += 1
            return Response(401, {}, b"")
        return Response(503 if self._rng.random() < self._failing else 200, {}, b"{}")


class _Turns:
    """A transport that waits for random turns of the event loop."""

    def __init__(self, rng: Random, api: _Api) -> None:
        self._rng = rng
        self._api = api

    async def wait(self) -> None:
        """Wait for some turns."""
        for _ in range(int(self._rng.random() * 5)):
            await asyncio.sleep(0)

    async def send(self, request: Request) -> Response:
        """Answer after some turns."""
        await self.wait()
        if self._rng.random() < 0.03:
            raise TransportError("the connection was reset")
        return self._api.answer(request)

    async def close(self) -> None:
        """Nothing is held open."""


def _workspace(rng: Random, url: str | None) -> Workspace:
    settings = {"oauth": {"access_token": "t0", "refresh_token": "r"}, **({"url": url} if url else {})}
    instances = [
        {
            "id": f"one-{number}",
            "destination": "waits",
            "settings": settings,
            "subscriptions": [
                {"name": action, "partnerAction": action, "subscribe": condition}
                for action, condition in (("plain", 'event = "E"'), ("several", 'type = "track"'))
                if rng.random() < 0.6
            ],
            "delivery": {
                "concurrency": 1 + int(rng.random() * 3),
                "retry": {"tries": 1 + int(rng.random() * 3), "base": 0, "cap": 0},
            },
        }
        for number in range(1 + int(rng.random() * 2))
    ]
    return Workspace.from_dict({"destinations": instances})


# -- what is cancelled -------------------------------------------------------------------------------


class _Source:
    """An asynchronous source of events that may run dry, and notes whether it was closed."""

    def __init__(self, rng: Random) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.opened = self.closed = False
        for _ in range(int(rng.random() * 20)):
            self.queue.put_nowait(_EVENT)

    async def events(self) -> AsyncIterator[Any]:
        """Give events as they come, without an end."""
        self.opened = True
        try:
            while True:
                yield await self.queue.get()
        finally:
            self.closed = True


@attrs.define
class _Scene:
    """An engine, what is asked of it, and the sources that it reads."""

    rng: Random
    engine: Engine
    sources: list[_Source] = attrs.Factory(list)

    def call(self) -> tuple[str, Call]:
        """Draw something that takes a while."""
        kind = self.rng.choice(
            ("send", "send", "send", "send_batch", "send_many", "idle send_many", "slow reader")
        )
        return kind, {
            "send": self._send,
            "send_batch": self._send_batch,
            "send_many": self._send_many,
            "idle send_many": self._idle,
            "slow reader": self._slow,
        }[kind]

    async def _send(self) -> None:
        await self.engine.send(_EVENT)

    async def _send_batch(self) -> None:
        await self.engine.send_batch([_EVENT] * 3)

    async def _send_many(self) -> None:
        async for _ in self.engine.send_many([_EVENT] * 8, concurrency=self.rng.choice((None, 1, 3))):
            pass

    async def _idle(self) -> None:
        source = _Source(self.rng)
        self.sources.append(source)
        async for _ in self.engine.send_many(source.events(), concurrency=self.rng.choice((1, 3))):
            pass

    async def _slow(self) -> None:
        async for _ in self.engine.send_many([_EVENT] * 8, concurrency=2):
            await asyncio.sleep(0)
            await asyncio.sleep(0)


@attrs.define
class _Attempt:
    """A call in a task of its own, cancelled by a `cancel` or by a time-out."""

    kind: str
    call: Call
    by_timeout: bool
    cancelled: bool = False
    limit: asyncio.Timeout | None = None
    task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Make the call."""
        if not self.by_timeout:
            await self.call()
            return
        async with asyncio.timeout(None) as self.limit:
            await self.call()

    @property
    def swallowed(self) -> bool:
        """Whether a cancellation that reached the call did not come out of its task.

        A time-out that comes when the call is over reaches nothing.
        """
        if self.task is None or not self.cancelled or (self.limit is not None and not self.limit.expired()):
            return False
        return not self.task.cancelled() and not isinstance(self.task.exception(), TimeoutError)

    def cancel(self) -> bool:
        """Cancel the call if it is in progress."""
        if self.task is None or self.task.done() or self.cancelled:
            return False
        if not self.by_timeout:
            self.cancelled = self.task.cancel()
        elif self.limit is not None and not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())
            self.cancelled = True
        return self.cancelled


# -- a scenario --------------------------------------------------------------------------------------


async def scenario(seed: str, ground: str, url: str | None, api: _Api | None = None) -> tuple[int, list[str]]:
    """Run one scenario; give how many cancellations were made, and what went wrong."""
    rng = Random(f"cancel:{seed}")
    before = asyncio.all_tasks()
    if ground == "turns":
        api = _Api(rng, expiring=rng.choice((0, 0.2)), failing=rng.choice((0, 0.2)))
        transport = _Turns(rng, api)
        registry, waiting = Registry(), transport.wait
        registry.register(_destination(waiting))
        engine = Engine(_workspace(rng, None), registry=registry, transport=transport)
    else:
        registry = Registry()
        registry.register(_destination(lambda: asyncio.sleep(0.001)))
        engine = Engine(_workspace(rng, url), registry=registry)
    scene = _Scene(rng, engine)
    attempts = [
        _Attempt(*scene.call(), by_timeout=rng.random() < 0.5) for _ in range(1 + int(rng.random() * 12))
    ]
    for attempt in attempts:
        attempt.task = asyncio.create_task(attempt.run())
    count = await _cancel_at_random(rng, attempts, ground)
    faults = await _arrived(attempts)
    faults += await _left_over(scene, before, attempts)
    if not any("hangs" in fault for fault in faults):
        faults += await _still_works(scene)
    await _put_away(before)
    faults += await _closes(scene)
    return count, faults


async def _cancel_at_random(rng: Random, attempts: list[_Attempt], ground: str) -> int:
    count = 0
    for attempt in rng.sample(attempts, len(attempts)):
        if ground == "turns":
            for _ in range(int(rng.random() * rng.choice((2, 6, 25)))):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(rng.random() * 0.002)
        count += attempt.cancel()
    return count


async def _until(done: Callable[[], bool]) -> bool:
    """Wait until something is so; False where it never is."""
    begun, turns = time.monotonic(), 0
    while not done():
        turns += 1
        if turns > _TURNS and time.monotonic() - begun > _SECONDS:
            return False
        await asyncio.sleep(0)
    return True


async def _arrived(attempts: list[_Attempt]) -> list[str]:
    """Say which cancellations did not arrive; what nobody cancelled is cancelled now."""
    faults = []
    await asyncio.sleep(0)  # so that each has begun, and a time-out has something to end
    for attempt in attempts:
        if not attempt.cancelled:
            # An idle source keeps its reader waiting, others come to their end.
            if attempt.kind != "idle send_many":
                await _until(attempt.task.done)
            attempt.cancel()
    for attempt in attempts:
        task = attempt.task
        assert task is not None
        if not await _until(task.done):
            faults.append(f"{attempt.kind} hangs when it is cancelled")
        elif attempt.swallowed:
            error = None if task.cancelled() else task.exception()
            faults.append(f"{attempt.kind} swallowed its cancellation" + (f": {error!r}" if error else ""))
        elif not attempt.cancelled and not task.cancelled() and task.exception() is not None:
            faults.append(f"{attempt.kind}, never cancelled, raised {task.exception()!r}")
    return faults


async def _left_over(scene: _Scene, before: set[asyncio.Task[Any]], attempts: list[_Attempt]) -> list[str]:
    faults = []
    for _ in range(_SETTLING):
        await asyncio.sleep(0)
    mine = {attempt.task for attempt in attempts}
    left = [
        task
        for task in asyncio.all_tasks() - before
        if task not in mine and task is not asyncio.current_task()
    ]
    left = [task for task in left if not _is_of_the_server(task)]
    if left:
        faults.append(f"tasks were left over, as {_named(left[0])}")
    for name, (free, places) in free_places(scene.engine).items():
        if free != places:
            faults.append(f"a lane has {free - places:+d} places too many ({name})")
    for source in scene.sources:
        source.queue.put_nowait(_EVENT)
    held = [source.queue.qsize() for source in scene.sources]
    for _ in range(_SETTLING):
        await asyncio.sleep(0)
    for source, size in zip(scene.sources, held, strict=True):
        if source.queue.qsize() < size:
            faults.append("an event was taken from a source after its reader had gone")
        if source.opened and not source.closed:
            faults.append("a source was left open")
    return faults


def _is_of_the_server(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "aiohttp/web" in code.co_filename


def _named(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return str(getattr(coroutine, "__qualname__", type(coroutine).__name__))


async def _still_works(scene: _Scene) -> list[str]:
    """Send one more event, which nobody cancels."""
    faults = []
    task = asyncio.create_task(scene.engine.send(_EVENT))
    if not await _until(task.done):
        faults.append("afterwards the engine hangs")
        task.cancel()
    elif any(
        result.error is not None and result.error.code == "HANDLER_FAILED" for result in task.result().results
    ):
        faults.append("afterwards the engine fails")
    return faults


async def _closes(scene: _Scene) -> list[str]:
    """Close the engine, within its grace and a little more."""
    ending = asyncio.create_task(scene.engine.close(0.05))
    done, _ = await asyncio.wait({ending}, timeout=3)
    if done:
        return []
    ending.cancel()
    return ["the engine does not close"]


async def _put_away(before: set[asyncio.Task[Any]]) -> None:
    """Cancel whatever is left, so that the next scenario begins with nothing."""
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        with suppress(TimeoutError):
            await asyncio.wait(left, timeout=0.2)


# -- many of them ------------------------------------------------------------------------------------


@attrs.define
class Found:
    """How many cancellations were made, and how often what went wrong, with the first seed of each."""

    cancellations: int = 0
    faults: Counter[str] = attrs.Factory(Counter)
    seeds: dict[str, str] = attrs.Factory(dict)

    def note(self, seed: str, count: int, faults: list[str]) -> None:
        """Take up what a scenario found."""
        self.cancellations += count
        for fault in faults:
            self.faults[fault] += 1
            self.seeds.setdefault(fault, seed)


def run(cancellations: int, seed: int, ground: str) -> Found:
    """Run scenarios until there were so many cancellations."""
    found = Found()

    async def turns() -> None:
        number = 0
        while found.cancellations < cancellations:
            name = f"{seed}:{number}"
            found.note(name, *await scenario(name, "turns", None))
            number += 1

    async def network() -> None:
        rng = Random(seed)
        api = _Api(rng, expiring=0.05, failing=0.05)

        async def answer(request: Request) -> Response:
            await asyncio.sleep(rng.random() * 0.002)
            return api.answer(request)

        async with LoopbackServer(answer, keep=1) as server:
            number = 0
            while found.cancellations < cancellations:
                name = f"{seed}:{number}"
                found.note(name, *await scenario(name, "network", server.url, api))
                number += 1

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        loop.run_until_complete(turns() if ground == "turns" else network())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    return found


def report(cancellations: int, seed: int) -> int:
    """Run nine tenths of the cancellations by turns, the rest over the network; print what was found."""
    failed = False
    for ground, count in (("turns", cancellations * 9 // 10), ("network", cancellations // 10)):
        begun = time.monotonic()
        found = run(count, seed, ground)
        print(f"{ground}: {found.cancellations:,} cancellations in {time.monotonic() - begun:.0f} s")
        for fault, times in found.faults.most_common():
            failed = True
            print(f"  {times:6,} times: {fault} (first in {found.seeds[fault]})")
    return 1 if failed else 0
