"""The one thread that uses a store: it takes all that has piled up into one transaction.

The more there is to do, the more one commit serves. All outcomes of a transaction go back to an event loop by
one call. What only notes outcomes waits a moment for more of its kind; a crash meanwhile repeats a delivery
at worst. `unnoted` outcomes are counted, so that those who deliver can bound how many.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from concurrent.futures import Future as ThreadFuture
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from actions_core.delivery.errors import OutboxError, OutboxFullError
from actions_core.delivery.file.writer_group import Group, Request, Task
from actions_core.delivery.store import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from actions_core.delivery.file.store import FileStore
    from actions_core.delivery.rules import BatchSize
    from actions_core.delivery.store import Acceptance, Arrival, Claim, InputPosition, Key

    #: A future, its result or error, and who else is told of these.
    _Reply: TypeAlias = tuple[asyncio.Future[Any], Any, BaseException | None, Callable[[Any], None] | None]

_LOGGER: Final = logging.getLogger("actions_core")
_T = TypeVar("_T")

#: Outcomes alone wait for so long, in seconds, or until there are so many.
_LINGER: Final = 0.02
_ENOUGH_OUTCOMES: Final = 100
#: Seconds between two looks for workers that died, and between two rounds of upkeep.
_TICK: Final = 1.0
_UPKEEP: Final = 60.0
#: Seconds between two looks for what holds up others of its key, which read all that waits of its kind.
_ORDER: Final = 600.0
#: What the thread does: it works, waits for more outcomes of its kind, or for anything at all.
_AWAKE: Final = 0
_LINGERING: Final = 1
_IDLE: Final = 2


class Writer:
    """Hands the calls of an event loop, and of any thread, to a store in groups.

    `active` are the numbers of the workspace's subscriptions, `delivered` those that are not disabled, and
    `longest` the longest wait of a delivery in milliseconds: there is no upkeep before `active` is set.
    """

    def __init__(self, store: FileStore) -> None:
        self.active: Collection[int] | None = None
        self.delivered: Collection[int] = ()
        self.longest = 0
        self._store = store
        self._queue: deque[Request | Settlement | None] = deque()
        # Of nearly every event: apart from all else, so that many are taken at once.
        self._done: deque[Key] = deque()
        # To wake the thread for each outcome would cost more than the outcome. A queue of its own, because
        # it may be put into from a signal's handler too.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._state = _AWAKE
        self._closing = self._ended = False
        self._submitted = 0
        self._noted = 0
        self._held: Settlement | None = None
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._replies: list[_Reply] = []
        self._next_tick = 0.0
        self._next_upkeep = 0.0
        self._next_order = 0.0
        self._thread = threading.Thread(target=self._run, name="actions outbox", daemon=True)
        self._thread.start()

    # For callers.

    def accept(
        self,
        arrivals: Sequence[Arrival],
        position: InputPosition | None = None,
        then: Callable[[list[Acceptance] | None], None] | None = None,
    ) -> asyncio.Future[list[Acceptance]]:
        """Return a future of what became of events, done when they are on disk: all of them, or none.

        `then` is called with that in the event loop, with None where they were not stored, also where
        nobody waits for the future any more.
        """
        future: asyncio.Future[list[Acceptance]] = asyncio.get_running_loop().create_future()
        self._put(Request(future, arrivals, then, position))
        return future

    def accept_from_thread(
        self, arrivals: Sequence[Arrival], position: InputPosition | None = None
    ) -> ThreadFuture[list[Acceptance]]:
        """Do the same for a caller without an event loop."""
        future: ThreadFuture[list[Acceptance]] = ThreadFuture()
        self._put(Request(future, arrivals, None, position))
        return future

    def claim(self, subscription: int, limit: int) -> asyncio.Future[Claim]:
        """Return a future of rows that are due, in this worker's hands."""
        return self._claim(lambda store: store.claim(subscription, limit))

    def claim_batch(self, subscription: int, size: BatchSize) -> asyncio.Future[Claim]:
        """Return a future of the rows of a batch that is ready."""
        return self._claim(lambda store: store.claim_batch(subscription, size))

    def regroup(self, subscription: int, groups: Sequence[Sequence[int]]) -> asyncio.Future[list[int]]:
        """Return a future of a batch number for each group of held events."""
        return self._claim(lambda store: store.regroup(subscription, groups))

    def done(self, event: int, subscription: int) -> None:
        """Note that a row is done, soon."""
        if self._closing or self._store.closed:
            raise self._closed()
        self._submitted += 1
        self._done.append((event, subscription))
        if self._state != _AWAKE:
            self._wake(is_awaited=False)

    def settle(self, settlement: Settlement) -> None:
        """Note outcomes, soon. What finds no space on disk is noted as soon as there is some."""
        self._submitted += len(settlement)
        self._put(settlement)

    def run(self, function: Callable[[FileStore], _T]) -> asyncio.Future[_T]:
        """Return a future of what a function of the store gives; it has transactions of its own."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._put(Task(future, function=function))
        return future

    def run_from_thread(self, function: Callable[[FileStore], _T]) -> ThreadFuture[_T]:
        """Do the same for a caller without an event loop."""
        future: ThreadFuture[_T] = ThreadFuture()
        self._put(Task(future, function=function))
        return future

    @property
    def unnoted(self) -> int:
        """The number of outcomes that were handed in and are not on disk yet."""
        return self._submitted - self._noted

    async def wait_noted(self, below: int = 200) -> None:
        """Wait until fewer outcomes than `below` are unnoted: a crash repeats them all."""
        if self.unnoted < below or self._store.closed:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = below, future
        self._waiting.append(entry)
        if self.unnoted < below or self._closing:  # they were noted before the writer could see this one
            with suppress(ValueError):
                self._waiting.remove(entry)
            return
        await future

    def close(self, timeout: float | None = 30.0) -> None:
        """Write what was handed in, give back what this worker holds, and close the store."""
        if not self._closing:
            self._closing = True
            self._queue.append(None)
            self._bell.put(None)
        if not self._store.is_forked:
            self._thread.join(timeout)

    def _claim(self, function: Callable[[FileStore], _T]) -> asyncio.Future[_T]:
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._put(Request(future, function=function))
        return future

    def _put(self, item: Request | Settlement) -> None:
        if self._closing or self._store.closed:
            raise self._closed()
        self._queue.append(item)
        if self._ended:  # meanwhile, and it looks for what to refuse no more
            with suppress(ValueError):  # it has refused this too
                self._queue.remove(item)
                raise self._closed()
        if self._state != _AWAKE:
            self._wake(is_awaited=isinstance(item, Request))

    def _closed(self) -> OutboxError:
        reason = self._store.closed or "the outbox is closed"
        return OutboxError(f"{self._store.path}: {reason}", code="OUTBOX_CLOSED", retryable=False)

    def _wake(self, *, is_awaited: bool) -> None:
        """Wake the thread, unless it waits for more outcomes of the kind that was handed in."""
        if self._state == _IDLE or is_awaited or self.unnoted >= _ENOUGH_OUTCOMES:
            self._state = _AWAKE
            self._bell.put(None)

    # In the thread.

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._closing = True
            try:
                self._store.close()
            except OutboxError as error:
                _LOGGER.error("%s", error)  # noqa: TRY400 - its words say all
            self._ended = True
            self._refuse_the_rest()

    def _turn(self) -> bool:
        """Write one group; return whether more may come."""
        group, goes_on = self._gather()
        if self._held is not None:
            group.settlements.append(self._held)
            self._held = None
        if group.accepts or group.claims or group.outcomes or group.settlements:
            self._write(group)
        for task in group.tasks:
            self._do(task)
        self._send_replies()
        if time.monotonic() >= self._next_tick:
            self._tick(idle=not group.is_awaited)
        return goes_on

    def _gather(self) -> tuple[Group, bool]:
        group = Group()
        linger = 0.0
        goes_on = True
        while not group.is_full:
            while self._queue and not group.is_full:
                item = self._queue.popleft()
                if item is None:
                    goes_on = False
                    break
                group.add(item)
            # After the queue: what was done before a request was handed in is noted with it at the latest.
            self._take_done(group)
            if not goes_on or group.is_awaited or group.outcomes >= _ENOUGH_OUTCOMES:
                break
            now = time.monotonic()
            if group.outcomes:
                linger = linger or now + _LINGER
            until = linger or self._next_tick
            if now >= until:
                break
            self._sleep(_LINGERING if linger else _IDLE, until - now)
        return group, goes_on

    def _take_done(self, group: Group) -> None:
        count, take = len(self._done), self._done.popleft
        group.done += [take() for _ in range(count)]
        group.outcomes += count

    def _sleep(self, state: int, seconds: float) -> None:
        """Wait until there is something to do; in which state tells callers what is worth waking for."""
        self._state = state
        if not (self._queue or self._done):  # what comes from here on sees the state
            with suppress(Empty):
                self._bell.get(timeout=seconds)
        self._state = _AWAKE

    def _write(self, group: Group) -> None:
        settlement = group.settlement()
        durable = bool(group.accepts or settlement.burials)
        try:
            with self._store.transaction(durable=durable, limited=bool(group.accepts)):
                if len(settlement) or settlement.recent:
                    self._store.settle(settlement)
                accepted = self._accept(group.accepts)
                claimed = [_call(request, self._store) for request in group.claims]
        except OutboxFullError:
            if not group.accepts:  # it is not `mostBytes`: the disk is full
                self._store.make_room()
            self._write_apart(group, settlement)
        except OutboxError as error:
            if error.retryable or self._store.closed:
                self._fail([*group.accepts, *group.claims], error)
                self._hold(settlement)
            else:
                self._write_one_by_one(group, settlement)
        except Exception as error:  # noqa: BLE001 - one caller's fault must not be the others'
            _LOGGER.error("outbox: %s: %s", type(error).__name__, error)  # noqa: TRY400 - the caller gets it
            self._write_one_by_one(group, settlement)
        else:
            self._count(settlement)
            for request, result in [*accepted, *zip(group.claims, claimed, strict=True)]:
                self._reply(request, result)

    def _accept(self, requests: list[Request]) -> list[tuple[Request, list[Acceptance]]]:
        if not requests:
            return []
        arrivals = [arrival for request in requests for arrival in request.arrivals]
        positions = [request.position for request in requests if request.position is not None]
        results = self._store.accept(arrivals, positions)
        answers, start = [], 0
        for request in requests:
            end = start + len(request.arrivals)
            answers.append((request, results[start:end]))
            start = end
        return answers

    def _write_apart(self, group: Group, settlement: Settlement) -> None:
        """Write without space: outcomes first, since they free some, then as many events as fit."""
        for part in (
            Settlement(done=settlement.done, released=settlement.released),
            Settlement(retries=settlement.retries),
            *[Settlement(burials=[burial]) for burial in settlement.burials],
        ):
            if len(part):
                self._settle_or_hold(part)
        waiting = group.accepts
        count = max(len(waiting), 1)
        while waiting:
            try:
                answers = self._accept(waiting[:count])
            except OutboxFullError as error:
                if count == 1:
                    self._fail(waiting, error)
                    break
                count = (count + 1) // 2
            except OutboxError as error:
                self._fail(waiting, error)
                break
            else:
                waiting = waiting[count:]
                for request, result in answers:
                    self._reply(request, result)
        for request in group.claims:
            self._do(request)

    def _write_one_by_one(self, group: Group, settlement: Settlement) -> None:
        """Write each request alone after a fault of one of them, so that only that one fails."""
        if len(settlement):
            self._settle_or_hold(settlement)
        for request in group.accepts:
            try:
                self._reply(request, self._accept([request])[0][1])
            except Exception as failure:  # noqa: BLE001 - it is the caller's
                self._fail([request], failure)
        for request in group.claims:
            self._do(request)

    def _settle_or_hold(self, settlement: Settlement) -> None:
        try:
            try:
                self._store.settle(settlement)
            except OutboxFullError:
                self._store.make_room()
                self._store.settle(settlement)
        except OutboxError:
            self._hold(settlement)
        except Exception:  # the thread must go on, for everyone else
            _LOGGER.exception("outbox: outcomes that cannot be noted; these deliveries will be repeated")
            self._count(settlement)
        else:
            self._count(settlement)

    def _hold(self, settlement: Settlement) -> None:
        """Keep outcomes for the next transaction."""
        if not len(settlement):
            return
        if self._store.closed:
            self._count(settlement)
        elif self._held is None:
            self._held = settlement
        else:
            group = Group(settlements=[self._held, settlement])
            self._held = group.settlement()

    def _do(self, request: Request) -> None:
        try:
            result = _call(request, self._store)
        except Exception as error:  # noqa: BLE001 - it is the caller's
            self._fail([request], error)
        else:
            self._reply(request, result)

    def _tick(self, *, idle: bool) -> None:
        now = time.monotonic()
        self._next_tick = now + _TICK
        if self._store.closed:
            return
        try:
            self._store.reap()
            if self.active is not None and now >= self._next_upkeep:
                done = self._store.upkeep(self.active, longest=self.longest)
                self._next_upkeep = now if done.more else now + _UPKEEP
            if self.active is not None and now >= self._next_order:
                more = self._store.leave_order(self.delivered)
                self._next_order = now if more else now + _ORDER
            if idle:
                self._store.vacuum()
        except OutboxError as error:
            _LOGGER.warning("outbox: upkeep failed, and is tried again: %s", error)
        except Exception:  # the thread must go on, for everyone else
            _LOGGER.exception("outbox: upkeep failed, and is tried again")

    def _count(self, settlement: Settlement) -> None:
        self._noted += len(settlement)
        for _ in range(len(self._waiting)):
            try:
                below, future = self._waiting.popleft()
            except IndexError:  # whoever waited has taken it back
                break
            if self.unnoted < below or self._store.closed:
                self._replies.append((future, None, None, None))
            else:
                self._waiting.append((below, future))

    def _reply(self, request: Request, result: Any) -> None:
        if isinstance(request.future, ThreadFuture):
            request.future.set_result(result)
        else:
            self._replies.append((request.future, result, None, request.then))

    def _fail(self, requests: Sequence[Request], error: Exception) -> None:
        for request in requests:
            if isinstance(request.future, ThreadFuture):
                request.future.set_exception(error)
            else:
                self._replies.append((request.future, None, error, request.then))

    def _send_replies(self) -> None:
        """Hand all results to their event loops, by one call for each."""
        if not self._replies:
            return
        replies, self._replies = self._replies, []
        loops = {reply[0].get_loop() for reply in replies}
        for loop in loops:
            own = replies if len(loops) == 1 else [reply for reply in replies if reply[0].get_loop() is loop]
            with suppress(RuntimeError):  # that loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, own)

    def _refuse_the_rest(self) -> None:
        error = OutboxError(
            f"{self._store.path}: the outbox is closed", code="OUTBOX_CLOSED", retryable=False
        )
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Request):
                self._fail([item], error)
        with suppress(IndexError):
            while True:
                self._replies.append((self._waiting.popleft()[1], None, None, None))
        self._send_replies()


def _call(request: Request, store: FileStore) -> Any:
    function = request.function
    if function is None:
        raise RuntimeError("a request without a function")
    return function(store)


def _resolve(replies: list[_Reply]) -> None:
    for future, result, error, then in replies:
        if then is not None:
            then(None if error is not None else result)
        if future.done():
            continue  # whoever waited has gone
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
