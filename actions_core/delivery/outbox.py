"""An outbox: events are on disk when they are accepted, and are delivered from there until they are done.

    enqueue ─► route ─► writer ─► file ─► pump of each instance ─► engine ─► verdict ─► file

At least once, with one idempotency key for each event and subscription: after a crash, what was in progress
goes again.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Self, Unpack

import attrs

from actions_core.delivery.callers import Callers, CheckedEvent, Receipt
from actions_core.delivery.dispatch import GRACE, Dispatch
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileLook, FileOptions, FileStore, Writer, WriterLetters
from actions_core.delivery.groups import in_groups
from actions_core.delivery.letters import DeadLetters
from actions_core.delivery.routing import Router, find_targets
from actions_core.delivery.store import Claimed
from actions_core.delivery.tallies import Tallies
from actions_core.engine import Engine
from actions_core.engine.workspace import OutboxSpec, Workspace
from actions_core.errors import EventError, Problem, WorkspaceError
from actions_core.values.events import message_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from actions_core.delivery.jetstream.forwarding import Forwarding
    from actions_core.delivery.pump import Pump, Settled
    from actions_core.delivery.store import Acceptance, Arrival, Backlog, InputPosition
    from actions_core.engine.options import Options
    from actions_core.values.types import Json

#: The most events that one call of the writer is given by `enqueue_many`.
_GROUP: Final = 256
_MILLISECONDS: Final = 1000


class Outbox:
    """Accepts events on disk, and delivers them with an engine while its context is entered.

    `path` is the file; without it the workspace's `outbox` is used. With `store_only` events are accepted and
    left to another process. Closing the outbox closes the engine.
    """

    def __init__(
        self,
        engine: Engine,
        path: str | os.PathLike[str] | OutboxSpec | None = None,
        *,
        store_only: bool = False,
        accept_loss: bool = False,
    ) -> None:
        self.engine = engine
        self.spec = _spec(engine.workspace, path)
        self._on_try: Callable[[Settled], None] | None = None
        self._targets = find_targets(engine.workspace, engine.instances.values())
        self.store_only = store_only
        self._accept_loss = accept_loss
        self._writer: Writer | None = None
        self._store: FileStore | None = None
        self._router: Router | None = None
        self._dispatch: Dispatch | Forwarding | None = None
        self._tallies: Tallies | None = None
        self._counting: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._replacing = asyncio.Lock()
        self._callers = Callers(self.enqueue_checked)
        self._closing = self._stopped = self._closed = False

    def __repr__(self) -> str:
        return f"<Outbox {self.spec.path}>"

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, store_only: bool = False, **options: Unpack[Options]
    ) -> Outbox:
        """Make an outbox for the workspace in a file, which says where it is; `options` are the engine's."""
        workspace = Workspace.from_file(os.fspath(path), lenient=True)
        _spec(workspace, None)  # before an engine is made
        return cls(Engine(workspace, **options), store_only=store_only)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the file and begin to deliver. Raises `OutboxError` where the file cannot be used.

        Raises `RequestError` where the engine belongs to another thread, and nothing would be delivered.
        """
        if self._closed:
            said = f"{self.spec.path}: this outbox was closed: make another one"
            raise OutboxError(said, code="OUTBOX_CLOSED", retryable=False)
        if not self.store_only:
            self.engine.claim()
        store = await self._open_store()
        self._store = store
        try:
            await self._begin(store)
        except BaseException:  # whatever it is, nothing stays open
            await self.close(0.0)
            raise

    async def _open_store(self) -> FileStore:
        spec = self.spec
        options = FileOptions(
            spec.dedupe, spec.keep, spec.oldest, spec.most_bytes, spec.synchronous, spec.recent
        )
        work = partial(
            FileStore.open, spec.path, options, worker=not self.store_only, accept_loss=self._accept_loss
        )
        opening = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)  # a thread cannot be stopped
            raise

    async def _begin(self, store: FileStore) -> None:
        spec = self.spec
        self._router = Router(
            self._targets, store.register([target.name for target in self._targets]), store.now
        )
        writer = self._writer = Writer(store)
        if spec.recent:
            self._tallies = Tallies(writer, store.now)
            self._counting = asyncio.create_task(self._tallies.keep_written())
        if not self.store_only:
            self._loop = asyncio.get_running_loop()
            self._set_upkeep(writer, self._router)
            self._dispatch = self._make_dispatch(writer, store)
            await self._dispatch.start(self._router)

    def _make_dispatch(self, writer: Writer, store: FileStore) -> Dispatch | Forwarding:
        """Return what takes rows out of the file: pumps that deliver them, or one that feeds a broker."""
        if self.engine.workspace.broker is None:
            dispatch = Dispatch(self.engine, writer, store, recent=self.spec.recent, tallies=self._tallies)
            dispatch.on_try = self._on_try
            return dispatch
        from actions_core.delivery.jetstream.forwarding import Forwarding

        return Forwarding(self.engine, writer, lambda: store.now() / _MILLISECONDS)

    @staticmethod
    def _set_upkeep(writer: Writer, router: Router) -> None:
        """Say what upkeep must know of the workspace."""
        targets = router.targets.values()
        longest = int(max([target.retry.cap for target in targets], default=0.0) * _MILLISECONDS)
        writer.longest = longest + max([each.batch.age for each in targets if each.batch], default=0)
        writer.delivered = {number for number, target in router.targets.items() if target.enabled}
        writer.active = set(router.targets)  # last: upkeep begins with it

    async def replace(self, workspace: Workspace) -> None:
        """Take up a changed workspace, all or nothing, while events are accepted and delivered.

        Raises `WorkspaceError` with every problem, and goes on as before then. What is in progress ends by
        the old workspace, what waits is delivered by the new one. Deliveries of a subscription that is gone
        wait for `oldest`, then become dead letters (`SUBSCRIPTION_GONE`). An instance that was gone is
        delivered to again if its settings have changed. The outbox's own options cannot change here.
        """
        async with self._replacing:
            before = self.engine.workspace
            kept = {"outbox": (before.outbox, workspace.outbox), "broker": (before.broker, workspace.broker)}
            if changed := [key for key, (old, new) in kept.items() if old != new]:
                problems = [
                    Problem(f"$.{key}", f"the {key} cannot be changed while it is open: start anew for it")
                    for key in changed
                ]
                raise WorkspaceError(f"{workspace.source} is faulty:", problems=problems)
            compiled = self.engine.compile(workspace)
            targets = find_targets(workspace, compiled.instances.values())
            router = None
            if self._writer is not None and self._store is not None:
                names = [target.name for target in targets]
                numbers = await self._writer.run(lambda store: store.register(names))
                router = Router(targets, numbers, self._store.now)
            self.engine.replace(compiled)
            self._targets = targets
            if router is None or self._writer is None:
                return
            self._router = router
            if self._dispatch is not None:
                self._set_upkeep(self._writer, router)
                await self._dispatch.replace(router)

    # Accepting.

    async def enqueue(self, event: Json) -> Receipt:
        """Accept an event: it is on disk when this returns.

        Raises `EventError` when it is not an event, and `OutboxError` or `OutboxFullError` when it could not
        be stored: it is not accepted then.
        """
        self._parts()
        return await self._callers.accept(self.check(event))

    async def enqueue_many(
        self, events: Iterable[Json] | AsyncIterable[Json], *, group: int = _GROUP
    ) -> AsyncIterator[Receipt]:
        """Accept events as they come, in groups, and yield the receipt of each in their order.

        Input that is not an event gets a receipt with an `error`. Raises `OutboxError` when events could not
        be stored; those without a receipt are not accepted then. What the source raises comes after those.
        """
        async for some in in_groups(events, group):
            taken: list[CheckedEvent | EventError] = []
            for event in some:
                try:
                    taken.append(self.check(event))
                except EventError as error:
                    taken.append(error)
            good = [item for item in taken if not isinstance(item, EventError)]
            receipts = iter(await self.enqueue_checked(good))
            for item in taken:
                yield Receipt("", error=item) if isinstance(item, EventError) else next(receipts)

    async def enqueue_group(
        self, events: Sequence[Json], position: InputPosition | None = None
    ) -> list[Receipt]:
        """Accept events all or none, in one transaction with how far their file has been read."""
        return await self.enqueue_checked([self.check(event) for event in events], position)

    def check(self, event: Json, wanted: Callable[[tuple[str, str]], bool] | None = None) -> CheckedEvent:
        """Return an event as it is stored. Raises `EventError` when it is not an event."""
        made = isinstance(event, dict) and event.get("messageId") in (None, "")
        return CheckedEvent(self.engine.check(event), made, wanted)

    async def enqueue_checked(
        self, events: Sequence[CheckedEvent], position: InputPosition | None = None
    ) -> list[Receipt]:
        """Accept events that were checked, as `enqueue_group` does."""
        if not events and position is None:
            return []
        writer, router = self._parts()
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise OutboxError(
                "the outbox delivers in the event loop that opened it, and accepts events in no other: use "
                "BackgroundEngine, which any thread may post to, or an outbox that is store_only",
                code="OTHER_LOOP",
                retryable=False,
            )
        holders: dict[int, Pump] = {}
        dispatch = self._dispatch
        reserve = None if dispatch is None or self._closing else partial(_reserve, dispatch, holders)
        arrivals = [
            router.arrival(each.event, made_id=each.made_id, reserve=reserve, wanted=each.wanted)
            for each in events
        ]
        hand_over = None if dispatch is None else partial(_hand_over, dispatch, holders, arrivals)
        try:
            # Whoever waits may be cancelled; what is accepted is delivered all the same.
            accepting = writer.accept(arrivals, position, hand_over)
        except BaseException:  # whatever it is, the places that were kept are free again
            if hand_over is not None:
                hand_over(None)
            raise
        # Before handlers have the events, which may change them.
        ids = [message_id_of(each.event) or "" for each in events]
        accepted = await accepting
        if self._tallies is not None:
            self._tallies.note_accepted(arrivals, accepted)
        return [
            Receipt(message_id, each.duplicate, 0 if each.duplicate else len(arrival.deliveries))
            for message_id, arrival, each in zip(ids, arrivals, accepted, strict=True)
        ]

    def store_at_once(self, given: CheckedEvent) -> None:
        """Accept an event without awaiting: whoever calls waits for the disk."""
        writer, router = self._parts()
        arrival = router.arrival(given.event, made_id=given.made_id, wanted=given.wanted)
        (accepted,) = writer.accept_from_thread([arrival]).result()
        if self._tallies is not None:
            self._tallies.note_accepted([arrival], [accepted])
        if self._dispatch is not None:
            _hand_over(self._dispatch, {}, [arrival], [accepted])

    async def read_position(self, path: str) -> InputPosition | None:
        """Return how far a file of events has been read."""
        writer, _ = self._parts()
        return await writer.run(lambda store: store.read_position(path))

    @property
    def on_try(self) -> Callable[[Settled], None] | None:
        """Told of each try and what follows from it, in the event loop; it must not raise or block."""
        return self._on_try

    @on_try.setter
    def on_try(self, told: Callable[[Settled], None] | None) -> None:
        self._on_try = told
        if isinstance(self._dispatch, Dispatch):
            self._dispatch.on_try = told

    # Looking, ending.

    async def drain(self, timeout: float | None = None) -> list[Backlog]:  # noqa: ASYNC109 - as everywhere in this API
        """Wait until nothing is due, at most `timeout` seconds, and return what is left.

        What waits for a later try does not count; batches go before they are full meanwhile. Raises
        `OutboxError` once the file can no longer be used.
        """
        writer, _ = self._parts()
        if self._dispatch is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._until_idle(self._dispatch, writer)
        return await self.backlog()

    async def _until_idle(self, dispatch: Dispatch | Forwarding, writer: Writer) -> None:
        await dispatch.until_ready()
        pumps: set[Pump] = set()
        try:
            while not (self._stopped or self.closed):
                for pump in set(dispatch.pumps.values()) - pumps:  # a changed workspace starts others
                    pumps.add(pump)
                    pump.flush(on=True)
                    pump.look()
                await asyncio.sleep(0)
                if dispatch.is_idle and pumps.issuperset(dispatch.pumps.values()):
                    break
                await asyncio.sleep(0.02)  # nobody tells
            await writer.wait_noted(1)
        finally:
            for pump in pumps:
                pump.flush(on=False)

    @property
    def place(self) -> str:
        """The path of the file, for people."""
        return str(self.spec.path)

    @property
    def closed(self) -> str:
        """The reason why the file can no longer be used, such as that it was deleted; empty while it can."""
        return "" if self._store is None else self._store.closed

    @property
    def in_progress(self) -> int:
        """How many requests are in progress here; not those that wait for a breaker or a rate."""
        pumps = set() if self._dispatch is None else set(self._dispatch.pumps.values())
        return sum([pump.budget.in_progress for pump in pumps])

    @property
    def handed_over(self) -> int:
        """How many deliveries a broker has taken over from this process."""
        return 0 if self._dispatch is None else self._dispatch.handed_over

    @property
    def is_connecting(self) -> bool:
        """True while the first connection to a broker is being made, and nothing has gone wrong yet."""
        return self._dispatch is not None and not self._dispatch.is_ready and not self._dispatch.trouble

    @property
    def broker_error(self) -> str:
        """The reason why the broker takes nothing at present; empty while it does, and without a broker."""
        return "" if self._dispatch is None else self._dispatch.trouble

    async def backlog(self) -> list[Backlog]:
        """Return what waits for each instance, with the state of its breaker and its budget here."""
        store = self._opened()
        found = await asyncio.to_thread(store.backlog)
        return [self._with_limits(each) for each in found]

    def _with_limits(self, backlog: Backlog) -> Backlog:
        pump = None if self._dispatch is None else self._dispatch.pumps.get(backlog.instance)
        if pump is None:
            return backlog
        return attrs.evolve(
            backlog,
            breaker=pump.breaker.state,
            cap=int(pump.budget.cap),
            learned_rate=pump.budget.learned_rate,
        )

    @property
    def dead_letters(self) -> DeadLetters:
        """The deliveries that were given up."""
        writer, _ = self._parts()
        return DeadLetters(WriterLetters(writer))

    @property
    def look(self) -> FileLook:
        """The questions of those who only look: what was delivered, what waits. Any thread may ask them."""
        return self._opened().look

    async def stop(self, grace: float = GRACE) -> None:
        """Take nothing out of the file any more, and give what is in progress `grace` seconds.

        Events are still accepted, and left in the file.
        """
        self._closing = True
        if self._dispatch is not None:
            try:
                await self._dispatch.close(grace)
            finally:
                self._stopped = True
        if self._writer is not None:
            await self._writer.wait_noted(1)
        if self._counting is not None and self._tallies is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
            await self._tallies.write()

    async def close(self, grace: float = GRACE) -> None:
        """Stop, give back what this process holds, and close the file and the engine."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._loop is None or not self._loop.is_closed():  # else its pumps have ended with it
                await self.stop(grace)
        finally:
            try:
                if self._writer is not None:
                    await asyncio.to_thread(self._writer.close)
                elif self._store is not None:
                    self._store.close()
            finally:
                await self.engine.close(0.0)

    def _parts(self) -> tuple[Writer, Router]:
        if self._writer is None or self._router is None:
            raise OutboxError(
                "the outbox is not open: use 'async with', or await open()",
                code="OUTBOX_CLOSED",
                retryable=False,
            )
        return self._writer, self._router

    def _opened(self) -> FileStore:
        self._parts()
        assert self._store is not None  # noqa: S101 - it is made before the others; the type checker cannot know
        return self._store


def _close_opened(opening: asyncio.Future[FileStore]) -> None:
    """Close what was opened for somebody who has gone."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _spec(workspace: Workspace, path: str | os.PathLike[str] | OutboxSpec | None) -> OutboxSpec:
    if isinstance(path, OutboxSpec):
        return path
    if path is not None:
        from pathlib import Path

        given = workspace.outbox
        return OutboxSpec(Path(path)) if given is None else attrs.evolve(given, path=Path(path))
    if workspace.outbox is None:
        raise WorkspaceError(
            f'{workspace.source} has no outbox: give it one, such as "outbox": "events.db", or name a file'
        )
    return workspace.outbox


def _reserve(dispatch: Dispatch | Forwarding, holders: dict[int, Pump], number: int) -> bool:
    """Keep a place in the pump of a subscription for a row that is being accepted."""
    pump = dispatch.pump_of.get(number)
    if pump is None or not pump.reserve(number):
        return False
    holders[number] = pump
    return True


def _hand_over(
    dispatch: Dispatch | Forwarding,
    holders: Mapping[int, Pump],
    arrivals: Sequence[Arrival],
    accepted: Sequence[Acceptance] | None,
) -> None:
    """Give what was accepted to the pumps that have kept a place for it, also if they are closing now."""
    for place, arrival in enumerate(arrivals):
        event = None if accepted is None else accepted[place].event
        for row in arrival.deliveries:
            if row.owned:
                pump, owned = holders[row.subscription], None
                if event is not None:
                    step = arrival.step if arrival.step is not None and pump.keeps(row.size) else None
                    owned = Claimed(event, row.subscription, 0, None, None, arrival.body, step)
                pump.hand_over(owned)
            elif event is not None and (other := dispatch.pump_of.get(row.subscription)) is not None:
                other.note_stored(row.subscription, row.size)
