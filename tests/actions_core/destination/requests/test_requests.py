"""The language of requests: what a definition writes, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination import load_destination
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.results import Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import DefinitionError
from actions_core.http.requests import Response
from actions_core.testing import RecordingTransport, make_event
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.engine.results import Result
    from actions_core.http.requests import Request
    from actions_core.values.types import JsonObject

DATA = Path(__file__).parent / "data"
TYPES = {"total": "number", "any": "object", "list": "object"}


def cases(name: str) -> list[Any]:
    """The cases of a file, by their titles."""
    return [pytest.param(case, id=case["title"]) for case in json.loads((DATA / name).read_text("utf-8"))]


def definition(case: JsonObject) -> JsonObject:
    """The definition of a case: one action, whose fields can hold whatever the cases give."""
    fields = {
        key: {"label": key, "type": TYPES.get(key, "string"), "multiple": key == "list"}
        for key in ("name", "url", "total", "any", "list")
    }
    action: JsonObject = {
        "title": "Do",
        "fields": fields,
        "request": case.get("request"),
        "batchRequest": case.get("batchRequest"),
        "syncMode": {"choices": [{"value": "add"}, {"value": "delete"}]},
        "hooks": {"onMappingSave": {"label": "Hook"}},
    }
    return {
        "slug": "shop",
        "name": "Shop",
        "authentication": {
            "scheme": "custom",
            "fields": {
                "key": {"label": "Key", "type": "string"},
                "none": {"label": "None", "type": "string"},
            },
        },
        "request": case.get("base", {"baseUrl": "https://a.example"}),
        "actions": {"do": action},
    }


def run(case: JsonObject, act: Callable[[Engine], Awaitable[Any]]) -> tuple[Any, list[Request]]:
    """What `act` gives, done with an engine of one instance, and the requests that were made."""
    registry = Registry()
    registry.register(load_destination(definition(case)))
    subscription = {"partnerAction": "do", "subscribe": 'type = "track"', "mapping": case.get("payload", {})}
    instance = {
        "destination": "shop",
        "settings": {"key": "k-1"},
        "subscriptions": [subscription],
        "delivery": {"retry": {"tries": 1}},
    }
    transport = RecordingTransport([response(case["response"])] if "response" in case else ())

    async def scenario() -> Any:
        workspace = Workspace.from_dict({"destinations": [instance]})
        async with Engine(workspace, registry=registry, transport=transport) as engine:
            return await act(engine)

    return asyncio.run(scenario()), transport.requests


def response(given: JsonObject) -> Response:
    """A response as a case writes it."""
    body = given["text"] if "text" in given else json.dumps(given.get("json", {}))
    return Response(given["status"], given.get("headers", {}), body.encode())


@pytest.mark.parametrize("case", cases("requests.json"))
def test_a_request_becomes_what_its_definition_says(case: JsonObject) -> None:
    """Sent, skipped or refused: as the case has it, and a dry run says the same."""
    event = make_event(**case.get("event", {}))
    report, requests = run(case, lambda engine: engine.send(event))
    (result,) = report.results
    if "sends" in case:
        assert result.status is Status.SENT, result.error
        check_sent(requests, case["sends"])
    elif "skipped" in case:
        assert (result.status, result.reason, requests) == (Status.SKIPPED, case["skipped"], [])
    else:
        check_refused(result, case)
    explanation, _ = run(case, lambda engine: engine.explain(event))
    (delivery,) = explanation.deliveries
    if "response" not in case:
        assert (delivery.request is None) == (not requests)
    if "skipped" in case:
        assert delivery.reason == case["skipped"]


def check_sent(requests: list[Request], expected: JsonObject) -> None:
    """Compare the one request with what the case says of it."""
    (request,) = requests
    body, _ = request.content()
    sent = {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "json": request.json,
        "body": (body or b"").decode(),
    }
    assert {key: sent[key] for key in expected} == expected


def check_refused(result: Result, case: JsonObject) -> None:
    """Compare the error with what the case says of it."""
    assert result.status is Status.FAILED
    assert case["refused"] in str(result.error)
    found = {key: getattr(result.error, key) for key in ("code", "status", "retryable") if key in case}
    assert found == {key: case[key] for key in found}


@pytest.mark.parametrize("case", cases("faults.json"))
def test_faults_are_found_when_a_definition_is_loaded(case: JsonObject) -> None:
    """Each fault has the path of what is wrong, and a sentence."""
    with pytest.raises(DefinitionError) as caught:
        load_destination(definition(case))
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert sorted(found) == sorted(case["faults"])
    assert [said for path, said in case["faults"].items() if said not in found[path]] == []


@pytest.mark.parametrize("case", cases("batches.json"))
def test_a_batch_becomes_what_its_definition_says(case: JsonObject) -> None:
    """The requests, and the node of each event."""
    mapping = {"name": {"@path": "$.properties.name"}}
    events = [make_event(**{"properties": {}, **event}) for event in case["events"]]
    report, requests = run({**case, "payload": mapping}, lambda engine: engine.send_batch(events))
    assert len(requests) == len(case["sends"])
    for request, expected in zip(requests, case["sends"], strict=True):
        check_sent([request], expected)
    (result,) = report.results
    assert [node.status for node in result.nodes] == case["statuses"]
    assert [place for place, node in enumerate(result.nodes) if node.skipped] == case.get("skipped", [])
    for node, said in zip(result.nodes, case.get("messages", [None] * len(events)), strict=True):
        assert said is None or said in (node.errormessage or "")
    if "types" in case:
        assert [node.errortype for node in result.nodes] == case["types"]
    assert all(node.sent is not MISSING for node in result.nodes if node.ok)


def test_a_dry_run_shows_the_batch_of_one() -> None:
    """An action that has no other request is explained by that for batches, with one item."""
    case = {
        "batchRequest": {
            "method": "PUT",
            "url": "/b",
            "json": {"list": {"@each": {"@path": "$.event.userId"}}},
        }
    }
    explanation, requests = run(case, lambda engine: engine.explain(make_event(userId="u")))
    (delivery,) = explanation.deliveries
    assert (delivery.request.json, requests) == ({"list": ["u"]}, [])
    report, requests = run(case, lambda engine: engine.send(make_event(userId="u")))
    assert report.ok
    assert requests[0].json == {"list": ["u"]}
