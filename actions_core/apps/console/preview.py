"""What a subscription would do with an event while it is being edited, by the code that sends.

A `Workbench` has one instance of the workspace, compiled once: settings, filters, destination. Each
subscription that is tried is compiled alone, since making a whole engine for every keystroke takes hundreds
of milliseconds. A variable that is not set, or a setting that is wrong, has a placeholder in its place, so
that a mapping can be written before the credentials are there.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import attrs

from actions_core.authoring.placeholders import fill_environment, fill_subscription
from actions_core.engine.explain import SubscriptionExplanation, explain_step
from actions_core.engine.instances import Services, compile_instance, with_subscription
from actions_core.engine.workspace import InstanceSpec, SubscriptionSpec, Workspace
from actions_core.errors import ActionsError, Problem, child_path, is_within
from actions_core.http.transport import LazyTransport
from actions_core.testing.samples import sample_settings
from actions_core.validation.explain import missing_field
from actions_core.values.events import check_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from actions_core.destination import Destination
    from actions_core.engine.instances import Instance
    from actions_core.values.types import Json, JsonObject

T = TypeVar("T")

LOGGER: Final = logging.getLogger("actions_core.console")
_PATH: Final = "$"


@attrs.frozen(eq=False)
class Preview:
    """What one subscription would do with one event.

    `problems` are those of the subscription itself, with paths below it (`$.subscribe`, `$.mapping.name`);
    what is wrong for this event alone is in the `explanation`, which is None where nothing could be compiled.
    `error` says why the event is not one.
    """

    explanation: SubscriptionExplanation | None = None
    problems: tuple[Problem, ...] = ()
    error: str = ""

    @property
    def verdict(self) -> str:
        """The outcome in a word: `sent`, `skipped`, `refused` by validation, `faulty`, or `no event`."""
        if any(problem.is_error for problem in self.problems):
            return "faulty"
        if self.explanation is None:
            return "no event"
        if not self.explanation.matched:
            return "skipped"
        return "refused" if self.explanation.problems else "sent"

    def by_field(self) -> dict[str, list[Problem]]:
        """Return the problems of the mapping by field: those of all events, and those of this one."""
        found: dict[str, list[Problem]] = {}
        for problem in self.problems:
            if is_within(problem.path, "$.mapping"):
                found.setdefault(_first_key(problem.path.removeprefix("$.mapping")), []).append(problem)
        explanation = self.explanation
        for problem in () if explanation is None else (*explanation.problems, *explanation.warnings):
            found.setdefault(_first_key((missing_field(problem) or problem.path)[1:]), []).append(problem)
        return found

    def of_part(self, key: str) -> list[Problem]:
        """Return the problems of one part of the subscription, such as `subscribe`."""
        place = child_path("$", key)
        return [problem for problem in self.problems if is_within(problem.path, place)]


def _first_key(path: str) -> str:
    """Return the first key of a path without its `$`: empty for the whole."""
    key, at = "", 1
    while at < len(path) and path[at] not in ".[":
        if path[at : at + 2] == "\\.":
            at += 1
        key += path[at]
        at += 1
    return key


def subscription_of(raw: JsonObject) -> SubscriptionSpec:
    """Read a subscription that is being edited; a part that is not of its type is empty."""
    action, subscribe, name = (raw.get(key) for key in ("partnerAction", "subscribe", "name"))
    action = action if isinstance(action, str) else ""
    return SubscriptionSpec(
        name=name if isinstance(name, str) and name else action,
        partner_action=action,
        subscribe=subscribe if isinstance(subscribe, str) else "",
        mapping=raw.get("mapping"),
        enabled=raw.get("enabled") is not False,
    )


def _placeholders(path: str, names: Iterable[str]) -> list[Problem]:
    message = "is not set here: a placeholder stands for it"
    return [Problem(path, f"{name} {message}", "warning") for name in names]


class Workbench:
    """One instance, compiled once, on which subscriptions are tried.

    `notes` say what stands in for the settings: nothing is sent with those.
    """

    def __init__(
        self, spec: InstanceSpec, destination: Destination, *, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.destination = destination
        self.notes: tuple[Problem, ...] = ()
        self._instance = self._compiled(attrs.evolve(spec, enabled=True, subscriptions=()), environ)

    def _compiled(self, spec: InstanceSpec, environ: Mapping[str, str]) -> Instance:
        slug = spec.destination
        filled, names = fill_environment(Workspace((spec,)), {slug: self.destination}, environ)
        notes = _placeholders("$.settings", names)
        services = Services(LazyTransport(), environ=environ)
        instance, found = compile_instance(filled.destinations[0], self.destination, services, _PATH)
        if instance is None:
            notes += [problem for problem in found if problem.is_error]
            spec = attrs.evolve(spec, settings=sample_settings(self.destination.spec), filters=())
            instance, found = compile_instance(spec, self.destination, services, _PATH)
        if instance is None:
            raise ActionsError(f"{slug} cannot be tried:", problems=found)
        self.notes = tuple(notes)
        return instance

    def compile(self, subscription: SubscriptionSpec) -> tuple[Instance | None, tuple[Problem, ...]]:
        """Return the instance with that subscription alone: None where it has errors; with its problems.

        One that is disabled is tried as if it were not.
        """
        enabled = attrs.evolve(subscription, enabled=True)
        enabled, names = fill_subscription(enabled, self.destination, self._instance.environ)
        instance, problems = with_subscription(self._instance, enabled)
        return instance, (*problems, *_placeholders("$.mapping", names))

    async def preview(self, subscription: JsonObject, event: Json) -> Preview:
        """Return what a subscription, as it stands in a workspace, would do with an event."""
        instance, problems = self.compile(subscription_of(subscription))
        try:
            taken = check_event(event)
        except ActionsError as error:
            return Preview(None, problems, str(error))
        if instance is None:
            return Preview(None, problems)
        return Preview(await explain(instance, taken), problems)


async def explain(instance: Instance, event: JsonObject) -> SubscriptionExplanation:
    """Explain what the only subscription of an instance would do with an event that was checked."""
    (step,) = instance.route(event, instance.pipelines[0])
    return await explain_step(instance, step, event)


class Latest(Generic[T]):
    """Calls a function one call at a time: of those asked for meanwhile, only the last is made.

    A preview of what was typed two keystrokes ago interests nobody, and ten of them would pile up.
    """

    def __init__(self, run: Callable[[T], Awaitable[None]]) -> None:
        self._run = run
        self._wanted: list[T] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, value: T) -> None:
        """Have the function called with this value, in place of one that still waits."""
        self._wanted = [value]
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def settle(self) -> None:
        """Wait until nothing is wanted any more."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        while self._wanted:
            try:
                await self._run(self._wanted.pop())
            except Exception:  # the next one may be shown
                LOGGER.exception("a preview could not be shown")


def events_of(found: Iterable[Json]) -> list[JsonObject]:
    """Return those of some events that are events, as they are taken in."""
    taken = []
    for event in found:
        try:
            taken.append(check_event(event))
        except ActionsError:
            continue
    return taken
