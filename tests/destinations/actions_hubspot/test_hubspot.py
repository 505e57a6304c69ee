"""HubSpot: its cases, tokens, companies with their contacts, large batches, what is remembered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_hubspot import destination
from actions_hubspot.properties import typed

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport, make_event, make_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core import JsonObject, Report, Request, Response

HERE = Path(__file__).parent
SETTINGS: JsonObject = {"oauth": {"access_token": "t-1"}}
CONTACT: JsonObject = {"email": {"@path": "$.traits.email"}}
COMPANY: JsonObject = {"groupid": {"@path": "$.groupId"}, "createNewCompany": True, "associateContact": True}
GROUP: JsonObject = {
    "type": "group",
    "groupId": "g-1",
    "messageId": "m-1",
    "traits": {"email": "ada@example.com"},
}
RECORD: JsonObject = {
    "object_details": {
        "object_type": "contact",
        "id_field_name": "email",
        "id_field_value": {"@path": "$.properties.email"},
    },
    "association_sync_mode": "upsert",
    "batch_size": 1000,
    "enable_batching": True,
    "__segment_internal_sync_mode": "upsert",
}


def engine_with(
    transport: RecordingTransport, settings: JsonObject = SETTINGS, **mappings: JsonObject
) -> Engine:
    """An engine with one subscription to each of some actions."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "destination": "hubspot",
        "settings": settings,
        "subscriptions": [
            {"partnerAction": action, "subscribe": 'type != ""', "mapping": mapping}
            for action, mapping in mappings.items()
        ],
        "delivery": {"retry": {"tries": 1, "base": 0}},
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry, transport=transport)


def run(
    ask: Callable[[Engine], Awaitable[Any]],
    answer: Callable[[Request], Response] | list[Response],
    settings: JsonObject = SETTINGS,
    **mappings: JsonObject,
) -> tuple[Any, list[Request]]:
    """Return what an engine gives, and the requests that it makes for that."""
    transport = RecordingTransport(answer)

    async def scenario() -> Any:
        async with engine_with(transport, settings, **mappings) as engine:
            return await ask(engine)

    return asyncio.run(scenario()), list(transport.requests)


def statuses(report: Report) -> dict[str, str]:
    """Return the status of each action."""
    return {result.action: result.status.value for result in report.results}


def hubspot(request: Request) -> Response:
    """A HubSpot that has everything."""
    if "/contacts/" in request.url and request.method == "PATCH":
        return make_response(200, json={"id": "101", "properties": {}})
    return make_response(200, json={"id": "201"})


# -- tokens --------------------------------------------------------------------------------------


def test_a_token_that_has_expired_is_renewed() -> None:
    """The refresh token gets a new access token, and the expired one does not go along."""
    oauth = {"access_token": "old", "refresh_token": "r-1", "clientId": "c-1", "clientSecret": "s-1"}

    def answer(request: Request) -> Response:
        if request.url.endswith("/oauth/v1/token"):
            return make_response(
                200, json={"access_token": "new", "refresh_token": "r-2", "expires_in": 1800}
            )
        fresh = request.headers.get("Authorization") == "Bearer new"
        return make_response(200 if fresh else 401, json={"id": "101", "properties": {}})

    report, requests = run(lambda engine: engine.send(GROUP), answer, {"oauth": oauth}, upsertContact=CONTACT)
    assert statuses(report) == {"upsertContact": "sent"}
    assert requests[1].form == {
        "grant_type": "refresh_token",
        "refresh_token": "r-1",
        "client_id": "c-1",
        "client_secret": "s-1",
    }
    assert "Authorization" not in requests[1].headers


def test_a_token_of_a_private_app_cannot_be_renewed() -> None:
    """A token without a refresh token that is refused fails the event, which says what is missing."""
    report, requests = run(
        lambda engine: engine.send(GROUP), [make_response(401, json={})], upsertContact=CONTACT
    )
    assert "no refresh token" in str(report.results[0].error)
    assert len(requests) == 1


def test_settings_are_tested_by_reading_a_contact() -> None:
    """One contact is read with the token."""
    _, requests = run(lambda engine: engine.test_authentication("hubspot"), hubspot)
    assert requests[0].url == "https://api.hubapi.com/crm/v3/objects/contacts?limit=1"
    assert requests[0].headers["Authorization"] == "Bearer t-1"


# -- companies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("upsertContact", "upsertCompany"), ("upsertCompany", "upsertContact")])
def test_a_company_is_associated_with_the_contact_of_its_event(order: tuple[str, str]) -> None:
    """Whichever subscription comes first, the company waits for the contact."""
    mappings = {"upsertContact": CONTACT, "upsertCompany": COMPANY}
    report, requests = run(
        lambda engine: engine.send(GROUP), hubspot, **{action: mappings[action] for action in order}
    )
    assert set(statuses(report).values()) == {"sent"}
    assert (requests[-1].method, requests[-1].url) == (
        "PUT",
        "https://api.hubapi.com/crm/v3/objects/companies/201/associations/contacts/101/company_to_contact",
    )


def test_a_company_whose_contact_fails_is_not_written_but_tried_again() -> None:
    """Nothing is written for the company, and its failure may pass."""

    def answer(request: Request) -> Response:
        assert "/contacts/" in request.url
        return make_response(400, json={"message": "no"})

    report, _ = run(lambda engine: engine.send(GROUP), answer, upsertContact=CONTACT, upsertCompany=COMPANY)
    error = report.results[1].error
    assert statuses(report) == {"upsertContact": "failed", "upsertCompany": "failed"}
    assert (error.code, error.retryable) == ("CONTACT_MISSING", True)


def test_contacts_of_a_batch_are_remembered_for_their_companies() -> None:
    """A contact that was written in a batch is associated with the company that comes later."""

    async def ask(engine: Engine) -> Report:
        await engine.send_batch([GROUP])
        return await engine.send(GROUP)

    def answer(request: Request) -> Response:
        result = {"id": "109", "properties": {"email": "ada@example.com"}}
        return make_response(200, json={"id": "201", "results": [result]})

    batched = {**CONTACT, "enable_batching": True}
    report, requests = run(ask, answer, upsertContact=batched, upsertCompany={**COMPANY, "name": "Acme"})
    assert statuses(report)["upsertCompany"] == "sent"
    assert [request.url for request in requests if "/associations/contacts/109/" in request.url]


def test_a_rehearsal_of_a_company_needs_no_contact() -> None:
    """What would be sent first is told without waiting for anybody."""
    explanation, _ = run(lambda engine: engine.explain(GROUP), hubspot, upsertCompany=COMPANY)
    assert "/companies/g-1?" in explanation.deliveries[0].request.url


# -- batches -------------------------------------------------------------------------------------


def contacts(count: int) -> list[JsonObject]:
    """Events of so many contacts."""
    return [{"type": "identify", "traits": {"email": f"c{n}@example.com"}} for n in range(count)]


def test_contacts_go_out_a_hundred_at_once() -> None:
    """HubSpot takes no more; and a part that fails leaves the others alone."""

    def answer(request: Request) -> Response:
        inputs = _json(request)["inputs"]
        if request.url.endswith("/create") and inputs[0]["properties"]["email"] == "c100@example.com":
            return make_response(409, json={"message": "Contact already exists"})
        return make_response(200, json={"results": []})

    batched = {**CONTACT, "enable_batching": True}
    report, requests = run(lambda engine: engine.send_batch(contacts(250)), answer, upsertContact=batched)
    assert [len(_json(request)["inputs"]) for request in requests] == [100, 100, 100, 100, 50, 50]
    found = [node.status for node in report.results[0].nodes]
    assert found == [200] * 100 + [503] * 100 + [200] * 50


def test_records_go_out_a_hundred_at_once() -> None:
    """HubSpot takes no more; each record has an outcome of its own."""

    def answer(request: Request) -> Response:
        first = _json(request)["inputs"][0]["id"]
        return make_response(500 if first == "c100@example.com" else 200, json={"results": []})

    events = [make_event(properties={"email": f"c{n}@example.com"}) for n in range(150)]
    report, requests = run(lambda engine: engine.send_batch(events), answer, upsertObject=RECORD)
    assert [len(_json(request)["inputs"]) for request in requests] == [100, 50]
    assert [node.status for node in report.results[0].nodes] == [200] * 100 + [500] * 50


def _json(request: Request) -> Any:
    return request.json


# -- what is remembered --------------------------------------------------------------------------


def test_what_hubspot_has_is_asked_for_once() -> None:
    """The second event of a name is one request; a property that is not known is asked for again."""
    mapping = {
        "event_name": "signed_up",
        "record_details": {"object_type": "contact", "utk": "k-1"},
        "properties": {"@path": "$.properties"},
        "__segment_internal_sync_mode": "upsert",
    }
    answer = {"fullyQualifiedName": "pe7_signed_up", "properties": [{"name": "plan", "type": "string"}]}

    async def ask(engine: Engine) -> None:
        for properties in ({"plan": "pro"}, {"plan": 7}, {"new": True}, {"new": False}):
            assert (await engine.send(make_event(properties=properties))).ok

    _, requests = run(ask, lambda _: make_response(200, json=answer), customEvent=mapping)
    steps = [request.url.rpartition("/")[2].partition("?")[0] or request.method for request in requests]
    assert steps == ["GET", "send", "send", "GET", "property", "send", "send"]
    assert [_json(requests[place])["properties"] for place in (1, 2)] == [{"plan": "pro"}, {"plan": "7"}]


def test_properties_and_lists_are_asked_for_once() -> None:
    """The second batch asks for neither, also where the first has made them."""
    mapping = {
        **RECORD,
        "object_details": {**RECORD["object_details"], "property_group": "g"},
        "properties": {"plan": {"@path": "$.properties.plan"}},
        "list_details": {
            "connected_to_engage_audience": False,
            "list_name": "VIP",
            "list_action": True,
            "should_create_list": True,
        },
    }

    def answer(request: Request) -> Response:
        if request.method == "GET":
            return make_response(404 if "/lists/" in request.url else 200, json={"results": []})
        results = [{"id": "501", "properties": {"email": "a@example.com"}}]
        return make_response(200, json={"results": results, "list": {"listId": "71"}})

    async def ask(engine: Engine) -> None:
        for _ in range(2):
            event = make_event(properties={"email": "a@example.com", "plan": "pro"})
            assert (await engine.send(event)).ok

    _, requests = run(ask, answer, upsertObject=mapping)
    steps = [request.url.removeprefix("https://api.hubapi.com/crm/v3/") for request in requests]
    assert steps == [
        "properties/contact",
        "properties/contact/batch/create",
        "lists/object-type-id/contact/name/VIP",
        "lists",
        "objects/contact/batch/upsert",
        "lists/71/memberships/add-and-remove",
        "objects/contact/batch/upsert",
        "lists/71/memberships/add-and-remove",
    ]


def test_an_associated_record_that_is_not_there_is_warned_of() -> None:
    """The record is written, and its event says what it is not associated with."""
    associations = [
        {
            "object_type": "company",
            "association_label": "HUBSPOT_DEFINED:279",
            "id_field_name": "domain",
            "id_field_value": "acme.example",
        }
    ]
    results = [{"id": "501", "properties": {"email": "a@example.com"}}]
    report, requests = run(
        lambda engine: engine.send(make_event(properties={"email": "a@example.com"})),
        lambda _: make_response(200, json={"results": results}),
        upsertObject={**RECORD, "associations": associations, "association_sync_mode": "read"},
    )
    assert report.ok
    assert [str(warning) for warning in report.results[0].warnings] == [
        '$.associations: HubSpot has no company whose domain is "acme.example".'
    ]
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" -1.50 ", -1.5),
        (".5e1", 5.0),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("0x10", "0x10"),
        ("Infinity", "Infinity"),
        ("True ", True),
        ("1,5", "1,5"),
        ("", None),
    ],
)
def test_text_that_is_a_number_is_one(text: str, value: object) -> None:
    """What no number of JSON can be stays text; what is blank is nothing."""
    found = typed(text, numbers=True)
    assert (None if found is None else found.value) == value
