"""Requests in JSON: which faults are found when the definition is loaded."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.destination import load_destination
from actions_core.destination.annotations import Payload
from actions_core.destination.registry import Registry
from actions_core.errors import DefinitionError
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject

DEFINITION: JsonObject = json.loads((Path(__file__).parent / "data" / "shop.json").read_text("utf-8"))


def definition(**request: Any) -> JsonObject:
    """The definition with parts of its action's request in place of those it has."""
    made = copy.deepcopy(DEFINITION)
    made["actions"]["order"]["request"].update(request)
    return made


def faults(made: JsonObject) -> dict[str, str]:
    """What is wrong with a definition, by path."""
    with pytest.raises(DefinitionError) as caught:
        Registry().register(load_destination(made))
    return {problem.path: problem.message for problem in caught.value.problems}


ORDER = "$.actions.order.request"


@pytest.mark.parametrize(
    ("parts", "path", "said"),
    [
        ({"url": None}, f"{ORDER}.url", "must be a string or an object"),
        ({"url": {"@nothing": 1}}, f"{ORDER}.url", "nothing"),
        ({"json": {"a": {"@path": 5}}}, f"{ORDER}.json.a.@path", ""),
        ({"headers": {"X": {"@template": []}}}, f"{ORDER}.headers.X.@template", ""),
        ({"headers": "X"}, f"{ORDER}.headers", "must be an object"),
        ({"loop": {}}, f"{ORDER}.loop", "not known"),
        ({"timeout": 0}, f"{ORDER}.timeout", "more than 0"),
        ({"form": {"a": "b"}}, ORDER, "both 'json' and 'form'"),
        ({"url": {"@template": "/{{payload.idd}}"}}, f"{ORDER}.url", "did you mean 'id'"),
        ({"json": {"@path": "$.properties.id"}}, f"{ORDER}.json", "written over payload, settings, auth"),
        ({"json": {"@path": "$.payloads[0].id"}}, f"{ORDER}.json", "written over payload, settings, auth"),
        ({"headers": {"X": {"@path": "$.settings.key"}}}, f"{ORDER}.headers.X", "'key' of the settings"),
        ({"headers": {"X": {"@path": "$.auth.refreshToken"}}}, f"{ORDER}.headers.X", "of the auth"),
    ],
)
def test_faults_are_found_when_the_definition_is_loaded(parts: JsonObject, path: str, said: str) -> None:
    """What cannot be compiled, or reads what there never is, is named with its path."""
    found = faults(definition(**parts))
    assert said in found[path]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"request": {"headers": {}}}, "$.request.headers"),
        ({"request": {"baseUrl": {"@path": "$.payload.id"}}}, "$.request.baseUrl"),
        ({"request": {"baseUrl": "https://x.example", "json": {}}}, "$.request.json"),
        (
            {"testAuthentication": {"method": "GET", "url": {"@path": "$.payload.id"}}},
            "$.testAuthentication.url",
        ),
        ({"testAuthentication": {"method": "GET"}}, "$.testAuthentication"),
        ({"onDelete": {"method": "GET", "url": {"@path": "$.payload.email"}}}, "$.onDelete.url"),
        ({"urlsFromUsers": "yes"}, "$.urlsFromUsers"),
    ],
)
def test_faults_of_what_belongs_to_no_action(change: JsonObject, path: str) -> None:
    """The base, the test of settings and the deletion are checked in the same way."""
    assert list(faults({**copy.deepcopy(DEFINITION), **change})) == [path]


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("$.payloads[0].id", True),
        ("$.payloads.length", True),
        ("$.payloads[0].enable_batching", True),
        ("$.payloads[0].idd", False),
        ("$.payload.id", True),
        ("$.payload.idd", False),
        ("$.event.userId", False),
    ],
)
def test_a_batch_is_written_over_its_payloads(path: str, good: bool) -> None:  # noqa: FBT001 - a case
    """A batch has many payloads, and fields that all of its events share; it has no event."""
    made = definition()
    made["actions"]["order"]["batchRequest"]["json"] = {"@path": path}
    if good:
        load_destination(made)
    else:
        assert list(faults(made)) == ["$.actions.order.batchRequest.json"]


def test_faults_of_requests_show_beside_those_of_the_form() -> None:
    """A definition that does not have the form is looked through all the same."""
    made = definition(url={"@template": "/{{payload.idd}}"})
    made["name"] = 5
    made["onDelete"]["url"] = {"@path": "$.x"}
    assert list(faults(made)) == ["$.name", "$.onDelete.url", "$.actions.order.request.url"]


def test_a_request_and_a_function_for_the_same_are_one_too_many() -> None:
    """Action, batch, base, test and deletion are each said once."""
    destination = load_destination(DEFINITION)

    @destination.action("order")
    def order(rest: Payload) -> Request:
        return Request("GET", "/")

    @destination.batch("order")
    def orders(payloads: list[Any]) -> Request:
        return Request("GET", "/")

    @destination.prepare
    def prepare(request: Request) -> Request:
        return request

    @destination.test_authentication
    def test() -> Request:
        return Request("GET", "/")

    @destination.on_delete
    def delete(user_id: str) -> Request:
        return Request("GET", "/")

    with pytest.raises(DefinitionError) as caught:
        Registry().register(destination)
    problems = caught.value.problems
    assert [problem.path for problem in problems] == ["$.actions.order", "$.actions.order", "$", "$", "$"]
    assert all("one of them must go" in problem.message for problem in problems)
