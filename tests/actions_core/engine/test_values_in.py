"""What comes in and what a host sees: values, copies, permissions, settings, and outcomes as JSON."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import json
import logging
from decimal import Decimal
from typing import Any

import pytest

from actions_core.destination import Destination, load_destination
from actions_core.destination.context import Context
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.observers import FailureLog, is_no_failure
from actions_core.engine.results import BatchReport, Report, Result, Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import WorkspaceError
from actions_core.http.requests import Request, Response
from actions_core.testing import RecordingTransport

ALL = 'type != "none"'


def field(**options: Any) -> dict[str, Any]:
    """A field of any kind."""
    return {"label": "L", "description": "D", "type": "object", **options}


def meddling() -> Destination:
    """A destination whose handler changes whatever it is handed, after it has made its request."""
    settings = {
        "apiKey": field(type="password", required=True),
        "baseUrl": field(type="string", default="https://sample.test"),
        "more": field(),
    }
    destination = load_destination(
        {
            "slug": "sample",
            "name": "Sample (Actions)",
            "mode": "cloud",
            "authentication": {"scheme": "custom", "fields": settings},
            "actions": {
                title: {"title": title, "description": "D", "fields": {"p": field()}}
                for title in ("meddle", "settle")
            },
            "presets": [],
        }
    )

    @destination.prepare
    def prepare(request: Request, context: Context) -> Request:
        return request.with_base(context.settings["baseUrl"], {"Authorization": "Basic x"})

    @destination.action("meddle")
    def meddle(context: Context, p: Any = None) -> Request:
        sent = copy.deepcopy({"p": p, "event": context.event})
        p.clear()
        context.event["type"] = "meddled"
        context.event.setdefault("context", {})["seen"] = True
        context.event["messageId"] = "another"
        return Request("POST", "/", json=sent)

    @destination.action("settle")
    def settle(context: Context, p: Any = None) -> Request:
        for change in (
            lambda: context.settings.__setitem__("k", 1),
            lambda: context.settings["more"]["a"].append(1),
            lambda: context.settings["more"].update(b=1),
        ):
            with pytest.raises(TypeError, match="cannot be changed"):
                change()
        return Request(
            "POST", "/", json={**context.settings["more"], "copy": copy.deepcopy(context.settings["more"])}
        )

    @destination.on_delete
    def delete(user_id: str | None = None, anonymous_id: str | None = None) -> Request:
        return Request("DELETE", "/user")

    return destination


def make_engine(*instances: dict[str, Any], **options: Any) -> Engine:
    """An engine with an instance of the meddling destination for each of these."""
    registry = Registry()
    registry.register(meddling())
    subscription = {"partnerAction": "meddle", "subscribe": ALL, "mapping": {"p": {"@path": "$.properties"}}}
    raw = [
        {
            "id": f"i{number}",
            "destination": "sample",
            "subscriptions": [subscription],
            **instance,
            "settings": {"apiKey": "s3cret-key", **instance.get("settings", {})},
        }
        for number, instance in enumerate(instances or ({},))
    ]
    options.setdefault("transport", RecordingTransport())
    return Engine(Workspace.from_dict({"destinations": raw}), registry=registry, **options)


def send(engine: Engine, event: Any) -> Report:
    """The report of one event."""

    async def main() -> Report:
        async with engine:
            return await engine.send(event)

    return asyncio.run(main())


EVENT = {"type": "track", "messageId": "m", "event": "E", "properties": {"a": [1], "b": 2**70}}


@pytest.mark.parametrize("way", ["send", "send_batch", "explain"])
@pytest.mark.parametrize(
    "filters", [[], [{"if": ALL, "actions": [{"type": "DROP_PROPERTIES", "fields": {"": ["event"]}}]}]]
)
def test_each_subscription_has_a_copy_of_its_own(way: str, filters: list[Any]) -> None:
    """What a handler does with payload and event reaches neither the caller nor another subscription."""
    event = copy.deepcopy(EVENT)
    transport = RecordingTransport()
    twice = [
        {
            "partnerAction": "meddle",
            "subscribe": 'type = "track"',
            "mapping": {"p": {"@path": "$.properties"}},
        }
    ] * 2
    engine = make_engine(
        {"filters": filters, "subscriptions": twice}, {"subscriptions": twice}, transport=transport
    )

    async def main() -> list[Any]:
        async with engine:
            if way == "explain":
                found = (await engine.explain(event)).deliveries
                assert [one.payload for one in found] == [{"p": EVENT["properties"]}] * 4
                return [one.request.json for one in found if one.request is not None]
            if way == "send":
                report = await engine.send(event)
                assert (report.message_id, [one.message_id for one in report.results]) == ("m", ["m"] * 4)
            else:
                assert (await engine.send_batch([event, event])).ok
        return [request.json for request in transport.requests]

    sent = asyncio.run(main())
    assert event == EVENT
    assert len(sent) == (8 if way == "send_batch" else 4)
    for body in sent:
        assert body["p"] == EVENT["properties"]
        assert (
            body["event"].items()
            >= {"type": "track", "messageId": "m", "properties": EVENT["properties"]}.items()
        )
        assert "context" not in body["event"]


def test_python_values_come_in_as_json() -> None:
    """Times, decimals, sets and tuples of a program go out as the JSON that they are."""
    transport = RecordingTransport()
    at = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    given = {"at": at, "total": Decimal(42), "tags": {"b", "a"}, "pair": (1, b"x"), 1: float("nan")}
    send(make_engine(transport=transport), {"type": "track", "properties": given})
    expected = {
        "at": "2026-01-02T02:04:05.000Z",
        "total": 42,
        "tags": ["a", "b"],
        "pair": [1, "x"],
        "1": None,
    }
    assert transport.requests[0].json["p"] == expected


def test_one_bad_event_of_a_batch_is_its_own_fault() -> None:
    """In a batch, an event with a value that has no JSON form fails alone, in its own place."""

    async def main() -> BatchReport:
        async with make_engine() as engine:
            return await engine.send_batch([EVENT, {**EVENT, "properties": {"x": object()}}, EVENT])

    (result,) = asyncio.run(main()).results
    assert [result.status_of(place) for place in range(3)] == [Status.SENT, Status.FAILED, Status.SENT]
    assert "$.properties.x" in (result.nodes[1].errormessage or "")


def test_settings_cannot_be_changed() -> None:
    """A handler that changes its settings is refused, at any depth; a copy of them is its own."""
    subscription = {"partnerAction": "settle", "subscribe": ALL, "mapping": {}}
    transport = RecordingTransport()
    engine = make_engine(
        {"subscriptions": [subscription], "settings": {"more": {"a": [1]}}}, transport=transport
    )
    assert send(engine, EVENT).ok
    assert json.loads(transport.requests[0].content()[0] or b"") == {"a": [1], "copy": {"a": [1]}}


NAMES = ("i0", "sample", "Sample (Actions)")


@pytest.mark.parametrize(
    ("integrations", "goes"),
    [
        ({}, True),
        (None, True),
        ([], True),
        ({"All": True}, True),
        ({"All": False}, False),
        *(({"All": False, name: True}, True) for name in NAMES),
        *(({"All": False, name: {"a": 1}}, True) for name in NAMES),
        *(({name: False}, False) for name in NAMES),
        *(({"All": True, name: False}, False) for name in NAMES),
        ({"All": False, "Other": True}, False),
        ({"i0": True, "sample": False, "Sample (Actions)": False}, True),
        ({"i0": False, "sample": True, "Sample (Actions)": True}, False),
        ({"sample": True, "Sample (Actions)": False}, True),
        ({"i0": None, "sample": False}, False),
    ],
)
def test_integrations(integrations: Any, *, goes: bool) -> None:
    """The most specific name that says something decides, then `All`; an object counts as true."""
    report = send(make_engine(), {**EVENT, "integrations": integrations})
    (result,) = report.results
    assert result.status is (Status.SENT if goes else Status.SKIPPED)
    assert ("integrations" in result.reason) is not goes
    assert report.ok


@pytest.mark.parametrize(
    ("context", "goes"),
    [
        ({}, True),
        ({"consent": None}, True),
        ({"consent": {"categoryPreferences": {"Ads": True, "Sales": True, "More": False}}}, True),
        ({"consent": {"categoryPreferences": {"Ads": True, "Sales": False}}}, False),
        ({"consent": {"categoryPreferences": {"Ads": True}}}, False),
        ({"consent": {"categoryPreferences": {"Ads": 1, "Sales": "true"}}}, False),
        ({"consent": {"categoryPreferences": {}}}, False),
        ({"consent": {}}, False),
        ({"consent": True}, False),
    ],
)
def test_consent(context: Any, *, goes: bool) -> None:
    """An event with consent goes to an instance with categories only if it grants all of them."""
    engine = make_engine({"consentCategories": ["Ads", "Sales"]}, {})
    first, second = send(engine, {**EVENT, "context": context}).results
    assert first.status is (Status.SENT if goes else Status.SKIPPED)
    assert ("consent" in first.reason) is not goes
    assert second.status is Status.SENT


def test_permissions_show_in_explain_and_batches() -> None:
    """What is held back says why in `explain`, and is skipped in a batch, which is no failure."""
    held = {**EVENT, "integrations": {"All": False}}

    async def main() -> None:
        async with make_engine(
            {
                "filters": [
                    {"if": ALL, "actions": [{"type": "ALLOW_PROPERTIES", "fields": {"": ["properties"]}}]}
                ]
            }
        ) as engine:
            (found,) = (await engine.explain(held)).deliveries
            assert (found.matched, found.request) == (False, None)
            assert "'All' false" in found.reason
            report = await engine.send_batch([held, {**EVENT, "messageId": "n"}])
            node = report.to_dict()["results"][0]["nodes"][0]
            assert (node["status"], node["skipped"], node["outcome"]) == (400, True, "skipped")
            assert report.ok
            assert report.message_ids == report.results[0].message_ids == ("m", "n")
            assert "skipped" not in report.to_dict()["results"][0]["nodes"][1]

    asyncio.run(main())


def test_a_request_for_privacy_arrives() -> None:
    """Neither `integrations` nor consent holds a `delete` event back."""
    event = {"type": "delete", "userId": "u", "integrations": {"All": False}, "context": {"consent": {}}}
    report = send(make_engine({"consentCategories": ["Ads"], "subscriptions": []}), event)
    assert [result.status for result in report.results] == [Status.SENT]


def test_outcomes_as_json() -> None:
    """`to_dict` of results and reports has its stable keys, is JSON, and shows no secret."""
    transport = RecordingTransport([Response(400, {"x-key": "s3cret-key"}, b'{"why": "s3cret-key"}')])
    report = send(make_engine({"delivery": {"retry": {"tries": 1}}}, transport=transport), EVENT)
    shown = report.to_dict()
    text = json.dumps(shown)
    assert "s3cret" not in text
    assert list(shown) == ["messageId", "index", "ok", "error", "results"]
    (result,) = shown["results"]
    assert list(result) == [
        "messageId", "instance", "subscription", "action", "status", "reason", "error", "tries", "duration",
        "warnings", "request", "response",
    ]  # fmt: skip
    assert (result["messageId"], result["status"], result["response"]["status"]) == ("m", "failed", 400)
    assert list(result["error"]) == ["code", "message", "status", "retryable", "problems"]


def test_an_input_that_is_no_event_has_an_outcome_too(caplog: pytest.LogCaptureFixture) -> None:
    """A report of `send_many` on what is no event has its error as JSON, and is logged."""

    async def main() -> list[Any]:
        async with make_engine() as engine:
            return [report.to_dict() async for report in engine.send_many([{"messageId": "x"}])]

    (shown,) = asyncio.run(main())
    assert (shown["messageId"], shown["ok"], shown["error"]["code"]) == ("x", False, "EVENT_INVALID")
    assert shown["error"]["problems"][0]["path"] == "$.type"
    assert "EVENT_INVALID" in caplog.text


def test_failures_are_logged_once_for_each_kind_and_minute(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each instance, subscription and code in a minute; the rest is counted, and said later."""
    now = [0.0]
    log = FailureLog(logging.getLogger("actions_core"), clock=lambda: now[0])

    def fail(instance: str, at: float) -> list[str]:
        now[0] = at
        caplog.clear()
        log.note(Result(instance, "s", "a", Status.FAILED, reason="no\nway", message_id="m"))
        return [record.getMessage() for record in caplog.records]

    assert fail("one", 0) == ["one, s: the event 'm' failed: OTHER: no way"]
    assert fail("one", 1) == fail("one", 59) == []
    assert len(fail("two", 59)) == 1
    held, first = fail("two", 120)
    assert held == "one, s: 2 more failed: OTHER (within a minute)"
    assert first.startswith("two, s: the event")
    fail("two", 121)
    caplog.clear()
    log.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "two, s: 1 more failed: OTHER (within a minute)"
    ]


def test_what_an_outbox_tries_again_is_logged_as_failures_are(caplog: pytest.LogCaptureFixture) -> None:
    """One line for each kind and minute says that an event is to be tried again, apart from failures."""
    now = [0.0]
    log = FailureLog(logging.getLogger("actions_core"), clock=lambda: now[0])
    failed = Result("one", "s", "a", Status.FAILED, reason="no response", message_id="m")
    for _ in range(3):
        log.note_retry(failed)
    log.note(failed)
    log.flush()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "one, s: the event 'm' is to be tried again: OTHER: no response"),
        ("WARNING", "one, s: the event 'm' failed: OTHER: no response"),
        ("WARNING", "one, s: 2 more to be tried again: OTHER (within a minute)"),
    ]
    assert not any(map(is_no_failure, caplog.records))


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_setting_takes_its_default(empty: Any) -> None:
    """A setting that is "" or null has its default, or is missing; a required one refuses the start."""
    engine = make_engine({"settings": {"baseUrl": empty, "more": empty}})
    assert dict(engine.instances["i0"].scope.settings) == {
        "baseUrl": "https://sample.test",
        "apiKey": "s3cret-key",
    }
    with pytest.raises(WorkspaceError, match="required field 'apiKey'") as caught:
        make_engine({"settings": {"apiKey": empty}})
    assert ("empty" in str(caught.value)) is (empty == "")


@pytest.mark.parametrize("name", ["A\ud800", "A\0", ""])
def test_no_name_of_a_variable_escapes(name: str) -> None:
    """A name that no environment can have is a fault of the workspace, like any other."""
    registry = Registry()
    registry.register(meddling())
    with pytest.raises(WorkspaceError):
        raw = {"destinations": [{"destination": "sample", "settings": {"apiKey": {"$env": name}}}]}
        Engine(Workspace.from_dict(raw), registry=registry)


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("https://user:pw@sample.test", "SETTINGS_INVALID"),
        ("https://sample.test/a@b", None),
        ("HTTPS://sample.test", None),
        ("Http://sample.test", None),
        ("ftp://sample.test", "SETTINGS_INVALID"),
        ("sample.test", "SETTINGS_INVALID"),
    ],
)
def test_the_setting_is_blamed_for_a_base_url(base: str, code: str | None) -> None:
    """A base URL that cannot be one is a fault of the settings, not of the event; schemes have any case."""
    transport = RecordingTransport()
    (result,) = send(make_engine({"settings": {"baseUrl": base}}, transport=transport), EVENT).results
    assert (None if result.error is None else result.error.code) == code
    assert "pw" not in result.reason
    assert all(
        request.url.startswith(("https://sample.test", "http://sample.test"))
        for request in transport.requests
    )


def test_a_workspace_has_a_name(tmp_path: Any) -> None:
    """The name of a workspace is the one it gives, or else the file's without its ending."""
    file = tmp_path / "shop.json"
    file.write_text('{"destinations": []}')
    assert Workspace.from_file(file).name == "shop"
    file.write_text('{"name": "Shop One", "destinations": []}')
    assert Workspace.from_file(file).name == "Shop One"
