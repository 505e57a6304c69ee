"""Events in Mixpanel's form: an action's payload becomes properties under Mixpanel's own names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from actions_core import ActionsError, present, read_time
from actions_mixpanel.browsers import read_browser

if TYPE_CHECKING:
    from actions_core import Context, Json, JsonObject

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
#: Mixpanel takes 36 characters: these, with the place of a product before them.
_INSERT_ID: Final = 32

#: Mixpanel's name of each field that goes out as it is.
_FIELDS: Final = {
    "id": "distinct_id",
    "distinct_id": "distinct_id",
    "$anon_id": "anonymous_id",
    "$device_id": "anonymous_id",
    "$user_id": "user_id",
    "$identified_id": "user_id",
    "$group_id": "group_id",
    "ip": "ip",
    "$app_name": "app_name",
    "$app_namespace": "app_namespace",
    "$app_build_number": "app_build",
    "$app_version_string": "app_version",
    "$os": "os_name",
    "$os_version": "os_version",
    "$device": "device_name",
    "$device_name": "device_name",
    "$device_type": "device_type",
    "$manufacturer": "device_manufacturer",
    "$model": "device_model",
    "$bluetooth_enabled": "bluetooth",
    "$carrier": "carrier",
    "$cellular_enabled": "cellular",
    "$wifi_enabled": "wifi",
    "mp_country_code": "country",
    "$locale": "language",
    "$lib_version": "library_version",
    "$ios_ifa": "idfa",
    "$current_url": "url",
    "$referrer": "referrer",
    "$screen_width": "screen_width",
    "$screen_height": "screen_height",
    "$screen_density": "screen_density",
    "advertising_id": "advertising_id",
    "ad_tracking_enabled": "ad_tracking_enabled",
    "timezone": "timezone",
    "app_platform": "app_platform",
    "event_original_name": "name",
}
_CAMPAIGN: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_CLIENT_HINTS: Final = ("mobile", "platform", "bitness", "platformVersion", "uaFullVersion", "wow64")

#: What says who, when and which event it was, and is not for an event's own properties to change.
_RESERVED: Final = frozenset({"time", "id", "$anon_id", "distinct_id", "$group_id", "$insert_id", "$user_id"})
#: What is the whole order's, not that of one of its products.
_ORDER: Final = frozenset(
    {
        "affiliation",
        "subtotal",
        "total",
        "revenue",
        "shipping",
        "tax",
        "discount",
        "coupon",
        "currency",
        "order_number",
        "products",
    }
)


def make_event(payload: JsonObject, context: Context) -> JsonObject:
    """Return the event of a payload; its own properties win over those of other fields."""
    properties = present({name: payload.get(field) for name, field in _FIELDS.items()})
    properties.setdefault("distinct_id", "")
    properties["time"] = _milliseconds(payload.get("time"))
    properties["$insert_id"] = payload.get("insert_id") or _insert_id(context)
    properties["$source"] = "Iterable" if _came_from_iterable(payload) else "segment"
    campaign, hints = payload.get("utm_properties", {}), payload.get("userAgentData", {})
    browser, version = read_browser(agent) if (agent := payload.get("userAgent")) else (None, None)
    library = payload.get("library_name")
    properties |= present(
        {
            "$browser": browser,
            "$browser_version": version,
            "mp_lib": f"Segment Actions: {library}" if library else None,
            "segment_source_name": context.settings.get("sourceName"),
            **{name: campaign.get(name) for name in _CAMPAIGN},
            **{f"${name}": hints.get(name) for name in _CLIENT_HINTS},
        }
    )
    own = payload.get("event_properties", {})
    properties |= {name: value for name, value in own.items() if name not in _RESERVED}
    return {"event": payload["event"], "properties": properties}


def make_purchase(payload: JsonObject, context: Context) -> list[Json]:
    """Return the events of an order: its own, and one for each product, with their own ids and times."""
    order = make_event(payload, context)
    if not payload.get("generatePurchaseEventPerProduct"):
        return [order]
    shared = {name: value for name, value in order["properties"].items() if name not in _ORDER}
    products = [
        {
            "event": "Product Purchased",
            "properties": {
                **shared,
                "$insert_id": f"{place}{shared['$insert_id']}",
                "time": shared["time"] - place - 1,
                **product,
            },
        }
        for place, product in enumerate(payload.get("products", ()))
    ]
    return [order, *products]


def _insert_id(context: Context) -> str:
    """Return an id that is the same at every try of an event, in the characters that Mixpanel takes."""
    return sha256(context.idempotency_key.encode()).hexdigest()[:_INSERT_ID]


def _milliseconds(time: Json) -> int:
    """Return a time in milliseconds since 1970; the present one for what cannot be read."""
    try:
        moment = read_time(time)
    except ActionsError:
        moment = datetime.now(UTC)
    return (moment - _EPOCH) // _MILLISECOND


def _came_from_iterable(payload: JsonObject) -> bool:
    integration = payload.get("context", {}).get("integration")
    return isinstance(integration, dict) and integration.get("name") == "Iterable"
