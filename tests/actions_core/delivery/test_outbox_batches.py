"""Batches through the outbox: full or old ones go, membership lasts, and each event has its own outcome."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from actions_core import (
    Client,
    Context,
    Engine,
    Registry,
    Request,
    Response,
    Status,
    Workspace,
    load_destination,
)
from actions_core.delivery.outbox import Outbox
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.support import kill, until

DEFINITION = {
    "name": "Lists",
    "slug": "lists",
    "mode": "cloud",
    "authentication": {
        "scheme": "custom",
        "fields": {"url": {"label": "URL", "description": "Where.", "type": "string", "required": True}},
    },
    "actions": {
        "add": {
            "title": "Add",
            "description": "Add to a list.",
            "fields": {
                "n": {"label": "N", "description": "A number.", "type": "integer", "required": True},
                "list": {"label": "List", "description": "Which list.", "type": "string"},
                "batch_size": {"label": "Size", "description": "Items.", "type": "integer", "default": 100},
                "batch_keys": {
                    "label": "Keys",
                    "description": "What must agree.",
                    "type": "string",
                    "multiple": True,
                },
            },
        }
    },
}


def registry() -> Registry:
    """A registry with one destination that posts numbers, one by one or many at once."""
    lists = load_destination(DEFINITION)

    @lists.action("add")
    def add(context: Context, n: int) -> Request:
        headers = {"idempotency-key": context.idempotency_key}
        return Request("POST", f"{context.settings['url']}/one", headers=headers, json=[n])

    @lists.batch("add")
    async def add_many(payloads: list[dict[str, Any]], context: Context, client: Client) -> Response:
        headers = {"idempotency-key": context.idempotency_key}
        numbers = [payload["n"] for payload in payloads]
        return await client.send(
            Request("POST", f"{context.settings['url']}/many", headers=headers, json=numbers)
        )

    found = Registry()
    found.register(lists)
    return found


class Server:
    """Answers with a function of the numbers; keeps what came under each key, and what it took."""

    def __init__(self, answer: Callable[[list[int]], Response | None] = lambda _numbers: None) -> None:
        self.answer = answer
        self.requests: list[tuple[str, list[int]]] = []
        self.taken: Counter[int] = Counter()
        self.keys: dict[str, list[int]] = {}

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        numbers: Any = request.json
        key = request.headers["idempotency-key"]
        self.requests.append((request.url.rpartition("/")[2], numbers))
        assert self.keys.setdefault(key, numbers) == numbers, "two compositions under one key"
        response = self.answer(numbers)
        if response is None or response.ok:
            self.taken.update(numbers)
        return response or Response(200)

    @property
    def batches(self) -> list[list[int]]:
        """The batches that came."""
        return [numbers for path, numbers in self.requests if path == "many"]


def workspace(url: str, mapping: dict[str, Any] | None = None, **delivery: Any) -> Workspace:
    """A workspace with one instance at the URL, which takes batches."""
    return Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": "a",
                    "destination": "lists",
                    "settings": {"url": url},
                    "subscriptions": [
                        {
                            "name": "Add",
                            "partnerAction": "add",
                            "subscribe": 'type = "track"',
                            "mapping": {
                                "n": {"@path": "$.properties.n"},
                                "batch_size": 10,
                                **(mapping or {}),
                            },
                        }
                    ],
                    "delivery": {
                        "timeout": 0.5,
                        "retry": {"base": 0.01, "cap": 0.05},
                        "batch": {"age": 0.2},
                        **delivery,
                    },
                }
            ]
        }
    )


def track(n: int, **properties: Any) -> dict[str, Any]:
    """An event with a number."""
    return {"type": "track", "event": "E", "messageId": f"m-{n}", "properties": {"n": n, **properties}}


async def enqueue(outbox: Outbox, events: Iterable[Any]) -> None:
    """Accept events in groups."""
    async for receipt in outbox.enqueue_many(events):
        assert receipt.deliveries == 1


def play(
    server: Server,
    path: Path,
    work: Callable[[Outbox], Awaitable[None]],
    *,
    mapping: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    **delivery: Any,
) -> None:
    """Run a test's work with an outbox whose destination is the server."""

    async def main() -> None:
        async with LoopbackServer(server.handle) as loopback:
            engine = Engine(
                workspace(loopback.url, mapping, **delivery), registry=registry(), **(options or {})
            )
            async with Outbox(engine, path) as outbox:
                await work(outbox)

    asyncio.run(main())


def test_full_batches_go_at_once_and_others_when_they_are_old(tmp_path: Path) -> None:
    """A batch goes when it has its number of events, else when its first event has waited for its age."""
    server = Server()
    told: list[Any] = []

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, map(track, range(34)))
        await until(lambda: len(server.batches) == 3)
        assert sum(server.taken.values()) == 30
        await until(lambda: len(told) == 34)

    play(server, tmp_path / "events.db", work, options={"on_result": told.append}, batch={"age": 0.7})
    assert [len(batch) for batch in server.batches] == [10, 10, 10, 4]
    assert server.taken == Counter(range(34))
    assert [(each.message_id, each.status, each.tries) for each in told] == [
        (f"m-{n}", Status.SENT, 1) for n in range(34)
    ]


def test_a_drain_has_batches_go_by_a_changed_workspace(tmp_path: Path) -> None:
    """Who drains while a workspace is replaced waits for no batch to fill or get old either."""
    server = Server()
    replaced = asyncio.Event()

    async def handle(request: Request) -> Response:
        await replaced.wait()
        return await server.handle(request)

    async def main() -> None:
        async with LoopbackServer(handle) as loopback:
            options = {"batch": {"age": 3600}, "timeout": 30}
            engine = Engine(workspace(loopback.url, concurrency=1, **options), registry=registry())
            async with Outbox(engine, tmp_path / "events.db") as outbox:
                for n in range(15):
                    await outbox.enqueue(track(n))
                draining = asyncio.create_task(outbox.drain(30))
                await until(lambda: outbox.in_progress == 1)
                await outbox.replace(workspace(loopback.url, concurrency=2, **options))
                replaced.set()
                assert [each.due + each.later + each.in_hand for each in await draining] == [0]

    asyncio.run(main())
    assert server.taken == Counter(range(15))


def test_a_drain_does_not_wait_for_batches_to_fill(tmp_path: Path) -> None:
    """`drain` sends batches before they are full or old."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, map(track, range(3)))
        (left,) = await outbox.drain(20)
        assert (left.due, left.later, left.in_hand) == (0, 0, 0)

    play(server, tmp_path / "events.db", work, batch={"age": 3600})
    assert server.batches == [[0, 1, 2]]


def test_bytes_make_a_batch_too(tmp_path: Path) -> None:
    """A batch goes once its events are as large as a batch may be."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, [track(n, filler="x" * 900_000) for n in range(5)])
        await until(lambda: bool(server.batches))
        assert len(server.batches[0]) in {4, 5}
        await outbox.drain(20)

    play(
        server,
        tmp_path / "events.db",
        work,
        mapping={"batch_size": 1000},
        options={"max_event_bytes": 2_000_000},
        batch={"age": 3600},
    )
    assert server.taken == Counter(range(5))


def test_a_refused_batch_is_halved_down_to_what_is_refused_alone(tmp_path: Path) -> None:
    """A final refusal of a batch divides it: each bad event ends alone, the others arrive."""
    bad = {3, 17, 18, 64}

    def answer(numbers: list[int]) -> Response | None:
        if len(numbers) > 4:
            return Response(413)
        return Response(400, {}, b"bad") if bad & set(numbers) else None

    server = Server(answer)

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, map(track, range(100)))
        await outbox.drain(20)
        letters = [letter async for letter in outbox.dead_letters.list()]
        assert {letter.message for letter in letters} == {f"m-{n}" for n in bad}
        assert {(letter.code, letter.answer, letter.tries) for letter in letters} == {
            ("BAD_REQUEST", "bad", 1)
        }
        assert len({letter.suffix for letter in letters}) == 1
        assert letters[0].suffix

    play(server, tmp_path / "events.db", work)
    assert server.taken == Counter({n for n in range(100) if n not in bad})


def test_an_unknown_outcome_keeps_the_members_together(tmp_path: Path) -> None:
    """After a time-out and a 502 the same events go again under the same key, whatever came meanwhile."""
    calls = 0

    class Slow(Server):
        async def handle(self, request: Request) -> Response:
            nonlocal calls
            calls += 1
            if calls <= 2:
                await super().handle(request)
                if calls == 1:
                    await asyncio.sleep(5)
                return Response(502)
            return await super().handle(request)

    server = Slow()

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, map(track, range(10)))
        await until(lambda: calls == 1)
        await enqueue(outbox, map(track, range(10, 20)))
        await until(lambda: len(server.requests) >= 4)
        await outbox.drain(20)

    # one batch at a time, so that the second batch comes between the tries of the first
    play(server, tmp_path / "events.db", work, concurrency=1, timeout=0.3, retry={"base": 0.01, "cap": 0.02})
    assert len(server.keys) == 2
    assert sorted(map(len, server.keys.values())) == [10, 10]
    assert set(server.taken) == set(range(20))


def test_a_known_failure_ends_the_membership(tmp_path: Path) -> None:
    """A 503 and a 429 say that nothing was taken: all go again, and all arrive."""
    refusals = iter([Response(503), Response(429, {"retry-after": "0.1"})])
    server = Server(lambda _numbers: next(refusals, None))

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, map(track, range(25)))
        await until(lambda: sum(server.taken.values()) == 25)
        assert await outbox.dead_letters.count() == 0

    play(server, tmp_path / "events.db", work)
    assert server.taken == Counter(range(25))


def test_what_may_not_go_together_goes_apart(tmp_path: Path) -> None:
    """Payloads that differ in their keys go in batches of their own, others alone, faulty ones nowhere."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        events = [track(n, list="xy"[n % 2], alone=n % 5 != 0) for n in range(20)]
        events.append({**track(20), "properties": {"n": "no number"}})
        await enqueue(outbox, events)
        await outbox.drain(20)
        (letter,) = [letter async for letter in outbox.dead_letters.list()]
        assert (letter.message, letter.code) == ("m-20", "PAYLOAD_VALIDATION_FAILED")

    mapping = {
        "list": {"@path": "$.properties.list"},
        "batch_keys": ["list"],
        "enable_batching": {"@path": "$.properties.alone"},
    }
    play(server, tmp_path / "events.db", work, mapping=mapping)
    assert server.taken == Counter(range(20))
    assert sorted(numbers[0] for path, numbers in server.requests if path == "one") == [0, 5, 10, 15]
    assert all(len({n % 2 for n in batch}) == 1 for batch in server.batches)


@pytest.mark.parametrize("moment", ["before the response", "before it is noted"])
def test_a_killed_process_repeats_its_batches_as_they_were(tmp_path: Path, moment: str) -> None:
    """After a kill the batches that were in progress go again, with the same members under the same key."""
    path = tmp_path / "events.db"

    class Held(Server):
        open = False

        async def handle(self, request: Request) -> Response:
            response = await super().handle(request)
            if moment == "before the response" and not self.open:
                await asyncio.sleep(60)
            return response

    async def main() -> None:
        server = Held()
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url, timeout=30, concurrency=3, batch={"age": 3600})
            outbox = Outbox(Engine(made, registry=registry()), path)
            await outbox.open()
            await enqueue(outbox, map(track, range(25)))
            await until(lambda: len(server.requests) >= 2)
            await kill(outbox)
            before = [numbers for _, numbers in server.requests]
            server.open = True
            async with Outbox(Engine(made, registry=registry()), path) as second:
                # more for the first batches, had they not kept their members
                await enqueue(second, map(track, range(25, 31)))
                await second.drain(20)
        again = [numbers for _, numbers in server.requests[len(before) :]]
        assert set(server.taken) == set(range(31))
        if moment == "before the response":
            assert all(numbers in again for numbers in before), (before, again)

    asyncio.run(main())


def test_batches_of_ordered_events_have_one_of_each_key(tmp_path: Path) -> None:
    """With `orderedBy` no batch has two events of one key, and none goes before an earlier one of its key."""
    server = Server()

    async def work(outbox: Outbox) -> None:
        await enqueue(outbox, [{**track(n), "userId": f"u{n % 4}"} for n in range(24)])
        await until(lambda: sum(server.taken.values()) == 24)

    play(server, tmp_path / "events.db", work, orderedBy="userId", batch={"age": 0.02})
    order = [n for batch in server.batches for n in batch]
    for key in range(4):
        assert [n for n in order if n % 4 == key] == list(range(key, 24, 4))
    assert all(len({n % 4 for n in batch}) == len(batch) for batch in server.batches)


class Idempotent(Server):
    """Honours keys as FullStory does, and fails at random: before it works, after it, and by being late."""

    def __init__(self, seed: int, bad: set[int]) -> None:
        super().__init__()
        self.calm = False
        self._drawn = random.Random(seed)
        self._bad = bad
        self._answers: dict[str, int] = {}

    async def handle(self, request: Request) -> Response:
        """Answer one request: as before, if its key is known."""
        numbers: Any = request.json
        key = request.headers["idempotency-key"]
        assert self.keys.setdefault(key, numbers) == numbers, "two compositions under one key"
        fault = "" if self.calm else self._drawn.choice(["", "", "503", "429", "late", "502"])
        if fault == "503":
            return Response(503)
        if fault == "429":
            return Response(429, {"retry-after": "0.01"})
        if key not in self._answers:
            self._answers[key] = 400 if self._bad & set(numbers) else 200
            if self._answers[key] == 200:
                self.taken.update(numbers)
        if fault == "late":
            await asyncio.sleep(0.5)
        return Response(502 if fault == "502" else self._answers[key])


@pytest.mark.parametrize("seed", range(int(os.environ.get("OUTBOX_SEEDS", "3"))))
def test_no_event_is_taken_twice_by_a_destination_that_honours_keys(tmp_path: Path, seed: int) -> None:
    """Whatever fails, and through kills: each bad event is found alone, all others are taken once."""
    bad = set(random.Random(seed + 10).sample(range(200), 3))
    path = tmp_path / "events.db"

    async def main() -> None:
        server = Idempotent(seed, bad)
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(
                loopback.url,
                timeout=0.1,
                retry={"base": 0.01, "cap": 0.03},
                breaker={"failures": 1000},
                concurrency=5,
            )
            for part in range(3):
                outbox = Outbox(Engine(made, registry=registry()), path)
                await outbox.open()
                await enqueue(outbox, map(track, range(part * 60, part * 60 + 60)))
                await asyncio.sleep(0.3)
                await kill(outbox)
            server.calm = True
            async with Outbox(Engine(made, registry=registry()), path) as last:
                await enqueue(last, map(track, range(180, 200)))
                await until(lambda: len(server.taken) == 200 - len(bad))
                async with asyncio.timeout(20):
                    while await last.dead_letters.count() < len(bad):  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(0.01)
                letters = [letter.message async for letter in last.dead_letters.list()]
        assert sorted(letters) == sorted(f"m-{n}" for n in bad)
        assert server.taken == Counter({n for n in range(200) if n not in bad})

    asyncio.run(main())
