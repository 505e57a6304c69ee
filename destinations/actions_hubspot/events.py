"""Custom events: those that HubSpot has under an internal name, and those whose definition is kept here.

What the definition of an event says is remembered for an hour, so that most events are one request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core import PayloadError, Request, RequestError, ResponseError, present, to_text
from actions_hubspot.definition import (
    AGAIN,
    CONFLICT,
    NOT_FOUND,
    REFUSED,
    body_of,
    destination,
    objects_in,
    part,
    sync_mode,
)
from actions_hubspot.properties import flat_properties, key_of, plain_name, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core import Client, Context, JsonObject, Payload
    from actions_hubspot.properties import Typed

_SEND: Final = "/events/v3/send"
_DEFINITIONS: Final = "/events/v3/event-definitions"
_IDENTIFIERS: Final = ("email", "utk", "objectId")
_REMEMBERED: Final = 3600.0
_BLANKS: Final = re.compile(r"[\s.]+")
_INTERNAL: Final = re.compile("pe[0-9]+_")
_NO_NAME: Final = re.compile("[^a-z0-9_-]")
_CONTACT: Final = "contact"
_FAULT: Final = 'HubSpot has "{name}" as "{there}", but in the event it is "{here}".'
#: What HubSpot calls the kinds of values.
_TYPES: Final = {"number": "number", "boolean": "enumeration", "date": "datetime", "datetime": "datetime"}


@destination.action("sendCustomBehavioralEvent")
def send_event(payload: Payload, context: Context) -> Request:
    """Send an event under the internal name that HubSpot gave it."""
    name = _BLANKS.sub("_", payload["eventName"]).lower()
    hub = context.settings.get("portalId")
    if not (name.startswith(f"pe{hub}_") if hub else _INTERNAL.match(name)):
        raise PayloadError.at("$.eventName", f"The name has to begin with pe{hub or '<Hub ID>'}_.")
    if not any(payload.get(key) for key in _IDENTIFIERS):
        raise PayloadError.at("$", "One of email, utk and objectId is required.")
    event: JsonObject = {key: payload[key] for key in ("occurredAt", *_IDENTIFIERS) if key in payload}
    if "properties" in payload:
        event["properties"] = flat_properties(payload["properties"])
    return Request("POST", _SEND, json={"eventName": name, **event})


@attrs.frozen
class _Definition:
    """What HubSpot knows of an event: its full name, and the types of its properties."""

    name: str
    types: Mapping[str, str]

    def missing(self, properties: Mapping[str, Typed]) -> list[str]:
        """Return the properties that the definition does not have."""
        return [key for key in properties if key not in self.types]

    def faults(self, properties: Mapping[str, Typed]) -> list[str]:
        """Return what is wrong with properties that the definition has otherwise."""
        return [
            _FAULT.format(name=key, there=self.types[key], here=value.kind)
            for key, value in properties.items()
            if key in self.types and not _fits(value.kind, self.types[key])
        ]


def _fits(kind: str, there: str) -> bool:
    """Return whether HubSpot may take a value; a number is text where it has text."""
    if kind == "number":
        return there not in ("datetime", "enumeration", "archived")
    return there not in ("number", "archived")


@destination.action("customEvent")
async def custom_event(payload: Payload, context: Context, client: Client) -> None:
    """Send an event, after its definition has what it needs."""
    name = plain_name(payload["event_name"], _NO_NAME)
    record = payload["record_details"]
    is_contact = record["object_type"] == _CONTACT
    ids = present({"objectId": record.get("object_id")})
    if is_contact:
        ids.update({key: record[key] for key in ("email", "utk") if key in record})
    if not any(value is not None and value != "" for value in ids.values()):
        wanted = "One of object_id, email and utk is" if is_contact else "object_id is"
        raise PayloadError.at("$.record_details", f"{wanted} required.")
    properties = _properties(payload)
    definition = await _definition(name, record["object_type"], properties, context, client)
    event = {"eventName": definition.name, **ids}
    if "occurred_at" in payload:
        event["occurredAt"] = payload["occurred_at"]
    event["properties"] = {
        key: value.text if value.kind == "number" and definition.types.get(key) == "string" else value.value
        for key, value in properties.items()
    }
    await client.send(Request("POST", _SEND, json=event))


def _properties(payload: Payload) -> dict[str, Typed]:
    """Return the properties by the names that HubSpot takes; text that is a number is one."""
    given = payload.get("properties") or {}
    found = {key_of(key): typed(value, numbers=True) for key, value in given.items()}
    return {key: value for key, value in found.items() if value is not None}


async def _definition(
    name: str, record: str, properties: dict[str, Typed], context: Context, client: Client
) -> _Definition:
    """Return a definition that has all properties: remembered, read, changed or created."""
    remembered = context.state.get(f"event {name}")
    if isinstance(remembered, dict):
        known = _Definition(**remembered)
        if not known.missing(properties) and not known.faults(properties):
            return known
    found = await _read(name, client) or await _create(name, record, properties, context, client)
    faults = found.faults(properties)
    if faults:
        raise PayloadError.at("$.properties", " ".join(faults))
    found = await _complete(found, properties, context, client)
    context.state.set(f"event {name}", {"name": found.name, "types": dict(found.types)}, _REMEMBERED)
    return found


async def _read(name: str, client: Client) -> _Definition | None:
    """Return the definition that HubSpot has, or None; a property that is archived has no other type."""
    url = f"{_DEFINITIONS}/{part(name)}/?includeProperties=true"
    try:
        body = body_of(await client.send(Request("GET", url)))
    except ResponseError as error:
        if error.status in (REFUSED, NOT_FOUND):
            return None
        raise
    if body.get("archived"):
        return None
    types = {
        str(one.get("name")): "archived" if one.get("archived") else str(one.get("type"))
        for one in objects_in(body, "properties")
    }
    return _Definition(_full_name(body, name), types)


def _full_name(definition: dict[str, Any], name: str) -> str:
    """Return the name under which HubSpot takes an event, the given one where its definition says none."""
    found = definition.get("fullyQualifiedName")
    return found if isinstance(found, str) and found else name


async def _create(
    name: str, record: str, properties: dict[str, Typed], context: Context, client: Client
) -> _Definition:
    """Define an event with its properties, or return the definition that somebody else made meanwhile."""
    if sync_mode(context) == "update":
        message = f'HubSpot has no event "{name}", and the sync mode "update" creates none.'
        raise PayloadError.at("$.event_name", message)
    body = {
        "label": name,
        "name": name,
        "description": "Made by the first event of this name.",
        "primaryObject": record,
        "propertyDefinitions": [_property(key, value) for key, value in properties.items()],
    }
    try:
        made = body_of(await client.send(Request("POST", _DEFINITIONS, json=body)))
    except ResponseError as error:
        if not _exists(error):
            raise
        found = await _read(name, client)
        if found is None:
            raise RequestError(str(error), code=error.code, status=AGAIN, retryable=True) from None
        return found
    types = {key: _type(value) for key, value in properties.items()}
    return _Definition(_full_name(made, name), types)


async def _complete(
    found: _Definition, properties: dict[str, Typed], context: Context, client: Client
) -> _Definition:
    """Add the properties that a definition lacks. All are tried before an error of one is raised."""
    missing = found.missing(properties)
    if missing and sync_mode(context) == "add":
        names = ", ".join(f'"{key}"' for key in missing)
        message = f'The event has no {names} in HubSpot, and the sync mode "add" adds nothing to it.'
        raise PayloadError.at("$.properties", message)
    errors = []
    for key in missing:
        url = f"{_DEFINITIONS}/{part(found.name)}/property"
        try:
            await client.send(Request("POST", url, json=_property(key, properties[key])))
        except ResponseError as error:
            if not _exists(error):
                errors.append(error)
    if errors:
        raise errors[0]
    added = {key: _type(properties[key]) for key in missing}
    return _Definition(found.name, {**found.types, **added})


def _exists(error: ResponseError) -> bool:
    return error.status == CONFLICT and "already exists" in error.response.text


def _type(value: Typed) -> str:
    return _TYPES.get(value.kind, "string")


def _property(key: str, value: Typed) -> JsonObject:
    """Return the definition of a property."""
    body: dict[str, Any] = {
        "name": key,
        "label": key,
        "type": _type(value),
        "description": "Made by the first event that has it.",
    }
    if value.kind == "boolean":
        body["options"] = [
            {
                "label": to_text(choice),
                "value": choice,
                "hidden": False,
                "description": to_text(choice).capitalize(),
                "displayOrder": order,
            }
            for order, choice in enumerate((True, False), 1)
        ]
    return body
