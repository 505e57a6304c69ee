"""Records of any object: written, associated with others, put into lists, many events at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core import MultiStatus, PayloadError
from actions_hubspot.associations import associate, dissociate
from actions_hubspot.batch import Records
from actions_hubspot.definition import MOST, association, destination, sync_mode
from actions_hubspot.lists import change_members, find_list, membership
from actions_hubspot.properties import key_of, typed
from actions_hubspot.schemas import check_properties
from actions_hubspot.writing import add_records, update_records, upsert_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core import BatchItem, Client, Context, Items, JsonObject, Payload

_KINDS: Final = ("properties", "sensitive_properties")
_LINKS: Final = ("associations", "dissociations")
_DETAILS: Final = ("object_type", "id_field_name", "id_field_value")
_LINK: Final = (*_DETAILS, "association_label")
_MODES: Final = {"upsert": upsert_records, "update": update_records, "add": add_records}


def record(payload: Payload) -> JsonObject:
    """Return a record, with what it is associated with and its place in a list."""
    details = payload["object_details"]
    empty = [key for key in _DETAILS if details.get(key) in (None, "")]
    if empty:
        raise PayloadError.at("$.object_details", f"{', '.join(empty)} must not be empty.")
    made: dict[str, Any] = {"id": details["id_field_value"]}
    for kind in _KINDS:
        values = {key_of(key): typed(value) for key, value in (payload.get(kind) or {}).items()}
        made[kind] = {key: value.value for key, value in values.items() if value is not None}
    for kind in _LINKS:
        made[kind] = [_link(kind, one) for one in payload.get(kind) or () if all(map(one.get, _LINK))]
    made["list"] = membership(payload)
    return made


def _link(kind: str, one: JsonObject) -> JsonObject:
    """Return another record, and how it is associated."""
    association(f"$.{kind}", one["association_label"])
    return {key: one[key] for key in _LINK}


@destination.batch("upsertObject", each=record)
async def write_records(items: Items, context: Context, client: Client) -> MultiStatus:
    """Write the records of many events, those together that one request may have."""
    outcomes = MultiStatus(len(items))
    for same in items.groups(_group).values():
        for some in _parts(same):
            records = Records(some, context, client)
            await _write(records, sync_mode(context) or "")
            for key, events in records.events.items():
                events.results(records.outcomes.get(key), into=outcomes)
    return outcomes


async def _write(records: Records, mode: str) -> None:
    await check_properties(records)
    members = await find_list(records)
    await _MODES[mode](records)
    await associate(records)
    await dissociate(records)
    await change_members(records, members)


def _group(item: BatchItem) -> tuple[str, ...]:
    """Return what the records of a request have in common."""
    details = item.payload["object_details"]
    members = item.value["list"] or {}
    return (
        details["object_type"],
        details["id_field_name"],
        details.get("property_group", ""),
        item.payload["association_sync_mode"],
        members.get("name", ""),
        str(members.get("create")),
    )


def _parts(items: Items) -> Iterator[Items]:
    """Yield the items in parts of as many records as a request may have."""
    places: dict[str, int] = {}
    for item in items:
        places.setdefault(item.value["id"], len(places) // MOST)
    yield from items.groups(lambda item: places[item.value["id"]]).values()
