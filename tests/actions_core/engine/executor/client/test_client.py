"""How requests get their answers: tries, refusals, time limits, secrets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination.context import Context, Scope
from actions_core.engine.executor.client import Connection, Deadlines, DryRunClient, DryRunEnd, EventClient
from actions_core.errors import PayloadError, RequestError
from actions_core.http.errors import AuthenticationError, ResponseError, TransportError
from actions_core.http.masking import Mask
from actions_core.http.requests import Request, Response
from actions_core.http.retry import RetryPolicy, is_retryable
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.http.requests import Transport

QUICK = RetryPolicy(base=0.0)
ASK = Request("POST", "https://x.test/a", json={"a": 1})


def make_client(transport: Transport, hints: dict[int, str] | None = None, **options: Any) -> EventClient:
    """A client over `transport` that waits for nothing between its tries."""
    connection = Connection(transport, Deadlines(), **{"policy": QUICK, **options})
    return EventClient(connection, Context(Scope("i"), {"messageId": "m"}), hints or {})


def answers(*statuses: int, headers: dict[str, str] | None = None) -> RecordingTransport:
    """A transport that answers with these statuses, then with 200."""
    return RecordingTransport(Response(status, headers or {}, b"said") for status in statuses)


@pytest.mark.parametrize("status", range(200, 600))
def test_each_status_is_tried_again_or_not(status: int) -> None:
    """A success ends it, a status of the retry table gets all tries, any other is final at once."""
    transport = answers(*[status] * 5)
    client = make_client(transport)
    if status < 300:
        assert asyncio.run(client.send(ASK)).status == status
        assert client.tries == 1
        return
    with pytest.raises(AuthenticationError if status == 401 else ResponseError) as caught:
        asyncio.run(client.send(ASK))
    assert caught.value.status == status
    assert caught.value.retryable is is_retryable(status)
    assert client.tries == len(transport.requests) == (5 if is_retryable(status) else 1)


def test_a_passing_failure_ends_in_success() -> None:
    """503 twice, then 200: three equal requests, one success."""
    transport = answers(503, 503)
    client = make_client(transport)
    assert asyncio.run(client.send(ASK)).ok
    assert transport.requests == [ASK] * 3
    assert client.response == Response(200, {"content-type": "application/json"}, b"{}")


def test_a_failed_connection_is_tried_again() -> None:
    """No answer counts as a passing failure."""
    transport = RecordingTransport([TransportError("cut"), TransportError("cut")])
    client = make_client(transport)
    asyncio.run(client.send(ASK))
    assert client.tries == 3


def test_tries_by_status_bound_the_tries() -> None:
    """A destination may allow fewer tries for a status than the policy does."""
    client = make_client(answers(*[500] * 9), tries_by_status={500: 3})
    with pytest.raises(ResponseError):
        asyncio.run(client.send(ASK))
    assert client.tries == 3


def test_retry_after_is_honoured() -> None:
    """The wait before the next try is at least what Retry-After says."""
    client = make_client(answers(429, headers={"retry-after": "0.2"}))

    async def timed() -> float:
        clock = asyncio.get_running_loop().time
        started = clock()
        await client.send(ASK)
        return clock() - started

    assert asyncio.run(timed()) >= 0.19


def test_a_refusal_says_what_was_said_and_what_to_do() -> None:
    """The error holds status, the destination's words and the hint, and no secret that was echoed."""
    transport = RecordingTransport([Response(403, {}, b'{"message": "key s3cret may not"}')])
    client = make_client(transport, {403: "Use an Admin key."}, mask=Mask(["s3cret"]))
    with pytest.raises(ResponseError) as caught:
        asyncio.run(client.send(ASK.evolve(headers={"x": "s3cret"})))
    assert (
        str(caught.value) == 'the destination answered 403: {"message": "key *** may not"}. Use an Admin key.'
    )
    assert caught.value.code == "FORBIDDEN"
    assert caught.value.request.headers == {"x": "***"}


class Silent:
    """A transport that never answers."""

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(3600)
        raise AssertionError(request)

    async def close(self) -> None:
        pass


def test_a_transport_that_never_answers_is_timed_out() -> None:
    """The time limit holds for each try and for any transport; it counts as no answer."""
    client = make_client(Silent(), timeout=0.02)
    with pytest.raises(TransportError, match="within 0.02 s") as caught:
        asyncio.run(client.send(ASK))
    assert (caught.value.code, caught.value.status, client.tries) == ("SELF_TIMEOUT", 408, 5)


def test_a_request_may_have_its_own_time_limit() -> None:
    """`Request.timeout` wins over the instance's."""
    client = make_client(Silent(), policy=RetryPolicy(tries=1))
    with pytest.raises(TransportError, match="within 0.01 s"):
        asyncio.run(client.send(ASK.evolve(timeout=0.01)))


def test_closing_ends_the_wait_for_the_next_try() -> None:
    """When the engine closes while a client waits, the last error comes out at once."""

    async def scenario() -> None:
        client = make_client(answers(503), policy=RetryPolicy(base=3600, cap=3600, within=1e6))
        deadlines = client._connection.deadlines
        asyncio.get_running_loop().call_later(0.02, deadlines.closing.set)
        async with asyncio.timeout(5):
            with pytest.raises(ResponseError):
                await client.send(ASK)
        assert client.tries == 1

    asyncio.run(scenario())


def test_expiry_ends_what_is_under_way() -> None:
    """When the grace is over, a request under way ends as interrupted: nobody knows what became of it."""

    async def scenario() -> None:
        client = make_client(Silent())
        deadlines = client._connection.deadlines
        deadlines.closing.set()
        asyncio.get_running_loop().call_later(0.02, deadlines.expire)
        with pytest.raises(TransportError, match="not known") as caught:
            await client.send(ASK)
        assert (caught.value.code, client.tries) == ("INTERRUPTED", 1)

    asyncio.run(scenario())


def test_prepare_and_completion_come_before_the_network() -> None:
    """What the transport gets is prepared and absolute, its query in the URL."""

    def prepare(request: Request, context: Context) -> Request:
        return request.with_base("https://x.test", {"m": context.event["messageId"]}).complete()

    transport = answers()
    asyncio.run(make_client(transport, prepare=prepare).send(Request("GET", "/a", params={"b": 1})))
    assert (transport.requests[0].url, transport.requests[0].headers) == ("https://x.test/a?b=1", {"m": "m"})


def test_a_dry_run_stops_at_the_network() -> None:
    """A dry run's client completes the request, keeps it, and never reaches the transport."""
    transport = answers()
    connection = Connection(transport, Deadlines())
    client = DryRunClient(connection, Context(Scope("i"), {}, dry_run=True), {})
    with pytest.raises(DryRunEnd):
        asyncio.run(client.send(ASK))
    assert client.request == ASK
    assert transport.requests == []


def test_a_request_that_cannot_be_sent_is_not_tried() -> None:
    """A URL that stays relative is an error before any try."""
    client = make_client(answers())
    with pytest.raises(RequestError, match="absolute"):
        asyncio.run(client.send(Request("GET", "/a")))
    assert client.tries == 0


def test_tokens_renew_a_refused_request_prepared_anew() -> None:
    """With tokens each attempt is prepared by itself: credentials are part of what `prepare` adds."""
    tokens = ["old", "new"]

    class Keeper:
        async def retry_once(self, attempt: Callable[[], Awaitable[Response]]) -> Response:
            with pytest.raises(AuthenticationError, match="401"):
                await attempt()
            tokens.pop(0)
            return await attempt()

    def prepare(request: Request, _context: Context) -> Request:
        return request.with_bearer(tokens[0])

    transport = answers(401)
    client = make_client(transport, prepare=prepare, tokens=Keeper())
    assert asyncio.run(client.send(ASK)).ok
    sent = [request.headers["Authorization"] for request in transport.requests]
    assert sent == ["Bearer old", "Bearer new"]
    assert client.tries == 2


def test_a_success_that_cannot_be_read_is_warned_of() -> None:
    """A 2xx whose body cannot be decoded is a success with a warning; one that can is one without."""
    for unreadable in ("", "its body cannot be decoded"):
        context = Context(Scope("i"), {})
        transport = RecordingTransport([Response(200, {}, b"", unreadable)])
        client = EventClient(Connection(transport, Deadlines(), policy=QUICK), context, {})
        assert asyncio.run(client.send(ASK)).ok
        warned = [(problem.path, problem.message) for problem in context.warnings]
        assert warned == ([("$", f"the destination took it, but {unreadable}")] if unreadable else [])


def test_a_dry_run_writes_the_body() -> None:
    """What cannot be written fails in a dry run as it would on the way out."""
    client = DryRunClient(Connection(answers(), Deadlines()), Context(Scope("i"), {}, dry_run=True), {})
    with pytest.raises(PayloadError, match="cannot be written"):
        asyncio.run(client.send(ASK.evolve(json={"a": object()})))


def test_a_connection_does_not_show_itself() -> None:
    """Its parts hold settings and tokens, so its repr has none of them."""
    assert "tries_by_status" not in repr(Connection(answers(), Deadlines(), tries_by_status={500: 1}))
