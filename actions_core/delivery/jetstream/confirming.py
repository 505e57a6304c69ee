"""Tell the broker what became of messages, until it confirms that.

What goes again is a new message, scheduled; what was given up is one among the dead letters; the old message
goes last. A crash in between leaves two copies, and loses none. Each new message has an id made of the old
one's place, so that a step that is repeated leaves one.

In order, a partition's message stays where it is while it is put off: the broker hands out the next one when
it is settled, and counts the tries.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.layout import NANOSECONDS
from actions_core.delivery.jetstream.messages import SCHEDULE, SCHEDULE_TARGET, Delivery
from actions_core.values.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Consumer, Layout
    from actions_core.delivery.store import Burial, Retry

_MILLISECONDS: Final = 1000
#: Seconds between two tries to tell the broker something.
_REPEAT: Final = 0.5
#: Seconds until a delivery that was not tried goes to another worker.
_NOT_TRIED_PAUSE: Final = 1.0
#: How often an outcome is told while the broker is there, and the seconds that it has for its answer.
_ACK_TRIES: Final = 5
_ACK_TIME: Final = 2.0
#: Outcomes that the broker did not confirm, and that are remembered.
_MOST_UNCONFIRMED: Final = 10_000
ACK: Final = b"+ACK"


@attrs.define
class Tried:
    """The tries of a message that stays where it is while it is put off, handed out `given` times by then."""

    place: tuple[str, int]
    given: int
    tries: int = 0
    first: int | None = None
    status: int | None = None
    unknown_since: int | None = None


@attrs.define(eq=False)
class Held:
    """A message in this worker's hands, with a number for each of its events.

    `reply` is where its outcome is acknowledged. `unsettled` are the events whose outcome is not known yet,
    `open` those whose outcome the broker does not know; `over` tells that it has nothing more to do with us.
    """

    consumer: Consumer
    place: tuple[str, int]
    reply: str
    given: int
    delivery: Delivery
    seen: float
    first_number: int
    unsettled: set[int] = attrs.field(factory=set)
    open: set[int] = attrs.field(factory=set)
    over: bool = False

    @property
    def numbers(self) -> range:
        """The numbers of its events."""
        return range(self.first_number, self.first_number + self.delivery.count)

    def texts(self, numbers: Sequence[int]) -> list[str]:
        """Return the events of some numbers."""
        texts = self.delivery.texts
        return [texts[number - self.first_number] for number in numbers]


@attrs.define
class Ending:
    """What became of events of one message."""

    done: list[int] = attrs.field(factory=list)
    retries: list[Retry] = attrs.field(factory=list)
    burials: list[Burial] = attrs.field(factory=list)
    released: list[int] = attrs.field(factory=list)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events."""
        return [
            *self.done,
            *self.released,
            *(retry.event for retry in self.retries),
            *(burial.event for burial in self.burials),
        ]


class Confirmer:
    """Tells the broker what became of the messages of one instance. `now` is the time in seconds."""

    def __init__(
        self, connection: Connection, layout: Layout, instance: str, now: Callable[[], float]
    ) -> None:
        #: The latest message of each partition; there is one at a time.
        self.tried: dict[Consumer, Tried] = {}
        #: What was acknowledged, and not confirmed: should it come again, it is acknowledged only.
        self.unconfirmed: dict[tuple[str, int], None] = {}
        self._connection = connection
        self._layout = layout
        self._instance = instance
        self._now = now

    def now_ms(self) -> int:
        """Return the time in milliseconds."""
        return int(self._now() * _MILLISECONDS)

    async def conclude(self, held: Held, ending: Ending) -> None:
        """Tell what became of events; with the last of them, the message is acknowledged."""
        for burial in ending.burials:
            await self._bury(held, burial)
        again = sorted([*(retry.event for retry in ending.retries), *ending.released])
        if again and len(again) == held.delivery.count:
            if ending.retries:
                await self.put_off(held, *self._later(held, ending))
            else:
                await self.give_back(held)
            return
        if again:
            later, due = self._later(held, ending)
            await self._publish_again(held, later.part(held.texts(again)), due)
        held.open.difference_update(ending.numbers)
        if not held.open:
            await self.finish(held)

    def _later(self, held: Held, ending: Ending) -> tuple[Delivery, int]:
        """Return the delivery as it goes again, and when."""
        delivery, retries = held.delivery, ending.retries
        if not retries:
            return delivery, self.now_ms() + int(_NOT_TRIED_PAUSE * _MILLISECONDS)
        tried = [retry.tried_at for retry in retries if retry.tried_at is not None]
        later = attrs.evolve(
            delivery,
            tries=delivery.tries + any(retry.counted for retry in retries),
            first=min(tried, default=None) if delivery.first is None else delivery.first,
            status=retries[-1].status,
            repeated=any(retry.keep_batch for retry in retries),
        )
        return later, max(retry.due for retry in retries)

    async def divide(self, held: Held, groups: Sequence[Sequence[int]]) -> None:
        """Put a message for each group of its events in the place of a message, and for each other event."""
        grouped = {number for group in groups for number in group}
        others = [[number] for number in sorted(held.open - grouped)]
        afresh = attrs.evolve(held.delivery, repeated=False)
        for group in [*groups, *others]:
            await self._publish_again(held, afresh.part(held.texts(group)), self.now_ms())
        await self.finish(held)

    async def finish(self, held: Held) -> None:
        """Acknowledge a message until the broker confirms it.

        One that is never confirmed is somebody else's by now.
        """
        held.over = True
        tries = 0
        while tries < _ACK_TRIES:
            tries += self._connection.is_connected
            try:
                await self._connection.ask(held.reply, ACK, timeout=_ACK_TIME)
            except BrokerError:
                await asyncio.sleep(_REPEAT)
            else:
                return
        self.unconfirmed[held.place] = None
        if len(self.unconfirmed) > _MOST_UNCONFIRMED:
            del self.unconfirmed[next(iter(self.unconfirmed))]

    async def put_off(self, held: Held, delivery: Delivery, due: int) -> None:
        """Have a message come again at a time, as another delivery of the same events."""
        if held.consumer.ordered:
            tried = self.tried[held.consumer]
            tried.tries, tried.first = delivery.tries, delivery.first
            tried.status, tried.unknown_since = delivery.status, delivery.unknown_since
            held.over = True
            await self.nak(held.reply, max(due / _MILLISECONDS - self._now(), 0.0))
            return
        await self._publish_again(held, delivery, due)
        await self.finish(held)

    async def _publish_again(self, held: Held, delivery: Delivery, due: int) -> None:
        headers = delivery.headers(_successor(held, delivery))
        headers[SCHEDULE] = f"@at {format_time(datetime.fromtimestamp(due / _MILLISECONDS, UTC))}"
        headers[SCHEDULE_TARGET] = self._layout.due_subject(self._instance)
        subject = self._layout.later_subject(self._instance, delivery.key)
        await self._publish(subject, delivery.body, headers)

    async def bury_all(self, held: Held, delivery: Delivery, code: str, reason: str) -> None:
        """Give up a message with all its events."""
        for text in delivery.texts:
            await self._publish_letter(held, delivery.part([text]), code, reason, "", self.now_ms())
        await self.finish(held)

    async def _bury(self, held: Held, burial: Burial) -> None:
        delivery = held.delivery.part(held.texts([burial.event]))
        buried = attrs.evolve(
            delivery,
            tries=delivery.tries + burial.counted,
            first=burial.tried_at if delivery.first is None else delivery.first,
            status=burial.status,
        )
        await self._publish_letter(held, buried, burial.code, burial.reason, burial.answer, burial.tried_at)

    async def _publish_letter(
        self, held: Held, delivery: Delivery, code: str, reason: str, answer: str, last: int
    ) -> None:
        message_id = _successor(held, delivery)
        headers = delivery.burial_headers(message_id, code, reason=reason, answer=answer, last=last)
        subject = self._layout.dead_subject(self._instance, delivery.subscription)
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

    async def give_back(self, held: Held, seconds: float = _NOT_TRIED_PAUSE) -> None:
        """Have another worker deliver a message that was not tried."""
        held.over = True
        await self.nak(held.reply, seconds)

    async def nak(self, reply: str, seconds: float) -> None:
        """Have a message come again after so many seconds."""
        told = json.dumps({"delay": int(seconds * NANOSECONDS)})
        try:
            await self._connection.ask(reply, f"-NAK {told}".encode())
        except BrokerError:  # it comes again of itself, a little later
            return


def _successor(held: Held, delivery: Delivery) -> str:
    """Return the id of the message that follows a message, the same however often that is published."""
    stream, number = held.place
    return f"{delivery.key}:{stream}:{number}"
