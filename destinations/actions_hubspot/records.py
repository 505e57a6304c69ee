"""Records of deals, tickets and objects of the user's own, one by one, found by properties of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core import PayloadError, Request, Skip
from actions_hubspot.definition import association, destination, find, id_of, part, search
from actions_hubspot.properties import flat_properties

if TYPE_CHECKING:
    from actions_core import Client, JsonObject, Payload


@destination.action("upsertCustomObjectRecord")
async def upsert_record(payload: Payload, client: Client) -> Skip | None:
    """Update a record or create it, and associate it with another one."""
    kind = payload["objectType"]
    found = await _find(kind, "customObjectSearchFields", payload, client)
    others, link = await _others(payload, client)
    other = id_of(others[0]) if len(others) == 1 else ""
    properties = flat_properties(payload.get("properties"))
    url = f"/crm/v3/objects/{part(kind)}"
    if len(found) > 1:
        message = "Several records are found by these fields, and which one is meant is not known."
        raise PayloadError.at("$.customObjectSearchFields", message)
    if found:
        record = id_of(found[0])
        await client.send(Request("PATCH", f"{url}/{part(record)}", json={"properties": properties}))
        if other:
            to = f"{part(payload['toObjectType'])}/{part(other)}"
            place = f"/crm/v4/objects/{part(kind)}/{part(record)}/associations/{to}"
            await client.send(Request("PUT", place, json=[link]))
    elif payload.get("createNewCustomRecord", True):
        associations = [{"to": {"id": other}, "types": [link]}] if other else []
        await client.send(Request("POST", url, json={"properties": properties, "associations": associations}))
    else:
        return Skip("there is no such record, and createNewCustomRecord is false")
    if len(others) > 1:
        message = "The record is written, but not associated: several others are found by these fields."
        raise PayloadError.at("$.searchFieldsToAssociateCustomObjects", message)
    return None


async def _others(payload: Payload, client: Client) -> tuple[list[JsonObject], JsonObject]:
    """Return the records that may be the other one, and the kind of association."""
    label = payload.get("associationLabel")
    if not (label and payload.get("toObjectType") and payload.get("searchFieldsToAssociateCustomObjects")):
        return [], {}
    link = association("$.associationLabel", label)
    link["associationTypeId"] = int(link["associationTypeId"])
    others = await _find(payload["toObjectType"], "searchFieldsToAssociateCustomObjects", payload, client)
    return others, link


async def _find(kind: str, field: str, payload: Payload, client: Client) -> list[JsonObject]:
    fields = payload.get(field)
    return await find(search(kind, fields, [], []), field, client) if fields else []
