"""Catalogs: their items, and the hook that selects or creates one when a mapping is saved."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from actions_braze.definition import destination, errors_of, refusal, sync_mode
from actions_core import (
    ActionsError,
    Choices,
    MultiStatus,
    Node,
    PayloadError,
    Request,
    Response,
    ResponseError,
)

if TYPE_CHECKING:
    from actions_core import BatchItem, Client, Context, Items, Json, JsonObject, Payload

_ITEM_ID: Final = re.compile("[a-zA-Z0-9_-]{1,250}")
_NOT_FOUND: Final = 404
_REFUSED: Final = 400
_AGAIN: Final = 503


@destination.hook("upsertCatalogItem", "onMappingSave")
async def select_catalog(payload: Payload, client: Client) -> JsonObject:
    """Select a catalog that Braze has, or create one."""
    if payload["operation"] == "select":
        return {"catalog_name": payload["selected_catalog_name"]}
    columns = [column for column in payload["columns"] if column["name"] != "id"]
    catalog = {
        "name": payload["created_catalog_name"],
        "description": payload.get("description", ""),
        "fields": [{"name": "id", "type": "string"}, *columns],
    }
    await client.send(Request("POST", "/catalogs", json={"catalogs": [catalog]}))
    return {"catalog_name": catalog["name"]}


@destination.dynamic_field("upsertCatalogItem", "selected_catalog_name", hook="onMappingSave")
async def catalog_names(client: Client) -> Choices:
    """List the catalogs."""
    return _choices(await _catalogs(client))


@destination.dynamic_field("upsertCatalogItem", "item.__keys__")
async def item_keys(payload: dict[str, Any], client: Client) -> Choices:
    """List the fields of the mapping's catalog, but for the id."""
    hook = payload.get("onMappingSave") or {}
    name = (hook.get("outputs") or {}).get("catalog_name")
    found = [one for one in await _catalogs(client) if one.get("name") == name]
    fields = [field for one in found for field in one.get("fields") or ()]
    return _choices([field for field in fields if field["name"] != "id"])


async def _catalogs(client: Client) -> list[Any]:
    response = await client.send(Request("GET", "/catalogs"))
    return response.json.get("catalogs") or []


def _choices(named: list[Any]) -> Choices:
    return Choices(tuple({"label": one["name"], "value": one["name"]} for one in named))


def _item(payload: Payload, context: Context) -> JsonObject:
    """Make an item, or its id alone where it is deleted."""
    if not _ITEM_ID.fullmatch(payload["item_id"]):
        message = "An id has letters, digits, hyphens and underscores alone, 250 at most."
        raise PayloadError.at("$.item_id", message)
    if sync_mode(context) == "delete":
        return {"id": payload["item_id"]}
    if not payload.get("item"):
        raise PayloadError.at("$.item", "An item needs fields.")
    return {**payload["item"], "id": payload["item_id"]}


@destination.action("upsertCatalogItem")
async def write_item(payload: Payload, context: Context, client: Client) -> None:
    """Write an item, or delete it; one that is not there is as good as deleted."""
    _item(payload, context)
    url = f"{_items_url(context)}{payload['item_id']}"
    request = Request(_method(context), url, json={"items": [payload.get("item", {})]})
    try:
        await client.send(request)
    except ResponseError as error:
        gone = any(one.get("id") == "item-not-found" for one in errors_of(error.response.json))
        if not gone or sync_mode(context) != "delete":
            raise


@destination.batch("upsertCatalogItem", each=_item)
async def write_items(items: Items, context: Context, client: Client) -> MultiStatus:
    """Write or delete many items. A request has an id once: what is written again goes into the next one."""
    url = _items_url(context)
    outcomes = MultiStatus(len(items))
    seen: Counter[str] = Counter()
    rounds: dict[int, int] = {}
    for item in items:
        rounds[item.place] = seen[_id(item)]
        seen[_id(item)] += 1
    for part in items.groups(lambda item: rounds[item.place]).values():
        request = Request(_method(context), url, json={"items": part.values})
        outcome: Response | ActionsError | Node
        errors: dict[int, Json | Node | PayloadError] = {}
        try:
            outcome = await client.send(request)
        except ResponseError as error:
            outcome, errors = _outcomes(part, error)
        except ActionsError as error:
            outcome = error
        part.results(outcome, errors, into=outcomes)
    return outcomes


def _outcomes(part: Items, error: ResponseError) -> tuple[ResponseError | Node, dict[int, Any]]:
    """Return what a refusal of a request says of all its items, and what it says of some.

    Braze takes all items or none, so those that are not to blame may be sent again.
    """
    places = {_id(item): place for place, item in enumerate(part)}
    found: dict[int, Any] = {}
    for one in errors_of(error.response.json):
        if one.get("id") == "catalog-not-found":
            return Node(_NOT_FOUND, errormessage="Braze has no such catalog: save the mapping again."), {}
        for value in one.get("parameter_values") or ():
            place = places.get(str(value.get("id") if isinstance(value, dict) else value))
            if place is not None:
                found.setdefault(place, refusal({"message": one.get("message")}))
    if not found:
        return error, {}
    return Node(_AGAIN, errormessage="Braze refused another item of the same request."), found


def _items_url(context: Context) -> str:
    hook = context.hook_outputs.get("onMappingSave") or {}
    name = hook.get("catalog_name")
    if not name:
        raise PayloadError("The mapping has no catalog: save it again, and select or create one.")
    return f"/catalogs/{quote(str(name), safe='')}/items/"


def _method(context: Context) -> str:
    return "DELETE" if sync_mode(context) == "delete" else "PUT"


def _id(item: BatchItem) -> str:
    return str(item.value["id"])
