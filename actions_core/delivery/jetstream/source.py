"""The deliveries of one instance in a broker, as a pump takes and settles them.

What a worker takes stays in its hands until its outcome is in the broker: acknowledged where it is done,
scheduled where it goes again, buried where it was given up. Each step is repeated until the broker confirms
it, and the message goes last: a crash in between leaves two copies, and loses none. Signs of life keep a
message in these hands; a message that comes a second time meanwhile, since the connection was lost, is
settled with the first.

In order, a partition's message stays where it is while it is put off: the broker hands out the next one when
it is settled, and counts the tries.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.delivery.errors import BrokerError, OutboxError
from actions_core.delivery.jetstream.layout import NANOSECONDS, pause
from actions_core.delivery.jetstream.messages import (
    CALL_FOR_WORKER,
    SCHEDULE,
    SCHEDULE_TARGET,
    Delivery,
    place_of,
)
from actions_core.delivery.jetstream.pulling import Puller
from actions_core.delivery.store import Claim, Claimed
from actions_core.values.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from nats.aio.msg import Msg

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Consumer, Layout
    from actions_core.delivery.rules import BatchSize
    from actions_core.delivery.store import Burial, Retry, Settlement
    from actions_core.engine.executor import Breaker

_LOGGER: Final = logging.getLogger("actions_core")
_MILLISECONDS: Final = 1000
#: Seconds between two tries to tell the broker something.
_REPEAT: Final = 0.5
#: Seconds until a delivery comes again whose subscription is not known here, and until it is given up.
_UNKNOWN_PAUSE: Final = 30.0
_UNKNOWN_LONGEST: Final = 3600.0
#: Seconds until a delivery that was not tried goes to another worker.
_NOT_TRIED_PAUSE: Final = 1.0
_HANDED_BACK: Final = 0.1
_SIGN_SHARE: Final = 3
#: How often an outcome is told while the broker is there, and the seconds that it has for its answer.
_ACK_TRIES: Final = 5
_ACK_TIME: Final = 2.0
#: Outcomes that the broker did not confirm, and that are remembered.
_MOST_UNCONFIRMED: Final = 10_000
_ACK: Final = b"+ACK"
_IN_PROGRESS: Final = b"+WPI"
_TERM: Final = b"+TERM"


@attrs.define(eq=False)
class _Held:
    """A message in this worker's hands. `reply` is where its outcome is acknowledged."""

    number: int
    consumer: Consumer
    place: tuple[str, int]
    reply: str
    delivery: Delivery
    seen: float


@attrs.define
class _Tried:
    """The tries of a message that stays where it is while it is put off, handed out `given` times by then."""

    place: tuple[str, int]
    given: int
    tries: int = 0
    first: int | None = None
    status: int | None = None
    unknown_since: int | None = None


@attrs.frozen
class SourceOptions:
    """The limits of a source: how many requests run at once, and the seconds of `BrokerSpec.takeover`.

    `known` are the numbers of the subscriptions, `waiting` the names of those that are known and disabled.
    """

    concurrency: int
    takeover: float
    known: Mapping[str, int]
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
        self._layout = layout
        self._options = options
        self._now = now
        self._pullers = [Puller(connection, each, self._take, self._room) for each in consumers]
        self._held: dict[tuple[str, int], _Held] = {}
        self._by_number: dict[int, _Held] = {}
        self._ready: deque[_Held] = deque()
        self._count: Counter[Consumer] = Counter()
        #: The latest message of each partition; there is one at a time.
        self._tried: dict[Consumer, _Tried] = {}
        self._unconfirmed: dict[tuple[str, int], None] = {}
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
        for held in list(self._ready):
            self._give_back(held)
        self._ready.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in [*self._tasks, *([self._signs] if self._signs else [])]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def held(self) -> int:
        """The number of messages in these hands."""
        return len(self._held)

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
        """Return what has been pulled, of whichever subscription."""
        rows: list[Claimed] = []
        while self._ready and len(rows) < limit:
            held = self._ready.popleft()
            delivery = held.delivery
            number = self._options.known[delivery.subscription]
            rows.append(Claimed(held.number, number, delivery.tries, delivery.first, None, delivery.text))
        return Claim(tuple(rows), 0 if self._ready else None)

    async def claim_batch(self, subscription: int, size: BatchSize) -> Claim:  # noqa: ARG002 - none come
        """Return nothing: events come one by one."""
        return Claim((), None)

    async def regroup(self, subscription: int, groups: Sequence[Sequence[int]]) -> list[int]:  # noqa: ARG002
        """Return nothing, as there are no batches."""
        return []

    def done(self, event: int, subscription: int) -> None:  # noqa: ARG002 - the message says it
        """Acknowledge a delivery that is done."""
        held = self._by_number[event]
        self._spawn(held, self._finish(held))

    def settle(self, settlement: Settlement) -> None:
        """Tell the broker of outcomes."""
        for key in settlement.done:
            self.done(*key)
        for retry in settlement.retries:
            held = self._by_number[retry.event]
            self._spawn(held, self._again(held, retry))
        for burial in settlement.burials:
            held = self._by_number[burial.event]
            self._spawn(held, self._bury(held, burial))
        for event, _ in settlement.released:
            held = self._by_number[event]
            self._give_back(held)

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
        free = most - self._count[consumer]
        # Not one by one: a request for each message would cost as much as the message.
        return free if free >= max(1, most // 4) else 0

    async def _take(self, message: Msg, consumer: Consumer) -> None:
        place, given = place_of(message.reply)
        again = self._held.get(place)
        if again is not None:
            again.reply = message.reply
            return
        if place in self._unconfirmed:
            await self._connection.tell(message.reply, _ACK)
            return
        if self._closing:
            await self._nak(message.reply, _HANDED_BACK)
            return
        headers = message.headers or {}
        if CALL_FOR_WORKER in headers:
            await self._connection.tell(message.reply, _ACK)
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
        self._numbers += 1
        held = _Held(self._numbers, consumer, place, message.reply, delivery, time.monotonic())
        self._held[place] = self._by_number[held.number] = held
        self._count[consumer] += 1
        if delivery.subscription in self._options.known:
            self._ready.append(held)
            self.arrived()
        else:
            self._spawn(held, self._put_off_unknown(held))

    def _recall(self, consumer: Consumer, place: tuple[str, int], given: int) -> _Tried:
        """Return the tries of a message in order, as far as they were ours; the broker counts the others."""
        tried = self._tried.get(consumer)
        if tried is None or tried.place != place:
            tried = self._tried[consumer] = _Tried(place, given, given - 1)
        elif given != tried.given + 1:
            tried.tries = given - 1
        tried.given = given
        return tried

    async def _put_off_unknown(self, held: _Held) -> None:
        """Put off what this worker's workspace does not know; another one may be newer, or older."""
        delivery = held.delivery
        now = int(self._now() * _MILLISECONDS)
        since = now if delivery.unknown_since is None else delivery.unknown_since
        disabled = delivery.subscription in self._options.waiting
        longest = self._options.oldest if disabled else _UNKNOWN_LONGEST
        if now - since > longest * _MILLISECONDS:
            reason = (
                "the workspace has no such subscription" if not disabled else "the subscription is disabled"
            )
            await self._publish_letter(held, delivery, "SUBSCRIPTION_GONE", reason, "", now)
            await self._finish(held)
            return
        pause_ms = int(_UNKNOWN_PAUSE * _MILLISECONDS) * (10 if disabled else 1)
        await self._put_off(held, attrs.evolve(delivery, unknown_since=since), now + pause_ms)

    # What became of it.

    def _spawn(self, held: _Held, work: Coroutine[Any, Any, None]) -> None:
        # It makes room at once: a broker that was killed may have forgotten that we have it, and confirms
        # its outcome only after it has handed it out once more.
        self._count[held.consumer] -= 1
        self._wake()
        self._unnoted += 1
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(held, done))

    def _ended(self, held: _Held, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._unnoted -= 1
        self._noted.set()
        self._drop(held)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("broker: %s: %s: it comes again", type(error).__name__, error)

    def _drop(self, held: _Held) -> None:
        if self._held.pop(held.place, None) is not None:
            del self._by_number[held.number]

    def _wake(self) -> None:
        for puller in self._pullers:
            puller.wake()

    async def _finish(self, held: _Held) -> None:
        """Acknowledge a message until the broker confirms it.

        One that is never confirmed is somebody else's by now; should it come again, it is acknowledged only.
        """
        tries = 0
        while tries < _ACK_TRIES:
            tries += self._connection.is_connected
            try:
                await self._connection.ask(held.reply, _ACK, timeout=_ACK_TIME)
            except BrokerError:
                await asyncio.sleep(_REPEAT)
            else:
                return
        self._unconfirmed[held.place] = None
        if len(self._unconfirmed) > _MOST_UNCONFIRMED:
            del self._unconfirmed[next(iter(self._unconfirmed))]

    async def _again(self, held: _Held, retry: Retry) -> None:
        delivery = held.delivery
        later = attrs.evolve(
            delivery,
            tries=delivery.tries + retry.counted,
            first=retry.tried_at if delivery.first is None else delivery.first,
            status=retry.status,
        )
        await self._put_off(held, later, retry.due)

    async def _put_off(self, held: _Held, delivery: Delivery, due: int) -> None:
        if held.consumer.ordered:
            tried = self._tried[held.consumer]
            tried.tries, tried.first = delivery.tries, delivery.first
            tried.status, tried.unknown_since = delivery.status, delivery.unknown_since
            await self._nak(held.reply, max(due / _MILLISECONDS - self._now(), 0.0))
            return
        headers = delivery.headers(_successor(held))
        headers[SCHEDULE] = f"@at {format_time(datetime.fromtimestamp(due / _MILLISECONDS, UTC))}"
        headers[SCHEDULE_TARGET] = self._layout.due_subject(self.instance)
        subject = self._layout.later_subject(self.instance, delivery.key)
        await self._publish(subject, delivery.body, headers)
        await self._finish(held)

    async def _bury(self, held: _Held, burial: Burial) -> None:
        delivery = held.delivery
        buried = attrs.evolve(
            delivery,
            tries=delivery.tries + burial.counted,
            first=burial.tried_at if delivery.first is None else delivery.first,
            status=burial.status,
        )
        await self._publish_letter(held, buried, burial.code, burial.reason, burial.answer, burial.tried_at)
        await self._finish(held)

    async def _publish_letter(
        self, held: _Held, delivery: Delivery, code: str, reason: str, answer: str, last: int
    ) -> None:
        headers = delivery.burial_headers(_successor(held), code, reason=reason, answer=answer, last=last)
        subject = self._layout.dead_subject(self.instance, delivery.subscription)
        await self._publish(subject, delivery.body, headers)

    async def _publish(self, subject: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Publish a message until the broker has it; it keeps one of those with the same id."""
        while True:
            try:
                await self._connection.publish(subject, body, headers)
            except BrokerError as error:
                if not error.retryable:
                    raise
                await asyncio.sleep(_REPEAT)
            else:
                return

    def _give_back(self, held: _Held) -> None:
        pause_s = _HANDED_BACK if self._closing else _NOT_TRIED_PAUSE
        self._spawn(held, self._nak(held.reply, pause_s))

    async def _nak(self, reply: str, seconds: float) -> None:
        told = json.dumps({"delay": int(seconds * NANOSECONDS)})
        try:
            await self._connection.ask(reply, f"-NAK {told}".encode())
        except BrokerError:  # it comes again of itself, a little later
            return

    async def _give_signs(self) -> None:
        """Tell the broker of what is in these hands for long, so that it gives it to nobody else."""
        share = self._options.takeover / _SIGN_SHARE
        while True:
            await asyncio.sleep(share)
            before = time.monotonic() - share
            for held in [each for each in self._held.values() if each.seen < before]:
                try:
                    await self._connection.tell(held.reply, _IN_PROGRESS)
                except (BrokerError, OutboxError):
                    break


def _successor(held: _Held) -> str:
    """Return the id of the message that follows this one, the same however often that is published."""
    stream, number = held.place
    return f"{held.delivery.key}:{stream}:{number}"
