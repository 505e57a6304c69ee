"""Validation of users and events as FullStory does it, and the properties that it silently drops.

Pure functions of the body; whether a user exists is not known here.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from actions_fullstory.sandbox.answers import invalid, missing

if TYPE_CHECKING:
    from actions_core import Json, JsonObject

LONGEST: Final = {"uid": 256, "display_name": 256, "email": 128}
MOST_PROPERTIES: Final = 500
LONGEST_NAME: Final = 512
LARGEST_VALUE: Final = 8192

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_TYPED_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*_(?:str|int|real|date|bool|obj)s?", re.ASCII)
#: Names of v1 that have a meaning of their own, and so no suffix.
_RESERVED: Final = frozenset({"displayName", "email"})


def an_object(body: Json, name: str = "request body") -> JsonObject:
    """Return a JSON object, or refuse anything else."""
    if not isinstance(body, dict):
        raise invalid(f"{name} must be an object")
    return body


def _optional_object(body: JsonObject, name: str) -> JsonObject:
    value = body.get(name)
    return {} if value is None else an_object(value, name)


def _optional_text(body: JsonObject, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"{name} must be a string")
    if value is not None and len(value) > LONGEST.get(name, len(value)):
        raise invalid(f"{name} must have at most {LONGEST[name]} characters")
    return value or None


def user_of(body: Json) -> JsonObject:
    """Return a user of v2 as stored, without the properties that are dropped."""
    body = an_object(body)
    known = {name: _optional_text(body, name) for name in LONGEST}
    kept: JsonObject = {name: value for name, value in known.items() if value is not None}
    if "properties" in body:
        kept["properties"] = kept_properties(_optional_object(body, "properties"))
    _optional_object(body, "schema")
    return kept


def event_of(body: Json) -> JsonObject:
    """Return an event of v2 as stored; `user` and `session` are one form of identification, or none."""
    body = an_object(body)
    name = body.get("name")
    if name is None or name == "":
        raise missing("name")
    if not isinstance(name, str):
        raise invalid("name must be a string")
    kept: JsonObject = {"name": name, **_identification(body)}
    if body.get("timestamp") is not None:
        kept["timestamp"] = _time(body["timestamp"])
    kept["properties"] = kept_properties(_optional_object(body, "properties"))
    if "context" in body:
        kept["context"] = _optional_object(body, "context")
    _optional_object(body, "schema")
    return kept


def _identification(body: JsonObject) -> JsonObject:
    user = {
        name: value
        for name in ("uid", "id")
        if (value := _optional_text(_optional_object(body, "user"), name)) is not None
    }
    session = _optional_object(body, "session")
    recent = session.get("use_most_recent")
    if recent is not None and not isinstance(recent, bool):
        raise invalid("session.use_most_recent must be a boolean")
    if "id" in session:
        session_id = _optional_text(session, "id")
        if not session_id:
            raise invalid("session.id must not be empty")
        if user or recent:
            raise invalid("session.id must be the only form of identification")
        return {"session": {"id": session_id}}
    if len(user) > 1:
        raise invalid("only one of user.uid and user.id may be given")
    if recent and not user:
        raise invalid("session.use_most_recent requires one of user.uid and user.id")
    kept: JsonObject = {"user": user}
    if recent:
        kept["session"] = {"use_most_recent": True}
    return kept


def _time(value: Json) -> str:
    if isinstance(value, str):
        try:
            if datetime.fromisoformat(value).tzinfo is not None:
                return value
        except ValueError:
            pass
    raise invalid("timestamp must be a time in ISO 8601 format")


def custom_event_of(body: Json) -> JsonObject:
    """Return an event of v1 as stored."""
    event = an_object(an_object(body).get("event"), "event")
    name = event.get("event_name")
    if not isinstance(name, str) or not name:
        raise missing("event_name")
    kept: JsonObject = {"name": name, "properties": typed_properties(_optional_object(event, "event_data"))}
    if event.get("timestamp") is not None:
        kept["timestamp"] = _time(event["timestamp"])
    session: JsonObject = {}
    # Whatever stands there counts as true, `false` too.
    if event.get("use_recent_session") is not None:
        session["use_most_recent"] = True
    if event.get("session_url"):
        session["url"] = event["session_url"]
    return {**kept, "session": session} if session else kept


def kept_properties(properties: JsonObject) -> JsonObject:
    """Return the properties that v2 stores: accepted names, values that are not too large, up to a limit."""
    return _kept(properties, _NAME, "", [MOST_PROPERTIES])


def typed_properties(properties: JsonObject) -> JsonObject:
    """Return the properties that v1 stores: like v2's, but all names except objects' have a type suffix."""
    return _kept(properties, _TYPED_NAME, "", [MOST_PROPERTIES])


def _kept(properties: JsonObject, names: re.Pattern[str], above: str, room: list[int]) -> JsonObject:
    kept: JsonObject = {}
    for name, value in properties.items():
        pattern = _NAME if isinstance(value, dict) or value is None or name in _RESERVED else names
        if not pattern.fullmatch(name) or len(above + name) > LONGEST_NAME:
            continue
        if isinstance(value, dict):
            kept[name] = _kept(value, names, f"{above}{name}.", room)
        elif room[0] > 0 and _fits(value):
            room[0] -= 1
            kept[name] = value
    return kept


def _fits(value: Json) -> bool:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) <= LARGEST_VALUE
    if isinstance(value, list):
        return not any(isinstance(item, dict) for item in value) and all(map(_fits, value))
    return True
