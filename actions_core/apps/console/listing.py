"""The subscriptions of an instance as a list that is edited: each change is a whole new list to save."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.console.conditions import summary
from actions_core.apps.console.draft import preset_subscriptions
from actions_core.apps.console.preview import Workbench, subscription_of
from actions_core.engine.workspace import MOST_SUBSCRIPTIONS
from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.destination import Destination
    from actions_core.values.types import JsonObject

_ANY_TRACK: Final = 'type = "track"'


@attrs.frozen
class Line:
    """One subscription in the list."""

    name: str
    action: str
    trigger: str
    is_enabled: bool
    faults: tuple[str, ...] = ()


async def lines_of(bench: Workbench, subscriptions: Sequence[JsonObject]) -> list[Line]:
    """Return what a list shows of each subscription.

    Other work of the event loop gets its turn between them.
    """
    lines = []
    for raw in subscriptions:
        spec = subscription_of(raw)
        action = bench.destination.spec.actions.get(spec.partner_action)
        faults = tuple(str(problem) for problem in bench.compile(spec)[1] if problem.is_error)
        title = spec.partner_action if action is None else action.title
        lines.append(Line(spec.name, title, summary(spec.subscribe), spec.enabled, faults))
        await asyncio.sleep(0)
    return lines


async def count_matches(
    bench: Workbench, subscriptions: Sequence[JsonObject], events: Sequence[JsonObject]
) -> list[int | None]:
    """Return how many of some events each subscription takes; None for one that is faulty.

    Other work of the event loop gets its turn between them.
    """
    counts: list[int | None] = []
    for raw in subscriptions:
        instance, _ = bench.compile(subscription_of(raw))
        if instance is None:
            counts.append(None)
        else:
            steps = (instance.route(event, instance.pipelines[0])[0] for event in events)
            counts.append(sum(step.skipped is None for step in steps))
        await asyncio.sleep(0)
    return counts


def room_for(subscriptions: Sequence[JsonObject]) -> int:
    """Return how many more subscriptions an instance may have."""
    return max(0, MOST_SUBSCRIPTIONS - len(subscriptions))


def choices_of(destination: Destination) -> dict[str, str]:
    """Return what can be added: presets and actions, by the keys that `new_subscription` takes."""
    presets = preset_subscriptions(destination)
    found = {f"preset {number}": f"Preset: {preset['name']}" for number, preset in enumerate(presets)}
    actions = destination.spec.actions.items()
    return {**found, **{f"action {key}": spec.title for key, spec in actions if not spec.hidden}}


def about_choice(destination: Destination, choice: str) -> str:
    """Return what a choice is for: what its action does, and the events that it starts with."""
    made = new_subscription(destination, choice, ())
    description = destination.spec.actions[made["partnerAction"]].description or ""
    return f"{description} It starts with: {summary(made['subscribe'])}.".strip()


def new_subscription(
    destination: Destination, choice: str, subscriptions: Sequence[JsonObject]
) -> JsonObject:
    """Return a new subscription, disabled, with the defaults of what was chosen and a name of its own.

    Raises `DefinitionError` where there is no room for it, or nothing of that kind.
    """
    if not room_for(subscriptions):
        raise DefinitionError(f"an instance has at most {MOST_SUBSCRIPTIONS} subscriptions; remove one first")
    kind, _, key = choice.partition(" ")
    presets = preset_subscriptions(destination)
    if kind == "preset" and key.isdecimal() and int(key) < len(presets):
        made = presets[int(key)]
    elif kind == "action" and key in destination.spec.actions:
        action = destination.spec.actions[key]
        made = {
            "name": action.title,
            "partnerAction": key,
            "subscribe": action.default_subscription or _ANY_TRACK,
            "mapping": action.default_mapping,
        }
    else:
        raise DefinitionError(f"{destination.slug} has nothing of the kind {choice!r}")
    return {**made, "name": free_name(made["name"], subscriptions), "enabled": False}


def copy_of(subscriptions: Sequence[JsonObject], number: int) -> list[JsonObject]:
    """Return the list with a copy of one subscription after it, disabled, under a name of its own."""
    if not room_for(subscriptions):
        raise DefinitionError(f"an instance has at most {MOST_SUBSCRIPTIONS} subscriptions; remove one first")
    source = subscriptions[number]
    name = free_name(subscription_of(source).name, subscriptions)
    made = {**source, "name": name, "enabled": False}
    return [*subscriptions[: number + 1], made, *subscriptions[number + 1 :]]


def moved(subscriptions: Sequence[JsonObject], number: int, step: int) -> list[JsonObject]:
    """Return the list with one subscription moved; as it is where there is no room to move."""
    listed = list(subscriptions)
    place = number + step
    if 0 <= place < len(listed):
        listed.insert(place, listed.pop(number))
    return listed


def switched(subscriptions: Sequence[JsonObject], number: int, *, enabled: bool) -> list[JsonObject]:
    """Return the list with one subscription enabled or disabled."""
    listed = list(subscriptions)
    rest = {key: value for key, value in listed[number].items() if key != "enabled"}
    listed[number] = rest if enabled else {**listed[number], "enabled": False}
    return listed


def free_name(name: str, subscriptions: Sequence[JsonObject]) -> str:
    """Return the name, with a number where another subscription has it."""
    taken = {subscription_of(raw).name for raw in subscriptions}
    number = 2
    found = name
    while found in taken:
        found = f"{name} {number}"
        number += 1
    return found
