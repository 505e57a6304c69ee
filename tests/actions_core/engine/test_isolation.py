"""Nothing that a function of a destination or of the host raises, swallows or waits for stops others."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import (
    ActionsError,
    Audience,
    Choices,
    Client,
    Destination,
    Engine,
    Job,
    Poll,
    Registry,
    Request,
    Tokens,
    Workspace,
    load_destination,
)
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from actions_core import Result

    Behave = Callable[[str], Awaitable[Any]]


class OwnError(BaseException):
    """An error that is no `Exception`."""


class WordlessError(Exception):
    """An error whose message cannot be made."""

    def __str__(self) -> str:
        raise ValueError("no words")


async def waits_for_a_cancelled_task() -> None:
    """Wait for a task that somebody else cancels: the `CancelledError` is not the caller's."""
    task = asyncio.create_task(asyncio.sleep(60))
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


def _quiet() -> logging.Logger:
    logger = logging.getLogger("actions_core.tests.quiet")
    logger.propagate = False
    return logger


async def until(reached: list[str]) -> None:
    """Wait until a function was reached, by turns: no event is there to wait for in any event loop."""
    while not reached:  # noqa: ASYNC110 - as said
        await asyncio.sleep(0)


RAISED: dict[str, BaseException] = {
    "CancelledError": asyncio.CancelledError(),
    "GeneratorExit": GeneratorExit(),
    "SystemExit": SystemExit(3),
    "OwnError": OwnError("mine"),
    "WordlessError": WordlessError(),
    "TimeoutError": TimeoutError(),
    "group": BaseExceptionGroup("several", [OwnError("one")]),
}


def text(**options: Any) -> dict[str, Any]:
    """A field that holds text."""
    return {"label": "L", "description": "D", "type": "string", **options}


def destination_of(behave: Behave) -> Destination:  # noqa: C901 - one function for each kind that there is
    """A destination with a function of each kind, all of which `behave` by the name of their kind."""
    action = {"title": "T", "description": "D", "fields": {"name": text(default={"@path": "$.event"})}}
    hook = {"label": "L", "description": "D", "inputFields": {}, "outputFields": {}}
    made = load_destination(
        {
            "slug": "all",
            "name": "All",
            "mode": "cloud",
            "authentication": {"scheme": "oauth2", "fields": {}},
            "audienceConfig": {"mode": {"type": "synced", "full_audience_sync": False}},
            "actions": {"add": {**action, "hooks": {"onMappingSave": hook}}},
        }
    )

    @made.refresh_access_token
    async def refresh() -> Tokens:
        await behave("refresh")
        return Tokens("fresh")

    @made.action("add")
    async def add(client: Client, name: str | None = None) -> None:
        if name == "odd":
            await behave("action")
        await client.send(Request("POST", "https://a.test/", json={"name": name}))

    @made.batch("add")
    async def together() -> Job:
        await behave("batch")
        return Job("j")

    @made.poll("add")
    async def poll() -> Poll:
        await behave("poll")
        raise AssertionError("not reached")

    @made.hook("add", "onMappingSave")
    async def save() -> dict[str, Any]:
        await behave("hook")
        return {}

    @made.dynamic_field("add", "name")
    async def names() -> Choices:
        await behave("choices")
        return Choices()

    @made.create_audience
    async def create(audience_name: str) -> Audience:
        await behave("create_audience")
        return Audience(audience_name)

    @made.get_audience
    async def get(external_id: str) -> Audience:
        await behave("get_audience")
        return Audience(external_id)

    @made.test_authentication
    async def test() -> None:
        await behave("authentication")

    @made.on_delete
    async def delete() -> None:
        await behave("deletion")

    return made


def engine_of(
    destination: Destination,
    *,
    has_token: bool = True,
    delivery: dict[str, Any] | None = None,
    **options: Any,
) -> Engine:
    """An engine with one instance of the destination."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "id": "one",
        "destination": destination.slug,
        "settings": {"oauth": {"access_token": "top-secret"}} if has_token else {},
        "subscriptions": [{"name": "S", "partnerAction": "add", "subscribe": 'type = "track"'}],
        "delivery": {"retry": {"tries": 1, "within": 60}, "poll": {"base": 0.001}, **(delivery or {})},
    }
    options.setdefault("transport", RecordingTransport())
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry, **options)


async def send_odd(engine: Engine) -> Result:
    """Return the result of an event at whose action `behave` is called."""
    return (await engine.send(make_event(event="odd"))).results[0]


async def batch(engine: Engine) -> ActionsError | None:
    """Return the failure of a batch of one."""
    (node,) = (await engine.send_batch([make_event()])).results[0].nodes
    return None if node.ok else ActionsError(node.errormessage or "", code=node.errortype)


async def choices(engine: Engine) -> ActionsError | None:
    """Return the failure of listing choices."""
    found = await engine.list_choices("one", "add", "name")
    return None if found.error is None else ActionsError(found.error["message"], code="HANDLER_FAILED")


async def deletion(engine: Engine) -> ActionsError | None:
    """Return the failure of the deletion of a user."""
    return (await engine.delete(user_id="u")).results[-1].error


#: What is called in which way, and gives its failure or raises it.
WAYS: dict[str, Callable[[Engine], Awaitable[Any]]] = {
    "action": lambda engine: _error(send_odd(engine)),
    "refresh": lambda engine: _error(send_odd(engine)),
    "batch": batch,
    "poll": batch,
    "hook": lambda engine: engine.run_hook("one", "add", "onMappingSave", {}),
    "choices": choices,
    "create_audience": lambda engine: engine.create_audience("one", "A"),
    "get_audience": lambda engine: engine.get_audience("one", "a"),
    "authentication": lambda engine: _error(engine.test_authentication("one")),
    "deletion": deletion,
}


async def _error(result: Awaitable[Result]) -> ActionsError | None:
    return (await result).error


async def failure_of(engine: Engine, way: str) -> ActionsError:
    """Return the failure, however it is told."""
    try:
        error = await WAYS[way](engine)
    except ActionsError as raised:
        return raised
    assert isinstance(error, ActionsError)
    return error


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("raised", [*RAISED, "a cancelled task", "ValueError with a secret"])
def test_whatever_a_function_raises_is_its_own_failure(way: str, raised: str) -> None:
    """Each kind of function may raise anything; it becomes an `ActionsError` without secrets."""

    async def behave(kind: str) -> None:
        if kind != way:
            return
        if raised == "a cancelled task":
            await waits_for_a_cancelled_task()
        raise RAISED.get(raised) or ValueError("top-secret")

    async def scenario() -> None:
        engine = engine_of(destination_of(behave), has_token=way != "refresh", logger=_quiet())
        task = asyncio.current_task()
        assert task is not None
        error = await failure_of(engine, way)
        assert error.code in {
            "HANDLER_FAILED",
            "OAUTH_REFRESH_FAILED",
            "CREATE_AUDIENCE_FAILED",
            "GET_AUDIENCE_FAILED",
        }
        if way != "refresh":
            assert "top-secret" not in str(error)
        assert not task.cancelling()
        await engine.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("raised", RAISED)
def test_one_of_a_thousand_loses_no_other(raised: str) -> None:
    """`send_many` reports every event, also when a handler raises what ends tasks."""

    async def behave(_kind: str) -> None:
        raise RAISED[raised]

    async def scenario() -> None:
        engine = engine_of(destination_of(behave), logger=_quiet())
        events = [make_event(event="odd" if number == 381 else "even") for number in range(1000)]
        reports = [report async for report in engine.send_many(events)]
        assert sorted(report.index for report in reports) == list(range(1000))
        assert [report.index for report in reports if not report.ok] == [381]
        await engine.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("whose", ["on_result", "stats", "tracing", "on_token_refresh"])
def test_whatever_a_host_raises_touches_no_delivery(whose: str, raised: str) -> None:
    """A function of the host may raise anything; the event is sent all the same."""

    def fail(*_: Any) -> Any:
        raise RAISED[raised]

    class Failing:
        count = histogram = begin = staticmethod(fail)

    async def behave(_kind: str) -> None:
        pass

    async def scenario() -> None:
        option = fail if whose.startswith("on_") else Failing()
        engine = engine_of(destination_of(behave), has_token=False, logger=_quiet(), **{whose: option})
        assert (await engine.send(make_event())).ok
        await engine.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_a_cancellation_that_a_function_swallows_arrives(way: str, ending: str) -> None:
    """Whatever a function does when it is cancelled, its caller is cancelled."""
    reached: list[str] = []

    async def behave(kind: str) -> None:
        if kind != way:
            return
        reached.append(kind)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if ending == "raises":
                raise ValueError from None

    async def scenario() -> None:
        engine = engine_of(destination_of(behave), has_token=way != "refresh", logger=_quiet())
        task = asyncio.ensure_future(WAYS[way](engine))
        await until(reached)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await engine.close(0.05)

    asyncio.run(scenario())


@pytest.mark.parametrize("way", [*WAYS, "on_token_refresh"])
@pytest.mark.parametrize("by", ["the limit", "close"])
def test_every_function_ends_by_its_limit_and_by_close(way: str, by: str) -> None:
    """A function that hangs is interrupted after the time of its requests, and when the engine closes."""
    reached: list[str] = []

    async def behave(kind: str) -> None:
        if kind == way:
            reached.append(kind)
            await asyncio.sleep(60)

    async def hang(*_: Any) -> None:
        await behave("on_token_refresh")

    async def scenario() -> None:
        needs_token = way in {"refresh", "on_token_refresh"}
        engine = engine_of(
            destination_of(behave),
            has_token=not needs_token,
            delivery={"timeout": 0.02, "retry": {"tries": 1, "within": 0.02}} if by == "the limit" else {},
            on_token_refresh=hang,
            logger=_quiet(),
        )
        call = WAYS.get(way, lambda engine: _error(engine.send(make_event())))  # type: ignore[arg-type,misc] # see below
        if way == "on_token_refresh":
            call = _send  # the token is good, so the event is sent
        task = asyncio.ensure_future(call(engine))
        await until(reached)
        if by == "close":
            await engine.close(0.01)
        _, waiting = await asyncio.wait({task}, timeout=5)
        assert not waiting
        if way != "on_token_refresh":
            error = task.exception() or task.result()
            assert isinstance(error, ActionsError)
        await engine.close()

    begun = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - begun < 30


async def _send(engine: Engine) -> Any:
    return await engine.send(make_event())


def test_a_time_out_around_sends_on_a_full_lane_ends_them() -> None:
    """A time-out around twenty sends on a lane of two cancels them all, and nothing stays behind."""

    async def behave(_kind: str) -> None:
        await asyncio.sleep(0)

    async def scenario() -> None:
        engine = engine_of(destination_of(behave), delivery={"concurrency": 2})
        before = asyncio.all_tasks()
        for turns in range(60):
            tasks = [asyncio.create_task(engine.send(make_event(event="odd"))) for _ in range(20)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) or getattr(one, "ok", False) for one in done)
        assert asyncio.all_tasks() == before
        assert (await engine.send(make_event())).ok
        await engine.close()

    asyncio.run(scenario())


def test_time_outs_over_an_idle_source_leave_nothing() -> None:
    """Ten time-outs leave no task, take no event that nobody delivers, and close each source."""
    closed: list[int] = []

    async def behave(_kind: str) -> None:
        pass

    async def scenario() -> None:
        engine = engine_of(destination_of(behave), delivery={"concurrency": 3})
        queue: asyncio.Queue[Any] = asyncio.Queue()

        async def source(number: int) -> AsyncIterator[Any]:
            try:
                while True:
                    yield await queue.get()
            finally:
                closed.append(number)

        before = asyncio.all_tasks()
        for number in range(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    async for _ in engine.send_many(source(number)):
                        pass
        assert asyncio.all_tasks() == before
        assert closed == list(range(10))
        for _ in range(10):
            queue.put_nowait(make_event())
        await asyncio.sleep(0.01)
        assert queue.qsize() == 10
        await engine.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["break", "close", "end", "fault"])
def test_an_asynchronous_source_is_closed_however_reading_ends(how: str) -> None:
    """Whether the reader leaves, the engine closes, the source ends or fails: it is closed."""
    closed: list[bool] = []

    async def behave(_kind: str) -> None:
        pass

    async def source() -> AsyncIterator[Any]:
        try:
            for _ in range(3):
                yield make_event()
            if how == "fault":
                raise LookupError("gone")
            if how != "end":
                await asyncio.sleep(60)
        finally:
            closed.append(True)

    async def scenario() -> None:
        engine = engine_of(destination_of(behave))
        before = asyncio.all_tasks()
        count = 0
        reports = engine.send_many(source(), concurrency=2)
        with pytest.raises(LookupError) if how == "fault" else nullcontext():
            async for report in reports:
                assert report.ok
                count += 1
                if count == 3 and how == "break":
                    break
                if count == 3 and how == "close":
                    await engine.close()
        await reports.aclose()  # type: ignore[attr-defined] # it is a generator
        assert (count, closed) == (3, [True])
        assert asyncio.all_tasks() == before
        await engine.close()

    asyncio.run(scenario())
