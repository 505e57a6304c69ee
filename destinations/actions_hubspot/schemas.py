"""Properties of objects: whether HubSpot has those of records, and may take their values.

What is missing is made in the mapping's property group. What HubSpot has is remembered for an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core import PayloadError, Request
from actions_hubspot.definition import objects_in, part
from actions_hubspot.properties import typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core import JsonObject
    from actions_hubspot.batch import Records
    from actions_hubspot.properties import Typed

_REMEMBERED: Final = 3600.0
_SENSITIVE: Final = "sensitive_properties"
#: How HubSpot has a kind of value: its type, and that of its field.
_TYPES: Final = {
    "string": ("string", "text"),
    "number": ("number", "number"),
    "boolean": ("enumeration", "booleancheckbox"),
    "datetime": ("datetime", "date"),
    "date": ("date", "date"),
}
#: The kinds of values that a type takes, where it does not take all.
_TAKEN: Final = {
    "number": ("number",),
    "datetime": ("datetime", "date", "number"),
    "date": ("datetime", "date", "number"),
}


async def check_properties(records: Records) -> None:
    """Refuse records that HubSpot would not take, and make the properties that it does not have."""
    missing: dict[str, dict[str, Typed]] = {}
    for what in ("properties", _SENSITIVE):
        wanted = {key: value for one in records.left().values() for key, value in _typed(one[what]).items()}
        known = await _known(records, what, wanted)
        _refuse(records, what, known)
        left = {name for one in records.left().values() for name in one[what]}
        missing[what] = {name: wanted[name] for name in wanted if name in left and name not in known}
    if any(missing.values()):
        await _make(records, missing)


def _refuse(records: Records, what: str, known: Mapping[str, str]) -> None:
    """End records with values that the types of their properties do not take."""
    for key, one in records.left().items():
        faults = _faults(_typed(one[what]), known)
        if faults:
            records.end([key], PayloadError.at(f"$.{what}", " ".join(faults)))


def _typed(values: Mapping[str, Any]) -> dict[str, Typed]:
    found = {key: typed(value) for key, value in values.items()}
    return {key: value for key, value in found.items() if value is not None}


def _faults(values: Mapping[str, Typed], known: Mapping[str, str]) -> list[str]:
    return [
        f'HubSpot has "{name}" as "{known[name]}", but in the event it is "{value.kind}".'
        for name, value in values.items()
        if name in known and not _fits(value, known[name])
    ]


def _fits(value: Typed, there: str) -> bool:
    """Return whether HubSpot may take a value; of choices and text, it says so itself."""
    kind = value.kind
    if there == "number" and kind == "string":
        number = typed(value.text, numbers=True)
        kind = kind if number is None else number.kind
    return not value.text or kind in _TAKEN.get(there, (kind,))


async def _known(records: Records, what: str, wanted: Mapping[str, Typed]) -> Mapping[str, str]:
    """Return the types of properties: the remembered ones, where they have all that are wanted."""
    key = _state_key(records, what)
    known = records.context.state.get(key)
    if isinstance(known, dict) and wanted.keys() <= known.keys() and not _faults(wanted, known):
        return known
    if not wanted:
        return {}
    params = {"dataSensitivity": "sensitive"} if what == _SENSITIVE else {}
    request = Request("GET", f"/crm/v3/properties/{part(records.kind)}", params=params)
    body = await records.send(request, [*records.left()])
    if body is None:
        return {}
    found = {str(one.get("name")): str(one.get("type")) for one in objects_in(body, "results")}
    records.context.state.set(key, found, _REMEMBERED)
    return found


def _state_key(records: Records, what: str) -> str:
    return f"{what} of {records.kind}"


async def _make(records: Records, missing: Mapping[str, Mapping[str, Typed]]) -> None:
    """Make properties in the mapping's group; without one, refuse the records that have such properties."""
    keys = [
        key
        for key, one in records.left().items()
        if any(name in one[what] for what, names in missing.items() for name in names)
    ]
    names = sorted({name for values in missing.values() for name in values})
    if not records.property_group:
        message = f"HubSpot has no {', '.join(names)} for {records.kind}, and no property_group says where."
        records.end(keys, PayloadError.at("$.object_details.property_group", message))
        return
    inputs = [
        _definition(name, value, records.property_group, is_sensitive=what == _SENSITIVE)
        for what, values in missing.items()
        for name, value in values.items()
    ]
    url = f"/crm/v3/properties/{part(records.kind)}/batch/create"
    if await records.send(Request("POST", url, json={"inputs": inputs}), keys) is None:
        return
    for what, values in missing.items():
        known = records.context.state.get(_state_key(records, what))
        made = {name: _TYPES[value.kind][0] for name, value in values.items()}
        _refuse(records, what, made)
        if isinstance(known, dict) and made:
            records.context.state.set(_state_key(records, what), {**known, **made}, _REMEMBERED)


def _definition(name: str, value: Typed, group: str, *, is_sensitive: bool) -> JsonObject:
    """Return the definition of a property."""
    kind, field = _TYPES[value.kind]
    made: dict[str, Any] = {"name": name, "label": name, "groupName": group, "type": kind, "fieldType": field}
    if is_sensitive:
        made["dataSensitivity"] = "sensitive"
    if value.kind == "boolean":
        made["options"] = [
            {
                "label": choice,
                "value": choice,
                "hidden": False,
                "description": choice.title(),
                "displayOrder": order,
            }
            for order, choice in enumerate(("true", "false"), 1)
        ]
    return made
