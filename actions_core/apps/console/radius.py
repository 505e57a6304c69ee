"""The blast radius of an edited subscription: what it changes for events that have come in already.

Both sides take each event through the steps that sending takes. Only where one side would do something else
is a request made, dry, to compare: most edits touch few events, and a page asks after every keystroke.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from actions_core.apps.console.preview import explain
from actions_core.authoring.mapping_tests import expectation
from actions_core.errors import ActionsError
from actions_core.values.events import message_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions_core.engine.instances import Instance
    from actions_core.values.types import JsonObject

Kind: TypeAlias = Literal["no longer sent", "now sent", "another request", "now refused", "no longer refused"]

KINDS: Final[tuple[Kind, ...]] = (
    "no longer sent",
    "now refused",
    "another request",
    "no longer refused",
    "now sent",
)
#: Seconds after which other work of the event loop gets its turn.
_TURN: Final = 0.008
_CONTEXT: Final = 2


@attrs.frozen
class Change:
    """What becomes of one event: the kind of change, and why, or what either side makes of it."""

    message_id: str
    event: JsonObject = attrs.field(repr=False)
    kind: Kind
    reason: str = ""
    before: JsonObject = attrs.field(factory=dict, repr=False)
    after: JsonObject = attrs.field(factory=dict, repr=False)

    @property
    def lines(self) -> tuple[str, ...]:
        """The difference, line by line; none where one side sends nothing."""
        if not self.before and not self.after:
            return ()
        before, after = (
            json.dumps(side, indent=2, ensure_ascii=False, sort_keys=True, default=str).split("\n")
            for side in (self.before, self.after)
        )
        lines = difflib.unified_diff(before, after, "saved", "edited", lineterm="", n=_CONTEXT)
        return tuple("…" if line.startswith("@@") else line for line in lines)[2:]


@attrs.frozen
class Radius:
    """What an edit changes, of so many events."""

    total: int = 0
    changes: tuple[Change, ...] = ()

    def counts(self) -> dict[Kind, int]:
        """Return how many events have each kind of change, the worst first."""
        counted = Counter(change.kind for change in self.changes)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}

    def __str__(self) -> str:
        if not self.total:
            return "there are no recent events to compare with"
        if not self.changes:
            return f"changes none of the last {self.total} events"
        listed = ", ".join(f"{number} {_WORDS[kind]}" for kind, number in self.counts().items())
        return f"changes {len(self.changes)} of the last {self.total} events: {listed}"


_WORDS: Final[dict[Kind, str]] = {
    "no longer sent": "no longer sent",
    "now sent": "now sent",
    "another request": "with another request",
    "now refused": "now refused",
    "no longer refused": "no longer refused",
}


@attrs.frozen
class _Side:
    """What one side does with an event: the payload that it gives, or why there is none."""

    verdict: Literal["sent", "skipped", "refused"]
    payload: JsonObject | None = None
    reason: str = ""


async def blast_radius(saved: Instance | None, edited: Instance, events: Iterable[JsonObject]) -> Radius:
    """Compare what the only subscription of each instance does with events that were checked.

    `saved` is None for a subscription that is new.
    """
    total, changes = 0, []
    same_extras = saved is not None and _extras(saved) == _extras(edited)
    turn = perf_counter()
    for event in events:
        total += 1
        change = await _compare(saved, edited, event, same_extras=same_extras)
        if change is not None:
            changes.append(change)
        if perf_counter() - turn > _TURN:
            await asyncio.sleep(0)
            turn = perf_counter()
    return Radius(total, tuple(changes))


def _extras(instance: Instance) -> tuple[object, ...]:
    """Return what a handler sees of a subscription beside the payload."""
    pipeline = instance.pipelines[0]
    scope = pipeline.scope
    return pipeline.action, scope.sync_mode, scope.matching_key, scope.hook_outputs


async def _compare(
    saved: Instance | None, edited: Instance, event: JsonObject, *, same_extras: bool
) -> Change | None:
    before = _Side("skipped") if saved is None else _side(saved, event)
    after = _side(edited, event)
    name = message_id_of(event) or ""
    if before.verdict == after.verdict:
        if before.verdict != "sent" or (same_extras and before.payload == after.payload) or saved is None:
            return None
        first, second = await _written(saved, event), await _written(edited, event)
        return None if first == second else Change(name, event, "another request", "", first, second)
    if after.verdict == "sent":
        kind: Kind = "now sent" if before.verdict == "skipped" else "no longer refused"
    elif after.verdict == "refused":
        kind = "now refused"
    elif before.verdict == "refused":
        return None  # it was not sent before, and is not sent now
    else:
        kind = "no longer sent"
    return Change(name, event, kind, after.reason)


def _side(instance: Instance, event: JsonObject) -> _Side:
    (step,) = instance.route(event, instance.pipelines[0])
    if step.skipped is not None:
        return _Side("skipped", reason=step.skipped.reason)
    try:
        return _Side("sent", step.payload())
    except ActionsError as error:
        return _Side("refused", reason=instance.lane.connection.mask.text(str(error)))


async def _written(instance: Instance, event: JsonObject) -> JsonObject:
    """Return what an event gives: the request, or what was wrong with it."""
    made = expectation(await explain(instance, event))
    request: JsonObject | None = made.get("request")
    return request or {key: made[key] for key in ("payload", "problems") if key in made}
