"""Companies, which a property of our own making tells from each other: the ID that the user gave them.

HubSpot gets that property when a company is first refused for the lack of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from actions_core import PayloadError, Request, ResponseError, Skip
from actions_hubspot.definition import (
    CONFLICT,
    NOT_FOUND,
    REFUSED,
    body_of,
    destination,
    find,
    id_of,
    is_given,
    part,
    search,
)
from actions_hubspot.memory import contact_of
from actions_hubspot.properties import flat_properties, named_properties

if TYPE_CHECKING:
    from actions_core import Client, Context, JsonObject, Payload

_COMPANIES: Final = "/crm/v3/objects/companies"
_OWN_ID: Final = "segment_group_id"
_PROPERTIES: Final = (
    *("name", "description", "domain", "phone", "industry", "lifecyclestage"),
    *("address", "city", "state", "zip"),
)
_NOT_VALID: Final = "Property values were not valid: "


@destination.action("upsertCompany")
async def upsert_company(payload: Payload, context: Context, client: Client) -> Skip | None:
    """Update a company or create it, and associate the contact of the same event."""
    if is_given((payload.get("properties") or {}).get(_OWN_ID)):
        raise PayloadError.at("$.properties", f"{_OWN_ID} is the company's ID: it belongs into groupid.")
    contact = ""
    if payload["associateContact"] and not context.dry_run:
        contact = await contact_of(context)
    properties = _properties(payload)
    company = await _update(payload["groupid"], properties, client)
    if not company:
        fields = payload.get("companysearchfields")
        company = await _found(fields, client) if fields else ""
        if company:
            url = f"{_COMPANIES}/{part(company)}"
            await _write(Request("PATCH", url, json={"properties": properties}), client)
        elif payload["createNewCompany"]:
            body = {"properties": properties, "associations": []}
            company = await _write(Request("POST", _COMPANIES, json=body), client)
        else:
            return Skip("there is no such company, and createNewCompany is false")
    if contact:
        url = f"{_COMPANIES}/{part(company)}/associations/contacts/{part(contact)}/company_to_contact"
        await client.send(Request("PUT", url))
    return None


def _properties(payload: Payload) -> JsonObject:
    kept = {key: payload[key] for key in ("numberofemployees",) if key in payload}
    own = {_OWN_ID: payload["groupid"]}
    return {
        **named_properties(payload, *_PROPERTIES),
        **kept,
        **own,
        **flat_properties(payload.get("properties")),
    }


async def _update(own_id: str, properties: JsonObject, client: Client) -> str:
    """Update the company that has this ID, and return the one that HubSpot gave it; empty if none has it."""
    request = Request(
        "PATCH", f"{_COMPANIES}/{part(own_id)}?idProperty={_OWN_ID}", json={"properties": properties}
    )
    try:
        return await _write(request, client)
    except ResponseError as error:
        if error.status != NOT_FOUND:
            raise
        return ""


async def _found(fields: JsonObject, client: Client) -> str:
    """Return HubSpot's ID of the one company that a search finds."""
    request = search("companies", fields, ["name", "domain", "lifecyclestage", _OWN_ID], ["name"])
    found = await find(request, "companysearchfields", client)
    if len(found) > 1:
        message = "Several companies are found by these fields, and which one is meant is not known."
        raise PayloadError.at("$.companysearchfields", message)
    if found and not id_of(found[0]):
        message = "HubSpot's response does not name the company that it has found by these fields."
        raise PayloadError.at("$.companysearchfields", message)
    return id_of(found[0]) if found else ""


async def _write(request: Request, client: Client) -> str:
    """Write a company and return its ID; the property for IDs of the user's own is made where it lacks."""
    try:
        response = await client.send(request)
    except ResponseError as error:
        if not _lacks_own_id(error):
            raise
        await _make_own_id(client)
        response = await client.send(request)
    return id_of(body_of(response))


def _lacks_own_id(error: ResponseError) -> bool:
    """Return whether a company was refused for nothing but a property that HubSpot does not have yet."""
    if error.status != REFUSED:
        return False
    said = str(body_of(error.response).get("message") or "").replace(_NOT_VALID, "", 1)
    try:
        (problem,) = json.loads(said)
        return (problem["name"], problem["error"]) == (_OWN_ID, "PROPERTY_DOESNT_EXIST")
    except (ValueError, TypeError, KeyError):
        return False


async def _make_own_id(client: Client) -> None:
    """Make the property for IDs of the user's own, which somebody else may have made by now."""
    definition = {
        "name": _OWN_ID,
        "label": "Segment Group ID",
        "description": "The ID that a company has where its events come from.",
        "groupName": "companyinformation",
        "type": "string",
        "fieldType": "text",
        "hidden": True,
        "displayOrder": -1,
        "hasUniqueValue": True,
        "formField": False,
    }
    try:
        await client.send(Request("POST", "/crm/v3/properties/companies", json=definition))
    except ResponseError as error:
        if error.status != CONFLICT:
            raise
