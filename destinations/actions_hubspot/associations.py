"""Associations between the records of a batch and others, which are looked up or created for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from actions_core import Request
from actions_hubspot.definition import MOST, association, id_of, objects_in, part, properties_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core import JsonObject
    from actions_hubspot.batch import Records

_ASSOCIATIONS: Final = "associations"
_DISSOCIATIONS: Final = "dissociations"

Value = TypeVar("Value")


@attrs.frozen
class _Link:
    """An association of a record, by its key, with another one."""

    key: str
    kind: str
    id_field: str
    other: str
    label: str


async def associate(records: Records) -> None:
    """Associate records with others, which are created where the mapping says so."""
    links = _links(records, _ASSOCIATIONS)
    found = await _others(records, links, _ASSOCIATIONS, creates=records.creates_others)
    await _send(records, found, "create")


async def dissociate(records: Records) -> None:
    """Take associations of records with others away."""
    links = _links(records, _DISSOCIATIONS)
    found = await _others(records, links, _DISSOCIATIONS, creates=False)
    await _send(records, found, "labels/archive")


def _links(records: Records, what: str) -> list[_Link]:
    """Return the associations of records that HubSpot has named; the events of others fail."""
    keys = [key for key, one in records.left().items() if one[what]]
    records.end_unknown(keys, f"$.{what}")
    return [
        _Link(key, one["object_type"], one["id_field_name"], one["id_field_value"], one["association_label"])
        for key, record in records.left().items()
        for one in record[what]
    ]


async def _others(
    records: Records, links: list[_Link], what: str, *, creates: bool
) -> list[tuple[_Link, str]]:
    """Return the associations with HubSpot's IDs of the other records; events are warned of missing ones."""
    found: list[tuple[_Link, str]] = []
    for kind, id_field in dict.fromkeys((link.kind, link.id_field) for link in links):
        same = [link for link in links if (link.kind, link.id_field) == (kind, id_field)]
        for others in _chunks(list(dict.fromkeys(link.other for link in same))):
            some = [link for link in same if link.other in others]
            keys = [link.key for link in some]
            body = await records.send(_lookup(kind, id_field, others, creates=creates), keys)
            if body is None:
                continue
            ids = {
                str(properties_of(one).get(id_field)).lower(): id_of(one)
                for one in objects_in(body, "results")
                if id_of(one)
            }
            found += [(link, ids[link.other.lower()]) for link in some if link.other.lower() in ids]
            for link in some:
                if link.other.lower() not in ids:
                    message = f'HubSpot has no {kind} whose {id_field} is "{link.other}".'
                    records.warn(link.key, f"$.{what}", message)
    return found


def _lookup(kind: str, id_field: str, others: Sequence[str], *, creates: bool) -> Request:
    """Return the request that reads other records, or creates those that are not there."""
    if creates:
        body: JsonObject = {
            "inputs": [
                {"idProperty": id_field, "id": other, "properties": {id_field: other}} for other in others
            ]
        }
    else:
        inputs = [{"id": other} for other in others]
        body = {"idProperty": id_field, "properties": [id_field], "inputs": inputs}
    what = "upsert" if creates else "read"
    return Request("POST", f"/crm/v3/objects/{part(kind)}/batch/{what}", json=body)


async def _send(records: Records, found: list[tuple[_Link, str]], what: str) -> None:
    left = [(link, other) for link, other in found if link.key in records.left()]
    for kind in dict.fromkeys(link.kind for link, _ in left):
        for some in _chunks([(link, other) for link, other in left if link.kind == kind]):
            inputs = [
                {
                    "types": [association(f"$.{_ASSOCIATIONS}", link.label)],
                    "from": {"id": records.ids[link.key]},
                    "to": {"id": other},
                }
                for link, other in some
            ]
            url = f"/crm/v4/associations/{part(records.kind)}/{part(kind)}/batch/{what}"
            await records.send(Request("POST", url, json={"inputs": inputs}), [link.key for link, _ in some])


def _chunks(items: list[Value]) -> Iterator[list[Value]]:
    for start in range(0, len(items), MOST):
        yield items[start : start + MOST]
