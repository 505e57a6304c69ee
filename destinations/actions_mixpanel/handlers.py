"""Mixpanel's requests: events are imported, many at once; profiles and identities go one by one.

`/import` takes what is good of a request and refuses the rest by place, with a status of 400. The other
addresses respond with a 200 that says only `1`, or `0` for what they refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core import (
    ActionsError,
    Client,
    Context,
    Destination,
    Items,
    MultiStatus,
    Payload,
    PayloadError,
    Request,
    Response,
    ResponseError,
    Skip,
    compile_mapping,
)
from actions_mixpanel.events import make_event, make_purchase
from actions_mixpanel.profiles import group_traits, numbers, person, person_traits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core import Json, JsonObject

#: How many events `/import` takes at once.
MOST_EVENTS: Final = 2000

#: What became of the events that a partly refused request does not name.
IMPORTED: Final = Response(200, {}, b"{}")
_JSON_TEXT: Final = compile_mapping({"@json": {"mode": "encode", "value": {"@path": "$."}}})

destination = Destination.from_package(__package__)


@destination.judge
def judge(response: Response) -> ActionsError | None:
    """Take a `0` for the refusal that it is."""
    if response.ok and response.text.strip() == "0":
        return PayloadError("Mixpanel refuses the data, and says no more than 0")
    return None


def track(payload: Payload, context: Context) -> Json:
    """Return the events of a payload: one, or more for an order."""
    return (
        make_purchase(payload, context)
        if context.action == "trackPurchase"
        else [make_event(payload, context)]
    )


@destination.batch("trackEvent", "trackPurchase", each=track)
async def import_events(items: Items, context: Context, client: Client) -> MultiStatus:
    """Import the events of all items, in as few requests as Mixpanel allows."""
    outcomes = MultiStatus(len(items))
    for part in _parts(items):
        request = Request(
            "POST",
            "/import",
            params={"strict": context.settings.get("strictMode", "1")},
            json=[event for events in part.values for event in events],
        ).with_basic_auth(context.settings["apiSecret"])
        try:
            part.results(await client.send(request), into=outcomes)
        except ResponseError as error:
            refused = _refused(error.response, part)
            if not refused and len(part) == len(items):
                raise
            part.results(IMPORTED if refused else error, refused, into=outcomes)
    return outcomes


@destination.action("identifyUser")
async def identify_user(payload: Payload, context: Context, client: Client) -> Skip | None:
    """Join the anonymous id with the user id, then set the traits."""
    settings, traits = context.settings, payload.get("traits")
    user, anonymous = payload.get("user_id"), payload.get("anonymous_id")
    if not (user and anonymous) and not traits:
        return Skip("there are no traits, and no two ids to join")
    if user and anonymous:
        properties = {"$identified_id": user, "$anon_id": anonymous, "token": settings["projectToken"]}
        if settings.get("sourceName") is not None:
            properties["segment_source_name"] = settings["sourceName"]
        await client.send(_form("/track", {"event": "$identify", "properties": properties}))
    if traits:
        await client.send(_profile(context, person(payload), "$set", person_traits(traits)))
    return None


@destination.action("groupIdentifyUser")
def identify_group(payload: Payload, context: Context) -> Request:
    """Set the traits of a group."""
    traits = payload.get("traits")
    if traits is None:
        raise PayloadError.at("$.traits", "Give the group's properties: there is nothing else to set.")
    key = payload.get("group_key") or "$group_id"
    named = traits.get(key)
    group = {"$group_key": key, "$group_id": payload["group_id"] if named in (None, "", 0) else named}
    return _profile(context, group, "$set", group_traits(traits), "/groups")


@destination.action("incrementProperties")
def increment_properties(payload: Payload, context: Context) -> Request | Skip:
    """Add to numbers of a profile."""
    increment = payload["increment"]
    if not increment:
        return Skip("there is nothing to increment")
    return _profile(context, person(payload), "$add", numbers(increment, context))


def _profile(
    context: Context, whose: JsonObject, change: str, values: JsonObject, url: str = "/engage"
) -> Request:
    return _form(url, {"$token": context.settings["projectToken"], **whose, change: values})


def _form(url: str, data: JsonObject) -> Request:
    """Return a request whose form has one field, `data`: JSON as text."""
    return Request("POST", url, form={"data": _JSON_TEXT.resolve(data)})


def _parts(items: Items) -> Iterator[Items]:
    """Yield the items, in their order, in parts of as many events as one request may have."""
    part_of: list[int] = []
    part = count = 0
    for events in items.values:
        count += len(events)
        if count > MOST_EVENTS:
            part, count = part + 1, len(events)
        part_of.append(part)
    yield from items.groups(lambda item: part_of[item.place]).values()


def _refused(response: Response, items: Items) -> dict[int, str]:
    """Return why items were refused, by place, where the response names them; the others are imported then.

    An order is refused where one of its events is.
    """
    match response.status, response.json:
        case 400, {"failed_records": [*records]}:
            owners = [place for place, events in enumerate(items.values) for _ in events]
            try:
                return {owners[_place(record)]: str(record["message"]) for record in reversed(records)}
            except (IndexError, KeyError, TypeError):
                return {}  # nobody knows then which ones it means
    return {}


def _place(record: JsonObject) -> int:
    index = record["index"]
    if type(index) is not int or index < 0:
        raise TypeError(index)
    return index
