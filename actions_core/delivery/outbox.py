"""An outbox: events are on disk when they are accepted, and are delivered from there until they are done.

    enqueue ─► route ─► writer ─► file ─► pump of each instance ─► engine ─► verdict ─► file

At least once, with one idempotency key for each event and subscription: after a crash, what was in progress
goes again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, Unpack

import attrs

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileOptions, FileStore, Writer, WriterLetters
from actions_core.delivery.groups import in_groups
from actions_core.delivery.letters import DeadLetters
from actions_core.delivery.pump import Pump
from actions_core.delivery.routing import Router, find_targets
from actions_core.delivery.rules import Again, Dead, Done
from actions_core.delivery.store import Claimed, RecentDelivery, Settlement
from actions_core.engine import Engine
from actions_core.engine.executor import Breaker, RateBudget
from actions_core.engine.workspace import OutboxSpec, Workspace
from actions_core.errors import EventError, WorkspaceError
from actions_core.values.events import message_id_of
from actions_core.values.json_bytes import read_stored, stored_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from actions_core.delivery.pump import Settled
    from actions_core.delivery.routing import Target
    from actions_core.delivery.store import Acceptance, Arrival, Backlog, InputPosition
    from actions_core.engine.engine import Options
    from actions_core.engine.results import Result
    from actions_core.values.types import Json, JsonObject

_LOGGER: Final = logging.getLogger("actions_core")
_GRACE: Final = 10.0
#: The most events that one call of the writer is given by `enqueue_many`.
_GROUP: Final = 256
#: Seconds between two looks at the states of instances that another program may have changed.
_LOOK: Final = 1.0
#: A shorter pause of an instance is not worth a transaction.
_LONG_PAUSE: Final = 5.0
_GONE: Final = 410
_MILLISECONDS: Final = 1000


@attrs.frozen
class Receipt:
    """The receipt of an event: it is on disk, for so many `deliveries`.

    A `duplicate` has a messageId that is known, and is not delivered again. `error` is set, by
    `enqueue_many` only, for input that was not an event, which is not stored.
    """

    message_id: str
    duplicate: bool = False
    deliveries: int = 0
    error: EventError | None = None


@attrs.frozen
class CheckedEvent:
    """An event as it is stored. `made_id` tells that its messageId was made here.

    `wanted` says, by the names of instance and subscription, for which deliveries it is stored; None for all.
    """

    event: JsonObject
    made_id: bool = False
    wanted: Callable[[tuple[str, str]], bool] | None = None


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
        #: Told of each try and what follows from it, in the event loop; it must not raise or block.
        self.on_try: Callable[[Settled], None] | None = None
        self._targets = find_targets(engine)
        self._store_only = store_only
        self._accept_loss = accept_loss
        self._pumps: dict[str, Pump] = {}
        self._pump_of: dict[int, Pump] = {}
        #: Pumps of instances that are gone, while they close.
        self._retired: list[Pump] = []
        self._paused_until: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writer: Writer | None = None
        self._store: FileStore | None = None
        self._router: Router | None = None
        self._closing = False

    def __repr__(self) -> str:
        return f"<Outbox {self.spec.path}>"

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, store_only: bool = False, **options: Unpack[Options]
    ) -> Outbox:
        """Make an outbox for the workspace in a file, which says where it is; `options` are the engine's."""
        workspace = Workspace.from_file(os.fspath(path))
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
        """Open the file and begin to deliver. Raises `OutboxError` where the file cannot be used."""
        spec = self.spec
        options = FileOptions(
            spec.dedupe, spec.keep, spec.oldest, spec.most_bytes, spec.synchronous, spec.recent
        )
        store = await asyncio.to_thread(
            FileStore.open, spec.path, options, worker=not self._store_only, accept_loss=self._accept_loss
        )
        self._store = store
        numbers = store.register([target.name for target in self._targets])
        states = store.states()
        router = self._router = Router(self._targets, numbers)
        writer = self._writer = Writer(store)
        writer.longest = int(max([target.retry.cap for target in self._targets], default=0.0) * _MILLISECONDS)
        if not self._store_only:
            writer.active = set(router.targets)
            for instance in {target.instance.id for target in self._targets if target.enabled}:
                state = states.get(instance)
                if state is None or state.state != "gone":
                    self._start_pump(instance, None if state is None else state.until)
            self._spawn(self._watch_states())

    def _start_pump(self, instance: str, until: int | None = None) -> None:
        writer, router = self._parts()
        own = {
            number: target
            for number, target in router.targets.items()
            if target.instance.id == instance and target.enabled
        }
        admission = next(iter(own.values())).instance.lane.connection.admission
        breaker = Breaker() if admission is None else admission.breaker
        budget = RateBudget(50) if admission is None else admission.budget
        store = self._opened()
        if until is not None and until > store.now():
            budget.pause(time.monotonic() + (until - store.now()) / _MILLISECONDS)
        pump = Pump(
            writer,
            {number: target.retry for number, target in own.items()},
            self._deliver,
            breaker=breaker,
            budget=budget,
            now=lambda: store.now() / _MILLISECONDS,
            note=self._note,
        )
        self._pumps[instance] = pump
        self._pump_of.update(dict.fromkeys(own, pump))
        pump.start()

    # Accepting.

    async def enqueue(self, event: Json) -> Receipt:
        """Accept an event: it is on disk when this returns.

        Raises `EventError` when it is not an event, and `OutboxError` or `OutboxFullError` when it could not
        be stored: it is not accepted then.
        """
        (receipt,) = await self.enqueue_checked([self.check(event)])
        return receipt

    async def enqueue_many(
        self, events: Iterable[Json] | AsyncIterable[Json], *, group: int = _GROUP
    ) -> AsyncIterator[Receipt]:
        """Accept events as they come, in groups, and yield the receipt of each in their order.

        Input that is not an event gets a receipt with an `error`. Raises `OutboxError` when events could not
        be stored; those without a receipt are not accepted then.
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
        holders: dict[int, Pump] = {}
        reserve = None if self._store_only or self._closing else partial(self._reserve, holders)
        arrivals = [
            router.arrival(each.event, made_id=each.made_id, reserve=reserve, wanted=each.wanted)
            for each in events
        ]
        try:
            accepting = writer.accept(arrivals, position)
        except BaseException:
            self._hand_over(arrivals, None, holders)
            raise
        # Whoever waits may be cancelled; what is accepted is delivered all the same.
        accepting.add_done_callback(lambda done: self._hand_over(arrivals, _result_of(done), holders))
        accepted = await asyncio.shield(accepting)
        return [
            Receipt(
                message_id_of(given.event) or "",
                each.duplicate,
                0 if each.duplicate else len(arrival.deliveries),
            )
            for given, arrival, each in zip(events, arrivals, accepted, strict=True)
        ]

    async def read_position(self, path: str) -> InputPosition | None:
        """Return how far a file of events has been read."""
        writer, _ = self._parts()
        return await writer.run(lambda store: store.read_position(path))

    def _reserve(self, holders: dict[int, Pump], number: int) -> bool:
        pump = self._pump_of.get(number)
        if pump is None or not pump.reserve(number):
            return False
        holders[number] = pump
        return True

    def _hand_over(
        self,
        arrivals: Sequence[Arrival],
        accepted: Sequence[Acceptance] | None,
        holders: Mapping[int, Pump],
    ) -> None:
        """Give what was accepted to the pumps that have kept a place for it, also if they are closing now."""
        for place, arrival in enumerate(arrivals):
            event = None if accepted is None else accepted[place].event
            for row in arrival.deliveries:
                if row.owned:
                    body = arrival.body
                    owned = None if event is None else Claimed(event, row.subscription, 0, None, None, body)
                    holders[row.subscription].hand_over(owned)
                elif (pump := self._pump_of.get(row.subscription)) is not None:
                    pump.look()

    # Delivering.

    async def _deliver(self, row: Claimed) -> Result:
        target = self._target(row.subscription)
        event: Any = read_stored(row.body)
        (step,) = target.instance.route(event, only=target.pipeline)
        if step.skipped is not None:
            return step.skipped.of_event(message_id_of(event))
        return await self.engine.attempt(target.lane, step)

    def _note(self, settled: Settled) -> None:
        """Tell observers of what became of a try, and keep what others look at."""
        if self.on_try is not None:
            self.on_try(settled)
        result = settled.result
        if isinstance(settled.verdict, Done | Dead):
            final = attrs.evolve(result, tries=settled.tries)
            self.engine.note_outcome(final)
            if self.spec.recent:
                self._keep_recent(settled, final)
        elif isinstance(settled.verdict, Again):
            self.engine.note_retry(result)
        error = result.error
        if error is not None and error.status == _GONE:
            self._spawn(self._retire(result.instance, str(error)))
        until = self._pumps[result.instance].budget.paused_until if result.instance in self._pumps else 0.0
        now = time.monotonic()
        if until - now > _LONG_PAUSE and until - self._paused_until.get(result.instance, 0.0) > _LONG_PAUSE:
            self._paused_until[result.instance] = until
            self._spawn(self._note_pause(result.instance, until - now))

    def _keep_recent(self, settled: Settled, result: Result) -> None:
        writer, _ = self._parts()
        response = result.response
        event: Any = read_stored(settled.row.body)
        mask = self._target(settled.row.subscription).lane.connection.mask
        entry = RecentDelivery(
            self._opened().now(),
            message_id_of(event) or "",
            result.instance,
            result.subscription,
            str(result.status),
            result.reason,
            mask.text(settled.row.body),
            "" if result.request is None else stored_text(result.to_dict()["request"]),
            "" if response is None else response.text[:2000],
        )
        with suppress(OutboxError):
            writer.settle(Settlement(recent=[entry]))

    async def _retire(self, instance: str, reason: str) -> None:
        """Stop delivering to an instance that is gone, until it is resumed; its events wait."""
        pump = self._pumps.pop(instance, None)
        if pump is None:
            return
        for number in pump.subscriptions:
            self._pump_of.pop(number, None)
        writer, _ = self._parts()
        await writer.run(lambda store: store.set_state(instance, "gone", reason=reason))
        _LOGGER.error("outbox: %s is gone, and its events wait until it is resumed: %s", instance, reason)
        self._retired.append(pump)
        # Not cancelled: a claim that is thrown away leaves its rows in this worker's hands.
        await pump.close(_GRACE)
        self._retired.remove(pump)

    async def _note_pause(self, instance: str, seconds: float) -> None:
        writer, _ = self._parts()

        def note(store: FileStore) -> None:
            until = store.now() + int(seconds * _MILLISECONDS)
            store.set_state(instance, "paused", until=until, reason="Retry-After")

        await writer.run(note)

    async def _watch_states(self) -> None:
        """Deliver again to instances that somebody has resumed."""
        writer, router = self._parts()
        enabled = {target.instance.id for target in router.targets.values() if target.enabled}
        while not self._closing:
            await asyncio.sleep(_LOOK)
            missing = enabled - self._pumps.keys()
            if not missing or self._closing:
                continue
            states = await writer.run(lambda store: store.states())
            for instance in missing:
                if instance not in states or states[instance].state != "gone":
                    for target in router.targets.values():
                        if target.instance.id == instance:
                            target.lane.disabled = ""
                    self._start_pump(instance)

    # Looking, ending.

    async def drain(self, timeout: float | None = None) -> list[Backlog]:  # noqa: ASYNC109 - as everywhere in this API
        """Wait until nothing is due, at most `timeout` seconds, and return what is left.

        What waits for a later try does not count.
        """
        writer, _ = self._parts()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                for pump in self._pumps.values():
                    pump.look()
                await asyncio.sleep(0)
                while not all(pump.is_idle for pump in self._pumps.values()):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.02)
                await writer.wait_noted(1)
        return await self.backlog()

    @property
    def in_progress(self) -> int:
        """How many deliveries are in progress here."""
        return sum([pump.in_progress for pump in self._pumps.values()])

    async def backlog(self) -> list[Backlog]:
        """Return what waits for each instance, with the state of its breaker and its budget here."""
        store = self._opened()
        found = await asyncio.to_thread(store.backlog)
        return [self._with_limits(each) for each in found]

    def _with_limits(self, backlog: Backlog) -> Backlog:
        pump = self._pumps.get(backlog.instance)
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

    async def close(self, grace: float = _GRACE) -> None:
        """Take nothing out of the file any more, give what is in progress `grace` seconds, and close."""
        if self._closing:
            return
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        pumps = [*self._pumps.values(), *self._retired]
        await asyncio.gather(*(pump.close(grace) for pump in pumps), return_exceptions=True)
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)
        await self.engine.close(0.0)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("outbox: %s: %s", type(error).__name__, error)

    def _target(self, number: int) -> Target:
        return self._parts()[1].targets[number]

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


def _result_of(done: asyncio.Future[list[Acceptance]]) -> list[Acceptance] | None:
    return None if done.cancelled() or done.exception() is not None else done.result()
