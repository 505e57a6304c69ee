"""Results as JSON: whatever a handler puts into requests and nodes, whatever a destination answers."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import date
from enum import Enum
from typing import Any

import pytest

from actions_core import (
    MISSING,
    Engine,
    MultiStatus,
    Registry,
    Request,
    Response,
    Workspace,
    load_destination,
)
from actions_core.testing import RecordingTransport

SECRET = "na1.geheim"
EVENT = {"type": "track", "event": "x", "userId": "u"}
circle: list[Any] = []
circle.append(circle)


class Key(Enum):
    """A name for the secret, as programs have it."""

    SECRET = SECRET


def engine(request: Request | None, response: Response, nodes: list[dict[str, Any]] | None = None) -> Engine:
    """Return an engine with one destination, whose function gives that request, or those nodes."""
    fields = {"k": {"label": "K", "type": "password"}}
    destination = load_destination(
        {
            "slug": "shop",
            "name": "Shop",
            "authentication": {"scheme": "custom", "fields": fields},
            "actions": {"add": {"title": "Add", "fields": {"x": {"label": "X", "type": "string"}}}},
        }
    )
    if nodes is None:

        @destination.action("add")
        def add(x: str | None = None) -> Request | None:
            return request

    else:

        @destination.batch("add")
        def add_all(payloads: list[dict[str, Any]]) -> MultiStatus:
            found = MultiStatus()
            for node in nodes:
                found.add_success(**node)
            return found

    subscription = {"partnerAction": "add", "subscribe": 'type = "track"', "mapping": {}}
    instance = {"destination": "shop", "settings": {"k": SECRET}, "subscriptions": [subscription]}
    registry = Registry()
    registry.register(destination)
    return Engine(
        Workspace.from_dict({"destinations": [instance]}),
        registry=registry,
        transport=RecordingTransport([response] * 9),
    )


def reports(made: Engine) -> list[dict[str, Any]]:
    """Return the reports of an event sent alone and in a batch, and its explanation, as JSON."""

    async def scenario() -> list[Any]:
        async with made:
            return [
                (await made.send(EVENT)).to_dict(),
                (await made.send_batch([EVENT, EVENT])).to_dict(),
                (await made.explain(EVENT)).to_dict(),
            ]

    found = asyncio.run(scenario())
    text = json.dumps(found, allow_nan=False)
    assert SECRET not in text
    assert json.loads(text) == found
    return found


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ({"json": {"a": math.nan, "b": MISSING, "c": (1, MISSING), 2: 10**30}},
         {"json": {"a": None, "c": [1, None], "2": 10**30}}),
        ({"json": ({"a": (SECRET,)},)}, {"json": [{"a": ["***"]}]}),
        ({"json": {"a": Key.SECRET, SECRET: 1}}, {"json": {"a": "***", "***": 1}}),
        ({"form": {Key.SECRET: 1}}, {"form": {"***": 1}}),
        ({"form": {"a": date(2026, 1, 2), "b": None, "c": {1, 2}, "d": MISSING, "e": Key.SECRET}},
         {"form": {"a": "2026-01-02", "c": [1, 2], "e": "***"}}),
        ({"body": b"\xff" + SECRET.encode()}, {"bodyBase64": "/yoqKg=="}),
        ({"body": memoryview(b"a")}, {"body": "a"}),
        ({"json": None}, {"json": None}),
    ],
)  # fmt: skip
def test_a_request_is_shown_as_it_goes_out(content: dict[str, Any], shown: dict[str, Any]) -> None:
    """`to_dict` shows of a body what goes over the wire, whatever Python values it is made of."""
    made = engine(Request("POST", "https://x.test/", **content), Response(200))
    alone, batch, explanation = reports(made)
    assert alone["ok"]
    assert batch["ok"]
    for request in (alone["results"][0]["request"], explanation["deliveries"][0]["request"]):
        assert {
            key: value for key, value in request.items() if key not in {"method", "url", "headers"}
        } == shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"json": {"a": {1}}}, "a set is not JSON"),
        ({"json": circle}, "nested too deeply, or contains itself"),
        ({"json": 10**5000}, "too many digits"),
        ({"json": circle, "stringify": True}, "nested too deeply, or contains itself"),
        ({"form": {"a": "\ud800"}}, "half a surrogate pair"),
        ({"form": {"a": object()}}, "is a Python object, which has no JSON form"),
        ({"form": [("a", 1)]}, "must be an object but they are a list"),
        ({"params": "a=b"}, "must be an object but they are a string"),
        ({"body": "\ud800"}, "half a surrogate pair"),
        ({"body": 5}, "must be bytes or a string but it is a number"),
    ],
)
def test_a_body_that_cannot_be_written_is_left_out(content: dict[str, Any], said: str) -> None:
    """A request that fails because its body cannot be written is shown without it, never by an error."""
    made = engine(Request("POST", "https://x.test/", **content), Response(200))
    alone, batch, explanation = reports(made)
    error = alone["results"][0]["error"]
    assert error["code"] == "PAYLOAD_VALIDATION_FAILED"
    assert said in error["message"]
    assert "recursion" not in error["message"]
    assert not {"json", "form", "body"} & set(alone["results"][0]["request"] or {})
    assert said in batch["results"][0]["nodes"][0]["errormessage"]
    assert said in json.dumps(explanation)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a":NaN}', {"body": '{"a":NaN}'}),
        (b"-Infinity", {"body": "-Infinity"}),
        (b'{"a":1e999}', {"json": {"a": None}}),
        (b"null", {"body": "null"}),
        (b"", {"body": ""}),
        (f'["{SECRET}"]'.encode(), {"json": ["***"]}),
    ],
)
def test_a_response_is_shown_as_json(body: bytes, shown: dict[str, Any]) -> None:
    """What is no JSON in a response is shown as text; a number beyond a double is null."""
    alone, batch, _ = reports(engine(Request("POST", "https://x.test/"), Response(200, {}, body)))
    assert alone["results"][0]["response"] == {"status": 200, "headers": {}, **shown}
    assert batch["results"][0]["nodes"][0]["body"] == next(iter(shown.values()))


def test_a_response_that_cannot_be_decoded_says_so() -> None:
    """`unreadable` stands beside the body of which it tells."""
    made = engine(
        Request("POST", "https://x.test/"), Response(200, {}, b"", "its body cannot be decoded (br)")
    )
    shown = reports(made)[0]["results"][0]["response"]
    assert shown == {
        "status": 200,
        "headers": {},
        "unreadable": "its body cannot be decoded (br)",
        "body": "",
    }


def test_nodes_of_handlers_are_json() -> None:
    """What a batch function says of its payloads is shown as JSON, secrets masked, whatever it is."""
    nodes = [
        {"body": {"at": date(2026, 1, 2), "key": (SECRET,)}, "sent": math.nan},
        {"body": {MISSING}, "sent": object()},
    ]
    made = engine(None, Response(200), nodes)
    first, second = reports(made)[1]["results"][0]["nodes"]
    assert first["body"] == {"at": "2026-01-02", "key": ["***"]}
    assert first["sent"] is None
    assert second["sent"] == "(a Python object that is not JSON)"
