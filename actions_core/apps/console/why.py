"""Why one event is sent or not, by every instance and subscription, in words and with the values found.

The workspace is compiled once, and again when another one is saved. A variable that is not set here has a
placeholder in its place: nothing is sent, and conditions and mappings can be explained all the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.placeholders import fill_environment
from actions_core.engine import Engine
from actions_core.engine.explain import explain_step
from actions_core.engine.instances import known_destinations
from actions_core.errors import ActionsError
from actions_core.subscriptions import Negation
from actions_core.values.events import check_event
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from actions_core.delivery.letters import DeadLetter
    from actions_core.destination.registry import Registry
    from actions_core.engine import Explanation, SubscriptionExplanation
    from actions_core.engine.workspace import Workspace
    from actions_core.subscriptions import Trace
    from actions_core.values.types import Json, JsonObject

_LONGEST_VALUE: Final = 120
_QUIET: Final = logging.getLogger("actions_core.console.why")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@attrs.frozen
class Verdict:
    """What becomes of an event in one subscription: a `tone`, a word, and the sentences that say why."""

    tone: str
    word: str
    reasons: tuple[str, ...] = ()


@attrs.frozen
class Passing:
    """How many of some dead letters would be sent now, and one that would not, with its reason."""

    passing: int
    looked_at: int
    reason: str = ""


class Explainer:
    """Explains events by a workspace. An engine of its own does it, which sends nothing."""

    def __init__(self, registry: Registry, environ: Mapping[str, str] = os.environ) -> None:
        self._registry = registry
        self._environ = environ
        self._made: tuple[Workspace, Engine] | None = None

    def engine(self, workspace: Workspace) -> Engine:
        """Return an engine for a workspace. Raises `WorkspaceError` with every problem of a faulty one."""
        if self._made is None or self._made[0] is not workspace:
            destinations = known_destinations(workspace, self._registry)
            filled, _ = fill_environment(workspace, destinations, self._environ)
            self._made = workspace, Engine(filled, registry=self._registry, logger=_QUIET)
        return self._made[1]

    async def explain(self, workspace: Workspace, event: Json) -> Explanation:
        """Explain what every subscription would do. Raises `EventError` for what is not an event."""
        return await self.engine(workspace).explain(event)

    async def explain_one(
        self, workspace: Workspace, event: Json, instance: str, subscription: str
    ) -> SubscriptionExplanation | None:
        """Explain what one subscription would do; None where the workspace does not have it any more."""
        found = self.engine(workspace).instances.get(instance)
        if found is None:
            return None
        taken = check_event(event)
        for pipeline in found.with_deletion():
            if pipeline.name == subscription:
                (step,) = found.route(taken, pipeline)
                return await explain_step(found, step, taken)
        return None

    async def passing(self, workspace: Workspace, letters: Iterable[DeadLetter]) -> Passing:
        """Say how many dead letters would be sent now by the subscriptions that gave them up."""

        async def explain(letter: DeadLetter) -> SubscriptionExplanation | None:
            return await self.explain_one(workspace, letter.event, letter.instance, letter.subscription)

        return await count_passing(letters, explain)


async def count_passing(
    letters: Iterable[DeadLetter],
    explain: Callable[[DeadLetter], Awaitable[SubscriptionExplanation | None]],
) -> Passing:
    """Count the dead letters that would be sent by what `explain` says of each, None for no subscription."""
    passing = looked_at = 0
    reason = ""
    for letter in letters:
        looked_at += 1
        await asyncio.sleep(0)  # others get their turn
        try:
            why = _why_not(await explain(letter))
        except ActionsError as error:
            why = str(error)
        except ValueError:
            why = "it is not an event"
        passing += not why
        reason = reason or why
    return Passing(passing, looked_at, reason)


def _why_not(explanation: SubscriptionExplanation | None) -> str:
    if explanation is None:
        return "the workspace no longer has this subscription"
    verdict = verdict_on(explanation)
    return "" if verdict.tone == "good" else " ".join(verdict.reasons) or verdict.word


def verdict_on(explanation: SubscriptionExplanation) -> Verdict:
    """Return what becomes of the event, and why."""
    if explanation.problems:
        problems = tuple(f"{_place(problem.path)}{problem.message}" for problem in explanation.problems)
        return Verdict("bad", "Would fail", problems)
    if explanation.matched and explanation.request is not None:
        return Verdict("good", "Would be sent", (explanation.note,) if explanation.note else ())
    if explanation.matched:
        return Verdict("warn", "Matches, but sends nothing", (explanation.note or explanation.reason,))
    dropping = next((found for found in explanation.filters if found.dropped), None)
    if dropping is not None:
        return Verdict("neutral", "Filtered out", (f"The filter {dropping.name} drops it.",))
    missed = () if explanation.trace is None else _missed(explanation.trace)
    is_condition = explanation.reason.endswith("does not match")
    if missed and is_condition:
        return Verdict("neutral", "Not for it", tuple(missed))
    return Verdict("neutral", "Not sent", (_sentence(explanation.reason),))


def _missed(trace: Trace) -> list[str]:
    """Return what kept a condition from matching, with the values that were found."""
    if trace.matched:
        return []
    if isinstance(trace.term, Negation) or not trace.parts:
        leaf = trace
        while leaf.parts:
            leaf = leaf.parts[0]
        found = (
            "the event has no such value" if leaf.value is MISSING else f"the event has {shown(leaf.value)}"
        )
        return [f"It wants {trace.text}, and {found}."]
    return [sentence for part in trace.parts for sentence in _missed(part)]


def shown(value: Json) -> str:
    """Return a value as people read it, not too long."""
    return short(json.dumps(value, ensure_ascii=False, default=str))


def short(text: str) -> str:
    """Return a text, or the beginning of a long one."""
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _place(path: str) -> str:
    return "" if path in ("", "$") else f"{path.removeprefix('$.')}: "


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text and not text.endswith(".") else text


def event_title(event: JsonObject) -> str:
    """Return an event in a few words: its type, and the name that events of its type have."""
    kind = event.get("type")
    name = event.get("event") if kind == "track" else event.get("name")
    words = [short(part) for part in (kind, name) if isinstance(part, str) and part]
    return " · ".join(words) or "event"
