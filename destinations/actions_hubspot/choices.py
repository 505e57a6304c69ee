"""Choices of fields: what an account has of objects, properties, events, associations and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core import Choices, PayloadError, Request
from actions_hubspot.definition import body_of, destination, objects_in, part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core import Client, JsonObject

_EVENTS: Final = "/events/v3/event-definitions"
_RECORD_ID: Final = "hs_object_id"
#: Made by HubSpot to recognise requests, not to find records.
_CREATION_KEY: Final = "hs_unique_creation_key"
#: The objects that every account has, where choices are by one, and by the other of HubSpot's names.
_OF_EVENTS: Final = {"contact": "Contact", "company": "Company", "deal": "Deal", "ticket": "Ticket"}
_OF_RECORDS: Final = {
    **_OF_EVENTS,
    "line_item": "Line item",
    "subscription": "Subscription",
    "product": "Product",
    "0-421": "Appointment",
    "order": "Order",
    "quote": "Quote",
}
_FIRST: Final = {"deals": "Deals", "tickets": "Tickets"}
_SECOND: Final = {**_FIRST, "contacts": "Contacts", "companies": "Companies"}


@destination.dynamic_field("sendCustomBehavioralEvent", "eventName")
@destination.dynamic_field("customEvent", "event_name")
async def event_names(page: str | None, client: Client) -> Choices:
    """List a page of events by the internal names that HubSpot gave them."""
    params = {"after": page} if page else {}
    body = body_of(await client.send(Request("GET", _EVENTS, params=params)))
    choices = [
        _choice(_labels(one).get("singular") or one.get("name"), one.get("fullyQualifiedName"))
        for one in objects_in(body, "results")
        if not one.get("archived")
    ]
    paging = body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return Choices(_sorted(choices), str(after) if after else None)


@destination.dynamic_field("customEvent", "properties.__keys__")
async def event_properties(payload: dict[str, Any], client: Client) -> Choices:
    """List the properties of the event that is chosen."""
    name = _chosen(payload, "event_name")
    url = f"{_EVENTS}/{part(name)}"
    body = body_of(await client.send(Request("GET", url, params={"includeProperties": "true"})))
    found = [one for one in objects_in(body, "properties") if not one.get("archived")]
    return Choices(
        _sorted(_choice(f"{one.get('label')} ({one.get('type')})", one.get("name")) for one in found)
    )


@destination.dynamic_field("customEvent", "record_details.object_type")
async def objects_of_events(client: Client) -> Choices:
    """List the objects to whose records events may belong."""
    return await _objects(_OF_EVENTS, client)


@destination.dynamic_field("upsertObject", "object_details.object_type")
@destination.dynamic_field("upsertObject", "associations.[].object_type")
@destination.dynamic_field("upsertObject", "dissociations.[].object_type")
async def objects(client: Client) -> Choices:
    """List the objects."""
    return await _objects(_OF_RECORDS, client)


@destination.dynamic_field("upsertCustomObjectRecord", "objectType")
async def first_objects(payload: dict[str, Any], client: Client) -> Choices:
    """List the objects, but for the one that is associated."""
    return await _objects(_FIRST, client, without=payload.get("toObjectType"))


@destination.dynamic_field("upsertCustomObjectRecord", "toObjectType")
async def second_objects(payload: dict[str, Any], client: Client) -> Choices:
    """List the objects, but for the one that is written."""
    return await _objects(_SECOND, client, without=payload.get("objectType"))


async def _objects(standard: dict[str, str], client: Client, *, without: object = None) -> Choices:
    body = body_of(await client.send(Request("GET", "/crm/v3/schemas", params={"archived": "false"})))
    own = _sorted(
        _choice(f"{_labels(one).get('plural') or one.get('name')} (custom)", one.get("fullyQualifiedName"))
        for one in objects_in(body, "results")
    )
    choices = (*own, *(_choice(label, value) for value, label in standard.items()))
    return Choices(tuple(one for one in choices if one["value"] != without))


@destination.dynamic_field("upsertObject", "object_details.id_field_name")
async def id_properties(payload: dict[str, Any], client: Client) -> Choices:
    """List the properties that tell records of the object from each other."""
    return await _id_properties(_chosen(payload, "object_details", "object_type"), client)


async def _id_properties(kind: str, client: Client) -> Choices:
    found = [
        _choice(one.get("label"), one.get("name"))
        for one in await _properties(kind, client)
        if one.get("hasUniqueValue") and one.get("name") not in (_RECORD_ID, _CREATION_KEY, "email")
    ]
    email = [_choice("Email", "email")] if kind in ("contact", "contacts") else []
    return Choices((_choice("HubSpot's own ID (updates only)", _RECORD_ID), *email, *_sorted(found)))


async def _properties(kind: str, client: Client, *, sensitive: bool = False) -> list[JsonObject]:
    params = {"dataSensitivity": "sensitive"} if sensitive else {}
    response = await client.send(Request("GET", f"/crm/v3/properties/{part(kind)}", params=params))
    return objects_in(body_of(response), "results")


@destination.dynamic_field("upsertObject", "object_details.property_group")
async def property_groups(payload: dict[str, Any], client: Client) -> Choices:
    """List the groups of properties that the object has."""
    kind = _chosen(payload, "object_details", "object_type")
    body = body_of(await client.send(Request("GET", f"/crm/v3/properties/{part(kind)}/groups")))
    found = [one for one in objects_in(body, "results") if not one.get("archived")]
    return Choices(_sorted(_choice(one.get("label"), one.get("name")) for one in found))


@destination.dynamic_field("upsertObject", "properties.__keys__")
async def property_names(payload: dict[str, Any], client: Client) -> Choices:
    """List the properties that can be written."""
    return await _writable(payload, client, sensitive=False)


@destination.dynamic_field("upsertObject", "sensitive_properties.__keys__")
async def sensitive_property_names(payload: dict[str, Any], client: Client) -> Choices:
    """List the sensitive properties that can be written."""
    return await _writable(payload, client, sensitive=True)


async def _writable(payload: dict[str, Any], client: Client, *, sensitive: bool) -> Choices:
    kind = _chosen(payload, "object_details", "object_type")
    found = [
        _choice(f"{one.get('label')} ({one.get('type')})", one.get("name"))
        for one in await _properties(kind, client, sensitive=sensitive)
        if not one.get("hasUniqueValue") and not _is_read_only(one)
    ]
    return Choices(_sorted(found))


def _is_read_only(one: JsonObject) -> bool:
    about = one.get("modificationMetadata")
    return isinstance(about, dict) and about.get("readOnlyValue") is True


@destination.dynamic_field("upsertObject", "associations.[].id_field_name")
async def id_properties_to_associate(payload: dict[str, Any], index: int | None, client: Client) -> Choices:
    """List the properties that tell records of the other object from each other."""
    return await _id_properties(_other(payload, "associations", index), client)


@destination.dynamic_field("upsertObject", "dissociations.[].id_field_name")
async def id_properties_to_dissociate(payload: dict[str, Any], index: int | None, client: Client) -> Choices:
    """List the properties that tell records of the other object from each other."""
    return await _id_properties(_other(payload, "dissociations", index), client)


@destination.dynamic_field("upsertObject", "associations.[].association_label")
async def labels_to_associate(payload: dict[str, Any], index: int | None, client: Client) -> Choices:
    """List the kinds of associations between both objects."""
    kind = _chosen(payload, "object_details", "object_type")
    return await _kinds_of_associations(kind, _other(payload, "associations", index), client)


@destination.dynamic_field("upsertObject", "dissociations.[].association_label")
async def labels_to_dissociate(payload: dict[str, Any], index: int | None, client: Client) -> Choices:
    """List the kinds of associations between both objects."""
    kind = _chosen(payload, "object_details", "object_type")
    return await _kinds_of_associations(kind, _other(payload, "dissociations", index), client)


@destination.dynamic_field("upsertCustomObjectRecord", "associationLabel")
async def association_labels(payload: dict[str, Any], client: Client) -> Choices:
    """List the kinds of associations between both objects."""
    kinds = _chosen(payload, "objectType"), _chosen(payload, "toObjectType")
    return await _kinds_of_associations(*kinds, client)


async def _kinds_of_associations(kind: str, other: str, client: Client) -> Choices:
    url = f"/crm/v4/associations/{part(kind)}/{part(other)}/labels"
    found = objects_in(body_of(await client.send(Request("GET", url))), "results")
    return Choices(
        _sorted(
            _choice(
                f"{kind} to {other}: {one.get('label') or 'without a label'}",
                f"{one.get('category')}:{one.get('typeId')}",
            )
            for one in found
        )
    )


@destination.dynamic_field("upsertObject", "list_details.list_name")
async def lists(payload: dict[str, Any], page: str | None, client: Client) -> Choices:
    """List a page of the lists of the object to which records can be added."""
    kind = _chosen(payload, "object_details", "object_type")
    schema = body_of(await client.send(Request("GET", f"/crm/v3/schemas/{part(kind)}")))
    wanted: JsonObject = {"processingTypes": ["MANUAL"], **({"offset": int(page)} if page else {})}
    body = body_of(await client.send(Request("POST", "/crm/v3/lists/search", json=wanted)))
    choices = [
        _choice(one.get("name"), one.get("name"))
        for one in objects_in(body, "lists")
        if one.get("objectTypeId") == schema.get("objectTypeId")
    ]
    return Choices(_sorted(choices), str(body.get("offset")) if body.get("hasMore") else None)


def _chosen(payload: dict[str, Any], *keys: str) -> str:
    """Return what is filled in already. Raises `PayloadError` where it is missing."""
    value: Any = payload
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise PayloadError.at(".".join(("$", *keys)), f"Fill in {keys[-1]} first: the choices depend on it.")
    return value


def _other(payload: dict[str, Any], what: str, index: int | None) -> str:
    """Return the object of the association that is being filled in."""
    found = payload.get(what)
    rows = found if isinstance(found, list) else []
    row = rows[index] if index is not None and 0 <= index < len(rows) else None
    if not isinstance(row, dict):
        raise PayloadError.at(f"$.{what}", "Fill in object_type first: the choices depend on it.")
    return _chosen(row, "object_type")


def _labels(one: JsonObject) -> JsonObject:
    labels = one.get("labels")
    return labels if isinstance(labels, dict) else {}


def _choice(label: object, value: object) -> JsonObject:
    return {"label": str(label or value), "value": value}


def _sorted(choices: Iterable[JsonObject]) -> tuple[JsonObject, ...]:
    return tuple(sorted(choices, key=lambda one: str(one["label"]).lower()))
