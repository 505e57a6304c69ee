"""The outbox as programs use it: accepted events reach their destinations, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from actions_core import (
    Context,
    Engine,
    Registry,
    Request,
    Response,
    Status,
    Workspace,
    WorkspaceError,
    load_destination,
)
from actions_core.delivery.callers import Receipt
from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileStore
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.store import OutcomeFilter
from actions_core.testing import LoopbackServer

DEFINITION = {
    "name": "Target",
    "slug": "target",
    "mode": "cloud",
    "authentication": {
        "scheme": "custom",
        "fields": {"url": {"label": "URL", "description": "Where.", "type": "string", "required": True}},
    },
    "actions": {
        "send": {
            "title": "Send",
            "description": "Send an event.",
            "fields": {"n": {"label": "N", "description": "A number.", "type": "integer"}},
        }
    },
}


def registry() -> Registry:
    """A registry with one destination that posts a number to its URL."""
    target = load_destination(DEFINITION)

    @target.action("send")
    def send(context: Context, n: int | None = None) -> Request:
        return Request("POST", context.settings["url"], json={"n": n, "id": context.event["messageId"]})

    found = Registry()
    found.register(target)
    return found


class Server:
    """Answers with a function of the number and how often it came; `got` counts what was answered well."""

    def __init__(self, answer: Callable[[int, int], Response] = lambda _n, _times: Response(200)) -> None:
        self.answer = answer
        self.times: Counter[int] = Counter()
        self.got: Counter[int] = Counter()
        self.order: list[int] = []

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        body: Any = request.json
        self.times[body["n"]] += 1
        response = self.answer(body["n"], self.times[body["n"]])
        if response.ok:
            self.got[body["n"]] += 1
            self.order.append(body["n"])
        return response


def workspace(url: str, *, subscriptions: tuple[str, ...] = ("Send",), **delivery: Any) -> Workspace:
    """A workspace with an instance at the URL."""
    return Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": "a",
                    "destination": "target",
                    "settings": {"url": url},
                    "subscriptions": [
                        {
                            "name": name,
                            "partnerAction": "send",
                            "subscribe": 'type = "track"',
                            "mapping": {"n": {"@path": "$.properties.n"}},
                        }
                        for name in subscriptions
                    ],
                    "delivery": {"retry": {"base": 0.01, "cap": 0.05}, **delivery},
                }
            ]
        }
    )


def track(n: int, **more: Any) -> dict[str, Any]:
    """An event with a number."""
    return {"type": "track", "event": "E", "userId": "u", "properties": {"n": n}, **more}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that tells nobody when it happens."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def play(
    server: Server,
    path: Path,
    work: Callable[[Outbox], Awaitable[None]],
    *,
    store_only: bool = False,
    options: dict[str, Any] | None = None,
    **delivery: Any,
) -> None:
    """Run a test's work with an outbox whose destination is the server."""

    async def main() -> None:
        async with LoopbackServer(server.handle) as loopback:
            engine = Engine(workspace(loopback.url, **delivery), registry=registry(), **(options or {}))
            async with Outbox(engine, path, store_only=store_only) as outbox:
                await work(outbox)

    asyncio.run(main())


def test_what_is_accepted_is_delivered(tmp_path: Path) -> None:
    """Each event gets a receipt, arrives once, and nothing is left over."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        receipt = await outbox.enqueue(track(0, messageId="m-0"))
        assert receipt == Receipt("m-0", duplicate=False, deliveries=1)
        receipts = [each async for each in outbox.enqueue_many(track(n) for n in range(1, 600))]
        assert len({each.message_id for each in receipts}) == 599
        (left,) = await outbox.drain(20)
        assert (left.due, left.later, left.in_hand) == (0, 0, 0)

    play(server, tmp_path / "events.db", work)
    assert server.got == Counter(range(600))


def test_events_wait_for_another_process(tmp_path: Path) -> None:
    """What a `store_only` outbox accepts is delivered by the next one that delivers."""
    server = Server()

    async def store(outbox: Outbox) -> None:
        async def events() -> AsyncIterator[Any]:
            for n in range(50):
                yield track(n)
                if n % 20 == 0:
                    await asyncio.sleep(0.01)

        assert len([each async for each in outbox.enqueue_many(events())]) == 50
        (left,) = await outbox.backlog()
        assert left.due == 50

    async def deliver(outbox: Outbox) -> None:
        await outbox.drain(20)

    play(server, tmp_path / "events.db", store, store_only=True)
    assert not server.got
    play(server, tmp_path / "events.db", deliver)
    assert server.got == Counter(range(50))


def test_failures_are_tried_again_and_dead_letters_replayed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A 503 goes again and is logged, a 400 becomes a dead letter, and is delivered once it is replayed."""
    mended = False
    told: list[Any] = []

    def answer(n: int, times: int) -> Response:
        if n == 1 and times < 4:
            return Response(503)
        return Response(400, {}, b"no") if n == 2 and not mended else Response(200)

    server = Server(answer)

    async def work(outbox: Outbox) -> None:
        nonlocal mended
        for n in range(3):
            await outbox.enqueue(track(n, messageId=f"m-{n}"))
        await until(lambda: len(told) >= 3)
        (letter,) = [letter async for letter in outbox.dead_letters.list(instance="a")]
        assert (letter.message, letter.code, letter.status, letter.answer) == (
            "m-2",
            "BAD_REQUEST",
            400,
            "no",
        )
        mended = True
        assert await outbox.dead_letters.replay(code="BAD_REQUEST") == 1
        await outbox.drain(20)
        assert await outbox.dead_letters.count() == 0

    play(server, tmp_path / "events.db", work, options={"on_result": told.append})
    assert server.got == Counter(range(3))
    assert "the event 'm-1' is to be tried again: " in caplog.text
    assert ", Send: 2 more to be tried again: " in caplog.text
    outcome = {(each.message_id, each.tries): each.status for each in told}
    assert outcome == {
        ("m-0", 1): Status.SENT,
        ("m-1", 4): Status.SENT,
        ("m-2", 1): Status.FAILED,
    } | {("m-2", each.tries): Status.SENT for each in told[3:]}


def test_a_known_id_is_a_duplicate(tmp_path: Path) -> None:
    """An event whose messageId is known gets a receipt that says so, and is not delivered again."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        first, second = [await outbox.enqueue(track(1, messageId="m")) for _ in range(2)]
        assert (first.duplicate, second.duplicate, second.deliveries) == (False, True, 0)
        await outbox.drain(20)

    play(server, tmp_path / "events.db", work)
    assert server.got == Counter([1])


def test_events_of_one_key_keep_their_order(tmp_path: Path) -> None:
    """With `orderedBy` events of a key follow one another, also where one of them fails at first."""

    def answer(n: int, times: int) -> Response:
        return Response(503 if n % 10 == 0 and times < 3 else 200)

    server = Server(answer)

    async def work(outbox: Outbox) -> None:
        events = [track(n, userId=f"u{n % 3}") for n in range(60)]
        assert len([each async for each in outbox.enqueue_many(events)]) == 60
        await until(lambda: len(server.order) >= 60)

    play(server, tmp_path / "events.db", work, orderedBy="userId")
    for key in range(3):
        own = [n for n in server.order if n % 3 == key]
        assert own == sorted(own)


def test_what_is_no_event_is_said_in_its_receipt(tmp_path: Path) -> None:
    """`enqueue_many` goes on after input that is not an event, and names what is wrong."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        found = [each async for each in outbox.enqueue_many([track(1), {"type": "x"}, track(2)])]
        assert [each.error is None for each in found] == [True, False, True]
        await outbox.drain(20)

    play(server, tmp_path / "events.db", work)
    assert server.got == Counter([1, 2])


def test_a_server_that_limits_pauses_the_instance(tmp_path: Path) -> None:
    """A 429 costs no try: with one try only, every event arrives all the same."""
    budget = 20

    def answer(_n: int, _times: int) -> Response:
        nonlocal budget
        if budget:
            budget -= 1
            return Response(200)
        budget = 20
        return Response(429, {"retry-after": "0.1"})

    server = Server(answer)

    async def work(outbox: Outbox) -> None:
        [each async for each in outbox.enqueue_many(track(n) for n in range(100))]
        await until(lambda: len(server.got) >= 100)
        assert await outbox.dead_letters.count() == 0

    play(server, tmp_path / "events.db", work, retry={"tries": 1, "base": 0.01})
    assert max(server.got.values()) == 1


def test_an_instance_that_is_gone_waits_to_be_resumed(tmp_path: Path) -> None:
    """A 410 stops an instance and keeps its events; once it is active again they are delivered."""
    gone = True
    server = Server(lambda _n, _times: Response(410 if gone else 200))

    async def work(outbox: Outbox) -> None:
        nonlocal gone
        for n in range(5):
            await outbox.enqueue(track(n))
        async with asyncio.timeout(20):
            while (await outbox.backlog())[0].state.state != "gone":  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        assert sum(server.times.values()) <= 5
        gone = False
        await outbox._parts()[0].run(lambda store: store.set_state("a", "active"))
        await until(lambda: len(server.got) >= 5)

    play(server, tmp_path / "events.db", work)
    assert server.got == Counter(range(5))


def test_faults_are_said_in_words(tmp_path: Path) -> None:
    """A workspace without an outbox, an outbox that is not open, and two subscriptions of one name."""
    engine = Engine(workspace("https://x.test"), registry=registry())
    with pytest.raises(WorkspaceError, match="has no outbox"):
        Outbox(engine)
    with pytest.raises(OutboxError, match="not open"):
        asyncio.run(Outbox(engine, tmp_path / "events.db").enqueue(track(1)))
    twins = Engine(workspace("https://x.test", subscriptions=("Send", "Send")), registry=registry())
    with pytest.raises(WorkspaceError, match="the name of another subscription"):
        Outbox(twins, tmp_path / "events.db")


def test_the_latest_outcomes_are_kept_to_look_at(tmp_path: Path) -> None:
    """Sent, failed and skipped: with the event, what was sent and what came back, secrets masked."""
    server = Server(lambda n, _times: Response(400, {}, b"no") if n == 1 else Response(200))
    path = tmp_path / "events.db"

    async def work(outbox: Outbox) -> None:
        for n in range(3):
            await outbox.enqueue(track(n, messageId=f"m-{n}"))
        await outbox.drain(20)

    play(server, path, work)
    store = FileStore.open(path, worker=False)
    kept = {each.message: each for each in store.recent()}
    store.close()
    assert {message: (each.status, each.answer) for message, each in kept.items()} == {
        "m-0": ("sent", ""),
        "m-1": ("failed", "no"),
        "m-2": ("sent", ""),
    }
    assert all('"n":1' in text for text in (kept["m-1"].event, kept["m-1"].request))


def test_numbers_are_kept_to_look_at(tmp_path: Path) -> None:
    """What came in, what nobody wanted, and what became of the rest, also of other processes' tries."""
    server = Server(lambda n, times: Response({0: 400, 1: 500 if times == 1 else 200}.get(n, 200)))
    path = tmp_path / "events.db"

    async def work(outbox: Outbox) -> None:
        for n in range(4):
            await outbox.enqueue(track(n, messageId=f"m-{n}"))
        await outbox.enqueue(track(3, messageId="m-3"))
        await outbox.enqueue({"type": "identify", "userId": "u"})
        await outbox.enqueue(track(9, integrations={"All": False}))
        await until(lambda: server.got == Counter([1, 2, 3]))
        await outbox.drain(20)
        tried = await asyncio.to_thread(outbox.look.outcomes, OutcomeFilter(message="m-1"), limit=1)
        assert [each.tries for each in tried] in ([], [2])  # it is written a moment later

    play(server, path, work)
    store = FileStore.open(path, worker=False)
    tallies = store.look.tallies(0)
    kept = {each.message: (each.status, each.tries, each.code) for each in store.recent()}
    store.close()
    came = [each for each in tallies if not each.instance]
    told = [each for each in tallies if each.instance == "a"]
    assert [sum(each.received for each in came), sum(each.filtered for each in came)] == [6, 1]
    assert sum(each.unmatched for each in came) == 1
    assert [sum(getattr(each, key) for each in told) for key in ("sent", "failed", "retried")] == [3, 1, 1]
    assert kept["m-1"] == ("sent", 2, "")
    assert kept["m-0"] == ("failed", 1, "BAD_REQUEST")


def test_what_watches_tries_changes_no_outcome(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A listener of tries that raises is logged; what was delivered is not delivered again."""
    server = Server(lambda n, times: Response(500 if n == 1 and times == 1 else 200))

    def watch(_settled: object) -> None:
        raise ValueError("a faulty listener")

    async def main() -> None:
        async with LoopbackServer(server.handle) as loopback:
            async with Outbox(
                Engine(workspace(loopback.url), registry=registry()), tmp_path / "events.db"
            ) as outbox:
                outbox.on_try = watch
                for n in range(3):
                    await outbox.enqueue(track(n))
                await until(lambda: sum(server.got.values()) == 3)
                await outbox.drain(10)
            assert (server.got, server.times[1]) == (Counter(range(3)), 2)

    asyncio.run(main())
    assert caplog.text.count("an outcome could not be told") == 4
