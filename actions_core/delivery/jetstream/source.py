"""The deliveries of one instance in a broker, as a pump takes and settles them.

What a worker takes stays in its hands until its outcome is in the broker. Signs of life keep it there; what
comes a second time meanwhile, since the connection was lost, is settled with the first. A message has one
event, or those of a batch: these are claimed together where the worker sends batches, and one by one where it
does not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.confirming import ACK, Confirmer, Ending, Held, Tried
from actions_core.delivery.jetstream.layout import pause
from actions_core.delivery.jetstream.messages import CALL_FOR_WORKER, Delivery, place_of
from actions_core.delivery.jetstream.pulling import Puller
from actions_core.delivery.store import Claim, Claimed, Settlement
from actions_core.values.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from nats.aio.msg import Msg

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Consumer, Layout
    from actions_core.delivery.rules import BatchSize
    from actions_core.engine.executor import Breaker

_LOGGER: Final = logging.getLogger("actions_core")
_MILLISECONDS: Final = 1000
#: Seconds until a delivery comes again whose subscription is not known here, or disabled.
_UNKNOWN_PAUSE: Final = 30.0
_DISABLED_PAUSE: Final = 300.0
#: Seconds until a delivery is given up whose subscription nobody knows.
_UNKNOWN_LONGEST: Final = 3600.0
#: Seconds until what a worker gives back when it ends goes to another one.
_HANDED_BACK: Final = 0.1
_SIGN_SHARE: Final = 3
#: Messages of an instance that is sent batches: each may be as large as the broker allows.
_MOST_BATCHES: Final = 32
_IN_PROGRESS: Final = b"+WPI"
_TERM: Final = b"+TERM"


@attrs.frozen
class SourceOptions:
    """The limits of a source: how many requests run at once, and the seconds of `BrokerSpec.takeover`.

    `known` are the numbers of the subscriptions, `batches` those that are sent in batches, `waiting` the
    names of those that are known and disabled.
    """

    concurrency: int
    takeover: float
    known: Mapping[str, int]
    batches: frozenset[int] = frozenset()
    waiting: frozenset[str] = frozenset()
    oldest: float = 604800.0


class Source:
    """The deliveries of one instance: pulled, claimed and settled in the running event loop.

    Nothing is pulled while the `breaker` is open; `arrived` is called when there is something to claim.
    """

    def __init__(
        self,
        connection: Connection,
        layout: Layout,
        instance: str,
        consumers: list[Consumer],
        options: SourceOptions,
        now: Callable[[], float],
    ) -> None:
        self.instance = instance
        self.breaker: Breaker | None = None
        self.arrived: Callable[[], None] = lambda: None
        self._connection = connection
        self._options = options
        self._now = now
        self._confirmer = Confirmer(connection, layout, instance, now)
        self._pullers = [Puller(connection, each, self._take, self._room) for each in consumers]
        self._held: dict[tuple[str, int], Held] = {}
        self._by_number: dict[int, Held] = {}
        self._ready: deque[tuple[Held, int]] = deque()
        self._batches: dict[int, deque[Held]] = {number: deque() for number in options.batches}
        self._count: Counter[Consumer] = Counter()
        self._numbers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._unnoted = 0
        self._noted = asyncio.Event()
        self._signs: asyncio.Task[None] | None = None
        self._paused_until = 0.0
        self._closing = False

    async def open(self) -> None:
        """Begin to pull."""
        self._signs = asyncio.create_task(self._give_signs())
        for puller in self._pullers:
            puller.on_pin = self._wake
            await puller.open()

    async def stop(self) -> None:
        """Pull nothing more; what comes until then is given back."""
        self._closing = True
        await asyncio.gather(*(puller.close() for puller in self._pullers))

    async def close(self, grace: float) -> None:
        """Give back what was not claimed, and wait `grace` seconds for what the broker has not confirmed."""
        waiting = {number for _, number in self._ready}
        waiting.update(number for some in self._batches.values() for held in some for number in held.numbers)
        self._ready.clear()
        self._batches.clear()
        self.settle(Settlement(released=[(number, 0) for number in sorted(waiting)]))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in [*self._tasks, *([self._signs] if self._signs else [])]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_leading(self) -> bool:
        """True where this worker may deliver; an instance with a rate is served by one worker at a time."""
        first = self._pullers[0]
        return not first.consumer.pinned or first.pin is not None

    # What a pump asks.

    @property
    def unnoted(self) -> int:
        """The number of outcomes that the broker has not confirmed."""
        return self._unnoted

    async def claim(self, subscription: int, limit: int) -> Claim:  # noqa: ARG002 - any of the instance is good
        """Return events that go one by one, of whichever subscription."""
        rows: list[Claimed] = []
        while self._ready and len(rows) < limit:
            rows.append(self._row(*self._ready.popleft()))
        return Claim(tuple(rows), 0 if self._ready else None)

    async def claim_batch(self, subscription: int, size: BatchSize) -> Claim:  # noqa: ARG002 - it was made before
        """Return the events of a message of a subscription that is sent in batches."""
        waiting = self._batches.get(subscription)
        if not waiting:
            return Claim((), None)
        held = waiting.popleft()
        rows = tuple(self._row(held, number) for number in held.numbers)
        repeated = held.delivery.repeated or held.given > 1
        return Claim(rows, 0 if waiting else None, repeated)

    def _row(self, held: Held, number: int) -> Claimed:
        delivery = held.delivery
        (text,) = held.texts([number])
        batch = held.first_number if delivery.count > 1 else None
        subscription = self._options.known[delivery.subscription]
        return Claimed(number, subscription, delivery.tries, delivery.first, batch, text)

    async def regroup(
        self,
        subscription: int,  # noqa: ARG002 - the pump's protocol
        groups: Sequence[Sequence[int]],
    ) -> list[int]:
        """Put a message for each group in the place of one, before it is sent.

        They are taken like any other. Raises `BrokerError`, so that nothing is sent from here now.
        """
        held = self._by_number[groups[0][0]]
        held.unsettled.clear()
        await asyncio.wait([self._spawn(held, self._confirmer.divide(held, groups))])
        raise BrokerError("a batch is divided: its parts come by themselves", code="BATCH_DIVIDED")

    def done(self, event: int, subscription: int) -> None:
        """Note that an event is done."""
        self.settle(Settlement(done=[(event, subscription)]))

    def settle(self, settlement: Settlement) -> None:
        """Tell the broker of outcomes."""
        endings: dict[Held, Ending] = {}

        def ending(number: int) -> Ending:
            held = self._by_number.get(number)
            if held is None or number not in held.unsettled:  # its message was divided
                return Ending()
            held.unsettled.discard(number)
            return endings.setdefault(held, Ending())

        for number, _ in settlement.done:
            ending(number).done.append(number)
        for retry in settlement.retries:
            ending(retry.event).retries.append(retry)
        for burial in settlement.burials:
            ending(burial.event).burials.append(burial)
        for number, _ in settlement.released:
            ending(number).released.append(number)
        for held, ended in endings.items():
            whole = len(ended.released) == held.delivery.count
            if whole and self._closing:
                self._spawn(held, self._confirmer.give_back(held, _HANDED_BACK))
            else:
                self._spawn(held, self._confirmer.conclude(held, ended))

    async def wait_noted(self, below: int = 1) -> None:
        """Wait until fewer outcomes than `below` are unconfirmed."""
        while self._unnoted >= below:
            self._noted.clear()
            await self._noted.wait()

    async def pause(self, until: str | None) -> None:
        """Have the broker hand out nothing of this instance, to no worker, until a time; None ends that."""
        for puller in self._pullers:
            await pause(self._connection, puller.consumer, until)

    async def pause_for(self, seconds: float) -> None:
        """Have the broker hand out nothing of this instance for so long, unless that is so already."""
        now = self._now()
        if now + seconds > self._paused_until + 1:
            self._paused_until = now + seconds
            await self.pause(format_time(datetime.fromtimestamp(now + seconds, UTC)))

    # What comes.

    def _room(self, consumer: Consumer) -> int:
        """Return how many messages of a consumer may come now."""
        first = self._pullers[0].consumer
        if self._closing or (consumer is not first and not self.is_leading):
            return 0
        if self.breaker is not None and self.breaker.state != "closed":
            return 1 if self.breaker.wait <= 0 and not self._held else 0
        if consumer.ordered:
            return 1
        most = 2 * self._options.concurrency
        if self._options.batches:
            most = min(most, _MOST_BATCHES)
        free = most - self._count[consumer]
        # Not one by one: a request for each message would cost as much as the message.
        return free if free >= max(1, most // 4) else 0

    async def _take(self, message: Msg, consumer: Consumer) -> None:
        place, given = place_of(message.reply)
        again = self._held.get(place)
        if again is not None:
            again.reply = message.reply
            return
        if place in self._confirmer.unconfirmed:
            await self._connection.tell(message.reply, ACK)
            return
        if self._closing:
            await self._confirmer.nak(message.reply, _HANDED_BACK)
            return
        headers = message.headers or {}
        if CALL_FOR_WORKER in headers:
            await self._connection.tell(message.reply, ACK)
            return
        try:
            delivery = Delivery.from_message(headers, message.data)
        except (KeyError, ValueError):
            _LOGGER.error("broker: message %d of %s is not a delivery, and is dropped", place[1], place[0])  # noqa: TRY400 - its words say all
            await self._connection.tell(message.reply, _TERM)
            return
        if consumer.ordered:
            known = self._recall(consumer, place, given)
            delivery = attrs.evolve(
                delivery,
                tries=known.tries,
                first=known.first,
                status=known.status,
                unknown_since=known.unknown_since,
            )
        self._hold(Held(consumer, place, message.reply, given, delivery, time.monotonic(), self._numbers + 1))

    def _hold(self, held: Held) -> None:
        """Keep a message, and offer its events."""
        numbers = held.numbers
        self._numbers += len(numbers)
        held.unsettled.update(numbers)
        held.open.update(numbers)
        self._held[held.place] = held
        self._by_number.update(dict.fromkeys(numbers, held))
        self._count[held.consumer] += 1
        number = self._options.known.get(held.delivery.subscription)
        if number is None:
            held.unsettled.clear()
            self._spawn(held, self._put_off_unknown(held))
            return
        if number in self._batches:
            self._batches[number].append(held)
        else:
            self._ready.extend((held, each) for each in numbers)
        self.arrived()

    def _recall(self, consumer: Consumer, place: tuple[str, int], given: int) -> Tried:
        """Return the tries of a message in order, as far as they were ours; the broker counts the others."""
        tried = self._confirmer.tried.get(consumer)
        if tried is None or tried.place != place:
            tried = self._confirmer.tried[consumer] = Tried(place, given, given - 1)
        elif given != tried.given + 1:
            tried.tries = given - 1
        tried.given = given
        return tried

    async def _put_off_unknown(self, held: Held) -> None:
        """Put off what this worker's workspace does not know; another one may be newer, or older."""
        delivery = held.delivery
        now = self._confirmer.now_ms()
        since = now if delivery.unknown_since is None else delivery.unknown_since
        disabled = delivery.subscription in self._options.waiting
        longest = self._options.oldest if disabled else _UNKNOWN_LONGEST
        if now - since > longest * _MILLISECONDS:
            reason = "the subscription is disabled" if disabled else "the workspace has no such subscription"
            await self._confirmer.bury_all(held, delivery, "SUBSCRIPTION_GONE", reason)
            return
        wait = _DISABLED_PAUSE if disabled else _UNKNOWN_PAUSE
        later = attrs.evolve(delivery, unknown_since=since)
        await self._confirmer.put_off(held, later, now + int(wait * _MILLISECONDS))

    # What became of it.

    def _spawn(self, held: Held, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if not held.unsettled:
            # It makes room at once: a broker that was killed may have forgotten that we have it, and confirms
            # its outcome only after it has handed it out once more.
            self._count[held.consumer] -= 1
            self._wake()
        self._unnoted += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(held, done))
        return task

    def _ended(self, held: Held, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._unnoted -= 1
        self._noted.set()
        failed = task.cancelled() or task.exception() is not None
        if held.over or (failed and not held.unsettled):
            self._drop(held)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("broker: %s: %s: it comes again", type(error).__name__, error)

    def _drop(self, held: Held) -> None:
        if self._held.get(held.place) is held:
            del self._held[held.place]
        for number in held.numbers:
            self._by_number.pop(number, None)

    def _wake(self) -> None:
        for puller in self._pullers:
            puller.wake()

    async def _give_signs(self) -> None:
        """Tell the broker of what is in these hands for long, so that it gives it to nobody else."""
        share = self._options.takeover / _SIGN_SHARE
        while True:
            await asyncio.sleep(share)
            before = time.monotonic() - share
            for held in [each for each in self._held.values() if each.seen < before]:
                try:
                    await self._connection.tell(held.reply, _IN_PROGRESS)
                except BrokerError:
                    break
