"""The events that a mapping can be tried on: what came in lately, what an address names, what is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.apps.console.preview import subscription_of
from actions_core.apps.console.samples import SampleEvent, made_sample
from actions_core.apps.console.why import event_title
from actions_core.errors import FqlError
from actions_core.subscriptions import parse_fql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.destination import Destination
    from actions_core.values.types import JsonObject

#: How many events the blast radius is measured on, and how many a list offers.
MOST: Final = 200
_LISTED: Final = 50


async def samples_of(
    desk: Desk,
    destination: Destination,
    subscription: JsonObject,
    seen: Sequence[JsonObject],
    *,
    event: str = "",
    letter: str = "",
) -> tuple[list[SampleEvent], int]:
    """Return the events to try a subscription on, and the number of the one to begin with.

    That is the one that the address names (a messageId, or the number of a dead letter), else the newest of
    those that were seen and match, else one that is made for the subscription.
    """
    spec = subscription_of(subscription)
    named = await _named(desk, event, letter)
    samples = [
        SampleEvent(event_title(item), "came in lately", item) for item in seen[:_LISTED] if item != named
    ]
    if named is not None:
        origin = f"dead letter {letter}" if letter else "from the address"
        samples.insert(0, SampleEvent(event_title(named), origin, named))
    made = made_sample(destination, spec.partner_action, spec.subscribe, spec.mapping)
    samples.append(made)
    if named is not None:
        return samples, 0
    try:
        matches = parse_fql(spec.subscribe).matches
    except FqlError:
        return samples, len(samples) - 1
    fitting = (number for number, sample in enumerate(samples) if matches(sample.event))
    return samples, next(fitting, len(samples) - 1)


async def _named(desk: Desk, event: str, letter: str) -> JsonObject | None:
    """Return the event of a messageId, or of a dead letter."""
    if letter:
        return await desk.feed.letter_event(letter)
    return await desk.feed.event(event) if event else None


def label_of(sample: SampleEvent) -> str:
    """Return what a sample is called in a list."""
    user = sample.event.get("userId") or sample.event.get("anonymousId")
    who = f" · {user}" if isinstance(user, str | int) else ""
    return f"{sample.title}{who} ({sample.origin})"
