"""Users, events and purchases: everything that goes to `/users/track`, 75 objects a request.

The functions are those of batches, a single event is a batch of one: a response with the status 201 tells
which objects were not taken, and so each event has an outcome of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_braze.definition import alias_of, destination, errors_of, refusal, sync_mode
from actions_braze.ecommerce import ecommerce_event
from actions_core import ActionsError, MultiStatus, PayloadError, Request, Skip, format_time, read_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core import BatchItem, Client, Context, Items, Json, JsonObject, Payload, Response

MOST_OBJECTS: Final = 75
_IDENTIFIERS: Final = ("external_id", "braze_id", "email")
#: Attributes that go out as they are, also as null, which unsets them.
_ATTRIBUTES: Final = (
    *("country", "home_city", "language", "time_zone", "first_name", "last_name", "image_url", "phone"),
    *("email_subscribe", "email_open_tracking_disabled", "email_click_tracking_disabled"),
    *("push_subscribe", "push_tokens", "facebook", "twitter"),
)
_TIMES: Final = ("date_of_first_session", "date_of_last_session", "marked_email_as_spam_at")
#: Custom attributes of these names are not sent: they belong to events, or are known under other names.
_RESERVED: Final = frozenset(
    {
        *("time", "products", "properties", "enable_batching", "batch_size"),
        *("firstName", "lastName", "avatar"),
        *("user_alias", "gender", "dob", "current_location", "_update_existing_only"),
        *(*_IDENTIFIERS, *_ATTRIBUTES, *_TIMES),
    }
)
_PRODUCT: Final = ("product_id", "currency", "price", "quantity")
_GENDERS: Final = {
    **dict.fromkeys(("man", "male", "m"), "M"),
    **dict.fromkeys(("woman", "female", "w", "f"), "F"),
    **dict.fromkeys(("other", "o"), "O"),
    **dict.fromkeys(("not applicable", "n"), "N"),
    **dict.fromkeys(("prefer not to say", "p"), "P"),
}


def event(payload: Payload, context: Context) -> JsonObject:
    """Make an event of the user's own."""
    item = {**_user(payload, context), **_app(context), "name": payload["name"], **_time(payload, "time")}
    return {**item, **_given(payload, "properties")}


def purchases(payload: Payload, context: Context) -> list[Json] | Skip:
    """Make a purchase of each product."""
    shared = {**_user(payload, context), **_app(context), **_time(payload, "time")}
    properties = {key: value for key, value in payload.get("properties", {}).items() if key != "products"}
    if not payload["products"]:
        return Skip("the event has no products")
    return [
        {
            **shared,
            **{key: product[key] for key in _PRODUCT if key in product},
            "currency": product.get("currency") or "USD",
            "properties": {**_others(product, _PRODUCT), **properties},
        }
        for product in payload["products"]
    ]


def attributes(payload: Payload, context: Context) -> JsonObject:
    """Make the attributes of a user."""
    item = {**_others(payload.get("custom_attributes", {}), _RESERVED), **_user(payload, context)}
    item.update(_given(payload, *_ATTRIBUTES))
    for key in _TIMES:
        item.update(_time(payload, key))
    for day in _time(payload, "dob").values():
        item["dob"] = day and day[:10]
    if "gender" in payload:
        gender = payload["gender"]
        item["gender"] = gender and _GENDERS.get(gender.lower(), gender)
    location = payload.get("current_location", {})
    if location != {}:
        item["current_location"] = location
    if payload.get("subscription_groups"):
        item["subscription_groups"] = payload["subscription_groups"]
    return item


@destination.batch("trackEvent", "trackEvent2", each=event)
@destination.batch("ecommerce", "ecommerceSingleProduct", each=ecommerce_event)
async def track_events(items: Items, client: Client) -> MultiStatus:
    """Send events."""
    return await _track("events", items, client)


@destination.batch("trackPurchase", "trackPurchase2", each=purchases)
async def track_purchases(items: Items, client: Client) -> MultiStatus:
    """Send purchases."""
    return await _track("purchases", items, client)


@destination.batch("updateUserProfile", "updateUserProfile2", each=attributes)
async def update_users(items: Items, client: Client) -> MultiStatus:
    """Send attributes of users."""
    return await _track("attributes", items, client)


async def _track(kind: str, items: Items, client: Client) -> MultiStatus:
    """Send the objects of all items, and match Braze's errors to the items that they are of."""
    outcomes = MultiStatus(len(items))
    for part in _parts(items):
        objects: list[tuple[int, Json]] = [
            (place, value) for place, item in enumerate(part) for value in _objects(item)
        ]
        headers = {"X-Braze-Batch": "true"} if len(objects) > 1 else {}
        body: JsonObject = {kind: [value for _, value in objects]}
        outcome: Response | ActionsError
        errors: dict[int, Any] = {}
        try:
            outcome = await client.send(Request("POST", "/users/track", headers=headers, json=body))
        except ActionsError as error:
            outcome = error
        else:
            for error_of_one in errors_of(outcome.json):
                index = error_of_one.get("index")
                if type(index) is not int or not 0 <= index < len(objects):
                    outcome = refusal(error_of_one)  # which one is not said, so none counts as taken
                else:
                    errors.setdefault(objects[index][0], refusal(error_of_one))
        part.results(outcome, errors, into=outcomes)
    return outcomes


def _parts(items: Items) -> Iterator[Items]:
    """Yield the items by the request that has room for them; one that is too large goes alone."""
    count = part = 0
    parts: dict[int, int] = {}
    for item in items:
        size = len(_objects(item))
        if count and count + size > MOST_OBJECTS:
            part, count = part + 1, 0
        count += size
        parts[item.place] = part
    yield from items.groups(lambda item: parts[item.place]).values()


def _objects(item: BatchItem) -> list[Json]:
    return item.value if isinstance(item.value, list) else [item.value]


def _user(payload: Payload, context: Context) -> JsonObject:
    """Return what names the user, and whether one that Braze does not know is made."""
    user = _given(payload, *_IDENTIFIERS)
    alias = alias_of(payload)
    if alias is not None:
        user["user_alias"] = alias
    if not any(user.values()):
        names = '"external_id", "user_alias" with both of its parts, "braze_id" and "email"'
        raise PayloadError.at("$", f"One of {names} is required.")
    mode = sync_mode(context)
    if mode is not None:
        user["_update_existing_only"] = mode == "update"
    elif "_update_existing_only" in payload:
        user["_update_existing_only"] = payload["_update_existing_only"]
    return user


def _app(context: Context) -> JsonObject:
    return {key: context.settings[key] for key in ("app_id",) if context.settings.get(key)}


def _time(payload: Payload, key: str) -> dict[str, Any]:
    """Return a time as Braze reads it, null where it is null, and nothing where it is none."""
    value = payload.get(key, "")
    if value is None:
        return {key: None}
    try:
        return {key: format_time(read_time(value))}
    except (ActionsError, ValueError):
        return {}


def _given(payload: Payload, *keys: str) -> dict[str, Any]:
    return {key: payload[key] for key in keys if key in payload}


def _others(source: JsonObject, keys: frozenset[str] | tuple[str, ...]) -> JsonObject:
    return {key: value for key, value in source.items() if key not in keys}
