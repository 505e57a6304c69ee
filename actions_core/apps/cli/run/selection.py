"""What of the input a run is to deliver: which events, and which deliveries of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from actions_core.apps.events.inputs import read_input, read_rest, retryable_only
from actions_core.delivery.rules.refusals import MOST_REFUSALS
from actions_core.engine.results import Result, Status
from actions_core.errors import EventError, PayloadError
from actions_core.http.errors import is_refusal
from actions_core.values.times import read_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions_core.apps.events.inputs import InputEvent, Target
    from actions_core.apps.events.lines import EventLine
    from actions_core.engine import Engine
    from actions_core.engine.pipeline import Step

_NOT_CHOSEN: Final = "the subscription was not chosen for this run"
_DONE_BEFORE: Final = "it did not fail here"


class Tally(Protocol):
    """Counts inputs that are not delivered."""

    left_out: int

    def reject(self, given: InputEvent) -> None:
        """Count an input that is not an event."""


@attrs.frozen
class Selection:
    """The options that choose events; `instances` and `subscriptions` are None for all of them.

    `rests` are the files that a file of failures has this run read on.
    """

    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = None
    retryable: bool = False
    instances: frozenset[str] | None = None
    subscriptions: frozenset[str] | None = None
    rests: frozenset[Path] = frozenset()

    def take(self, line: EventLine, tally: Tally) -> InputEvent | None:
        """Return the event of a line; None where there is none to deliver, which is counted."""
        if self.is_rest(line):
            return None
        wanted = self.narrow(read_input(line), line)
        if wanted is None:
            tally.left_out += 1
        elif wanted.error is not None:
            tally.reject(wanted)
        else:
            return wanted
        return None

    def is_rest(self, line: EventLine) -> bool:
        """Return whether a line stands for the rest of a file that this run reads in its own turn."""
        if not self.rests or b'"rest"' not in line.text:
            return False
        try:
            rest = read_rest(line.parse())
        except EventError:
            return False
        return rest is not None and rest.path in self.rests

    def narrow(self, given: InputEvent, line: EventLine) -> InputEvent | None:
        """Return what is wanted of an input; None for nothing. One that cannot be judged gets an error."""
        narrowed: InputEvent | None = retryable_only(given, line) if self.retryable else given
        if narrowed is None or narrowed.error is not None or (self.since is None and self.until is None):
            return narrowed
        value: Any = narrowed.value
        if not isinstance(value, dict):
            return narrowed
        written = narrowed.made.get("timestamp", value.get("timestamp"))
        try:
            moment = read_time(written)
        except PayloadError as error:
            said = f"its timestamp cannot be compared with --since and --until: {error}"
            return attrs.evolve(narrowed, error=EventError(said))
        if self.since is not None and moment < self.since:
            return None
        return None if self.until is not None and moment >= self.until else narrowed

    def wants(self, target: Target, given: InputEvent) -> bool:
        """Return whether a delivery of an event is wanted."""
        instance, subscription = target
        if self.instances is not None and instance not in self.instances:
            return False
        if self.subscriptions is not None and subscription not in self.subscriptions:
            return False
        return given.targets is None or target in given.targets

    def lost_targets(self, given: InputEvent, engine: Engine) -> list[Result]:
        """Return a result for each delivery to be tried again that the workspace no longer has."""
        if not given.targets:
            return []
        found = []
        for target in sorted(given.targets):
            if self.wants(target, given) and not _has(engine, *target):
                reason = "the workspace has no enabled instance and subscription of these names"
                found.append(Result(*target, "", Status.NOT_TRIED, reason=reason))
        return found


def _has(engine: Engine, instance_id: str, subscription: str) -> bool:
    instance = engine.instances.get(instance_id)
    if instance is None or not instance.enabled:
        return False
    return any(pipeline.name == subscription for pipeline in instance.with_deletion())


class Gate:
    """Decides before each delivery whether it is made, and learns from each result.

    An instance that refuses its credentials `MOST_REFUSALS` times in a row, without one success, is not
    tried any more: `halted` says which, and why.
    """

    def __init__(self, selection: Selection, input_of: Callable[[int], InputEvent]) -> None:
        self._selection = selection
        self._input_of = input_of
        self._refusals: dict[str, int] = {}
        self._good: set[str] = set()
        self.halted: dict[str, str] = {}

    def hold(self, index: int, step: Step) -> Result | None:
        """Return the result of a delivery that is not to be made, None for one that is."""
        pipeline = step.pipeline
        instance = pipeline.scope.instance
        given = self._input_of(index)
        if not self._selection.wants((instance, pipeline.name), given):
            reason = _NOT_CHOSEN if given.targets is None else _DONE_BEFORE
            return Result(instance, pipeline.name, pipeline.action, Status.SKIPPED, reason=reason)
        if instance in self.halted:
            reason = self.halted[instance]
            return Result(instance, pipeline.name, pipeline.action, Status.NOT_TRIED, reason=reason)
        return None

    def learn(self, result: Result) -> None:
        """Note the result of a delivery."""
        instance = result.instance
        if instance in self._good or result.status is Status.SKIPPED:
            return
        if result.status is Status.SENT:
            self._good.add(instance)
            self._refusals.pop(instance, None)
        elif is_refusal(result.error):
            count = self._refusals[instance] = self._refusals.get(instance, 0) + 1
            if count >= MOST_REFUSALS:
                said = f"its credentials were refused {MOST_REFUSALS} times in a row, and never taken"
                self.halted.setdefault(instance, said)
        elif result.tries:  # a response that says nothing of the credentials
            self._refusals.pop(instance, None)


def read_moment(text: str) -> datetime:
    """Read the time that an option gives, in any form that a `datetime` field takes."""
    moment = read_time(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
