"""What tests of functions are made with: contexts, responses, and a network by a function."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core import MISSING, Context, DefinitionError, MemoryState, Request, Response, TransportError
from actions_core.testing import RecordingTransport, make_context, make_event, make_response


def test_a_context_is_what_a_test_says() -> None:
    """A function that is called as one finds in it what the test put there, and defaults for the rest."""
    state = MemoryState()
    state.set("k", 1, ttl=60)
    context = make_context(
        {"key": "k"},
        make_event(type="track", event="updated", messageId="m"),
        action="add",
        access_token="t",
        sync_mode="upsert",
        matching_key="email",
        hook_outputs={"onMappingSave": {"id": 5}},
        features={"new": True},
        state=state,
        dry_run=True,
    )
    assert isinstance(context, Context)
    assert (context.settings["key"], context.action, context.auth.access_token) == ("k", "add", "t")
    assert (context.sync_mode, context.matching_key, context.membership) == ("upsert", "email", True)
    assert (context.hook_outputs["onMappingSave"]["id"], context.features["new"]) == (5, True)
    assert (context.state.get("k"), context.dry_run, context.idempotency_key) == (1, True, "m-test")
    context.warn("$.a", "odd")
    assert [str(problem) for problem in context.warnings] == ["$.a: odd"]
    plain = make_context()
    assert (plain.event["type"], dict(plain.settings), plain.action) == ("track", {}, "")


def test_a_context_may_be_of_a_batch() -> None:
    """With `events` it has a context for each."""
    events = [make_event(messageId="a"), make_event(messageId="b")]
    context = make_context(events=events)
    assert [one.event["messageId"] for one in context.each] == ["a", "b"]
    for wrong in ({"events": []}, {"events": events, "event": events[0]}):
        arguments: Any = wrong
        with pytest.raises(DefinitionError, match="of one event, or of the events of a batch"):
            make_context(**arguments)


def test_a_network_may_be_a_function() -> None:
    """It responds to each request by what that is; an error that it returns is raised."""

    def respond(request: Request) -> Response | Exception:
        if request.method == "GET":
            return make_response(json={"url": request.url})
        return TransportError("cut")

    async def scenario() -> None:
        transport = RecordingTransport(respond)
        for number in range(2):
            response = await transport.send(Request("GET", f"https://x.test/{number}"))
            assert response.json == {"url": f"https://x.test/{number}"}
        with pytest.raises(TransportError, match="cut"):
            await transport.send(Request("POST", "https://x.test"))
        assert [request.method for request in transport.requests] == ["GET", "GET", "POST"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("given", "body", "kind"),
    [
        ({"json": {"a": [1]}}, b'{"a":[1]}', "application/json"),
        ({"json": None}, b"null", "application/json"),
        ({"body": "é", "headers": {"Content-Type": "text/plain"}}, "é".encode(), "text/plain"),
        ({"json": 1, "headers": {"Content-Type": "text/json"}}, b"1", "text/json"),
        ({"body": b"\0"}, b"\0", None),
    ],
)
def test_a_response_is_as_an_api_sends_it(given: Any, body: bytes, kind: str | None) -> None:
    """JSON says what it is; names of headers are in lower case, as a transport gives them."""
    response = make_response(201, **given)
    assert (response.status, response.body, response.headers.get("content-type")) == (201, body, kind)
    assert make_response(json=MISSING).body == b""
