"""Pull deliveries from one consumer: one request at a time, for as many as there is room for.

A pinned consumer serves one worker at a time, known by the pin that comes with each message. Its pin lasts as
long as its worker asks; one that has no room, or must not deliver now, asks for messages of one byte at most,
of which there are none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.layout import GROUP, NANOSECONDS
from actions_core.delivery.jetstream.messages import CALL_FOR_WORKER, MESSAGE_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Consumer

_LOGGER: Final = logging.getLogger("actions_core")
#: Seconds after which the broker ends a request; what it holds open costs little.
_EXPIRES: Final = 5.0
#: Seconds that the end of a request may take on its way, before it counts as lost.
_LATE: Final = 1.0
#: Seconds between two looks at whether there is room, where nobody tells.
_LOOK: Final = 0.5
_BEATS: Final = 3
_WRONG_PIN: Final = "423"
_NOTHING_CAME: Final = frozenset({"404", "408"})
_PIN: Final = "Nats-Pin-Id"


class Puller:
    """The requests to one consumer. `take` is given each message, `room` says how many may come now."""

    def __init__(
        self,
        connection: Connection,
        consumer: Consumer,
        take: Callable[[Msg, Consumer], Awaitable[None]],
        room: Callable[[Consumer], int],
    ) -> None:
        self.consumer = consumer
        #: The pin of a pinned consumer, while this worker has it.
        self.pin: str | None = None
        #: Called when the pin is won or lost.
        self.on_pin: Callable[[], None] | None = None
        self._connection = connection
        self._take = take
        self._room = room
        self._inbox = self._beat_inbox = ""
        self._subscriptions: list[Subscription] = []
        self._asked = 0
        #: The broker could not serve the last request; what was last logged of that.
        self._trouble = False
        self._said = ""
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to pull."""
        self._inbox, listening = await self._connection.listen(self._arrived)
        self._subscriptions.append(listening)
        self._connection.on_reconnect.append(self._request_lost)
        self._tasks = [asyncio.create_task(self._keep(self._pull))]
        if self.consumer.pinned:
            self._beat_inbox, listening = await self._connection.listen(self._beaten)
            self._subscriptions.append(listening)
            self._tasks.append(asyncio.create_task(self._keep(self._beat)))

    async def close(self) -> None:
        """End; what came until now was taken."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(ValueError):
            self._connection.on_reconnect.remove(self._request_lost)
        await asyncio.gather(*(self._connection.silence(each) for each in self._subscriptions))

    def wake(self) -> None:
        """Look at once whether there is room."""
        self._changed.set()

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except BrokerError:  # the connection tells that it is lost
                await asyncio.sleep(_LOOK)
            except Exception:  # without pulls nothing would be delivered any more
                _LOGGER.exception("broker: pulling failed in a way that is not foreseen")
                await asyncio.sleep(_LOOK)

    async def _pull(self) -> None:
        self._changed.clear()
        room = self._room(self.consumer)
        if room <= 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._changed.wait()
            return
        self._asked = room
        self._ended.clear()
        await self._ask(self._inbox, batch=room, expires=int(_EXPIRES * NANOSECONDS))
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXPIRES + _LATE):
                await self._ended.wait()
        self._asked = 0
        if self._trouble:
            self._trouble = False
            await asyncio.sleep(_LOOK)

    async def _ask(self, inbox: str, **request: Any) -> None:
        if self.consumer.pinned:
            request["group"] = GROUP
            if self.pin is not None:
                request["id"] = self.pin
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.consumer.stream}.{self.consumer.name}"
        await self._connection.tell(subject, json.dumps(request).encode(), reply=inbox)

    async def _arrived(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is not None and not message.reply:
            self._end(status, str(headers.get("Description", "")))
            return
        if self.consumer.pinned and self.pin != headers.get(_PIN):
            self._set_pin(headers.get(_PIN))
        self._said = ""
        self._asked -= 1
        if self._asked <= 0:
            self._ended.set()
        await self._take(message, self.consumer)

    def _end(self, status: str, words: str) -> None:
        """Note that the broker ended a request: nothing came in time, or it cannot be served."""
        if status == _WRONG_PIN:
            self._set_pin(None)
        elif status not in _NOTHING_CAME:
            # The broker recovers, or somebody has changed or deleted the consumer: no request at once.
            self._trouble = True
            said = f"{words or 'it is not there'} ({status})"
            if said != self._said:
                self._said = said
                _LOGGER.warning("broker: %s of %s: %s", self.consumer.name, self.consumer.stream, said)
        self._ended.set()

    def _request_lost(self) -> None:
        self._ended.set()
        self._changed.set()

    def _set_pin(self, pin: str | None) -> None:
        self.pin = pin
        if self.on_pin is not None:
            self.on_pin()

    async def _beat(self) -> None:
        """Keep the pin, or see to it that somebody has one."""
        beat = self.consumer.pinned / _BEATS
        await asyncio.sleep(beat)
        if self.pin is not None:
            await self._ask(self._beat_inbox, batch=1, max_bytes=1, expires=int(beat / 2 * NANOSECONDS))
            return
        where = f"{self.consumer.stream}.{self.consumer.name}"
        info: Any = await self._connection.call(f"CONSUMER.INFO.{where}")
        pinned = any(group.get("pinned_client_id") for group in info.get("priority_groups") or ())
        if not pinned and not info.get("paused"):
            # A pin comes with a message only; one message calls, however many workers want it.
            turn = f"call:{self.consumer.name}:{int(time.time() / self.consumer.pinned)}"
            with suppress(BrokerError):  # a full stream has messages anyway
                await self._connection.publish(
                    self.consumer.subject, b"", {MESSAGE_ID: turn, CALL_FOR_WORKER: "1"}
                )

    async def _beaten(self, message: Msg) -> None:
        if (message.headers or {}).get("Status") == _WRONG_PIN:
            self._set_pin(None)
