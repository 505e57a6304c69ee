"""The pump of one instance on a real outbox: retries, limits, a dead destination, hand-over, closing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from actions_core.delivery.errors import OutboxError
from actions_core.delivery.file import FileStore, Writer
from actions_core.delivery.letters import LetterFilter
from actions_core.delivery.pump import Pump, Settled
from actions_core.delivery.rules import Dead, Done, DurableRetry
from actions_core.delivery.store import Claimed, Settlement
from actions_core.engine.executor.breaker import Breaker
from actions_core.engine.executor.rate_budget import RateBudget
from actions_core.engine.results import Result, Status
from actions_core.errors import ActionsError, PayloadError
from actions_core.http.errors import ResponseError, TransportError
from actions_core.http.requests import Request, Response
from actions_core.http.retry import is_retryable

Maker = Callable[..., Any]
QUICK = DurableRetry(base=0.01, cap=0.05)


def answered(status: int, headers: dict[str, str] | None = None) -> Result:
    """Return the result of a delivery that got a response with this status."""
    response = Response(status, headers or {}, b"said")
    if response.ok:
        return Result("a", "one", "x", Status.SENT, tries=1, response=response)
    error = ResponseError(Request("POST", "https://x.test"), response, retryable=is_retryable(status))
    return Result("a", "one", "x", Status.FAILED, error, str(error), 1, response=response)


def failed(error: ActionsError, tries: int = 1) -> Result:
    """Return the result of a delivery that got no response."""
    return Result("a", "one", "x", Status.FAILED, error, str(error), tries)


class Bench:
    """A pump on a writer, whose destination is a function of the event's number and its try."""

    def __init__(self, store: FileStore, answer: Callable[[int, int], Result], **options: Any) -> None:
        self.store = store
        self.writer = Writer(store)
        self.answer = answer
        self.latency = options.pop("latency", 0.0)
        self.tries: Counter[int] = Counter()
        self.settled: list[Settled] = []
        self.most = self.now_running = 0
        self.breaker = options.pop("breaker", Breaker(1000))
        self.budget = options.pop("budget", RateBudget(20))
        self.pump = Pump(
            self.writer,
            {1: options.pop("retry", QUICK)},
            self.deliver,
            breaker=self.breaker,
            budget=self.budget,
            now=store._clock,
            note=self.settled.append,
        )

    async def deliver(self, row: Claimed) -> Result:
        self.tries[row.event] += 1
        self.now_running += 1
        self.most = max(self.most, self.now_running)
        try:
            await asyncio.sleep(self.latency)
            return self.answer(row.event, self.tries[row.event])
        finally:
            self.now_running -= 1

    async def rows(self) -> int:
        await self.writer.wait_noted(1)
        return int(self.store._connection.read("SELECT count(*) FROM delivery")[0][0])

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that tells nobody when it happens."""
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)

    async def until_empty(self, left: int = 0) -> None:
        async with asyncio.timeout(60):
            while await self.rows() > left:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)


def play(bench: Bench, work: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a test's work with the pump started, and close everything."""

    async def run() -> None:
        bench.pump.start()
        try:
            await work(bench)
        finally:
            await bench.pump.close(1.0)
            await asyncio.to_thread(bench.writer.close)

    asyncio.run(run())


def test_each_row_is_delivered_once(open_store: Maker, arrival: Maker) -> None:
    """What waits is claimed and delivered, by no more tasks at a time than the instance allows."""

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival(f"m{number}") for number in range(3000)])
        bench.pump.look()
        await bench.until_empty()
        assert bench.tries == Counter(range(1, 3001))
        assert 1 < bench.most <= 20
        assert {type(each.verdict) for each in bench.settled} == {Done}
        assert bench.pump.is_idle

    play(Bench(open_store(), lambda *_: answered(200), latency=0.001), work)


def test_what_fails_goes_again_until_it_is_done_or_dead(open_store: Maker, arrival: Maker) -> None:
    """A 503 goes again, the third 500 is final, a refusal and a faulty payload are final at once."""

    def answer(event: int, tried: int) -> Result:
        kinds = [answered(200), answered(503 if tried < 4 else 200), answered(500), answered(400)]
        return [*kinds, failed(PayloadError("no name"), 0)][event % 5]

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival(f"m{number}") for number in range(50)])
        bench.pump.look()
        await bench.until_empty()
        by_kind = {
            kind: {bench.tries[event] for event in range(1, 51) if event % 5 == kind} for kind in range(5)
        }
        assert by_kind == {0: {1}, 1: {4}, 2: {3}, 3: {1}, 4: {1}}
        letters = bench.store.letters.list(LetterFilter())
        assert Counter((letter.code, letter.tries, letter.answer) for letter in letters) == {
            ("INTERNAL_SERVER_ERROR", 3, "said"): 10,
            ("BAD_REQUEST", 1, "said"): 10,
            ("PAYLOAD_VALIDATION_FAILED", 1, ""): 10,
        }
        last = {each.row.event: each for each in bench.settled}
        assert {last[event].tries for event in range(1, 51) if event % 5 == 1} == {4}
        assert isinstance(last[2].verdict, Dead)

    play(Bench(open_store(), answer, retry=DurableRetry(base=0.01, cap=0.05, tries_by_status={500: 3})), work)


def test_a_dead_destination_is_left_alone(open_store: Maker, arrival: Maker) -> None:
    """While the breaker is open nothing is claimed beyond the tasks in waiting, and one row probes."""
    dead = True

    def answer(*_: int) -> Result:
        return failed(TransportError("refused")) if dead else answered(200)

    async def work(bench: Bench) -> None:
        nonlocal dead
        await bench.writer.accept([arrival(f"m{number}") for number in range(2000)])
        bench.pump.look()
        await asyncio.sleep(1.5)
        tried = sum(bench.tries.values())
        assert 5 <= tried <= 5 + 20 + 10
        assert not bench.pump.reserve(1)
        dead = False
        await bench.until_empty()
        assert bench.breaker.state == "closed"
        assert len([each for each in bench.settled if isinstance(each.verdict, Done)]) == 2000

    breaker = Breaker(5, pause=0.2, longest=0.4)
    play(Bench(open_store(), answer, breaker=breaker, latency=0.002), work)


def test_a_limit_pauses_the_instance_and_costs_no_try(open_store: Maker, arrival: Maker) -> None:
    """A 429 with Retry-After stops all of the instance; the row goes again with its tries as before."""
    limited_at: list[float] = []
    starts: list[float] = []

    def answer(event: int, _tried: int) -> Result:
        starts.append(time.monotonic())
        if not limited_at:
            limited_at.append(time.monotonic())
            return answered(429, {"retry-after": "0.5"})
        return answered(200)

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival(f"m{number}") for number in range(30)])
        bench.pump.look()
        await bench.until_empty()
        assert min(start - limited_at[0] for start in starts[1:]) >= 0.45
        assert max(each.tries for each in bench.settled) == 1

    play(Bench(open_store(), answer, budget=RateBudget(1)), work)


def test_what_was_stored_is_not_overlooked(open_store: Maker, arrival: Maker) -> None:
    """From the moment at which a row is in the file until it is done, a pump says that it has work."""

    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.pump.is_idle)
        await bench.writer.accept([arrival("m1")])
        bench.pump.note_stored(1, 10)
        while not bench.tries:
            assert not bench.pump.is_idle
            await asyncio.sleep(0)
        await bench.until_empty()

    play(Bench(open_store(), lambda *_: answered(200)), work)


def test_what_is_stored_for_a_dead_destination_is_due(open_store: Maker, arrival: Maker) -> None:
    """While the breaker is open, a pump is idle only where nothing has come: who drains waits for that."""
    clock = [0.0]

    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.pump.is_idle)
        bench.breaker.leave(0, False)
        assert not bench.breaker.is_closed
        assert bench.pump.is_idle
        await bench.writer.accept([arrival("m1")])
        bench.pump.note_stored(1, 10)
        await bench.until(lambda: not bench.pump._will_look)
        assert not bench.pump.is_idle
        clock[0] = 100.0
        await bench.until_empty()
        await bench.until(lambda: bench.pump.is_idle)
        assert bench.tries == {1: 1}

    play(Bench(open_store(), lambda *_: answered(200), breaker=Breaker(1, clock=lambda: clock[0])), work)


def test_a_look_that_fails_is_not_the_end(
    open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pump that could not look for rows says that it has work until it has looked again."""
    monkeypatch.setattr("actions_core.delivery.pump.pump._LOOK", 0.05)
    failures = iter([OutboxError("the disk is busy", retryable=True)])

    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.pump.is_idle)
        claim = bench.writer.claim

        def fail_once(*given: Any) -> Any:
            for failure in failures:
                raise failure
            return claim(*given)

        monkeypatch.setattr(bench.writer, "claim", fail_once)
        await bench.writer.accept([arrival("m1")])
        bench.pump.note_stored(1, 10)
        while not bench.tries:
            assert not bench.pump.is_idle
            await asyncio.sleep(0.001)
        assert next(failures, None) is None
        await bench.until_empty()

    play(Bench(open_store(), lambda *_: answered(200)), work)


def test_what_is_handed_over_is_not_claimed(open_store: Maker, arrival: Maker) -> None:
    """Once nothing older is due, an accepted row goes straight to the pump; else it is claimed."""

    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.pump.reserve(1))
        made = arrival("m1", owned=True)
        (accepted,) = await bench.writer.accept([made])
        assert accepted.event is not None
        claimed = await bench.writer.claim(1, 10)
        assert claimed.rows == ()
        bench.pump.hand_over(Claimed(accepted.event, 1, 0, None, None, made.body))
        await bench.until_empty()
        assert bench.tries == Counter([1])
        assert bench.pump.reserve(1)
        assert not bench.pump.is_idle
        bench.pump.hand_over(None)
        assert bench.pump.is_idle

    play(Bench(open_store(), lambda *_: answered(200)), work)


def test_few_rows_wait_as_objects(open_store: Maker, arrival: Maker) -> None:
    """Steps take far more memory than what is stored, so a pump keeps only so many until it delivers them."""

    async def work(bench: Bench) -> None:
        await bench.until(lambda: bench.pump.reserve(1))
        made = arrival("m1", owned=True, filler=100_000)
        size = made.deliveries[0].size
        assert [bench.pump.keeps(size) for _ in range(4)] == [True, True, False, False]
        step: Any = object()
        for place in range(2):
            (accepted,) = await bench.writer.accept([attrs.evolve(made, message_id=f"m{place}")])
            assert accepted.event is not None
            assert place == 0 or bench.pump.reserve(1)
            bench.pump.hand_over(Claimed(accepted.event, 1, 0, None, None, made.body, step))
        await bench.until_empty()
        assert [bench.pump.keeps(size) for _ in range(3)] == [True, True, False]

    play(Bench(open_store(), lambda *_: answered(200)), work)


def test_a_row_that_is_handed_over_while_the_pump_closes_is_given_back(
    open_store: Maker, arrival: Maker
) -> None:
    """A place that was kept before the pump closed leaves no row in the hands of a worker that lives on."""

    async def work(bench: Bench) -> None:
        bench.pump.look()
        await bench.until(lambda: bench.pump.reserve(1))
        made = arrival("m1", owned=True)
        (accepted,) = await bench.writer.accept([made])
        await bench.pump.close(1.0)
        assert accepted.event is not None
        bench.pump.hand_over(Claimed(accepted.event, 1, 0, None, None, made.body))
        await bench.writer.wait_noted(1)
        assert [row.event for row in (await bench.writer.claim(1, 10)).rows] == [accepted.event]
        assert not bench.tries

    play(Bench(open_store(), lambda *_: answered(200)), work)


def test_closing_gives_back_what_was_not_tried(open_store: Maker, arrival: Maker) -> None:
    """What is in progress ends within the grace; the rest waits for the next process, without a try."""
    store = open_store()

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival(f"m{number}") for number in range(500)])
        bench.pump.look()
        await bench.until(lambda: bool(bench.tries))
        await bench.pump.close(5.0)

    bench = Bench(store, lambda *_: answered(200), latency=0.05)
    play(bench, work)
    after = open_store()
    left = after.claim(1, 1000).rows
    assert len(left) == 500 - len(bench.tries)
    assert {row.tries for row in left} == {0}
    assert not {row.event for row in left} & bench.tries.keys()


def test_what_is_cut_by_closing_goes_again(open_store: Maker, arrival: Maker) -> None:
    """A delivery that outlasts the grace counts as a try and is due at once."""
    store = open_store()

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival("m1")])
        bench.pump.look()
        await bench.until(lambda: bool(bench.tries))
        await bench.pump.close(0.05)

    play(Bench(store, lambda *_: answered(200), latency=30), work)
    assert [row.tries for row in open_store().claim(1, 10).rows] == [1]


def test_an_error_of_the_way_out_stops_nothing(
    open_store: Maker, arrival: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """What raises instead of returning a result is logged, and its row goes again later; the others go on."""

    def answer(event: int, _tried: int) -> Result:
        if event == 1:
            raise RuntimeError("not foreseen")
        return answered(200)

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival(f"m{number}") for number in range(50)])
        bench.pump.look()
        await bench.until(lambda: bool(bench.tries))
        await bench.until_empty(left=1)
        rows = bench.store._connection.read("SELECT event, owner, tries FROM delivery")
        assert rows == [(1, 0, 1)]

    play(Bench(open_store(), answer), work)
    assert "not foreseen" in caplog.text


def test_unnoted_outcomes_are_bounded(
    open_store: Maker, arrival: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While outcomes cannot be noted deliveries pause: a crash repeats 200 and what is in progress."""
    store = open_store()
    slow: list[float] = [0.0]
    settle = store.settle

    def settled_slowly(settlement: Settlement) -> None:
        time.sleep(slow[0])
        settle(settlement)

    monkeypatch.setattr(store, "settle", settled_slowly)

    async def work(bench: Bench) -> None:
        await bench.writer.accept([arrival(f"m{number}") for number in range(2000)])
        slow[0] = 0.05
        worst = 0
        bench.pump.look()
        while await bench.writer.run(lambda each: each._connection.read("SELECT 1 FROM delivery LIMIT 1")):
            worst = max(worst, bench.writer.unnoted)
        assert worst <= 200 + 20
        slow[0] = 0.0

    play(Bench(store, lambda *_: answered(200)), work)
