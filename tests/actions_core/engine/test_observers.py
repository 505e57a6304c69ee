"""What a host sees of deliveries, and that watching them changes none."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import (
    BatchResult,
    Context,
    DefinitionError,
    Engine,
    EventError,
    Registry,
    Request,
    RequestError,
    Response,
    Result,
    Status,
    Workspace,
    load_destination,
)
from actions_core.engine.executor import deliver_event
from actions_core.engine.options import Options
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.destination import Destination

TAGS = {"instance", "destination", "action", "status", "code"}


class Noted:
    """Stats that note what they are told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float, dict[str, str]]] = []

    def count(self, name: str, value: int, tags: Mapping[str, str]) -> None:
        self.calls.append((name, value, dict(tags)))

    def histogram(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        self.calls.append((name, value, dict(tags)))

    def total(self, name: str) -> Counter[tuple[str, str]]:
        """The sum of a counter for each status and code."""
        found: Counter[tuple[str, str]] = Counter()
        for called, value, tags in self.calls:
            if called == name:
                found[tags.get("status", ""), tags.get("code", "")] += int(value)
        return found


class Traced:
    """Tracing that notes what begins and how it ends."""

    def __init__(self) -> None:
        self.begun: list[dict[str, str]] = []
        self.ended: list[Result | BatchResult | None] = []

    def begin(self, tags: Mapping[str, str]) -> Callable[[Result | BatchResult | None], None]:
        self.begun.append(dict(tags))
        return self.ended.append


def sample() -> Destination:
    """A destination that sends, fails, hangs, counts and remembers."""
    name = {
        "label": "N",
        "description": "D",
        "type": "string",
        "required": True,
        "default": {"@path": "$.event"},
    }
    titles = ("send", "fail", "hang", "remember")
    actions = {title: {"title": title, "description": "D", "fields": {"name": name}} for title in titles}
    destination = load_destination({"slug": "sample", "name": "S", "mode": "cloud", "actions": actions})

    @destination.action("send")
    def send(name: str) -> Request:
        return Request("POST", "https://s.test/", json={"name": name})

    @destination.batch("send")
    def send_all(payloads: list[dict[str, Any]]) -> Request:
        return Request("POST", "https://s.test/all", json=payloads)

    @destination.action("fail")
    def fail(name: str) -> Request:
        raise RequestError(f"no {name}", code=f"no {name}")

    @destination.action("hang")
    async def hang(name: str) -> None:
        await asyncio.sleep(60)

    @destination.action("remember")
    def remember(name: str, context: Context) -> Request:
        before = context.state.get("names") or []
        context.state.set("names", [*before, name], ttl=60)
        context.stats.count("remembered", kind="name")
        return Request("POST", "https://s.test/", json=before)

    return destination


def engine_for(actions: list[str], *, instances: int = 1, **options: Any) -> Engine:
    """An engine whose instances have one subscription to track events for each of the actions."""
    registry = Registry()
    registry.register(sample())
    subscriptions = [{"partnerAction": action, "subscribe": 'type = "track"'} for action in actions]
    workspace = Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": f"one-{number}",
                    "destination": "sample",
                    "subscriptions": subscriptions,
                    "delivery": {"retry": {"tries": 2, "base": 0}},
                }
                for number in range(instances)
            ]
        }
    )
    return Engine(workspace, registry=registry, **{"transport": RecordingTransport(), **options})


def send(actions: list[str], *events: Any, **options: Any) -> list[Result]:
    """Send the events one by one and give all results."""

    async def scenario() -> list[Result]:
        async with engine_for(actions, **options) as engine:
            return [result for event in events for result in (await engine.send(event)).results]

    return asyncio.run(scenario())


def test_every_result_is_told_with_its_duration() -> None:
    """`on_result` gets each result, also of what failed and what was not meant, and no other."""
    told: list[Result | BatchResult] = []
    results = send(["send", "fail"], make_event(), make_event(type="page"), on_result=told.append)
    assert {id(result) for result in told} == {id(result) for result in results}
    assert Counter(result.status for result in results) == {"sent": 1, "failed": 1, "skipped": 2}
    sent = [result for result in told if result.status is not Status.SKIPPED]  # type: ignore[union-attr]  # no batch
    assert all(result.duration > 0 for result in sent)


def test_a_result_is_told_before_slower_neighbours_are_done() -> None:
    """`on_result` gets a result when its delivery is done, not when all of the event's are."""
    told: list[Any] = []

    async def scenario() -> None:
        heard = asyncio.Event()

        def listen(result: Result | BatchResult) -> None:
            told.append(result)
            heard.set()

        async with engine_for(["hang", "send"], on_result=listen) as engine:
            sending = asyncio.create_task(engine.send(make_event()))
            await heard.wait()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 10))
    assert [result.action for result in told] == ["send"]


def test_an_exception_of_the_host_touches_no_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the host's functions raise, events are delivered, and the log says it once for each."""

    class Broken:
        def begin(self, tags: Mapping[str, str]) -> Any:
            raise OSError("tracing")

        def count(self, name: str, value: float, tags: Mapping[str, str]) -> None:
            raise OSError("stats")

        histogram = count

    def listen(result: object) -> None:
        raise OSError("listener")

    events = [make_event()] * 3
    with caplog.at_level(logging.ERROR):
        results = send(["send"], *events, on_result=listen, stats=Broken(), tracing=Broken())
    assert [result.status for result in results] == ["sent"] * 3
    assert len(caplog.records) == 3


def test_a_trace_that_cannot_end_touches_no_delivery() -> None:
    """A failure at the end of a trace leaves the result as it is."""

    class Broken:
        def begin(self, tags: Mapping[str, str]) -> Callable[[object], None]:
            def end(result: object) -> None:
                raise OSError("tracing")

            return end

    assert send(["send"], make_event(), tracing=Broken())[0].ok


def test_a_slow_listener_is_reported(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    """The log says when `on_result` keeps everything else waiting."""
    monkeypatch.setattr("actions_core.engine.observers._SLOW", 0.01)
    with caplog.at_level(logging.ERROR):
        send(["send"], make_event(), on_result=lambda result: time.sleep(0.02))
    assert "on_result blocked the event loop" in caplog.text


def test_everything_is_logged_where_the_host_says(caplog: pytest.LogCaptureFixture) -> None:
    """A host's `logger` gets what the engine, its lanes and its observers have to say."""

    def listen(result: object) -> None:
        raise OSError("listener")

    logger = logging.getLogger("host")
    transport = RecordingTransport([ValueError("broken")])
    send(["send", "fail"], make_event(), on_result=listen, logger=logger, transport=transport)
    assert {record.name for record in caplog.records} == {"host"}
    assert any("broken" in record.message for record in caplog.records)


def test_an_async_listener_is_refused() -> None:
    """`on_result` must be a plain function: nothing would wait for another."""

    async def listen(result: object) -> None: ...

    with pytest.raises(DefinitionError, match="plain"):
        engine_for(["send"], on_result=listen)


def test_stats_count_every_result() -> None:
    """Results, tries and durations are counted by status, with a code where something failed."""
    noted = Noted()
    answers = [Response(503), Response(200), Response(400)]
    transport = RecordingTransport(answers)
    send(["send"], make_event(), make_event(), make_event(type="page"), stats=noted, transport=transport)
    assert noted.total("actions.results") == {
        ("sent", ""): 1,
        ("failed", "BAD_REQUEST"): 1,
        ("skipped", ""): 1,
    }
    assert noted.total("actions.tries") == {("sent", ""): 2, ("failed", "BAD_REQUEST"): 1}
    assert [value > 0 for name, value, _ in noted.calls if name == "actions.duration"] == [True, True]


def test_tags_hold_nothing_of_an_event() -> None:
    """Tags are the instance, destination, action, status and code; made-up codes become OTHER."""
    noted = Noted()
    event = make_event(event="jane@example.com", userId="jane")
    send(["send", "fail"], event, stats=noted, transport=RecordingTransport([Response(400, {}, b"jane")]))
    assert all(set(tags) <= TAGS for _, _, tags in noted.calls)
    assert "jane" not in str(noted.calls)
    assert noted.total("actions.results")["failed", "OTHER"] == 1


def test_what_is_no_event_is_counted() -> None:
    """What is refused as no event is counted by its code, by each way in."""
    noted = Noted()

    async def scenario() -> None:
        async with engine_for(["send"], stats=noted) as engine:
            with pytest.raises(EventError):
                await engine.send(7)
            await engine.send_batch([7, make_event()])
            assert [report.ok async for report in engine.send_many([7])] == [False]

    asyncio.run(scenario())
    assert noted.total("actions.refused") == {("", "EVENT_INVALID"): 3}


def test_a_batch_is_told_once_and_counted_by_event() -> None:
    """A batch is one result for each subscription; its events are counted by what became of each."""
    noted, traced = Noted(), Traced()
    told: list[Any] = []

    async def scenario() -> None:
        options: dict[str, Any] = {"stats": noted, "tracing": traced, "on_result": told.append}
        async with engine_for(["send"], **options) as engine:
            await engine.send_batch([make_event(), make_event(type="page"), 7, make_event()])

    asyncio.run(scenario())
    (result,) = told
    assert isinstance(result, BatchResult)
    assert [result.status_of(place) for place in range(4)] == ["sent", "skipped", "failed", "sent"]
    assert noted.total("actions.results") == {
        ("sent", ""): 2,
        ("skipped", ""): 1,
        ("failed", "EVENT_INVALID"): 1,
    }
    assert noted.total("actions.batch.size") == {("", ""): 3}
    assert traced.ended == [result]


def test_a_batch_without_a_fitting_event_has_no_size() -> None:
    """Where no event of a batch is meant for a subscription, only the results are counted."""
    noted = Noted()

    async def scenario() -> None:
        async with engine_for(["send"], stats=noted) as engine:
            await engine.send_batch([make_event(type="page")])

    asyncio.run(scenario())
    assert [name for name, _, _ in noted.calls] == ["actions.results"]


def test_a_delivery_is_traced_from_its_begin_to_its_end() -> None:
    """Each delivery begins with its tags and ends with its result; what is not meant has no trace."""
    traced = Traced()
    results = send(["send", "fail"], make_event(), make_event(type="page"), tracing=traced)
    wanted = [{"instance": "one-0", "destination": "sample", "action": action} for action in ("send", "fail")]
    assert traced.begun == wanted
    assert traced.ended == [result for result in results if result.status is not Status.SKIPPED]


def test_a_cancelled_delivery_ends_its_trace() -> None:
    """Cancelling the task that sends ends the delivery at once: its trace ends with None."""
    traced = Traced()
    told: list[Any] = []

    async def scenario() -> None:
        async with engine_for(["hang"], tracing=traced, on_result=told.append) as engine:
            sending = asyncio.create_task(engine.send(make_event()))
            await asyncio.sleep(0.01)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending

    asyncio.run(scenario())
    assert (len(traced.begun), traced.ended, told) == (1, [None], [])


def test_nothing_is_watched_unless_asked_for() -> None:
    """Without stats, tracing and listener an engine takes the plain way."""

    async def scenario() -> None:
        async with engine_for(["send"], features={"a": True}) as engine:
            assert engine._observer is None
            assert engine._deliver is deliver_event

    asyncio.run(scenario())


def test_every_instance_has_a_state_of_its_own() -> None:
    """What one instance's handlers keep is there at the next event, and unseen by other instances."""
    transport = RecordingTransport()
    noted = Noted()
    send(
        ["remember"],
        make_event(event="a"),
        make_event(event="b"),
        instances=2,
        transport=transport,
        stats=noted,
    )
    assert [request.json for request in transport.requests] == [[], [], ["a"], ["a"]]
    assert {tags["instance"] for name, _, tags in noted.calls if name == "remembered"} == {"one-0", "one-1"}


def test_a_host_may_bring_its_own_state() -> None:
    """A state of the host's is used, with keys that are apart for each instance."""

    class Store(dict[str, Any]):
        def set(self, key: str, value: Any, ttl: float) -> None:
            self[key] = (value, ttl)

        def delete(self, key: str) -> None:
            self.pop(key, None)

    store = Store()
    send(["remember"], make_event(event="a"), instances=2, state=store)
    assert store == {"one-0:names": (["a"], 60), "one-1:names": (["a"], 60)}


def test_explaining_leaves_no_trace() -> None:
    """`explain` counts nothing, keeps nothing and tells nobody."""
    noted, traced = Noted(), Traced()
    told: list[Any] = []

    async def scenario() -> Any:
        options: dict[str, Any] = {"stats": noted, "tracing": traced, "on_result": told.append}
        async with engine_for(["remember"], **options) as engine:
            await engine.explain(make_event(event="a"))
            return (await engine.explain(make_event(event="b"))).deliveries[0].request

    assert asyncio.run(scenario()).json == []
    assert (noted.calls, traced.begun, told) == ([], [], [])


def test_a_file_takes_the_same_options() -> None:
    """`Engine.from_file` has every option of `Engine` by the same name."""
    named = set(inspect.signature(Engine.__init__).parameters) - {"self", "workspace"}
    assert set(Options.__annotations__) == named
