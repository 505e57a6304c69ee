"""How records are written in each sync mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core import Request, Skip
from actions_hubspot.definition import part

if TYPE_CHECKING:
    from collections.abc import Collection

    from actions_core import JsonObject
    from actions_hubspot.batch import Records


async def upsert_records(records: Records) -> None:
    """Update the records that there are, and create the others."""
    inputs = [
        {"idProperty": records.id_field, "id": key, "properties": {**_values(one), records.id_field: key}}
        for key, one in records.left().items()
    ]
    await _write(records, "upsert", inputs, records.left().keys())


async def update_records(records: Records) -> None:
    """Update the records that there are."""
    found = await _read(records)
    if found is None:
        return
    missing = records.left().keys() - found
    records.end(missing, Skip('HubSpot has no such record, and the sync mode "update" creates none'))
    inputs = [
        {"idProperty": records.id_field, "id": key, "properties": _values(one)}
        for key, one in records.left().items()
    ]
    await _write(records, "update", inputs, records.left().keys())


async def add_records(records: Records) -> None:
    """Create the records that are not there."""
    found = await _read(records)
    if found is None:
        return
    records.end(found, Skip('HubSpot has the record, and the sync mode "add" changes none'))
    inputs = [
        {"idProperty": records.id_field, "properties": {**_values(one), records.id_field: key}}
        for key, one in records.left().items()
    ]
    await _write(records, "create", inputs, records.left().keys())


async def _read(records: Records) -> Collection[str] | None:
    """Return which of the records there are, None where that is not known."""
    keys = list(records.left())
    if not keys:
        return None
    body = {
        "properties": [records.id_field],
        "idProperty": records.id_field,
        "inputs": [{"id": key} for key in keys],
    }
    read = await records.send(Request("POST", _url(records, "read"), json=body), keys)
    return None if read is None else records.find(read, keys)


async def _write(records: Records, what: str, inputs: list[JsonObject], keys: Collection[str]) -> None:
    if inputs:
        body = await records.send(Request("POST", _url(records, what), json={"inputs": inputs}), keys)
        if body is not None:
            records.note_written(body, keys)


def _url(records: Records, what: str) -> str:
    return f"/crm/v3/objects/{part(records.kind)}/batch/{what}"


def _values(one: dict[str, Any]) -> JsonObject:
    return {**one["properties"], **one["sensitive_properties"]}
