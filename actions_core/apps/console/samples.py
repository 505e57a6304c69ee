"""Sample events: those that lately came through, one that is pasted, and one made for a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from actions_core.apps.console.why import event_title
from actions_core.errors import ActionsError, EventError
from actions_core.subscriptions import parse_fql
from actions_core.testing.suite.samples import event_of_type, fill_event, matching_event
from actions_core.values.events import check_event
from actions_core.values.json_files import parse_events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.apps.console.feed import Feed
    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

_MOST: Final = 200


@attrs.frozen(eq=False)
class SampleEvent:
    """An event to try something with; `title` says what it is, `origin` where it comes from."""

    title: str
    origin: str
    event: JsonObject


async def recent_samples(feeds: Iterable[Feed], most: int = _MOST) -> list[SampleEvent]:
    """Return events that lately came through, the newest first, from all feeds, each once."""
    found: dict[str, SampleEvent] = {}
    for feed in feeds:
        for event in await feed.events(most):
            key = str(event.get("messageId") or len(found))
            found.setdefault(key, SampleEvent(event_title(event), feed.name, event))
    return list(found.values())[:most]


def read_pasted(text: str) -> JsonObject:
    """Return the event in a text that somebody has pasted, completed as an engine takes it in.

    Raises `EventError` where it is not one, with what is wrong and where.
    """
    if not text.strip():
        raise EventError("there is nothing here: paste an event as JSON")
    value: Json = parse_events(text.encode("utf-8", "surrogatepass"))
    if isinstance(value, list):
        if len(value) != 1:
            raise EventError(f"these are {len(value):,} events: paste one")
        (value,) = value
    return check_event(value)


def made_sample(destination: Destination, action: str, subscribe: str, mapping: Json = None) -> SampleEvent:
    """Return an event made for a subscription: one that its condition takes, with what its mapping reads.

    Where the condition cannot be read, or nothing was found that fits it, the event is only of its type.
    """
    spec = destination.spec.actions.get(action)
    try:
        event = matching_event(parse_fql(subscribe))
    except ActionsError:
        event = None
    if event is None:
        event = event_of_type("track")
    if spec is not None:
        full = fill_event(event, spec.default_mapping if mapping is None else mapping, spec.fields)
        event = full if _still_fits(full, event, subscribe) else event
    event = {**event, "messageId": f"sample-{uuid4()}"}
    return SampleEvent(event_title(event), "made for this mapping", event)


def _still_fits(full: JsonObject, event: JsonObject, subscribe: str) -> bool:
    """Tell if filling an event has not taken it out of its condition."""
    try:
        condition = parse_fql(subscribe)
        return condition.matches(full) or not condition.matches(event)
    except ActionsError:
        return True
