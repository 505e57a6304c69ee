"""Choices of HubSpot's fields: what an account has, by pages, and what has to be filled in before."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_hubspot import destination

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport, make_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core import JsonObject, Request, Response

CHOICES = json.loads(Path(__file__).with_name("choices.json").read_text(encoding="utf-8"))


def run(
    ask: Callable[[Engine], Awaitable[Any]], answer: Callable[[Request], Response]
) -> tuple[Any, list[Request]]:
    """Return what an engine gives, and the requests that it makes for that."""
    transport = RecordingTransport(answer)
    registry = Registry()
    registry.register(destination)
    instance = {"destination": "hubspot", "settings": {"oauth": {"access_token": "t-1"}}, "subscriptions": []}
    workspace = Workspace.from_dict({"destinations": [instance]})

    async def scenario() -> Any:
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            return await ask(engine)

    return asyncio.run(scenario()), list(transport.requests)


@pytest.mark.parametrize("case", CHOICES, ids=lambda case: f"{case['action']} {case['field']}")
def test_choices_are_what_the_account_has(case: JsonObject) -> None:
    """What cannot be chosen is left out, and labels are sorted."""
    found, requests = run(
        lambda engine: engine.list_choices("hubspot", case["action"], case["field"], payload=case["payload"]),
        lambda _: make_response(200, json={"results": case["results"]}),
    )
    assert [(one["value"], one["label"]) for one in found.choices] == list(case["choices"].items())
    assert requests[0].url.removeprefix("https://api.hubapi.com") == case["url"]


def test_properties_of_an_event_are_those_that_are_not_archived() -> None:
    """The definition of the chosen event is read."""
    properties = [{"name": "plan", "label": "Plan"}, {"name": "old", "archived": True}]
    found, requests = run(
        lambda engine: engine.list_choices(
            "hubspot", "customEvent", "properties.__keys__", payload={"event_name": "pe7_a"}
        ),
        lambda _: make_response(200, json={"properties": properties}),
    )
    assert [one["value"] for one in found.choices] == ["plan"]
    assert "/event-definitions/pe7_a?" in requests[0].url


def test_events_and_lists_come_by_pages() -> None:
    """A page says which one follows, and is asked for by that."""

    def answer(request: Request) -> Response:
        if request.url.endswith("/schemas/contact"):
            return make_response(200, json={"objectTypeId": "0-1"})
        lists = [{"name": "VIP", "objectTypeId": "0-1"}, {"name": "Firms", "objectTypeId": "0-2"}]
        paging = {"next": {"after": "9"}}
        return make_response(
            200, json={"results": [], "paging": paging, "lists": lists, "hasMore": True, "offset": 20}
        )

    async def ask(engine: Engine) -> list[Any]:
        name, details = "hubspot", {"object_details": {"object_type": "contact"}}
        return [
            await engine.list_choices(name, "customEvent", "event_name", page="7"),
            await engine.list_choices(
                name, "upsertObject", "list_details.list_name", payload=details, page="10"
            ),
        ]

    (events, lists), requests = run(ask, answer)
    assert (events.next_page, lists.next_page) == ("9", "20")
    assert [one["value"] for one in lists.choices] == ["VIP"]
    assert requests[0].url.endswith("?after=7")
    assert requests[2].json == {"processingTypes": ["MANUAL"], "offset": 10}


@pytest.mark.parametrize(
    "field", ["object_details.id_field_name", "associations.[0].id_field_name", "list_details.list_name"]
)
def test_choices_that_depend_on_others_say_so(field: str) -> None:
    """Without the object there is nothing to ask for."""
    found, requests = run(
        lambda engine: engine.list_choices("hubspot", "upsertObject", field, payload={}),
        lambda _: make_response(200, json={}),
    )
    assert "object_type first" in found.error["message"]
    assert requests == []
