"""Mixpanel's requests: events are imported, many at once; profiles and identities go one by one.

`/import` takes what is good of a request and refuses the rest by place, with a status of 400. The other
addresses respond with a 200 that says only `1`, or `0` for what they refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

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

_Errors: TypeAlias = dict[int, str]
_JSON_TEXT: Final = compile_mapping({"@json": {"mode": "encode", "value": {"@path": "$."}}})

destination = Destination.from_package(__package__)


@destination.judge
def judge(response: Response) -> ActionsError | Response | None:
    """Take a partly imported request for a success of the rest, and a `0` for a refusal."""
    match response.json:
        case {"failed_records": [_, *_]} if response.status == 400:  # noqa: PLR2004  # HTTP's own number
            return Response(200, response.headers, response.body)
        case 0 if response.ok and response.json is not False:
            return PayloadError("Mixpanel refuses it, and says no more than 0")
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
            response = await client.send(request)
        except ActionsError as error:
            if len(part) == len(items):
                raise
            part.results(error, into=outcomes)
        else:
            part.results(response, _refused(response, part), into=outcomes)
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
    """Yield the items in parts of as many events as one request may have."""
    first = count = 0
    for index, item in enumerate(items):
        size = len(item.value)
        if count and count + size > MOST_EVENTS:
            yield items.where(lambda item, places=range(first, index): item.place in places)
            first, count = index, 0
        count += size
    yield items.where(lambda item: item.place >= first)


def _refused(response: Response, items: Items) -> _Errors:
    """Return why an item was refused, by its place: for an order, what is said first of one of its events."""
    owners = [place for place, events in enumerate(items.values) for _ in events]
    found: _Errors = {}
    for record in _failed_records(response):
        index = record.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(owners):
            raise IndexError(f"no event has the place {index!r}: {len(owners)} were sent")
        found.setdefault(owners[index], str(record.get("message") or "Mixpanel refuses it"))
    return found


def _failed_records(response: Response) -> list[JsonObject]:
    match response.json:
        case {"failed_records": list(records)}:
            return [record for record in records if isinstance(record, dict)]
    return []
