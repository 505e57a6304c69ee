"""One function for all actions: what of a payload says neither who nor when is a parameter of the event."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from actions_core import (
    ActionsError,
    Context,
    Destination,
    Payload,
    PayloadError,
    Problem,
    Request,
    SettingsError,
    present,
    read_time,
)
from actions_google_analytics_4.checks import problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core import Json, JsonObject

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: A number of microseconds; shorter ones are seconds or milliseconds.
_NUMBER: Final = re.compile(r"[0-9]{15,17}(\.0*)?", re.ASCII)
_BLANK: Final = re.compile(r"[\s\ufeff]")
_WORD: Final = re.compile(r"(?=[A-Z])")

_MOBILE: Final = "Mobile App"
#: Fields that are no parameters of the event.
_ABOUT: Final = frozenset(
    {
        "data_stream_type",
        "app_instance_id",
        "client_id",
        "clientId",
        "user_id",
        "timestamp_micros",
        "name",
        "lowercase",
        "user_properties",
        "params",
        "ad_user_data_consent",
        "ad_personalization_consent",
    }
)

destination = Destination.from_package(__package__)


@destination.test_authentication
def check_settings(context: Context) -> Request:
    """Ask Google's validation server, which keeps nothing; that a stream is named is seen here."""
    settings = context.settings
    if not settings.get("measurementId") and not settings.get("firebaseAppId"):
        raise SettingsError("measurementId is needed for web streams, firebaseAppId for mobile app streams")
    stream = {
        "measurement_id": settings.get("measurementId"),
        "firebase_app_id": settings.get("firebaseAppId"),
    }
    return Request("POST", "/debug/mp/collect", params=stream, json={"events": []})


@destination.action(*destination.spec.actions)
def send_event(payload: Payload, context: Context) -> Request:
    """Send an event, unless Google would drop it."""
    stream, who, faults = _stream(payload, context.settings)
    faults += problems(context.action, payload)
    if faults:
        raise PayloadError(problems=faults)
    event: JsonObject = {
        "name": _event_name(payload, context.action),
        "params": _params(payload, context.action),
    }
    body: JsonObject = {"user_id": payload.get("user_id"), "timestamp_micros": _micros(payload, context)}
    if "user_properties" in payload:
        own = payload["user_properties"]
        body["user_properties"] = {name: {"value": value} for name, value in own.items()}
    consent = {
        "ad_user_data": payload.get("ad_user_data_consent"),
        "ad_personalization": payload.get("ad_personalization_consent"),
    }
    body["consent"] = present(consent) or None
    return Request("POST", "/mp/collect", params=stream, json={**who, **present(body), "events": [event]})


def _stream(
    payload: JsonObject, settings: Mapping[str, Json]
) -> tuple[JsonObject, JsonObject, list[Problem]]:
    """Return which stream an event goes to, which device it is of, and what of both is missing."""
    if payload.get("data_stream_type") == _MOBILE:
        stream, setting, kind = "firebase_app_id", "firebaseAppId", "mobile app"
        device, field = "app_instance_id", "app_instance_id"
    else:
        stream, setting, kind = "measurement_id", "measurementId", "web"
        device, field = "client_id", "clientId" if "clientId" in payload else "client_id"
    faults = []
    if not settings.get(setting):
        faults.append(Problem("$", f"The setting {setting} is needed for {kind} streams."))
    if not payload.get(field):
        faults.append(Problem(f"$.{field}", f"An event of a {kind} stream needs it."))
    return {stream: settings.get(setting)}, {device: payload.get(field)}, faults


def _params(payload: JsonObject, action: str) -> JsonObject:
    params = {name: value for name, value in payload.items() if name not in _ABOUT}
    if "items" in destination.spec.actions[action].fields:
        params.setdefault("items", [])
    return {**params, **payload.get("params", {})}


def _event_name(payload: JsonObject, action: str) -> str:
    """Return the event's name: Google's for an action, which is the action's in snake case, or its own."""
    if action != "customEvent":
        return _WORD.sub("_", action).lower()
    name = _BLANK.sub("_", payload["name"].strip().strip("\ufeff"))
    return name.lower() if payload.get("lowercase") else name


def _micros(payload: JsonObject, context: Context) -> int | None:
    """Return the time in microseconds; None without one, which Google takes for the present."""
    time = payload.get("timestamp_micros")
    if not time:
        return None
    if _NUMBER.fullmatch(time):
        return int(time.partition(".")[0])
    try:
        return (read_time(time) - _EPOCH) // _MICROSECOND
    except ActionsError:
        context.warn("$.timestamp_micros", "It is not a time, and is left out: Google takes the present one.")
        return None
