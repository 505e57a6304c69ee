"""Segment's tracking API as data: a body becomes events, or the reasons why its items are none.

    body ─► Call (items, what they share, when it was sent) ─► an event for each item, or an `EventError`

What a client library sends is completed as Segment's own service does: the type comes from the path, what a
batch shares is merged into its items, the time is corrected by the client's clock. Write keys are taken out,
since a mapping of the whole event would hand them on.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import EventError, PayloadError
from actions_core.values.json_wire import read_wire
from actions_core.values.times import format_time, read_time
from actions_core.values.wording import kind, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions_core.values.types import Json, JsonObject

BATCH: Final = "batch"
#: The types of events that clients send. `delete` is none of them: a write key is public, and deletes nobody.
TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")
#: Events in one batch, as in Segment.
MOST_EVENTS: Final = 2500


def _routes() -> dict[str, str]:
    """Return what each path is for: names and their first letters, with and without the version."""
    found = {}
    for name in (*TYPES, BATCH):
        for path in (f"/{name}", f"/{name[0]}"):
            found[path] = found[f"/v1{path}"] = name
    return found


ROUTES: Final[Mapping[str, str]] = _routes()


# Without slots, here and below: a frozen class sets its attributes at half the price then.
@attrs.frozen(slots=False)
class Call:
    """What one request brings: its items, and what all of them share."""

    items: Sequence[Json] = attrs.field(repr=False)
    kind: str
    write_key: str = attrs.field(default="", repr=False)
    context: JsonObject = attrs.field(factory=dict, repr=False)
    integrations: JsonObject = attrs.field(factory=dict, repr=False)
    sent_at: Json = None


@attrs.frozen(slots=False)
class Reception:
    """The moment at which a request came in, and the address that it came from."""

    at: datetime
    text: str
    address: str = ""

    @classmethod
    def now(cls, address: str = "") -> Reception:
        """Return the reception of a request from an address at this moment, to the millisecond."""
        at, text = _time_at(int(time.time() * 1000))
        return cls(at, text, address)


@lru_cache(maxsize=1)
def _time_at(milliseconds: int) -> tuple[datetime, str]:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return at, format_time(at)


def read_call(kind_of_call: str, body: bytes) -> Call:
    """Read a body that was sent to the path of a type, or of batches. Raises `EventError`."""
    read = read_wire(body)
    if not isinstance(read, dict):
        raise EventError(f"the body must be a JSON object, but it is {kind(read)}", code="BAD_BODY")
    key = read.get("writeKey")
    key = key if isinstance(key, str) else ""
    if kind_of_call != BATCH:
        return Call([read], kind_of_call, key, sent_at=read.get("sentAt"))
    items = read.get("batch")
    if not isinstance(items, list):
        found = kind(items) if "batch" in read else "missing"
        raise EventError(f"'batch' must be a list of events, but it is {found}", code="BAD_BODY")
    if len(items) > MOST_EVENTS:
        message = f"a batch has at most {MOST_EVENTS:,} events, but this one has {len(items):,}"
        raise EventError(message, code="TOO_MANY_EVENTS")
    return Call(
        items, BATCH, key, _object(read.get("context")), _object(read.get("integrations")), read.get("sentAt")
    )


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


class Completion:
    """Makes events of the items of one call."""

    def __init__(self, call: Call, reception: Reception) -> None:
        self._call = call
        self._reception = reception
        self._sent_at = _moment(call.sent_at)

    def complete(self, item: Json) -> JsonObject:
        """Return the event of an item, as it is to be accepted. Raises `EventError` for what is none."""
        call, received = self._call, self._reception
        if type(item) is not dict:
            raise EventError(f"an event is a JSON object, but this is {kind(item)}", code="NOT_AN_OBJECT")
        event = item
        if call.kind != BATCH:
            event["type"] = call.kind
        _check(event)
        event.pop("writeKey", None)
        sent_at = event.pop("sentAt", None)
        if call.context:
            event["context"] = {**call.context, **_object(event.get("context"))}
        if call.integrations:
            event["integrations"] = {**call.integrations, **_object(event.get("integrations"))}
        context = event.get("context")
        if type(context) is dict and context.get("direct") is True and not context.get("ip"):
            context["ip"] = received.address
        self._correct(event, self._sent_at or _moment(sent_at))
        event["receivedAt"] = received.text
        return event

    def _correct(self, event: JsonObject, sent_at: datetime | None) -> None:
        """Keep the client's time, and correct it by what the client's clock is off."""
        received = self._reception
        given = event.get("timestamp") or event.get("originalTimestamp")
        if not given:
            event["timestamp"] = received.text
            return
        event["timestamp"] = event["originalTimestamp"] = given
        happened = _moment(given)
        if sent_at is None or happened is None:
            return
        try:
            event["timestamp"] = format_time(received.at - (sent_at - happened))
        except (OverflowError, PayloadError):
            return


def _check(event: JsonObject) -> None:
    """Raise `EventError` for what Segment does not take either."""
    name = event.get("type")
    if name not in TYPES:
        known = ", ".join(TYPES)
        found = shown(name) if isinstance(name, str) else kind(name) if "type" in event else "missing"
        raise EventError(f"an event's type must be one of {known}, but it is {found}", code="UNKNOWN_TYPE")
    if event.get("userId") in (None, "") and event.get("anonymousId") in (None, ""):
        raise EventError("an event needs a userId or an anonymousId", code="NO_USER")
    if name == "track" and not (isinstance(event.get("event"), str) and event["event"]):
        raise EventError("a track event needs the name of its event", code="NO_EVENT_NAME")


def _moment(value: Any) -> datetime | None:
    """Return the moment that a client names, None where it names none."""
    if value is None or value == "":
        return None
    try:
        if type(value) is str and (moment := _quickly(value)) is not None:
            return moment
        return read_time(value)
    except PayloadError:
        return None


def _quickly(text: str) -> datetime | None:
    """Read the usual forms with a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
