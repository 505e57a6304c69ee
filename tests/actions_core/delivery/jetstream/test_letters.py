"""Dead letters in a broker, by the same calls as those of a file."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import attrs

from actions_core.delivery.jetstream.connection import connect
from actions_core.delivery.jetstream.layout import open_layout
from actions_core.delivery.jetstream.letters import BrokerLetters
from actions_core.delivery.jetstream.messages import Delivery
from actions_core.delivery.jetstream.worker import BrokerWorker
from actions_core.delivery.letters import DeadLetters, LetterFilter
from actions_core.engine.workspace import BrokerSpec


async def bury(site: Any, count: int = 6) -> tuple[Any, BrokerLetters]:
    """Put dead letters into the site's broker: by turns of two subscriptions and of three codes."""
    connection = await connect(site.broker.url)
    spec = BrokerSpec(site.broker.url, partitions=4)
    layout = await open_layout(connection, site.name, spec, keep=3600.0)
    for n in range(count):
        text = f'{{"type":"track","messageId":"m-{n}","event":"E","properties":{{"n":{n}}}}}'
        delivery = Delivery.of_event(text, "a.b" if n == 5 else "a", ["Send", "Other"][n % 2], at=1)
        delivery = attrs.evolve(delivery, tries=3, first=5, status=503)
        headers = delivery.burial_headers(
            f"{delivery.key}:{n}", ["X", "Y", "Z"][n % 3], reason="down", answer="sorry", last=100 + n
        )
        subject = layout.dead_subject(delivery.instance, delivery.subscription)
        await connection.publish(subject, delivery.body, headers)
    return connection, BrokerLetters(connection, layout)


def test_letters_are_listed_counted_and_shown(site: Any) -> None:
    """Each condition holds, alone and with others, in lists as in counts."""
    cases = [
        (LetterFilter(), [1, 2, 3, 4, 5, 6]),
        (LetterFilter(instance="a"), [1, 2, 3, 4, 5]),
        (LetterFilter(instance="a.b"), [6]),
        (LetterFilter(subscription="Other"), [2, 4, 6]),
        (LetterFilter(instance="a", subscription="Other"), [2, 4]),
        (LetterFilter(code="Y"), [2, 5]),
        (LetterFilter(since=102, before=104), [3, 4]),
        (LetterFilter(ids=(4, 2, 4, 99, 0)), [2, 4]),
        (LetterFilter(ids=(4, 2), code="X"), [4]),
        (LetterFilter(instance="nobody"), []),
    ]

    async def work() -> None:
        connection, letters = await bury(site)
        for which, expected in cases:
            assert [letter.id async for letter in letters.list(which)] == expected, which
            assert await letters.count(which) == len(expected), which
        letter = await letters.show(6)
        assert letter is not None
        assert (letter.instance, letter.subscription, letter.message) == ("a.b", "Other", "m-5")
        assert (letter.code, letter.status, letter.reason, letter.answer) == ("Z", 503, "down", "sorry")
        assert (letter.tries, letter.first, letter.last, letter.at) == (3, 5, 105, 1)
        assert letter.event["properties"] == {"n": 5}
        assert await letters.show(7) is None
        await connection.close()

    site.play(work)


def test_many_letters_come_in_pages(site: Any) -> None:
    """A list of more than a page is complete, in order, and leaves no consumer behind."""

    async def work() -> None:
        connection, letters = await bury(site, 450)
        listed = [letter.id async for letter in DeadLetters(letters).list()]
        assert listed == list(range(1, 451))
        assert await letters.count(LetterFilter(code="X")) == 150
        names: Any = await connection.call(f"CONSUMER.NAMES.{site.name}-dead")
        assert not names["consumers"]
        await connection.close()

    site.play(work)


def test_letters_are_discarded(site: Any) -> None:
    """What is discarded is gone, and counted; the others stay."""

    async def work() -> None:
        connection, letters = await bury(site)
        assert await letters.discard(LetterFilter(code="Y")) == 2
        assert await letters.discard(LetterFilter(ids=(1, 1, 2, 50))) == 1
        assert await letters.discard(LetterFilter(instance="a")) == 2
        assert [letter.id async for letter in letters.list(LetterFilter())] == [6]
        await connection.close()

    site.play(work)


def test_a_replayed_letter_is_delivered_once(site: Any) -> None:
    """A replayed letter goes again with its tries at zero, once, even if a crash repeats the replay."""

    async def work() -> None:
        connection, letters = await bury(site, 4)
        again = [letter async for letter in letters.list(LetterFilter(ids=(1, 2)))]
        assert await letters.replay(LetterFilter(ids=(1, 2))) == 2
        for letter in again:  # as after a crash before the letter was deleted
            await letters._replay_one(letter)
        assert await letters.count(LetterFilter()) == 2
        async with BrokerWorker(site.engine(site.workspace(subscriptions=("Send", "Other")))):
            await site.until_empty()
        await connection.close()

    site.play(work)
    assert site.got == Counter([0, 1])
    assert {result.tries for result in site.results} == {1}


def test_a_replay_ends(site: Any) -> None:
    """Letters that die again while others are replayed are not replayed once more."""

    async def work() -> None:
        connection, letters = await bury(site, 120)
        buried = asyncio.create_task(bury(site, 10))
        assert 120 <= await letters.replay(LetterFilter()) <= 130
        other, _ = await buried
        await other.close()
        await connection.close()

    site.play(work)
