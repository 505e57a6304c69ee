"""The admission of requests: who is refused, who waits and for what, and what outcomes change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from actions_core.engine.executor.breaker import Breaker
from actions_core.engine.executor.client import Admission, ClosedBeforeTurnError, OneShotEvent
from actions_core.engine.executor.client import admission as module
from actions_core.engine.executor.rate_budget import RateBudget
from actions_core.errors import RequestError
from actions_core.http.errors import ResponseError
from actions_core.http.requests import Request, Response


def refusal(status: int) -> ResponseError:
    """The error of a response with this status."""
    return ResponseError(Request("GET", "https://x.test"), Response(status))


class Made:
    """An admission in a time that a test makes up, and an event that is not set."""

    def __init__(self, *, failures: int = 1, concurrency: int = 2) -> None:
        self.now = 100.0
        self.breaker = Breaker(failures, 10.0, clock=lambda: self.now)
        self.budget = RateBudget(concurrency, clock=lambda: self.now)
        self.admission = Admission("one", self.breaker, self.budget)
        self.closing = OneShotEvent()

    def be_limited(self, retry_after: float = 0.0) -> None:
        """Have a request limited that was let in without asking; after that there is one place for two."""
        self.admission.fail(None, self.now, refusal(429), retry_after)
        assert not self.admission.quiet

    async def enter(self, error: RequestError | None = None, seconds: float = 1e9) -> tuple[int, float]:
        """Enter, for a second try if there is an error, with so many seconds left."""
        async with asyncio.timeout(10):
            return await self.admission.enter(self.closing, error, self.now + seconds)

    async def waiting(self) -> asyncio.Task[tuple[int, float]]:
        """Return a task that waits to enter."""
        task = asyncio.create_task(self.enter())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        return task


@pytest.mark.parametrize(
    ("left", "refused"), [(10.0, True), (0.5, True), (0.001, True), (0.0, False), (-1.0, False)]
)
def test_an_open_breaker_refuses_to_the_last_moment(left: float, refused: bool) -> None:  # noqa: FBT001 - a case
    """Whoever may try again later is told so; a second try ends with the error of the first."""
    made = Made()
    made.admission.fail(None, 100.0, refusal(500), None)
    made.now = 110.0 - left
    assert made.admission.is_open is refused
    if not refused:
        made.admission.refuse_if_unavailable()
        return
    with pytest.raises(RequestError) as caught:
        made.admission.refuse_if_unavailable()
    assert (caught.value.code, caught.value.status) == ("INSTANCE_UNAVAILABLE", 503)
    assert caught.value.retryable
    assert str(caught.value) == (
        "one is not available: its last requests all failed, so it is left alone for a while"
    )
    first = refusal(500)
    with pytest.raises(ResponseError) as again:
        asyncio.run(made.enter(first))
    assert again.value is first


@pytest.mark.parametrize(("pause", "refused"), [(59.0, False), (60.0, False), (61.0, True)])
def test_a_pause_that_is_longer_than_the_patience_refuses(pause: float, refused: bool) -> None:  # noqa: FBT001 - a case
    """A shorter one is waited for."""
    made = Made()
    made.be_limited(pause)
    if not refused:
        made.admission.refuse_if_unavailable()
        return
    with pytest.raises(RequestError, match="it asked not to be called for another 61 s") as caught:
        asyncio.run(made.enter())
    assert (caught.value.code, caught.value.retryable) == ("INSTANCE_UNAVAILABLE", True)


def test_closing_ends_what_has_not_begun() -> None:
    """What was not tried may be tried later; a second try ends with the error of the first."""
    made = Made()
    made.closing.set()
    with pytest.raises(ClosedBeforeTurnError, match="closed before its turn") as caught:
        asyncio.run(made.enter())
    assert (caught.value.code, caught.value.retryable) == ("NOT_TRIED", True)
    with pytest.raises(ResponseError):
        asyncio.run(made.enter(refusal(503)))


def test_a_second_try_waits_as_long_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a place or for a pause; where neither can come in time its error comes out."""
    made = Made()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)

    def later(now: float) -> Any:
        return asyncio.get_running_loop().call_later(0.02, setattr, made, "now", now)

    async def scenario() -> None:
        made.be_limited(30.0)
        for seconds in (20.0, 0.0, -1.0):
            with pytest.raises(ResponseError):
                await made.enter(refusal(429), seconds)
        made.budget.paused_until = 100.015625
        later(100.5)
        assert (await made.enter(refusal(429), 0.75))[1] == 100.5  # as soon as the pause is over
        later(101.0)
        with pytest.raises(ResponseError):
            await made.enter(refusal(429), 0.03125)  # the only place does not become free
        assert made.budget.in_progress == 1

    asyncio.run(scenario())


def test_outcomes_wake_whoever_waits_for_a_place() -> None:
    """A success, a failure, a 429 and a turn that is given back, each for the next in line."""

    async def scenario() -> None:
        made = Made(failures=9)
        made.be_limited()
        ticket = await made.enter()
        for turn in range(4):
            assert made.budget.in_progress == 1
            made.budget.cap = 1.0
            waiting = await made.waiting()
            if turn == 0:
                made.admission.succeed(ticket, 100.0)
            elif turn == 1:
                made.admission.fail(ticket, 100.0, refusal(500), None)
            elif turn == 2:
                made.admission.fail(ticket, 100.0, refusal(429), 0.0)
            else:
                made.admission.give_back(ticket)
            ticket = await waiting

    asyncio.run(scenario())


def test_nobody_is_woken_in_a_loop_that_is_closed() -> None:
    """What waited in an event loop that was closed under it keeps no outcome from being noted."""
    made = Made()
    made.be_limited()
    loop = asyncio.new_event_loop()
    ticket = loop.run_until_complete(made.enter())
    waits = made.admission.enter(made.closing)

    async def begin() -> None:
        task = asyncio.ensure_future(waits)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # thrown away on purpose

    loop.run_until_complete(begin())
    loop.close()
    made.admission.succeed(ticket, 100.0)
    assert made.budget.in_progress == 0
    with suppress(RuntimeError):
        waits.close()


def test_a_success_makes_it_quiet_again() -> None:
    """With its ticket or without one: no failure in a row, and every place, so nobody has to ask."""
    made = Made(failures=2)
    for _ in range(3):
        made.admission.fail(None, 100.0, refusal(500), None)
        assert (made.admission.quiet, made.breaker.is_calm) == (False, False)
        made.admission.succeed(None, 100.0)  # of a request that began while it was quiet
        assert (made.admission.quiet, made.breaker.is_calm) == (True, True)
    made = Made(failures=2)
    made.be_limited()
    assert made.budget.cap == 1
    ticket = asyncio.run(made.enter())
    made.admission.succeed(ticket, 100.0)
    assert (made.admission.quiet, made.budget.cap, made.budget.in_progress) == (True, 2, 0)


def test_what_was_taken_while_it_was_quiet_teaches_a_rate() -> None:
    """Requests that did not have to ask count for what the destination takes."""
    made = Made()
    for _ in range(8):
        made.now += 0.125
        made.admission.succeed(None, made.now)
    made.be_limited(1.0)
    assert made.budget.learned_rate == 8 / 2


def test_what_is_no_success_gives_no_more_places() -> None:
    """Neither a failure nor a turn that was not used."""
    made = Made(failures=9)
    made.be_limited()
    made.admission.fail(asyncio.run(made.enter()), 100.0, refusal(500), None)
    made.admission.give_back(asyncio.run(made.enter()))
    made.admission.fail(None, 100.0, refusal(500), None)
    assert (made.budget.cap, made.budget.in_progress, made.admission.quiet) == (1, 0, False)


def test_a_probe_that_is_given_back_leaves_it_to_the_next() -> None:
    """It showed nothing, so the next request may probe, and its success closes the breaker."""

    async def scenario() -> None:
        made = Made()
        made.admission.fail(None, 100.0, refusal(500), None)
        made.now = 110.0
        made.admission.give_back(await made.enter())
        assert made.breaker.state == "open"
        probe = await made.enter()
        assert made.breaker.state == "probing"
        with pytest.raises(RequestError, match="left alone"):
            await made.enter()
        made.admission.succeed(probe, 110.0)
        assert (made.breaker.state, made.admission.quiet) == ("closed", True)

    asyncio.run(scenario())
