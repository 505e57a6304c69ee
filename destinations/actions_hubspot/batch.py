"""The records of one request, each of which several events may tell of.

Of two values of a property the one of the later event counts. What fails, or is not meant to be written,
is left out of the requests that follow, and is the outcome of its events alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from actions_core import ActionsError, PayloadError, Request, read_time
from actions_hubspot.definition import body_of, id_of, objects_in, properties_of, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core import BatchItem, Client, Context, Items, JsonObject, Skip

_KINDS: Final = ("properties", "sensitive_properties")
_LINKS: Final = ("associations", "dissociations")
#: The property that is HubSpot's own ID.
_RECORD_ID: Final = "hs_object_id"


class Records:
    """Records by the user's IDs; then HubSpot's IDs, and what became of those that were not written."""

    def __init__(self, items: Items, context: Context, client: Client) -> None:
        self.context = context
        self.events: dict[str, Items] = items.groups(lambda item: str(item.value["id"]))
        self.outcomes: dict[str, ActionsError | Skip] = {}
        self.ids: dict[str, str] = {}
        first = items[0].payload
        details = first["object_details"]
        self.kind = str(details["object_type"])
        self.id_field = str(details["id_field_name"])
        self.property_group = str(details.get("property_group") or "")
        self.creates_others = first["association_sync_mode"] == "upsert"
        self.client = client
        self._records = {key: _merged(events) for key, events in self.events.items()}

    def left(self) -> dict[str, dict[str, Any]]:
        """Return the records with which nothing is wrong so far."""
        return {key: one for key, one in self._records.items() if key not in self.outcomes}

    def end(self, keys: Iterable[str], outcome: ActionsError | Skip) -> None:
        """Note what became of records; what is known already stays."""
        for key in keys:
            self.outcomes.setdefault(key, outcome)

    def warn(self, key: str, path: str, message: str) -> None:
        """Warn each event of a record."""
        for item in self.events[key]:
            item.context.warn(path, message)

    async def send(self, request: Request, keys: Iterable[str]) -> JsonObject | None:
        """Send a request about records, and return the body of its response; None where they fail by it."""
        try:
            return body_of(await self.client.send(request))
        except ActionsError as error:
            self.end(keys, error)
            return None

    def find(self, body: JsonObject, keys: Iterable[str]) -> dict[str, str]:
        """Return HubSpot's IDs of those records that a body names."""
        found: dict[str, str] = {}
        for result in objects_in(body, "results"):
            named = properties_of(result).get(self.id_field)
            if named is None and self.id_field == _RECORD_ID:
                named = result.get("id")
            if named is not None and id_of(result):
                found[str(named).lower()] = id_of(result)
        return {key: found[key.lower()] for key in keys if key.lower() in found}

    def note_written(self, body: JsonObject, keys: Iterable[str]) -> None:
        """Note the IDs of records that were written, and why others were not."""
        wanted = list(keys)
        found = self.find(body, wanted)
        self.ids.update(found)
        for error in objects_in(body, "errors"):
            self.end((key for key in wanted if key not in found), refusal(error))

    def end_unknown(self, keys: Iterable[str], path: str) -> None:
        """Note for records that HubSpot has not named: without an ID, nothing more is done with them."""
        message = "HubSpot's response does not name the record, so only the record itself is written."
        self.end((key for key in keys if key not in self.ids), PayloadError.at(path, message))


def _merged(events: Items) -> dict[str, Any]:
    """Return what events say of one record."""
    ordered = [item.value for item in sorted(events, key=_time)]
    merged: dict[str, Any] = {
        kind: {key: value for one in ordered for key, value in one[kind].items()} for kind in _KINDS
    }
    for kind in _LINKS:
        links = [link for item in events for link in item.value[kind]]
        merged[kind] = list({tuple(link.values()): link for link in links}.values())
    lists = [one["list"] for one in ordered if one["list"] is not None]
    return {**merged, "list": lists[-1] if lists else None}


def _time(item: BatchItem) -> datetime:
    for value in (item.payload.get("timestamp"), item.context.event.get("timestamp")):
        try:
            return read_time(value)
        except (ActionsError, ValueError):
            continue
    return datetime.now(UTC)
