"""The tracking API, as client libraries use it, over real connections."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.apps.server.tracking import MOST_EVENTS, ROUTES
from actions_core.values.events import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = json.loads(Path(__file__).with_name("calls.json").read_text(encoding="utf-8"))
EVENT = {"type": "track", "event": "E", "userId": "u", "messageId": "m"}


def shifted(moment: str, event: dict[str, Any]) -> Any:
    """How far a time lies from the event's `receivedAt`, in seconds; anything else as it is."""
    if not moment.endswith("Z") or "." not in moment:
        return moment
    apart = datetime.fromisoformat(moment) - datetime.fromisoformat(event["receivedAt"])
    return f"{apart / timedelta(seconds=1):.3f}"


@pytest.mark.parametrize("case", CALLS, ids=[case["rule"] for case in CALLS])
def test_calls(case: dict[str, Any], serve: Callable[..., Any]) -> None:
    """What a client sends is stored as Segment's service hands it on, and the response is what it expects."""

    async def check(serving: Any) -> None:
        reply = await serving.post(case["path"], case["body"], **case.get("headers", {}))
        assert (reply.status, reply.json) == (case["status"], case.get("response", {"success": True}))
        stored = serving.stored()
        for event in stored:
            event["timestamp"] = shifted(event["timestamp"], event)
            event["receivedAt"] = "0.000"
        assert stored == case["stored"]

    serve(check)


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_every_path(path: str, serve: Callable[..., Any]) -> None:
    """Each type has its name and its first letter as paths, with and without the version."""

    async def check(serving: Any) -> list[Any]:
        event = {"userId": "u", "event": "E"}
        body = {"batch": [{**event, "type": "track"}]} if ROUTES[path] == "batch" else event
        assert (await serving.post(path, body)).status == 200
        return serving.stored()

    (event,) = serve(check)
    assert event["type"] == ("track" if ROUTES[path] == "batch" else ROUTES[path])
    assert event["messageId"]


def basic(text: str) -> str:
    """A Basic header."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


KEYS = [
    (basic("wk-backend:"), {}, 200),
    (basic("wk-backend"), {}, 200),
    (basic("wk-backend:").rstrip("="), {}, 200),
    (basic("wk-backend:").replace("Basic", "basic "), {}, 200),
    ("", {"writeKey": "wk-backend"}, 200),
    ("Bearer token", {"writeKey": "wk-backend"}, 200),
    (basic(":"), {"writeKey": "wk-backend"}, 200),
    (basic("other:"), {"writeKey": "wk-backend"}, 401),
    ("", {"writeKey": "other"}, 401),
    ("", {"writeKey": 5}, 401),
    ("Basic %%%", {}, 401),
    ("Bearer wk-backend", {}, 401),
    ("", {}, 401),
]


@pytest.mark.parametrize(("header", "body", "status"), KEYS)
def test_write_keys(header: str, body: dict[str, Any], status: int, serve: Callable[..., Any]) -> None:
    """A key comes in Basic, else in the envelope; an unknown one, and none at all, is a 401."""

    async def check(serving: Any) -> None:
        reply = await serving.post("/v1/batch", {"batch": [dict(EVENT)], **body}, Authorization=header)
        assert reply.status == status
        assert len(serving.stored()) == (status == 200)
        if status == 401:
            assert reply.json["code"] == "invalid_write_key"

    serve(check)


def test_keys_of_items(serve: Callable[..., Any]) -> None:
    """Without a key for all, each item has its own; where none is known, the batch is a 401."""

    async def check(serving: Any) -> None:
        items = [
            {**EVENT, "messageId": "1", "writeKey": "wk-web"},
            {**EVENT, "messageId": "2", "writeKey": "other"},
            {**EVENT, "messageId": "3", "writeKey": "wk-backend"},
        ]
        reply = await serving.post("/v1/batch", {"batch": items}, Authorization="")
        assert reply.status == 200
        assert [(item["index"], item["code"]) for item in reply.json["rejected"]] == [
            (1, "invalid_write_key")
        ]
        assert [event["messageId"] for event in serving.stored()] == ["1", "3"]
        assert not any("writeKey" in event for event in serving.stored())
        reply = await serving.post("/v1/batch", {"batch": items[1:2]}, Authorization="")
        assert reply.status == 401

    serve(check)


def test_keys_of_items_hold_for_their_pages_only(serve: Callable[..., Any]) -> None:
    """A page may send an item with a key of its own only if that source names its origin."""

    async def check(serving: Any) -> None:
        items = [{**EVENT, "messageId": key, "writeKey": key} for key in ("wk-web", "wk-backend")]
        headers = {"Authorization": "", "Origin": "https://shop.example"}
        reply = await serving.post("/v1/batch", {"batch": items}, **headers)
        assert [(item["index"], item["code"]) for item in reply.json["rejected"]] == [
            (1, "origin_not_allowed")
        ]
        assert [event["messageId"] for event in serving.stored()] == ["wk-web"]

    serve(check)


def test_a_batch_that_comes_twice_is_stored_once(serve: Callable[..., Any]) -> None:
    """A client whose response was lost sends the same messageIds again, and nothing is stored twice."""

    async def check(serving: Any) -> None:
        batch = [{**EVENT, "messageId": f"m-{n}"} for n in range(10)]
        for sent_at in ("2026-03-01T10:00:00Z", "2026-03-01T10:00:09Z"):
            reply = await serving.post("/v1/batch", {"batch": batch, "sentAt": sent_at})
            assert (reply.status, reply.json) == (200, {"success": True})
        assert len(serving.stored()) == 10

    serve(check)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)], ids=["gzip", "deflate"]
)
def test_packed_bodies(encoding: str, pack: Callable[[bytes], bytes], serve: Callable[..., Any]) -> None:
    """A body may be packed; one that is broken is a 400."""

    async def check(serving: Any) -> None:
        body = pack(json.dumps({"batch": [EVENT]}).encode())
        reply = await serving.post("/v1/batch", body, **{"Content-Encoding": encoding})
        assert reply.status == 200
        reply = await serving.post("/v1/batch", b"no" + body[2:], **{"Content-Encoding": encoding})
        assert reply.status == 400
        assert len(serving.stored()) == 1

    serve(check)


BODIES = [
    (b"", "the text is empty"),
    (b"{", "not JSON"),
    (b'{"batch": [NaN]}', "not plain JSON"),
    (b"\xff", "not UTF-8"),
    (b"[" * 100_000, "not"),
]


@pytest.mark.parametrize(("body", "words"), BODIES, ids=["empty", "open", "NaN", "not UTF-8", "deep"])
def test_what_is_not_json(body: bytes, words: str, serve: Callable[..., Any]) -> None:
    """A body that is not JSON is a 400 which says what is wrong."""

    async def check(serving: Any) -> None:
        reply = await serving.post("/v1/batch", body)
        assert reply.status == 400
        assert words in reply.json["message"]
        assert serving.stored() == []

    serve(check)


def test_values_are_those_of_the_client(serve: Callable[..., Any]) -> None:
    """Long integers stay exact, half a surrogate pair is no error, of equal keys the last one holds."""
    properties = '{"n": 123456789012345678901234567890, "cut": "\\ud83d", "twice": 1, "twice": 2}'
    body = f'{{"batch": [{{"type": "page", "userId": "u", "properties": {properties}}}]}}'

    async def check(serving: Any) -> list[Any]:
        assert (await serving.post("/v1/batch", body.encode())).status == 200
        return serving.stored()

    (event,) = serve(check)
    assert event["properties"] == {"n": 123456789012345678901234567890, "cut": "\ud83d", "twice": 2}


def test_sizes(serve: Callable[..., Any]) -> None:
    """An event of the largest size that Segment takes goes through, a larger one sinks alone."""

    async def check(serving: Any) -> None:
        def sized(size: int, name: str) -> dict[str, Any]:
            event = {**EVENT, "messageId": name, "timestamp": "2026-03-01T10:00:00.000Z", "pad": ""}
            room = size - len(json.dumps(event, separators=(",", ":")))
            return {**event, "pad": "x" * room}

        items = [sized(MAX_EVENT_BYTES, "fits"), sized(MAX_EVENT_BYTES + 1000, "large"), sized(500, "small")]
        reply = await serving.post("/v1/batch", {"batch": items, "sentAt": "2026-03-01T10:00:00.000Z"})
        assert reply.status == 200
        assert [(item["index"], item["code"]) for item in reply.json["rejected"]] == [(1, "event_too_large")]
        assert [event["messageId"] for event in serving.stored()] == ["fits", "small"]

    serve(check)


def test_too_many_events(serve: Callable[..., Any]) -> None:
    """A batch of more events than Segment takes is refused as a whole: nothing of it is lost in silence."""

    async def check(serving: Any) -> None:
        batch = [{"type": "page", "userId": "u"}] * (MOST_EVENTS + 1)
        reply = await serving.post("/v1/batch", {"batch": batch})
        assert (reply.status, reply.json["code"]) == (400, "too_many_events")
        assert (await serving.post("/v1/batch", {"batch": batch[1:]})).status == 200
        assert len(serving.stored()) == MOST_EVENTS

    serve(check)


def test_rejections_are_kept_to_look_at(serve: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """What was not accepted is counted and logged by its reason, and the latest can be looked at."""

    async def check(serving: Any) -> None:
        bad = {"type": "track", "event": "E", "messageId": "x"}
        large = {**bad, "pad": "x" * MAX_EVENT_BYTES}
        for _ in range(100):
            await serving.post("/v1/batch", {"batch": [bad, large]})
        latest = serving.server.intake.rejections.latest
        assert len(latest) == 100
        assert [each.item and each.item["messageId"] for each in latest][-2:] == ["x", None]
        assert (latest[0].source, latest[0].error.code) == ("backend", "NO_USER")
        metrics = (await serving.call("GET", "/metrics")).text
        assert 'actions_intake_events_total{outcome="no_user",source="backend"} 200.0' in metrics

    serve(check)
    assert [record.getMessage() for record in caplog.records] == [
        "the event 'x' was rejected: NO_USER: an event needs a userId or an anonymousId",
        "199 more were rejected: NO_USER",
    ]


def test_events_are_delivered_in_the_same_process(serve: Callable[..., Any]) -> None:
    """Unless it only stores, the server delivers what it accepted."""

    async def check(serving: Any) -> None:
        assert (await serving.post("/v1/track", EVENT)).status == 200
        await serving.outbox.drain(10)
        assert len(serving.transport.requests) == 1

    serve(check, store_only=False)
