"""The lane: places, what is refused before a handler is called, and what becomes of what one does."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import Context, Request, Response, ResponseError, load_destination
from actions_core.destination.context import Scope
from actions_core.engine.executor import lane as module
from actions_core.engine.executor.breaker import Breaker
from actions_core.engine.executor.client import Admission, Connection, Deadlines
from actions_core.engine.executor.lane import NOT_TRIED, Lane
from actions_core.engine.executor.rate_budget import RateBudget
from actions_core.engine.pipeline import Pipeline, Step
from actions_core.engine.results import Status
from actions_core.http.masking import Mask
from actions_core.http.retry import RetryPolicy
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Client, Result

ASK = Request("POST", "https://x.test/a", json={"a": 1})


def lane_of(*responses: Response, concurrency: int = 1, **options: Any) -> Lane:
    """A lane whose requests are tried once, and get these responses, then 200."""
    policy = RetryPolicy(tries=1, within=0.0)
    connection = Connection(
        RecordingTransport(responses), Deadlines(), **{"policy": policy, "timeout": 30.0, **options}
    )
    return Lane("one", connection, concurrency)


def step_of(
    function: Callable[..., Any] | None = None,
    batch: Callable[..., Any] | None = None,
    payload: Callable[[], Any] = dict,
) -> Step:
    """An event at a subscription whose action has these functions."""
    action = {"title": "T", "description": "D", "fields": {}}
    destination = load_destination({"slug": "x", "name": "X", "mode": "cloud", "actions": {"go": action}})
    if function is not None:
        destination.action("go")(function)
    if batch is not None:
        destination.batch("go")(batch)
    pipeline = Pipeline(
        name="S",
        action="go",
        scope=Scope("one"),
        handler=destination.handlers.get("go"),
        hints={403: "Use another key."},
        reason="",
        resolve=lambda _event: payload(),
        check=lambda made, _mode: made,
        batch_handler=destination.batch_handlers.get("go"),
    )
    return Step(pipeline, {"type": "track", "messageId": "m-1"})


def plain() -> Request:
    """A plain handler."""
    return ASK


def delivered(lane: Lane, step: Step) -> Result:
    """Deliver one event in an event loop of its own."""
    return asyncio.run(lane.deliver(step))


def test_a_result_tells_what_was_sent_and_how_long_it_took() -> None:
    """Request, response, tries, the event's id and the time from the match on; no reason, no error."""

    async def slow(client: Client) -> None:
        await client.send(ASK)
        await client.send(ASK.evolve(method="PUT"))
        await asyncio.sleep(0.02)

    result = delivered(lane_of(Response(200), Response(201, {}, b"made")), step_of(slow))
    assert (result.status, result.error, result.reason) == (Status.SENT, None, "")
    assert (result.instance, result.subscription, result.action) == ("one", "S", "go")
    assert (result.tries, result.message_id, result.warnings) == (2, "m-1", ())
    assert result.request == ASK.evolve(method="PUT")
    assert result.response == Response(201, {}, b"made")
    assert result.duration >= 0.02


def test_no_more_handlers_run_than_there_are_places() -> None:
    """The others wait for their turn, and a place that becomes free is taken again."""
    running = most = 0

    async def slow(client: Client) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await client.send(ASK)
        await asyncio.sleep(0.001)
        running -= 1

    async def scenario() -> None:
        lane, step = lane_of(concurrency=2), step_of(slow)
        results = await asyncio.gather(*(lane.deliver(step) for _ in range(7)))
        assert all(result.ok for result in results)
        assert (lane.concurrency, most) == (2, 2)

    asyncio.run(scenario())


def test_a_failure_gives_its_place_back() -> None:
    """After as many failures as there are places the next event is delivered."""
    lane = lane_of(Response(400), Response(400))
    step = step_of(plain)
    assert [delivered(lane, step).status for _ in range(3)] == [Status.FAILED, Status.FAILED, Status.SENT]


def test_nothing_is_tried_once_the_engine_closes() -> None:
    """What has not begun is not tried, and says so; that needs no task."""
    lane = lane_of()
    lane.connection.deadlines.closing.set()

    async def scenario() -> None:
        found: list[Result] = []

        def outside_of_a_task() -> None:
            try:
                lane.deliver(step_of(plain)).send(None)
            except StopIteration as end:
                found.append(end.value)

        asyncio.get_running_loop().call_soon(outside_of_a_task)
        await asyncio.sleep(0.01)
        for result in (*found, await lane.deliver(step_of(plain))):
            assert (result.status, result.reason, result.tries) == (Status.NOT_TRIED, NOT_TRIED, 0)
        assert found

    asyncio.run(scenario())
    assert lane.connection.transport.requests == []  # type: ignore[attr-defined]  # it records


def test_a_destination_that_is_gone_is_asked_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """410 disables the instance: that is logged once, and no handler is called for later events."""
    called: list[bool] = []

    async def go() -> Request:
        called.append(True)
        await asyncio.sleep(0)  # so that two are in progress at once
        return ASK

    async def scenario() -> None:
        lane, step = lane_of(Response(411), Response(410), Response(410), concurrency=3), step_of(go)
        first = await lane.deliver(step)
        assert (first.error is not None, lane.disabled) == (True, "")
        both = await asyncio.gather(lane.deliver(step), lane.deliver(step))
        assert [result.error.status for result in both if result.error is not None] == [410, 410]
        assert lane.disabled.startswith("one is disabled until the engine is restarted: ")
        assert [record.getMessage() for record in caplog.records] == [lane.disabled]
        assert caplog.records[0].levelno == logging.ERROR
        last = await lane.deliver(step)
        assert last.error is not None
        assert (last.error.code, last.reason, last.tries) == ("INSTANCE_DISABLED", lane.disabled, 0)
        assert len(called) == 3

    asyncio.run(scenario())


def test_a_token_is_there_before_the_handler_is_called() -> None:
    """A lane with tokens asks for one first; without one the handler is not called."""
    order: list[str] = []

    class Keeper:
        is_due = True

        async def ensure(self) -> None:
            await asyncio.sleep(0)
            order.append("token")
            if len(order) > 2:
                raise ResponseError(ASK, Response(401))

        async def retry_once(self, attempt: Callable[[], Any]) -> Any:
            return await attempt()

    def go() -> Request:
        order.append("handler")
        return ASK

    lane = lane_of(tokens=Keeper())
    assert delivered(lane, step_of(go)).ok
    assert not delivered(lane, step_of(go)).ok
    assert order == ["token", "handler", "token"]


def test_a_failure_is_told_without_secrets() -> None:
    """Error, reason and warnings are masked, and the hint for the status stands with them."""

    def go(context: Context) -> Request:
        context.warn("$.s3cret", "quotes s3cret")
        return ASK

    lane = lane_of(Response(403, {}, b"not with s3cret"), mask=Mask(["s3cret"]))
    result = delivered(lane, step_of(go))
    assert (result.status, result.tries) == (Status.FAILED, 1)
    assert result.error is not None
    assert result.error.status == 403
    assert (
        result.reason == str(result.error) == "the destination answered 403: not with ***. Use another key."
    )
    assert [(problem.path, problem.message) for problem in result.warnings] == [("$.***", "quotes ***")]
    assert result.response == Response(403, {}, b"not with ***")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            step_of(lambda: {"method": "GET"}),
            "returned dict; a handler returns one Request or a Skip, or is",
        ),
        (step_of(lambda: None), "returned NoneType; a handler returns one Request"),
        (step_of(), "the action 'go' has no handler: it is a definition only"),
    ],
)
def test_a_handler_that_gives_no_request_fails(step: Step, message: str) -> None:
    """A plain handler has to return a request, and an action without any handler takes no events."""
    result = delivered(lane_of(), step)
    assert result.error is not None
    assert (result.error.code, result.tries) == ("HANDLER_FAILED", 0)
    assert message in result.reason


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_for_batches_takes_one_payload_too(is_async: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Without a handler for one payload the one for batches is called with a list of one."""
    given: list[Any] = []

    def together(payloads: list[Any]) -> Request:
        given.append(payloads)
        return ASK

    async def later(payloads: list[Any]) -> Request:
        await asyncio.sleep(0)
        return together(payloads)

    result = delivered(lane_of(), step_of(batch=later if is_async else together))
    assert (result.status, result.request, given) == (Status.SENT, ASK, [[{}]])


def test_an_asynchronous_handler_may_return_its_request() -> None:
    """The request that it returns is sent, and the time it takes is limited."""

    async def given() -> Request:
        await asyncio.sleep(0)
        return ASK

    async def hangs() -> None:
        await asyncio.sleep(60)

    assert delivered(lane_of(), step_of(given)).request == ASK
    result = delivered(lane_of(timeout=0.05), step_of(hangs))
    assert result.error is not None
    assert (result.error.code, result.reason) == ("SELF_TIMEOUT", "the handler was not done within 0.05 s")


@pytest.mark.parametrize(("seconds", "warned"), [(1.0, False), (1.25, True)])
def test_a_plain_handler_that_blocks_the_loop_is_reported(
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    warned: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """More than a second in a plain handler is a warning of its event."""
    now = 100.0

    def go() -> Request:
        nonlocal now
        now += seconds
        return ASK

    monkeypatch.setattr(module, "perf_counter", lambda: now)
    result = delivered(lane_of(), step_of(go))
    assert [problem.path for problem in result.warnings] == ["$"] * warned
    assert all("go() blocked the event loop for more than 1 s" in str(one) for one in result.warnings)
    assert result.duration == seconds


@pytest.mark.parametrize("swallows", [True, False])
def test_a_cancellation_goes_through_whatever_the_handler_does(swallows: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The task is cancelled, also by a handler's end as if nothing had been, and the place is free again."""
    first = True

    async def waits() -> None:
        nonlocal first
        if first:
            first = False
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not swallows:
                    raise

    async def scenario() -> None:
        lane, step = lane_of(), step_of(waits)
        task = asyncio.create_task(lane.deliver(step))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert (await lane.deliver(step)).ok

    asyncio.run(scenario())


def test_a_task_that_was_cancelled_before_delivers_its_event() -> None:
    """Only a cancellation that comes during the delivery ends it."""

    async def scenario() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        assert (await lane_of().deliver(step_of(plain))).ok
        assert not (await lane_of(Response(400)).deliver(step_of(plain))).ok
        task.uncancel()

    asyncio.run(scenario())


def test_a_payload_that_cannot_be_made_takes_no_place() -> None:
    """Mapping and validation come before the place, so their failure waits for nobody."""

    async def scenario() -> None:
        lane = lane_of()
        step = step_of(plain, payload=[].pop)
        assert lane._places.acquire_now()
        result = await asyncio.wait_for(lane.deliver(step), 30)
        assert result.error is not None
        assert result.error.code == "HANDLER_FAILED"
        assert not lane._places.acquire_now()

    asyncio.run(scenario())


def test_an_instance_that_is_left_alone_refuses_before_there_is_a_place() -> None:
    """While the breaker is open an event fails at once, also where it would have to wait for its turn."""

    async def scenario() -> None:
        lane = lane_of(Response(500), admission=Admission("one", Breaker(failures=1), RateBudget(1)))
        step = step_of(plain)
        assert not (await lane.deliver(step)).ok
        assert lane._places.acquire_now()
        result = await asyncio.wait_for(lane.deliver(step), 10)
        assert result.error is not None
        assert (result.error.code, result.tries) == ("INSTANCE_UNAVAILABLE", 0)

    asyncio.run(scenario())


def test_a_handler_is_called_when_its_request_may_be_made() -> None:
    """A pause that the destination asked for comes before the handler, not between it and its request."""
    admission = Admission("one", Breaker(), RateBudget(1))
    left: list[float] = []

    def go() -> Request:
        left.append(admission.budget.pause_left)
        return ASK

    async def scenario() -> None:
        lane = lane_of(Response(429, {"retry-after": "0.05"}), admission=admission)
        assert not (await lane.deliver(step_of(plain))).ok
        assert (await lane.deliver(step_of(go))).ok
        assert left == [0.0]

    asyncio.run(scenario())


def test_a_turn_that_a_handler_does_not_use_is_the_next_ones() -> None:
    """A handler that fails before its request takes nothing from the instance's budget."""

    def fails() -> Request:
        raise ValueError("no request")

    async def scenario() -> None:
        lane = lane_of(
            Response(429, {"retry-after": "0.01"}), admission=Admission("one", Breaker(), RateBudget(1))
        )
        assert not (await lane.deliver(step_of(plain))).ok
        assert not (await lane.deliver(step_of(fails))).ok
        assert (await asyncio.wait_for(lane.deliver(step_of(plain)), 10)).ok

    asyncio.run(scenario())


def test_another_connection_to_an_instance_has_places_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Instance, concurrency and logger stay; a full lane keeps nobody waiting on the other one."""

    async def scenario() -> None:
        lane = lane_of()
        lane = Lane(lane.instance, lane.connection, 1, logging.getLogger("a.host"))
        other = lane.with_connection(lane_of(Response(410)).connection)
        assert (other.instance, other.concurrency) == ("one", 1)
        assert lane._places.acquire_now()
        assert not (await asyncio.wait_for(other.deliver(step_of(plain)), 10)).ok
        assert {record.name for record in caplog.records} == {"a.host"}
        assert (other.disabled != "", lane.disabled) == (True, "")

    asyncio.run(scenario())


def test_handlers_that_hang_open_the_breaker() -> None:
    """What a handler waits for does not matter: after enough that hang, the others fail at once."""

    async def hang() -> None:
        await asyncio.Event().wait()

    calls = 0

    async def counted() -> None:
        nonlocal calls
        calls += 1
        await hang()

    async def main() -> None:
        admission = Admission("one", Breaker(3, pause=60.0), RateBudget(2))
        lane = lane_of(concurrency=2, timeout=0.02, admission=admission)
        results = await asyncio.gather(*(lane.deliver(step_of(counted)) for _ in range(20)))
        codes = Counter(result.error.code for result in results if result.error is not None)
        assert codes == {"SELF_TIMEOUT": calls, "INSTANCE_UNAVAILABLE": 20 - calls}
        assert 3 <= calls <= 4
        assert admission.breaker.state == "open"

    asyncio.run(main())
