"""Lists of records, for which an audience or the mapping says who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core import ActionsError, PayloadError, Request, RequestError, ResponseError
from actions_hubspot.definition import AGAIN, NOT_FOUND, body_of, part

if TYPE_CHECKING:
    from actions_core import JsonObject, Payload, Response
    from actions_hubspot.batch import Records

_COMPUTED: Final = ("audience", "journey_step")
_MANUAL: Final = "MANUAL"
_EXISTS: Final = "ILS.DUPLICATE_LIST_NAMES"
_REMEMBERED: Final = 1800.0


def membership(payload: Payload) -> JsonObject | None:
    """Return which list the record is added to or removed from, None where it is none."""
    details = payload.get("list_details") or {}
    name, creates = details.get("list_name"), details.get("should_create_list")
    key = payload.get("computation_key")
    if details.get("connected_to_engage_audience") is True:
        holder = payload.get("traits_or_props")
        added = holder.get(key) if key and isinstance(holder, dict) else None
        if payload.get("computation_class") in _COMPUTED and isinstance(added, bool):
            return {"name": name or key, "add": added, "create": bool(creates)}
    elif details.get("connected_to_engage_audience") is False:
        added = details.get("list_action")
        if isinstance(added, bool) and isinstance(creates, bool) and name and name.strip():
            return {"name": name.strip(), "add": added, "create": creates}
    return None


async def find_list(records: Records) -> str | None:
    """Return the ID of the records' list, None where there is none; it is created where that is wanted."""
    wanted = next((one["list"] for one in records.left().values() if one["list"] is not None), None)
    if wanted is None:
        return None
    key = f"list {records.kind} {wanted['name']}"
    known = records.context.state.get(key)
    if isinstance(known, str):
        return known
    try:
        found = await _read(records, wanted["name"]) or await _create(records, wanted)
    except ActionsError as error:
        records.end([*records.left()], error)
        return None
    records.context.state.set(key, found, _REMEMBERED)
    return found


async def _read(records: Records, name: str) -> str:
    """Return the ID of a list, the empty str where there is none of that name."""
    url = f"/crm/v3/lists/object-type-id/{part(records.kind)}/name/{part(name)}"
    try:
        found = _list(await records.client.send(Request("GET", url)))
    except ResponseError as error:
        if error.status != NOT_FOUND:
            raise
        return ""
    if found.get("processingType") != _MANUAL:
        message = f'HubSpot itself says who is in the list "{name}": nobody can be added or removed.'
        raise PayloadError.at("$.list_details", message)
    return str(found.get("listId") or "")


async def _create(records: Records, wanted: JsonObject) -> str:
    name = wanted["name"]
    if not wanted["create"]:
        message = f'HubSpot has no list "{name}", and should_create_list is not true.'
        raise PayloadError.at("$.list_details", message)
    body = {"name": name, "objectTypeId": records.kind, "processingType": _MANUAL}
    try:
        made = _list(await records.client.send(Request("POST", "/crm/v3/lists", json=body)))
    except ResponseError as error:
        if body_of(error.response).get("subCategory") != _EXISTS:
            raise
        found = await _read(records, name)
        if not found:
            raise RequestError(str(error), code=error.code, status=AGAIN, retryable=True) from None
        return found
    if not made.get("listId"):
        raise PayloadError.at(
            "$.list_details", f'HubSpot\'s response does not say that it made the list "{name}".'
        )
    return str(made["listId"])


def _list(response: Response) -> JsonObject:
    found = body_of(response).get("list")
    return found if isinstance(found, dict) else {}


async def change_members(records: Records, list_id: str | None) -> None:
    """Add records to their list, and remove others from it."""
    if list_id is None:
        return
    listed = {key: one["list"]["add"] for key, one in records.left().items() if one["list"] is not None}
    known = {key: records.ids[key] for key in listed if key in records.ids}
    if known:
        body = {
            "recordIdsToAdd": [record for key, record in known.items() if listed[key]],
            "recordIdsToRemove": [record for key, record in known.items() if not listed[key]],
        }
        url = f"/crm/v3/lists/{part(list_id)}/memberships/add-and-remove"
        await records.send(Request("PUT", url, json=body), known)
    records.end_unknown(listed, "$.list_details")
