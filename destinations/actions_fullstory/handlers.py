"""One function for each action; what all requests to FullStory share stands in the definition's `request`.

The v1 actions speak to users whom a browser or app session has identified; the V2 actions create
those that FullStory does not know. Idempotency keys go with the calls that create something under
v2, the only ones on which FullStory looks at them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from actions_core import Destination, PayloadError, Problem, Request
from actions_fullstory.checks import (
    LONGEST_UID,
    check_length,
    check_name,
    check_person,
    encoded_uid,
    refuse,
    uid_segment,
)
from actions_fullstory.events import event_context, event_time, session_id
from actions_fullstory.properties import EVENT_V1, USER_V1, V2, Style, change_names, find_dropped

if TYPE_CHECKING:
    from actions_core import Context, Json, JsonObject

DEFAULT_SOURCE: Final = "segment"

destination = Destination.from_package(__package__)


@destination.account
def quotas() -> Request:
    """Ask for the organization's quotas, towards which server events count."""
    return Request("GET", "/v2/organization/quotas")


@destination.on_delete
def delete_user(user_id: str | None) -> Request:
    """Delete a user by uid; FullStory does it some time after its response."""
    if not user_id:
        raise PayloadError("User Id is required for user deletion.")
    faults: list[Problem] = []
    uid = encoded_uid(faults, user_id)
    refuse(faults)
    return Request("DELETE", f"/v2/users?uid={uid}")


@destination.action("trackEvent")
def track_event(
    *,
    user_id: str,
    name: str,
    context: Context,
    properties: JsonObject | None = None,
    timestamp: Json = None,
    use_recent_session: bool | None = None,
    session_url: str | None = None,
) -> Request:
    """Send an event of a user whom FullStory knows."""
    faults: list[Problem] = []
    uid = uid_segment(faults, user_id)
    check_name(faults, name)
    refuse(faults)
    event: JsonObject = {
        "event_name": name,
        "event_data": _changed(properties, EVENT_V1, "$.properties", context),
    }
    _add_time(event, timestamp)
    # `false` is left out too: FullStory takes it for true.
    if use_recent_session and not (session_url and context.settings.get("singleIdentification")):
        event["use_recent_session"] = True
    if session_url:
        event["session_url"] = session_url
    return Request("POST", _v1_url(uid, "customevent", context), json={"event": event})


@destination.action("identifyUser")
def identify_user(
    *,
    user_id: str,
    context: Context,
    anonymous_id: str | None = None,
    display_name: str | None = None,
    email: str | None = None,
    traits: JsonObject | None = None,
) -> Request:
    """Update a user whom FullStory knows."""
    faults: list[Problem] = []
    uid = uid_segment(faults, user_id)
    check_person(faults, display_name, email)
    refuse(faults)
    body = _changed(traits, USER_V1, "$.traits", context)
    _add_field(body, "segmentAnonymousId_str", anonymous_id, "$.anonymousId", context)
    _add_field(body, "email", email, "$.email", context)
    _add_field(body, "displayName", display_name, "$.displayName", context)
    return Request("POST", _v1_url(uid, "customvars", context), json=body)


@destination.action("trackEventV2")
def track_event_v2(
    *,
    name: str,
    context: Context,
    user_id: str | None = None,
    properties: JsonObject | None = None,
    timestamp: Json = None,
    use_recent_session: bool | None = None,
    session_url: str | None = None,
) -> Request:
    """Send an event of a session or of a user."""
    faults: list[Problem] = []
    check_name(faults, name)
    who = _identification(faults, user_id=user_id, recent=use_recent_session, session_url=session_url)
    refuse(faults)
    body: JsonObject = {"name": name, "properties": _changed(properties, V2, "$.properties", context), **who}
    _add_time(body, timestamp)
    if context.settings.get("sendContext"):
        circumstances = event_context(context.event)
        if circumstances:
            body["context"] = circumstances
    return _creation("/v2/events", body, context)


@destination.action("identifyUserV2")
def identify_user_v2(
    *,
    context: Context,
    uid: str | None = None,
    anonymous_id: str | None = None,
    display_name: str | None = None,
    email: str | None = None,
    properties: JsonObject | None = None,
) -> Request:
    """Update a user, who need not exist yet."""
    faults: list[Problem] = []
    if uid is not None:
        check_length(faults, "$.uid", "User ID", uid, LONGEST_UID)
    check_person(faults, display_name, email)
    refuse(faults)
    body: JsonObject = {}
    if uid:
        body["uid"] = uid
    if email:
        body["email"] = email
    if display_name:
        body["display_name"] = display_name
    body["properties"] = known = _changed(properties, V2, "$.properties", context)
    _add_field(known, "segmentAnonymousId", anonymous_id, "$.anonymousId", context)
    return _creation("/v2/users", body, context)


def _creation(path: str, body: JsonObject, context: Context) -> Request:
    """Return a request whose idempotency key makes FullStory process it once, however often it is sent."""
    return Request("POST", path, headers={"Idempotency-Key": context.idempotency_key}, json=body)


def _identification(
    faults: list[Problem], *, user_id: str | None, recent: bool | None, session_url: str | None
) -> JsonObject:
    """Return the event's one form of identification: a session alone, or a user."""
    if session_url:
        session = session_id(session_url)
        if not session:
            faults.append(Problem("$.sessionUrl", "Session URL must end with the id of a session."))
        return {"session": {"id": session}}
    if not user_id:
        if recent:
            faults.append(
                Problem("$.useRecentSession", "Use Recent Session needs a User ID: whose session is it?")
            )
        return {}
    check_length(faults, "$.userId", "User ID", user_id, LONGEST_UID)
    user = {"user": {"uid": user_id}}
    return {**user, "session": {"use_most_recent": True}} if recent else user


def _changed(source: JsonObject | None, style: Style, path: str, context: Context) -> JsonObject:
    """Return properties as FullStory accepts them, and warn of those that it will drop."""
    if not source:
        return {}
    context.warn_later(partial(find_dropped, source, style, path))
    return change_names(source, style)


def _add_field(body: JsonObject, name: str, value: str | None, path: str, context: Context) -> None:
    """Add a field to the properties; it wins over a property of the same name."""
    if not value:
        return
    if name in body:
        context.warn(path, f"A property of the same name, {name!r}, gives way to this field.")
    body[name] = value


def _add_time(body: JsonObject, timestamp: Json) -> None:
    time = None if timestamp is None else event_time(timestamp)
    if time is not None:
        body["timestamp"] = time


def _source(context: Context) -> str:
    return context.settings.get("integrationSource") or DEFAULT_SOURCE


def _v1_url(uid: str, call: str, context: Context) -> str:
    source = _source(context)
    if not source.isalnum() or not source.isascii():
        source = quote(source, safe="", errors="replace")
    return f"/users/v1/individual/{uid}/{call}?integration={source}"
