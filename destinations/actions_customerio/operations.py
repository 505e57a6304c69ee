"""Operations of the Track API: what becomes of the payload of each action.

Where an action says so, dates of attributes are sent in seconds; lists keep theirs, and so do the attributes
of a person's relationship, as at Segment. Names and ids that look like dates stay text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from actions_core import PayloadError, present
from actions_customerio.times import seconds, with_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Context, Json, JsonObject, Payload

#: How large an operation may be, in bytes.
MOST_BYTES: Final = 32 * 1024
#: Marks an id that Customer.io has given a person.
_THEIRS: Final = "cio_"
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_EMAIL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
#: Traits with fields of their own, which are no attributes.
_OBJECT_TRAITS: Final = ("object_type_id", "objectTypeId", "relationshipAttributes")
_CREATED: Final = ("created_at", "createdAt")


def operation(payload: Payload, context: Context) -> JsonObject:
    """Make the operation of a payload."""
    made = _OPERATIONS[context.action](payload)
    size = size_of(made)
    if size > MOST_BYTES:
        raise PayloadError.at("$", f"Customer.io takes {MOST_BYTES} bytes at most, and this has {size}.")
    return made


def size_of(value: Json) -> int:
    """Return how many bytes a value has as JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def _identify(payload: Payload) -> JsonObject:
    attributes = _dated(payload, _without(payload.get("custom_attributes"), *_OBJECT_TRAITS, *_CREATED))
    attributes |= present({"created_at": _time(payload, "created_at"), "email": _text(payload, "email")})
    relationships = None
    if _text(payload, "group_id"):
        shared = payload.get("relationship_attributes")
        whole = {"identifiers": _object_id(payload, "group_id"), "relationship_attributes": shared}
        relationships = [present(whole)]
    who = _who(payload, "id", "email", "anonymous_id")
    return _written("person", "identify", payload, who, attributes, cio_relationships=relationships)


def _event(action: str, name: str) -> Callable[[Payload], JsonObject]:
    """Return the maker of a kind of event, of which a field of the payload is the name."""

    def make(payload: Payload) -> JsonObject:
        who = _who(payload, "id", "anonymous_id")
        data = _dated(payload, payload.get("data"))
        return _written(
            "person", action, payload, who, data, name=payload[name], id=_text(payload, "event_id")
        )

    return make


def _content(payload: Payload) -> JsonObject:
    action = payload["actionType"]
    data = payload.get("data")
    data = None if data is None else _dated(payload, _without(data, "actionType"))
    return _written("person", action, payload, _who(payload, "anonymous_id"), data, name=action)


def _on_person(action: str) -> Callable[[Payload], JsonObject]:
    """Return the maker of an operation that says no more than whom it is for."""
    return lambda payload: _written("person", action, payload, _who(payload, "person_id"))


def _add_device(payload: Payload) -> JsonObject:
    attributes = {**payload.get("attributes", {}), **present({"app_version": _text(payload, "app_version")})}
    device = {
        "token": payload["device_id"],
        "platform": payload["platform"],
        "last_used": _time(payload, "last_used"),
        "attributes": _dated(payload, attributes),
    }
    return _written("person", "add_device", payload, _who(payload, "person_id"), device=present(device))


def _delete_device(payload: Payload) -> JsonObject:
    device = {"token": payload["device_id"]}
    return _written("person", "delete_device", payload, _who(payload, "person_id"), device=device)


def _merge(payload: Payload) -> JsonObject:
    people = {key: _who(payload, key) for key in ("primary", "secondary")}
    return {"type": "person", "action": "merge", **people}


def _identify_object(payload: Payload) -> JsonObject:
    attributes = payload.get("custom_attributes")
    if attributes is not None:
        attributes = _dated(payload, _without(attributes, *_OBJECT_TRAITS))
    created = _time(payload, "created_at")
    if created is not None:
        attributes = {**(attributes or {}), "created_at": created}
    who = _who(payload, "user_id", "anonymous_id")
    action = "identify_anonymous" if "anonymous_id" in who else "identify"
    shared = _dated(payload, payload.get("relationship_attributes"))
    relationships = [present({"identifiers": who, "relationship_attributes": shared})] if who else None
    identifiers = _object_id(payload, "id")
    return _written("object", action, payload, identifiers, attributes, cio_relationships=relationships)


def _delete_object(payload: Payload) -> JsonObject:
    return _written("object", "delete", payload, _object_id(payload, "object_id"))


def _delete_relationship(payload: Payload) -> JsonObject:
    whole = [{"identifiers": _who(payload, "person_id")}]
    identifiers = _object_id(payload, "object_id")
    return _written("object", "delete_relationships", payload, identifiers, cio_relationships=whole)


_OPERATIONS: Final[dict[str, Callable[[Payload], JsonObject]]] = {
    "createUpdatePerson": _identify,
    "trackEvent": _event("event", "name"),
    "trackPageView": _event("page", "url"),
    "trackScreenView": _event("screen", "name"),
    "reportContentEvent": _content,
    "deletePerson": _on_person("delete"),
    "suppressPerson": _on_person("suppress"),
    "unsuppressPerson": _on_person("unsuppress"),
    "createUpdateDevice": _add_device,
    "deleteDevice": _delete_device,
    "mergePeople": _merge,
    "createUpdateObject": _identify_object,
    "deleteObject": _delete_object,
    "deleteRelationship": _delete_relationship,
}
ACTIONS: Final = tuple(_OPERATIONS)


def _written(
    kind: str,
    action: str,
    payload: Payload,
    identifiers: JsonObject,
    attributes: JsonObject | None = None,
    **parts: Json,
) -> JsonObject:
    """Return an operation. Whoever is known otherwise has an anonymous id as an attribute."""
    anonymous = _text(payload, "anonymous_id")
    if anonymous is not None:
        attributes = {**(attributes or {}), "anonymous_id": anonymous}
        if "anonymous_id" in identifiers:
            del attributes["anonymous_id"]
    time = seconds(_text(payload, "timestamp"))
    whole = {"type": kind, "action": action, **parts, "timestamp": time}
    return present({**whole, "attributes": attributes, "identifiers": identifiers or None})


def _who(payload: Payload, *fields: str) -> JsonObject:
    """Return what names a person: the first of the fields that says it. Nothing may name one."""
    for field in fields:
        value = _text(payload, field)
        if value is None:
            continue
        if field in ("email", "anonymous_id"):
            return {field: value}
        if value.startswith(_THEIRS):
            return {"cio_id": value.removeprefix(_THEIRS)}
        return {"email" if _EMAIL.fullmatch(value) else "id": value}
    return {}


def _object_id(payload: Payload, field: str) -> JsonObject:
    value = _text(payload, field)
    if value is None:
        return {}
    return {"object_id": value, "object_type_id": _text(payload, "object_type_id") or "1"}


def _dated(payload: Payload, attributes: Any) -> Any:
    """Return attributes with their dates in seconds, where the payload wants that."""
    return with_seconds(attributes) if payload.get("convert_timestamp") else attributes


def _time(payload: Payload, field: str) -> Json:
    value = _text(payload, field)
    return seconds(value) if payload.get("convert_timestamp") else value


def _text(payload: Payload, field: str) -> str | None:
    """Return a field's text, None where it is empty: so is null, in fields that take none."""
    text: str | None = payload.get(field) or None
    return text


def _without(attributes: JsonObject | None, *names: str) -> JsonObject:
    return {name: value for name, value in (attributes or {}).items() if name not in names}
