"""Events that a mapping can be tried on: what came in lately, what an address names, what is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import FqlError
from actions_core.subscriptions import Comparison, Group, parse_fql
from actions_core.subscriptions.terms import field_text
from actions_core.testing.samples import make_event
from actions_core.values.paths import parse_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.subscriptions import Term
    from actions_core.values.types import Json, JsonObject

#: How many events the blast radius is measured on, and how many a list offers.
MOST: Final = 200
_LISTED: Final = 50
_SATISFIED_BY_THEIR_VALUE: Final = ("<=", ">=", "<", ">", "contains", "starts_with", "ends_with")


@attrs.frozen
class Sample:
    """An event to try a mapping on, and what it is called in a list."""

    label: str
    event: Json


async def seen_events(desk: Desk) -> Sequence[JsonObject]:
    """Return the events that came in lately, the newest first."""
    feed = desk.feed
    if feed is None:
        return ()
    found: Sequence[JsonObject] = await feed.events(MOST)
    return found


async def samples_of(
    desk: Desk, subscription: JsonObject, *, event: str = "", letter: str = ""
) -> tuple[list[Sample], int]:
    """Return the events to try a subscription on, and the number of the one to begin with.

    That is the one that the address names, else the newest that the subscription matches, else one that is
    made up for it.
    """
    listed: list[JsonObject] = list(await seen_events(desk))[:_LISTED]
    named = await _named(desk, event, letter)
    samples = [] if named is None else [Sample(f"{label_of(named)} (from the address)", named)]
    samples += [Sample(label_of(item), item) for item in listed if item != named]
    samples.append(made_up(subscription))
    if named is not None:
        return samples, 0
    matches = _matches(subscription)
    fitting = (number for number, sample in enumerate(samples) if matches is None or matches(sample.event))
    return samples, next(fitting, len(samples) - 1)


async def _named(desk: Desk, event: str, letter: str) -> JsonObject | None:
    """Return the event of a messageId, or of a dead letter."""
    if desk.feed is None or not (event or letter):
        return None
    found: JsonObject | None
    if letter:
        found = await desk.feed.letter_event(letter)
    else:
        found = await desk.feed.event(event)
    return found


def _matches(subscription: JsonObject) -> Callable[[JsonObject], bool] | None:
    text = subscription.get("subscribe")
    try:
        return parse_fql(text).matches if isinstance(text, str) else None
    except FqlError:
        return None


def label_of(event: JsonObject) -> str:
    """Return what an event is called in a list."""
    words = [str(event.get("type", "event"))]
    name = event.get("event") or event.get("name")
    if isinstance(name, str):
        words.append(name)
    user = event.get("userId") or event.get("anonymousId")
    if isinstance(user, str | int):
        words.append(f"· {user}")
    return " ".join(words)[:90]


def made_up(subscription: JsonObject) -> Sample:
    """Return an event that is made up for a subscription, so that its trigger holds where that is simple."""
    text = subscription.get("subscribe")
    try:
        tree = parse_fql(text).tree if isinstance(text, str) else None
    except FqlError:
        tree = None
    wanted: JsonObject = {}
    if tree is not None:
        _want(tree, wanted)
    event = make_event()
    if wanted.get("type", "track") != "track":
        del event["event"]
    for path, value in wanted.items():
        _put(event, parse_path(path), value)
    return Sample("Made up for this trigger", event)


def _want(term: Term, wanted: JsonObject) -> None:
    """Note a value for each comparison that has to hold: of alternatives, for the first."""
    if isinstance(term, Group):
        for member in term.terms if term.operator == "and" else term.terms[:1]:
            _want(member, wanted)
    elif isinstance(term, Comparison):
        value = term.value
        if term.operator in (">", "<") and isinstance(value, int | float):
            value = value + 1 if term.operator == ">" else value - 1
        if (term.operator == "!=" and value is None) or (term.operator == "=" and value is not None):
            wanted.setdefault(field_text(term.path), "something" if value is None else value)
        elif term.operator in _SATISFIED_BY_THEIR_VALUE:
            wanted.setdefault(field_text(term.path), value)


def _put(event: JsonObject, steps: tuple[str, ...], value: Json) -> None:
    for step in steps[:-1]:
        below = event.get(step)
        if not isinstance(below, dict):
            below = event[step] = {}
        event = below
    event[steps[-1]] = value
