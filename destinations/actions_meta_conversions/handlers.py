"""One function for all actions: Meta's events differ in their name and in what their `custom_data` contains.

Both come from the definition: a field that stands in `_CUSTOM` and that the action has is a part of
`custom_data`, where it wins over a property of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from actions_core import (
    AuthenticationError,
    Destination,
    Payload,
    PayloadError,
    Problem,
    Request,
    RequestError,
    present,
)
from actions_meta_conversions.codes import CURRENCIES
from actions_meta_conversions.user_data import hash_user_data

if TYPE_CHECKING:
    from actions_core import ActionsError, Context, JsonObject, Response

destination = Destination.from_package(__package__)

#: Meta's name of the event of each action; the others have it in their payload.
_NAMES: Final = {
    "addToCart": "AddToCart",
    "initiateCheckout": "InitiateCheckout",
    "pageView": "PageView",
    "purchase": "Purchase",
    "search": "Search",
    "viewContent": "ViewContent",
}
_CUSTOM: Final = (
    "content_category",
    "content_ids",
    "content_name",
    "content_type",
    "contents",
    "currency",
    "net_revenue",
    "num_items",
    "search_string",
    "value",
)
_DELIVERIES: Final = ("in_store", "curbside", "home_delivery")
#: What describes a device, in the order that Meta reads.
_DEVICE: Final = (
    "version",
    "packageName",
    "shortVersion",
    "longVersion",
    "osVersion",
    "deviceName",
    "locale",
    "timezone",
    "carrier",
    "width",
    "height",
    "density",
    "cpuCores",
    "storageSize",
    "freeStorage",
    "deviceTimezone",
)
#: Codes in Meta's errors, which come with a 400 for the most part.
_EXPIRED: Final = frozenset({102, 190})
_RATE_LIMITS: Final = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
_TRANSIENT: Final = frozenset({1, 2})


@destination.judge
def judge(response: Response) -> ActionsError | None:
    """Tell expired tokens, rate limits and failures of Meta's own from refusals, by the code of the error."""
    body = response.json
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    code = error.get("code")
    message = f"Meta says: {error.get('error_user_msg') or error.get('message')}"
    if code in _EXPIRED:
        return AuthenticationError(message)
    if code in _RATE_LIMITS:
        return RequestError(message, status=429, retryable=True)
    if code in _TRANSIENT or error.get("is_transient") is True:
        return RequestError(message, status=503, retryable=True)
    return None


@destination.action(*destination.spec.actions)
def send(payload: Payload, context: Context) -> Request:
    """Send an event."""
    _check(payload, context)
    body: JsonObject = {"data": [_event(payload, context)]}
    test_code = payload.get("test_event_code") or context.settings.get("testEventCode")
    if test_code:
        body["test_event_code"] = test_code
    return Request("POST", f"/{quote(context.settings['pixelId'], safe='')}/events", json=body)


def _check(payload: Payload, context: Context) -> None:
    """Refuse what Meta refuses, everything at once."""
    problems: list[Problem] = []
    currency = payload.get("currency")
    if currency and currency not in CURRENCIES:
        problems.append(
            Problem("$.currency", f"Meta knows no currency {currency!r}; one is USD, in capitals.")
        )
    website = payload["action_source"] == "website" and not context.action.startswith("custom")
    if website and "client_user_agent" not in payload["user_data"]:
        message = "Events of a website need the user agent of the browser."
        problems.append(Problem("$.user_data.client_user_agent", message))
    for place, item in enumerate(payload.get("contents") or ()):
        if not item.get("id"):
            problems.append(Problem(f"$.contents[{place}].id", "Each of the contents needs an id."))
        delivery = item.get("delivery_category")
        if delivery and delivery not in _DELIVERIES:
            message = f"A delivery is one of {', '.join(_DELIVERIES)}."
            problems.append(Problem(f"$.contents[{place}].delivery_category", message))
    if problems:
        raise PayloadError(problems=problems)


def _event(payload: Payload, context: Context) -> JsonObject:
    """Return an event as Meta reads it."""
    event = {
        "event_name": _NAMES.get(context.action.removesuffix("2")) or payload["event_name"],
        "event_time": payload["event_time"],
        "action_source": payload["action_source"],
        "event_source_url": payload.get("event_source_url"),
        "event_id": payload.get("event_id"),
        "user_data": hash_user_data(payload["user_data"]),
        "custom_data": _custom_data(payload, context),
        "app_data": _app_data(payload.get("app_data_field") or {}),
    }
    if payload.get("data_processing_options"):
        event["data_processing_options"] = ["LDU"]
        for key in ("data_processing_options_country", "data_processing_options_state"):
            event[key] = payload.get(key) or 0
    return present(event)


def _custom_data(payload: Payload, context: Context) -> JsonObject | None:
    """Return the user's own properties, and the fields that Meta keeps among them."""
    known = [key for key in _CUSTOM if key in destination.spec.actions[context.action].fields]
    custom = payload.get("custom_data")
    if not known:
        return custom
    others = {key: value for key, value in (custom or {}).items() if key not in known}
    return {**others, **{key: payload[key] for key in known if key in payload}}


def _app_data(fields: JsonObject) -> JsonObject | None:
    """Return what is known about an app and its device, where the event is one of an app."""
    if not fields.get("use_app_data"):
        return None
    device = [fields.get(key) for key in _DEVICE]
    app = {
        "advertiser_tracking_enabled": int(bool(fields.get("advertiser_tracking_enabled"))),
        "application_tracking_enabled": int(bool(fields.get("application_tracking_enabled"))),
        "madid": fields.get("madId"),
        "extinfo": ["" if value is None else value for value in device],
    }
    return present(app)
