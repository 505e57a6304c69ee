"""The client of an instance with a breaker and a budget: what is asked for, noted and given back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination.context import Context, Scope
from actions_core.engine.executor.breaker import Breaker
from actions_core.engine.executor.client import Admission, Connection, Deadlines, EventClient
from actions_core.engine.executor.rate_budget import RateBudget
from actions_core.errors import RequestError
from actions_core.http.errors import ResponseError, TransportError
from actions_core.http.requests import Request, Response
from actions_core.http.retry import RetryPolicy
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from actions_core.http.requests import Transport

ASK = Request("POST", "https://x.test/a", json={"a": 1})
ONCE = RetryPolicy(tries=1, base=0.0, within=10.0)


def limited(seconds: str) -> Response:
    """A 429 that asks for a pause."""
    return Response(429, {"retry-after": seconds})


def admission_of(*, failures: int = 20, concurrency: int = 2) -> Admission:
    """An admission that limits nothing yet."""
    return Admission("one", Breaker(failures=failures, pause=60.0), RateBudget(concurrency))


def client_of(admission: Admission | None, *responses: Any, **options: Any) -> EventClient:
    """A client whose requests get these responses, then 200; each is tried once unless told otherwise."""
    return client_over(RecordingTransport(responses), admission, **options)


def client_over(transport: Transport, admission: Admission | None, **options: Any) -> EventClient:
    """A client over a transport."""
    connection = Connection(transport, Deadlines(), **{"policy": ONCE, "admission": admission, **options})
    return EventClient(connection, Context(Scope("i"), {}), {})


async def lose_quiet(admission: Admission) -> None:
    """Have a request limited, after which each one has to ask."""
    with pytest.raises(ResponseError):
        await client_of(admission, limited("0.01"), policy=RetryPolicy(within=0.0)).send(ASK)
    assert not admission.quiet
    await asyncio.sleep(0.02)


def test_a_limited_request_waits_and_counts_as_no_try() -> None:
    """A 429 says nothing of its request: it is made again after the pause, also where one try is allowed."""
    client = client_of(admission_of(), *[limited("0.01")] * 3)
    assert asyncio.run(client.send(ASK)).ok
    assert client.tries == 4
    alone = client_of(None, *[limited("0.01")] * 3)
    with pytest.raises(ResponseError):
        asyncio.run(alone.send(ASK))
    assert alone.tries == 1


def test_a_failure_after_a_limited_request_is_its_first() -> None:
    """Tries are counted without those that were limited."""
    policy = RetryPolicy(tries=2, base=0.0, within=10.0)
    client = client_of(admission_of(), limited("0.01"), *[Response(503)] * 9, policy=policy)
    with pytest.raises(ResponseError) as caught:
        asyncio.run(client.send(ASK))
    assert (caught.value.status, client.tries) == (503, 3)


def test_a_pause_beyond_the_time_ends_the_request() -> None:
    """Where the pause would last longer than a request may be retried, its error comes out at once."""
    client = client_of(admission_of(), limited("60"), policy=RetryPolicy(within=20.0))

    async def scenario() -> None:
        async with asyncio.timeout(10):
            with pytest.raises(ResponseError) as caught:
                await client.send(ASK)
        assert (caught.value.status, caught.value.retryable, client.tries) == (429, True, 1)

    asyncio.run(scenario())


def test_closing_ends_the_wait_for_another_turn() -> None:
    """When the engine closes during a pause, the last error comes out at once."""
    client = client_of(admission_of(), limited("60"), policy=RetryPolicy(within=1e6))

    async def scenario() -> None:
        closing = client._connection.deadlines.closing
        asyncio.get_running_loop().call_later(0.01, closing.set)
        async with asyncio.timeout(10):
            with pytest.raises(ResponseError):
                await client.send(ASK)
        assert client.tries == 1

    asyncio.run(scenario())


def test_an_open_breaker_ends_the_wait_for_the_next_try() -> None:
    """The failure that opens it comes out at once, with the tries that were made."""
    policy = RetryPolicy(base=3600.0, cap=3600.0, within=1e6)
    client = client_of(admission_of(failures=1), Response(500), policy=policy)

    async def scenario() -> None:
        async with asyncio.timeout(10):
            with pytest.raises(ResponseError) as caught:
                await client.send(ASK)
        assert (caught.value.status, client.tries) == (500, 1)
        async with asyncio.timeout(10):
            with pytest.raises(RequestError) as refused:
                await client.send(ASK)
        assert (refused.value.code, client.tries) == ("INSTANCE_UNAVAILABLE", 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("quiet", [True, False])
def test_every_outcome_is_noted(quiet: bool) -> None:  # noqa: FBT001 - a case
    """Failures in a row open the breaker, not with a success, a refusal or an interruption among them."""
    admission = admission_of(failures=2)

    async def outcome(answer: Response | TransportError) -> str:
        with suppress(RequestError):
            await client_of(admission, answer).send(ASK)
        return admission.breaker.state

    async def scenario() -> None:
        if not quiet:
            await lose_quiet(admission)
        for answer in (Response(500), Response(200), Response(503), Response(400), TransportError("cut")):
            assert await outcome(answer) == "closed"
        assert await outcome(TransportError("?", code="INTERRUPTED")) == "closed"
        assert await outcome(Response(500)) == "open"
        assert admission.budget.in_progress == 0

    asyncio.run(scenario())


class Watching:
    """A transport that notes how many requests are in progress for the budget, and may never answer."""

    def __init__(self, admission: Admission, *, silent: bool = False) -> None:
        self.admission = admission
        self.silent = silent
        self.seen: list[int] = []
        self.came = asyncio.Event()

    async def send(self, _request: Request) -> Response:
        self.seen.append(self.admission.budget.in_progress)
        self.came.set()
        if self.silent:
            await asyncio.sleep(3600)
        return Response(200)

    async def close(self) -> None:
        pass


def test_each_request_of_a_handler_has_a_turn_of_its_own() -> None:
    """The turn that the lane has taken is for the first one; while nothing is limited none is needed."""
    admission = admission_of()
    transport = Watching(admission)

    async def scenario() -> None:
        client = client_over(transport, admission)
        await client.send(ASK)
        await lose_quiet(admission)
        client.ticket = await admission.enter(client._connection.deadlines.closing)
        await client.send(ASK)
        assert client.ticket is None
        await client.send(ASK)
        assert transport.seen == [0, 1, 1]
        assert admission.budget.in_progress == 0

    asyncio.run(scenario())


def test_a_turn_that_was_not_used_is_given_back_once() -> None:
    """What no request has used is the next one's; without a turn there is nothing to give back."""
    admission = admission_of()

    async def scenario() -> None:
        client = client_of(admission)
        client.give_back()
        assert admission.budget.in_progress == 0
        await lose_quiet(admission)
        client.ticket = await admission.enter(client._connection.deadlines.closing)
        assert admission.budget.in_progress == 1
        client.give_back()
        client.give_back()
        assert admission.budget.in_progress == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("quiet", [True, False])
def test_a_cancelled_request_gives_its_turn_back(quiet: bool) -> None:  # noqa: FBT001 - a case
    """Nobody knows what became of it, so it says nothing of the instance, and takes no turn from others."""
    admission = admission_of(failures=1)

    async def scenario() -> None:
        if not quiet:
            await lose_quiet(admission)
        transport = Watching(admission, silent=True)
        task = asyncio.create_task(client_over(transport, admission).send(ASK))
        await transport.came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (transport.seen, admission.budget.in_progress) == ([int(not quiet)], 0)
        assert admission.breaker.state == "closed"

    asyncio.run(scenario())
