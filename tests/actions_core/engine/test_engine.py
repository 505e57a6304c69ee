"""The engine: what becomes of events, and that none of them stops another."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination import Destination, load_destination
from actions_core.destination.client import Client
from actions_core.destination.context import Context
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.results import Report, Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import PayloadError, Problem, RequestError, WorkspaceError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Request, Response
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject

TRACK = 'type = "track"'
QUICK = {"retry": {"tries": 2, "base": 0}}


def text_field(**options: Any) -> JsonObject:
    """A field that holds text."""
    return {"label": "L", "description": "D", "type": "string", **options}


def sample() -> Destination:  # noqa: C901 - one handler for each way to behave
    """A destination with actions that behave well and badly."""
    name = {"name": text_field(required=True, default={"@path": "$.event"})}
    titles = ("plain", "crash", "hang", "wrong", "two", "block", "tell")
    actions = {title: {"title": title, "description": "D", "fields": name} for title in titles}
    destination = load_destination(
        {
            "slug": "sample",
            "name": "Sample",
            "mode": "cloud",
            "authentication": {
                "scheme": "custom",
                "fields": {
                    "apiKey": text_field(type="password", required=True),
                    "baseUrl": text_field(default="https://sample.test"),
                },
            },
            "actions": actions,
            "presets": [
                {"name": "All", "type": "automatic", "partnerAction": "plain", "subscribe": TRACK},
                {"name": "Never", "type": "specificEvent", "partnerAction": "plain", "eventSlug": "x"},
            ],
            "statusHints": {"404": "Nobody is there."},
        }
    )

    @destination.prepare
    def prepare(request: Request, context: Context) -> Request:
        settings = context.settings
        return request.with_base(settings["baseUrl"], {"authorization": f"Basic {settings['apiKey']}"})

    @destination.test_authentication
    def authenticated() -> Request:
        return Request("GET", "/me")

    @destination.on_delete
    def delete(user_id: str | None) -> Request:
        return Request("DELETE", "/users", params={"uid": user_id})

    @destination.action("plain")
    def plain(name: str, context: Context) -> Request:
        context.warn("$.name", "is only a name")
        return Request("POST", "/plain", json={"name": name, "key": context.idempotency_key})

    @destination.action("crash")
    def crash(name: str, context: Context) -> Request:
        raise KeyError(context.settings["apiKey"] + name)

    @destination.action("tell")
    def tell(name: str, context: Context) -> Request:
        key = context.settings["apiKey"]
        context.warn("$", f"warned of {key}")
        raise PayloadError(f"told {key}", problems=[Problem("$.name", f"problem with {key}")])

    @destination.action("hang")
    async def hang(name: str) -> None:
        await asyncio.sleep(3600)

    @destination.action("wrong")
    def wrong(name: str) -> Request:
        return {"name": name}  # type: ignore[return-value]  # wrong on purpose

    @destination.action("two")
    async def two(name: str, client: Client) -> None:
        first = await client.send(Request("POST", "/first", json=name))
        await client.send(Request("POST", "/second", json=first.json))

    @destination.action("block")
    def block(name: str) -> Request:
        time.sleep(1.1)
        return Request("POST", "/blocked", json=name)

    return destination


def make_engine(
    *actions: str, transport: Any = None, others: tuple[JsonObject, ...] = (), **options: Any
) -> Engine:
    """An engine with one instance that has a subscription for each of the actions."""
    registry = Registry()
    registry.register(sample())
    instance = {
        "id": "one",
        "destination": "sample",
        "settings": {"apiKey": "s3cret"},
        "subscriptions": [{"name": a, "partnerAction": a, "subscribe": TRACK} for a in actions],
        "delivery": QUICK,
        **options,
    }
    workspace = Workspace.from_dict({"destinations": [instance, *others]})
    return Engine(workspace, registry=registry, transport=transport or RecordingTransport())


def send(engine: Engine, event: Any) -> Report:
    """Send one event and close the engine."""

    async def scenario() -> Report:
        async with engine:
            return await engine.send(event)

    return asyncio.run(scenario())


def test_an_event_goes_all_the_way() -> None:
    """A matching event becomes the request that its mapping and handler say, and the report tells of it."""
    transport = RecordingTransport()
    report = send(make_engine("plain", transport=transport), make_event())
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", "https://sample.test/plain")
    assert request.headers == {"authorization": "Basic s3cret"}
    (result,) = report.results
    assert (result.instance, result.subscription, result.action) == ("one", "plain", "plain")
    assert (result.status, result.tries, result.error, report.ok) == (Status.SENT, 1, None, True)
    assert result.request is not None
    assert result.request.headers == {"authorization": "Basic ***"}
    assert result.response is not None
    assert result.response.json == {}
    assert [str(warning) for warning in result.warnings] == ["$.name: is only a name"]
    assert result.duration > 0


def test_an_event_that_does_not_match_has_a_result_with_the_reason() -> None:
    """Every subscription has its result, also one that the event is not meant for."""
    transport = RecordingTransport()
    report = send(make_engine("plain", transport=transport), make_event(type="identify"))
    (result,) = report.results
    assert result.status is Status.SKIPPED
    assert TRACK in result.reason
    assert report.ok
    assert transport.requests == []


def test_disabled_subscriptions_and_instances_get_nothing() -> None:
    """`enabled` false leaves a subscription out, with its reason, and an instance altogether."""
    off = {"name": "n", "partnerAction": "plain", "subscribe": TRACK, "enabled": False}
    report = send(make_engine(subscriptions=[off]), make_event())
    assert [(r.status, r.reason) for r in report.results] == [
        (Status.SKIPPED, "the subscription is disabled")
    ]
    assert send(make_engine("plain", enabled=False), make_event()).results == ()


def test_a_payload_that_is_not_valid_is_not_sent() -> None:
    """A payload with problems fails with all of them, without any request."""
    transport = RecordingTransport()
    report = send(make_engine("plain", transport=transport), make_event(event={"no": "text"}))
    (result,) = report.results
    assert (result.status, result.tries) == (Status.FAILED, 0)
    assert result.error is not None
    assert result.error.code == "PAYLOAD_VALIDATION_FAILED"
    assert [problem.path for problem in result.error.problems] == ["$.name"]
    assert transport.requests == []


def test_each_subscription_is_on_its_own() -> None:
    """One that crashes, one that gives nonsense and one that hangs do not touch the others."""
    transport = RecordingTransport()
    retry = {"tries": 1, "within": 0.05}
    engine = make_engine(
        "crash", "wrong", "hang", "plain", transport=transport, delivery={"retry": retry, "timeout": 0.05}
    )
    report = send(engine, make_event())
    found = {result.subscription: result for result in report.results}
    assert [found[name].status for name in ("crash", "wrong", "hang", "plain")] == ["failed"] * 3 + ["sent"]
    assert "KeyError" in found["crash"].reason
    assert "s3cret" not in found["crash"].reason
    assert "one Request" in found["wrong"].reason
    assert "not done within 0.1 s" in found["hang"].reason
    assert len(transport.requests) == 1


def test_a_crash_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """A handler's exception is one WARNING with its place, and a traceback at DEBUG, both masked."""
    with caplog.at_level(logging.DEBUG, "actions_core"):
        send(make_engine("crash"), make_event())
    trace, line = [record for record in caplog.records if record.name == "actions_core"]
    assert (trace.levelname, line.levelname) == ("DEBUG", "WARNING")
    assert "Traceback (most recent call last)" in trace.getMessage()
    for said in (trace.getMessage(), line.getMessage()):
        assert "KeyError" in said
        assert "test_engine.py" in said
        assert "s3cret" not in said
    assert "\n" not in line.getMessage()


def test_what_a_handler_says_is_masked() -> None:
    """A secret in a handler's own error or warning shows in no result."""
    (result,) = send(make_engine("tell"), make_event()).results
    shown = f"{result.reason} {result.error} {result.warnings}"
    assert "s3cret" not in shown
    assert shown.count("***") == 5


def test_a_handler_that_blocks_is_reported() -> None:
    """A plain handler that keeps the loop waiting is warned of in its result."""
    (result,) = send(make_engine("block"), make_event()).results
    assert result.status is Status.SENT
    assert "blocked the event loop" in result.warnings[0].message


def test_a_finished_request_is_not_repeated() -> None:
    """An asynchronous handler's first request is not made again because its second failed."""
    transport = RecordingTransport([Response(200, {}, b'"one"'), Response(503), Response(200)])
    (result,) = send(make_engine("two", transport=transport), make_event()).results
    assert result.status is Status.SENT
    assert [request.url.rpartition("/")[2] for request in transport.requests] == ["first", "second", "second"]
    assert result.tries == 3


def test_a_refusal_is_a_failed_result_with_a_hint() -> None:
    """A final answer fails its subscription, with the destination's words and the definition's hint."""
    transport = RecordingTransport([Response(404, {}, b"who? s3cret")])
    (result,) = send(make_engine("plain", transport=transport), make_event()).results
    assert result.status is Status.FAILED
    assert result.reason == "the destination answered 404: who? ***. Nobody is there."
    assert result.response is not None
    assert result.response.status == 404


def test_gone_disables_the_instance() -> None:
    """After a 410 nothing more is sent to the instance, and each result says so."""
    transport = RecordingTransport([Response(410)])

    async def scenario() -> list[Report]:
        async with make_engine("plain", transport=transport) as engine:
            return [await engine.send(make_event()), await engine.send(make_event())]

    first, second = asyncio.run(scenario())
    assert first.results[0].status is Status.FAILED
    assert second.results[0].error is not None
    assert second.results[0].error.code == "INSTANCE_DISABLED"
    assert len(transport.requests) == 1


def test_presets_are_the_automatic_ones_with_the_default_mapping() -> None:
    """`"subscriptions": "presets"` takes the automatic presets; without mapping, the fields' defaults."""
    transport = RecordingTransport()
    report = send(make_engine(subscriptions="presets", transport=transport), make_event())
    assert [result.subscription for result in report.results] == ["All"]
    assert transport.requests[0].json["name"] == "Test Event"


def test_idempotency_keys_tell_subscriptions_and_events_apart() -> None:
    """The key is the same for the same event and subscription, another for any other."""
    transport = RecordingTransport()
    same = {"partnerAction": "plain", "subscribe": TRACK}
    both = [{"name": "a", **same}, {"name": "b", **same}]

    async def scenario() -> list[str]:
        async with make_engine(subscriptions=both, transport=transport) as engine:
            for event in (make_event(), make_event(), make_event(messageId="ü\n" * 200)):
                await engine.send(event)
        return [request.json["key"] for request in transport.requests]

    keys = asyncio.run(scenario())
    assert keys[0:2] == keys[2:4]
    assert len(set(keys)) == 4
    assert all(key.isascii() and key.isprintable() and len(key) < 256 for key in keys)


def test_a_delete_event_deletes_the_user() -> None:
    """`delete`, like an event of that type, has the destination delete the user."""
    transport = RecordingTransport()

    async def scenario() -> Report:
        async with make_engine("plain", transport=transport) as engine:
            return await engine.delete(user_id="u1")

    report = asyncio.run(scenario())
    assert [(r.action, r.status) for r in report.results] == [("plain", "skipped"), ("onDelete", "sent")]
    assert [(r.method, r.url) for r in transport.requests] == [("DELETE", "https://sample.test/users?uid=u1")]


def test_the_authentication_can_be_tested() -> None:
    """`test_authentication` gives the result of the destination's test; an unknown instance is an error."""

    async def scenario() -> tuple[bool, bool]:
        transport = RecordingTransport([Response(200), Response(401)])
        async with make_engine(transport=transport) as engine:
            with pytest.raises(WorkspaceError, match="there are one"):
                await engine.test_authentication("two")
            good = await engine.test_authentication("one")
            return good.ok, (await engine.test_authentication("one")).ok

    assert asyncio.run(scenario()) == (True, False)


class Hanging:
    """A transport that never answers, and counts the requests that wait for it."""

    def __init__(self) -> None:
        self.now = 0

    async def send(self, request: Request) -> Response:
        self.now += 1
        try:
            await asyncio.sleep(3600)
        finally:
            self.now -= 1
        return Response(200)

    async def close(self) -> None:
        pass


def test_grace_ends_what_hangs() -> None:
    """What is still in progress when the grace is over ends as failed, its outcome unknown."""

    async def scenario() -> Report:
        engine = make_engine("plain", transport=Hanging())
        task = asyncio.create_task(engine.send(make_event()))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await engine.close(grace=0.02)
            return await task

    (result,) = asyncio.run(scenario()).results
    assert result.error is not None
    assert (result.status, result.error.code) == (Status.FAILED, "INTERRUPTED")


def test_a_cancelled_send_is_cancelled() -> None:
    """Cancellation by the caller is not swallowed, and frees the lane."""

    async def scenario() -> int:
        hanging = Hanging()
        engine = make_engine("plain", "two", transport=hanging, delivery={"concurrency": 2})
        task = asyncio.create_task(engine.send(make_event()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await engine.close(grace=1)
        return hanging.now

    assert asyncio.run(scenario()) == 0


def test_explain_shows_what_send_would_send() -> None:
    """The explained request is the one sent, masked; nothing goes out; a mismatch has its reason."""
    transport = RecordingTransport()

    async def scenario() -> tuple[Any, Report]:
        async with make_engine("plain", "two", "crash", transport=transport) as engine:
            explained = await engine.explain(make_event())
            assert transport.requests == []
            return explained, await engine.send(make_event())

    explained, report = asyncio.run(scenario())
    plain, two, crash = explained.deliveries
    assert plain.request == report.results[0].request
    assert plain.payload == {"name": "Test Event"}
    assert [str(warning) for warning in plain.warnings] == ["$.name: is only a name"]
    assert two.request.url.endswith("/first")
    assert "depends on its response" in two.note
    assert "KeyError" in crash.reason
    assert "s3cret" not in crash.reason
    assert crash.request is None


def test_a_faulty_workspace_refuses_the_start_with_all_its_faults() -> None:
    """Every fault of every instance is told at once, each with its path."""
    subscriptions = [
        {"partnerAction": "plain", "subscribe": "type ="},
        {"partnerAction": "nothing", "subscribe": TRACK},
        {"partnerAction": "plain", "subscribe": TRACK, "mapping": {"name": {"@nope": 1}}},
    ]
    other = {"id": "two", "destination": "unknown"}
    with pytest.raises(WorkspaceError) as caught:
        make_engine(
            subscriptions=subscriptions, settings={"apiKey": {"$env": "NOT_SET_AT_ALL"}}, others=(other,)
        )
    assert sorted(problem.path for problem in caught.value.problems) == [
        "$.destinations[0].settings.apiKey",
        "$.destinations[0].subscriptions[0].subscribe",
        "$.destinations[0].subscriptions[1].partnerAction",
        "$.destinations[0].subscriptions[2].mapping.name",
        "$.destinations[1].destination",
    ]


def test_settings_are_validated_like_payloads() -> None:
    """A missing required setting is a fault of the workspace at the path of the settings."""
    with pytest.raises(WorkspaceError, match="apiKey"):
        make_engine("plain", settings={})


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`{"$env": NAME}` is read when the engine is made, and masked like any secret."""
    monkeypatch.setenv("SAMPLE_KEY", "from-outside")
    transport = RecordingTransport()
    engine = make_engine("plain", transport=transport, settings={"apiKey": {"$env": "SAMPLE_KEY"}})
    (result,) = send(engine, make_event()).results
    assert transport.requests[0].headers["authorization"] == "Basic from-outside"
    assert result.request is not None
    assert "from-outside" not in str(result.request.headers)


@pytest.mark.parametrize("settings", [{"$env": None}, {"$env": "HOME"}, {"apiKey": {"$env": 5}}])
def test_variables_that_are_none_are_faults(settings: JsonObject) -> None:
    """`$env` in place of all settings, or without a name, is a fault of the workspace."""
    with pytest.raises(WorkspaceError, match="settings"):
        make_engine("plain", settings=settings)


def test_a_transport_may_raise_anything() -> None:
    """Whatever an embedder's transport raises ends in a failed result."""
    for error in (TransportError("x"), RequestError("x"), ZeroDivisionError("x")):
        transport = RecordingTransport([error, error])
        (result,) = send(make_engine("plain", transport=transport), make_event()).results
        assert result.status is Status.FAILED
