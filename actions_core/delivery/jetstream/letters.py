"""The dead letters in a broker: a message each, known by its number in their stream.

They are listed by consumers that leave nothing behind, a page at a time; what is bounded by instance and
subscription alone is counted and discarded by their subjects, without reading.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.delivery.errors import BrokerError
from actions_core.delivery.jetstream.connection import MESSAGE_NOT_FOUND
from actions_core.delivery.jetstream.messages import Delivery, place_of, read_letter
from actions_core.delivery.letters import LetterFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from nats.aio.msg import Msg

    from actions_core.delivery.jetstream.connection import Connection
    from actions_core.delivery.jetstream.layout import Layout
    from actions_core.delivery.letters import DeadLetter

_PAGE: Final = 200
#: Seconds for one page.
_PAGE_TIME: Final = 10.0
_SECONDS: Final = 1_000_000_000
#: Letters that are replayed or discarded at once.
_TOGETHER: Final = 100


class BrokerLetters:
    """The dead letters of a workspace in its broker.

    `ordered_key` gives the key by which an instance delivers a letter's event in order, None for others.
    """

    def __init__(
        self,
        connection: Connection,
        layout: Layout,
        ordered_key: Callable[[DeadLetter], str | None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._layout = layout
        self._ordered_key = ordered_key

    async def list(self, which: LetterFilter) -> AsyncIterator[DeadLetter]:
        """Go through dead letters by their numbers."""
        if which.ids is not None:
            for number in sorted(set(which.ids)):
                letter = await self.show(number)
                if letter is not None and which.fits(letter):
                    yield letter
            return
        after = 0
        while page := await self._page(which, after, headers_only=False):
            for letter in page:
                if which.fits(letter):
                    yield letter
            after = page[-1].id

    async def count(self, which: LetterFilter) -> int:
        """Return how many dead letters there are."""
        if which.ids is not None:
            return len([letter async for letter in self.list(which)])
        if _is_by_subject(which):
            subject = self._layout.dead_subject(which.instance, which.subscription)
            return await self._pending(subject)
        count = after = 0
        while page := await self._page(which, after, headers_only=True):
            count += sum(which.fits(letter) for letter in page)
            after = page[-1].id
        return count

    async def show(self, number: int) -> DeadLetter | None:
        """Return one dead letter."""
        if number < 1:
            return None
        try:
            read: Any = await self._connection.call(f"STREAM.MSG.GET.{self._layout.dead}", seq=number)
        except BrokerError as error:
            if error.status == MESSAGE_NOT_FOUND:
                return None
            raise
        message = read["message"]
        headers = _parse_headers(base64.b64decode(message.get("hdrs", "")))
        return read_letter(number, headers, base64.b64decode(message.get("data", "")))

    async def replay(self, which: LetterFilter) -> int:
        """Have dead letters delivered again; return how many.

        A letter is deleted once the broker has its delivery; one that is replayed twice, since a crash came
        in between, is delivered once.
        """
        return await self._each(which, self._replay_one)

    async def discard(self, which: LetterFilter) -> int:
        """Delete dead letters; return how many."""
        if _is_by_subject(which):
            subject = self._layout.dead_subject(which.instance, which.subscription)
            purged: Any = await self._connection.call(f"STREAM.PURGE.{self._layout.dead}", filter=subject)
            return int(purged["purged"])
        return await self._each(which, self._delete)

    async def _each(self, which: LetterFilter, work: Callable[[DeadLetter], Any]) -> int:
        # Those that there are now: what is replayed may die again meanwhile.
        info: Any = await self._connection.call(f"STREAM.INFO.{self._layout.dead}")
        last = info["state"]["last_seq"]
        count = 0
        some: deque[DeadLetter] = deque()
        async for letter in self.list(which):
            if letter.id > last:
                break
            some.append(letter)
            if len(some) >= _TOGETHER:
                count += await _together(some, work)
                some.clear()
        return count + await _together(some, work)

    async def _replay_one(self, letter: DeadLetter) -> bool:
        delivery = Delivery.of_event(letter.body, letter.instance, letter.subscription, at=letter.at)
        subject = self._layout.work_subject(letter.instance, self._ordered_key(letter))
        headers = delivery.headers(f"replay:{letter.id}")
        await self._connection.publish(subject, delivery.body, headers)
        return await self._delete(letter)

    async def _delete(self, letter: DeadLetter) -> bool:
        """Delete a letter; return whether it was still there."""
        try:
            await self._connection.call(
                f"STREAM.MSG.DELETE.{self._layout.dead}", seq=letter.id, no_erase=True
            )
        except BrokerError as error:
            if error.status is None:
                raise
            return False
        return True

    # Reading.

    async def _consumer(self, subject: str, after: int, *, headers_only: bool) -> tuple[str, int]:
        """Make a consumer that the broker forgets by itself; return its name, and how much it has."""
        config = {
            "filter_subject": subject,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": after + 1,
            "ack_policy": "none",
            "headers_only": headers_only,
            "inactive_threshold": int(_PAGE_TIME * _SECONDS),
            "mem_storage": True,
            "num_replicas": 1,
        }
        stream = self._layout.dead
        made: Any = await self._connection.call(
            f"CONSUMER.CREATE.{stream}", stream_name=stream, config=config
        )
        return made["name"], made["num_pending"]

    async def _pending(self, subject: str) -> int:
        name, pending = await self._consumer(subject, 0, headers_only=True)
        await self._connection.call(f"CONSUMER.DELETE.{self._layout.dead}.{name}")
        return pending

    async def _page(self, which: LetterFilter, after: int, *, headers_only: bool) -> tuple[DeadLetter, ...]:
        """Return the next letters by their subject; the other conditions are not looked at."""
        subject = self._layout.dead_subject(which.instance, which.subscription)
        name, pending = await self._consumer(subject, after, headers_only=headers_only)
        stream = self._layout.dead
        wanted = min(pending, _PAGE)
        found: deque[DeadLetter] = deque()
        complete = asyncio.Event()

        async def take(message: Msg) -> None:
            if not message.reply:  # the broker ends the request
                complete.set()
                return
            (_, number), _ = place_of(message.reply)
            found.append(read_letter(number, message.headers or {}, message.data))
            if len(found) >= wanted:
                complete.set()

        if wanted:
            inbox, listening = await self._connection.listen(take)
            try:
                request = {"batch": wanted, "expires": int(_PAGE_TIME / 2 * _SECONDS)}
                subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
                await self._connection.tell(subject, json.dumps(request).encode(), reply=inbox)
                async with asyncio.timeout(_PAGE_TIME):
                    await complete.wait()
            except TimeoutError:
                raise BrokerError(f"no answer of the broker at {self._connection.shown}") from None
            finally:
                await self._connection.silence(listening)
        await self._connection.call(f"CONSUMER.DELETE.{stream}.{name}")
        return tuple(found)


async def _together(letters: Collection[DeadLetter], work: Callable[[DeadLetter], Any]) -> int:
    return sum(await asyncio.gather(*(work(letter) for letter in letters)))


def _is_by_subject(which: LetterFilter) -> bool:
    named = attrs.evolve(which, instance=None, subscription=None)
    return named == LetterFilter()


def _parse_headers(raw: bytes) -> Mapping[str, str]:
    # After the first line, which names the protocol, they are those of a mail.
    return dict(BytesParser().parsebytes(raw.partition(b"\r\n")[2]).items())
