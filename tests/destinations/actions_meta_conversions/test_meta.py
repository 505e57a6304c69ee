"""Meta Conversions API: its cases, and what its errors mean."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_meta_conversions import destination

from actions_core import Engine, Registry, Workspace
from actions_core.testing import LoopbackServer, RecordingTransport, make_event, make_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core import Request, Response, Result

HERE = Path(__file__).parent


def engine_with(transport: RecordingTransport | None = None, **settings: str) -> Engine:
    """An engine that sends each event of type track to Meta."""
    registry = Registry()
    registry.register(destination)
    mapping = {
        **destination.spec.actions["custom2"].default_mapping,
        "action_source": "email",
        "user_data": {"externalId": {"@path": "$.userId"}},
    }
    instance = {
        "destination": "meta-conversions",
        "settings": {"accessToken": "token-1", "pixelId": "1", **settings},
        "subscriptions": [{"partnerAction": "custom2", "subscribe": 'type = "track"', "mapping": mapping}],
        "delivery": {"retry": {"tries": 2, "base": 0}},
    }
    workspace = Workspace.from_dict({"destinations": [instance]})
    return Engine(workspace, registry=registry, transport=transport)


def result_of(responses: Sequence[Response]) -> tuple[Result, int]:
    """The result of an event to which Meta responds so, and how many requests that took."""
    transport = RecordingTransport(list(responses))

    async def scenario() -> Result:
        async with engine_with(transport) as engine:
            return (await engine.send(make_event())).results[0]

    return asyncio.run(scenario()), len(transport.requests)


def refusal(status: int = 400, **error: Any) -> Response:
    """A response with one of Meta's errors."""
    return make_response(status, json={"error": {"message": "no", "type": "OAuthException", **error}})


def test_fields_are_the_same_in_all_actions() -> None:
    """What two actions have in common is one thing, but for what the published definition has different."""
    texts: dict[str, set[str]] = {}
    for action in destination.spec.actions.values():
        for key, field in action.fields.items():
            texts.setdefault(key, set()).add(json.dumps([field.label, field.description, field.type]))
    assert {key for key, found in texts.items() if len(found) > 1} == set()


@pytest.mark.parametrize(
    ("response", "requests", "code"),
    [
        pytest.param(refusal(code=100, error_user_msg="Add a value."), 1, "BAD_REQUEST", id="faulty data"),
        pytest.param(refusal(code=190), 1, "INVALID_AUTHENTICATION", id="an expired token, with status 400"),
        pytest.param(refusal(code=80004), 2, None, id="a rate limit, with status 400"),
        pytest.param(refusal(500, code=2), 2, None, id="a failure of Meta's own"),
        pytest.param(refusal(code=7, is_transient=True), 2, None, id="what Meta says passes"),
        pytest.param(make_response(503, body=b"<html>"), 2, None, id="no JSON"),
        pytest.param(make_response(400, json={"error": "no"}), 1, "BAD_REQUEST", id="no object"),
    ],
)
def test_errors(response: Response, requests: int, code: str | None) -> None:
    """Meta's code of an error says whether the same event may succeed later, whatever the status."""
    result, sent = result_of([response, make_response(200, json={"events_received": 1})])
    assert sent == requests
    assert (result.error.code if result.error else None) == code


def test_the_words_for_users_win() -> None:
    """What Meta says to people stands in the error, where it says anything."""
    result, _ = result_of([refusal(code=190, error_user_msg="Log in again.")])
    assert "Log in again." in str(result.error)


def test_authentication_on_a_server() -> None:
    """The token goes along in a header; a refusal of it is told."""
    seen: list[Request] = []

    async def serve(request: Request) -> Response:
        seen.append(request)
        good = request.headers["authorization"] == "Bearer token-1"
        return make_response(200, json={"id": "7"}) if good else refusal(code=190)

    async def scenario(token: str) -> bool:
        async with (
            LoopbackServer(serve) as server,
            engine_with(baseUrl=server.url, accessToken=token) as engine,
        ):
            return (await engine.test_authentication("meta-conversions")).ok

    assert asyncio.run(scenario("token-1"))
    assert not asyncio.run(scenario("token-2"))
    assert seen[0].url.endswith("/me?fields=id")
