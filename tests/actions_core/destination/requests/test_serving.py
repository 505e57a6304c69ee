"""Requests of a definition that serve the engine or a person: tokens, audiences, choices."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination import load_destination
from actions_core.destination.client import Audience, Choices
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, DefinitionError
from actions_core.http.requests import Response
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

DEFINITION: JsonObject = {
    "slug": "shop",
    "name": "Shop",
    "authentication": {
        "scheme": "oauth2",
        "fields": {"tenant": {"label": "Tenant", "type": "string", "default": "acme"}},
    },
    "audienceConfig": {
        "mode": {"type": "synced"},
        "audienceFields": {"region": {"label": "Region", "type": "string"}},
    },
    "request": {
        "baseUrl": "https://a.example",
        "headers": {"Authorization": {"@template": "Bearer {{auth.accessToken}}"}},
    },
    "refreshAccessToken": {
        "method": "POST",
        "url": {"@template": "https://login.example/{{settings.tenant}}/token"},
        "basic": [{"@path": "$.auth.clientId"}, {"@path": "$.auth.clientSecret"}],
        "form": {"grant_type": "client_credentials", "refresh_token": {"@path": "$.auth.refreshToken"}},
    },
    "createAudience": {
        "method": "POST",
        "url": "/lists",
        "json": {"name": {"@path": "$.audience.name"}, "region": {"@path": "$.audience.settings.region"}},
        "id": {"@path": "$.body.list.id"},
    },
    "getAudience": {
        "method": "GET",
        "url": "/lists/{id}",
        "path": {"id": {"@path": "$.audience.externalId"}},
    },
    "actions": {
        "do": {
            "title": "Do",
            "fields": {"list": {"label": "List", "type": "string", "dynamic": True}},
            "request": {"method": "POST", "url": "/do"},
            "choices": {
                "list": {
                    "method": "GET",
                    "url": "/lists",
                    "params": {"q": {"@path": "$.query"}, "page": {"@path": "$.page"}},
                    "items": {"@path": "$.body.lists"},
                    "value": {"@path": "$.item.id"},
                    "label": {"@path": "$.item.name"},
                    "description": {"@path": "$.item.about"},
                    "next": {"@path": "$.body.next"},
                }
            },
        }
    },
}


def answer(body: Json, status: int = 200) -> Response:
    """A response with this body as JSON."""
    return Response(status, {}, json.dumps(body).encode())


def run(
    act: Callable[[Engine], Awaitable[Any]],
    responses: list[Response],
    made: JsonObject = DEFINITION,
    **oauth: Any,
) -> tuple[Any, list[Request]]:
    """What `act` gives, or the error that it raises, and the requests that were made."""
    registry = Registry()
    registry.register(load_destination(made))
    instance = {
        "destination": "shop",
        "settings": {"oauth": oauth},
        "subscriptions": [{"partnerAction": "do", "subscribe": 'type = "track"', "mapping": {}}],
        "delivery": {"retry": {"tries": 1}},
    }
    transport = RecordingTransport(responses)

    async def scenario() -> Any:
        workspace = Workspace.from_dict({"destinations": [instance]})
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            try:
                return await act(engine)
            except ActionsError as error:
                return error

    return asyncio.run(scenario()), transport.requests


def test_a_token_is_asked_for_before_the_first_request() -> None:
    """Client credentials: the request goes out without the base, and its token with the event's."""
    report, requests = run(
        lambda engine: engine.send(make_event()),
        [answer({"access_token": "t-1", "expires_in": "3600"})],
        clientId="c",
        clientSecret="s",
    )
    assert report.ok
    token, event = requests
    assert (token.url, token.headers) == ("https://login.example/acme/token", {"Authorization": "Basic Yzpz"})
    assert token.content()[0] == b"grant_type=client_credentials"
    assert event.headers == {"Authorization": "Bearer t-1"}


def test_a_token_that_was_refused_is_renewed_once() -> None:
    """The refresh token goes along, and the request is repeated with the new token."""
    report, requests = run(
        lambda engine: engine.send(make_event()),
        [answer({}, 401), answer({"access_token": "t-2", "refresh_token": "r-2"}), answer({})],
        access_token="t-1",
        refresh_token="r-1",
    )
    assert report.ok
    assert b"refresh_token=r-1" in (requests[1].content()[0] or b"")
    assert [request.headers.get("Authorization") for request in requests[::2]] == ["Bearer t-1", "Bearer t-2"]


def test_a_refusal_that_counts_as_a_401_renews_the_token() -> None:
    """An API that tells of expired tokens in a 200 gets a new one, too."""
    made = copy.deepcopy(DEFINITION)
    made["actions"]["do"]["request"]["expect"] = {"if": "body.ok = true", "unauthorized": "body.code = 601"}
    responses = [answer({"code": 601}), answer({"access_token": "t-2"}), answer({"ok": True})]
    report, requests = run(
        lambda engine: engine.send(make_event()), responses, made, access_token="t-1", refresh_token="r"
    )
    assert report.ok
    assert [request.headers.get("Authorization") for request in requests[::2]] == ["Bearer t-1", "Bearer t-2"]


def test_now_is_the_time_of_the_request() -> None:
    """It is a time in UTC, as `@time` reads it."""
    made = copy.deepcopy(DEFINITION)
    made["actions"]["do"]["request"]["json"] = {"@time": {"value": {"@path": "$.now"}, "as": "s"}}
    report, requests = run(lambda engine: engine.send(make_event()), [answer({})], made, access_token="t")
    assert report.ok
    assert isinstance(requests[0].json, int)


@pytest.mark.parametrize("body", [{}, {"access_token": 5}, [], "text", {"access_token": ""}])
def test_a_response_without_a_token_is_an_error(body: Json) -> None:
    """Nothing is sent with a token that there is not."""
    report, requests = run(lambda engine: engine.send(make_event()), [answer(body)])
    assert "has no access token" in str(report.results[0].error)
    assert len(requests) == 1


def test_an_audience_is_created_and_looked_up() -> None:
    """Its id comes from the response, or is the one that was asked for."""
    made, requests = run(
        lambda engine: engine.create_audience("shop", "VIPs", {"region": "eu"}),
        [answer({"list": {"id": 7}})],
        access_token="t",
    )
    assert made == Audience("7")
    assert (requests[0].url, requests[0].json) == (
        "https://a.example/lists",
        {"name": "VIPs", "region": "eu"},
    )
    found, requests = run(lambda engine: engine.get_audience("shop", "a/7"), [answer({})], access_token="t")
    assert found == Audience("a/7")
    assert requests[0].url == "https://a.example/lists/a%2F7"


def test_an_audience_without_an_id_is_an_error() -> None:
    """What was created cannot be found again."""
    error, _ = run(lambda engine: engine.create_audience("shop", "VIPs"), [answer({})], access_token="t")
    assert "has no id of the audience" in str(error)


def test_choices_are_listed() -> None:
    """Query and page go out; items without a value are left out, and those without words show it."""
    lists = [{"id": 1, "name": "One", "about": "First"}, {"id": "2"}, {"name": "By name"}, {}, 5]
    found, requests = run(
        lambda engine: engine.list_choices("shop", "do", "list", query="o", page="p 2"),
        [answer({"lists": lists, "next": 3})],
        access_token="t",
    )
    assert requests[0].url == "https://a.example/lists?q=o&page=p%202"
    assert found == Choices(
        (
            {"label": "One", "value": "1", "description": "First"},
            {"label": "2", "value": "2"},
            {"label": "By name", "value": "By name"},
        ),
        "3",
    )


def test_choices_that_are_no_list_are_an_error() -> None:
    """The person who asks sees why there are none."""
    found, _ = run(
        lambda engine: engine.list_choices("shop", "do", "list"), [answer({"lists": 5})], access_token="t"
    )
    assert "must be a list, but they are a number" in found.error["message"]


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (
            {
                "refreshAccessToken": {
                    "method": "GET",
                    "url": {"@path": "$.auth.token"},
                    "expiresIn": {"@path": "$.ttl"},
                }
            },
            {
                "$.refreshAccessToken.url": "reads 'token' of the auth",
                "$.refreshAccessToken.expiresIn": "written over status, headers, body",
            },
        ),
        (
            {
                "createAudience": {
                    "method": "GET",
                    "url": {"@path": "$.audience.nam"},
                    "id": {"@path": "$.id"},
                }
            },
            {"$.createAudience.url": "did you mean 'name'", "$.createAudience.id": "written over status"},
        ),
        (
            {"getAudience": {"method": "GET", "url": "/x", "when": "1 = 1"}},
            {"$.getAudience.when": "not known"},
        ),
        ({"audienceConfig": None, "createAudience": None}, {"$.getAudience": "no 'audienceConfig'"}),
        (
            {"authentication": None},
            {
                "$.refreshAccessToken": "no 'authentication'",
                "$.refreshAccessToken.url": "reads 'tenant' of the settings",
            },
        ),
    ],
)
def test_faults_of_what_serves(change: JsonObject, faults: dict[str, str]) -> None:
    """Each has its path, and is found when the definition is loaded."""
    with pytest.raises(DefinitionError) as caught:
        load_destination({**DEFINITION, **change})
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert sorted(found) == sorted(faults)
    assert [said for path, said in faults.items() if said not in found[path]] == []


def test_faults_of_choices() -> None:
    """Choices are for a field that there is, and read what they are written over."""
    made = copy.deepcopy(DEFINITION)
    choices = made["actions"]["do"]["choices"]
    choices["lizt"] = {"method": "GET", "url": {"@path": "$.payload.lizt"}, "value": {"@path": "$.id"}}
    with pytest.raises(DefinitionError) as caught:
        load_destination(made)
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert sorted(found) == [f"$.actions.do.choices.lizt{part}" for part in ("", ".url", ".value")]
    assert "written over item" in found["$.actions.do.choices.lizt.value"]
