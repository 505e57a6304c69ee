"""The engine: events go in, reports come out.

An engine is made from a workspace and refuses one that cannot work then and there. After that no event,
instance or handler can stop the others.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, Unpack

import attrs

from actions_core.engine.results import BatchReport, Report, Result, Status
from actions_core.errors import EventError, RequestError, WorkspaceError
from actions_core.http.transport import LazyTransport, close_transport
from actions_core.values.events import MAX_EVENT_BYTES, check_event, message_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from actions_core.destination.client import Audience, Choices
    from actions_core.destination.registry import Registry
    from actions_core.destination.state import State
    from actions_core.destination.stats import Stats
    from actions_core.engine.executor import Item, Lane
    from actions_core.engine.executor.attempt_batch import BatchAttempt
    from actions_core.engine.executor.client.tokens import TokenListener
    from actions_core.engine.explain import Explanation
    from actions_core.engine.instances import Instance
    from actions_core.engine.observers import ResultListener, Tracing
    from actions_core.engine.options import Options
    from actions_core.engine.pipeline import Hold, Pipeline, Step
    from actions_core.engine.workspace import SubscriptionSpec, Workspace
    from actions_core.errors import Problem
    from actions_core.http.requests import Transport
    from actions_core.values.types import Json, JsonObject

    _Deliver: TypeAlias = Callable[[Lane, Step], Awaitable[Result]]

_LOGGER = logging.getLogger("actions_core")
GRACE: Final = 10.0
_FAILED: Final = Status.FAILED  # found far sooner than the member of an enumeration
#: Events that `send_many` holds beyond those that all lanes can have in progress, so that a full lane does
#: not at once keep the others waiting. With one lane only, they would just take memory.
_WAITING_ROOM: Final = 100


@attrs.frozen(eq=False)
class Compiled:
    """A workspace that has no errors, and its instances by id. `problems` are warnings."""

    workspace: Workspace
    instances: Mapping[str, Instance]
    problems: tuple[Problem, ...] = ()


class Engine:
    """Delivers events to the destinations of a workspace.

    `registry` contains the destinations; without one, the installed ones are used. `transport` replaces
    the network; it is closed with the engine. `max_event_bytes` bounds an event's JSON.
    `features` and `state` are for handlers, `stats` and `tracing` observe every delivery; `on_result` is
    told of every result: a plain function, called in the event loop, that must not block. An option that
    is not given costs nothing. Raises `WorkspaceError` with every problem of the workspace.
    """

    #: The instances of the present workspace, by id.
    instances: Mapping[str, Instance]
    _compiled: Compiled | None = None
    _on_result: ResultListener | None = None

    def __init__(  # noqa: PLR0913 - each option is named where it is given
        self,
        workspace: Workspace,
        *,
        registry: Registry | None = None,
        transport: Transport | None = None,
        max_event_bytes: int = MAX_EVENT_BYTES,
        features: Mapping[str, Any] | None = None,
        logger: logging.Logger = _LOGGER,
        state: State | None = None,
        stats: Stats | None = None,
        tracing: Tracing | None = None,
        on_result: ResultListener | None = None,
        on_token_refresh: TokenListener | None = None,
    ) -> None:
        # What an engine is made of loads with the first one: many programs need the names before, or alone.
        from actions_core.destination.stats import GuardedStats
        from actions_core.engine.in_flight import InFlight
        from actions_core.engine.instances import Services
        from actions_core.engine.observers import FailureLog

        if registry is None:
            from actions_core.destination.registry import Registry

            registry = Registry().discover()
        stats = None if stats is None else GuardedStats(stats, logger)
        self._transport = LazyTransport() if transport is None else transport
        services = self._services = Services(
            self._transport,
            logger=logger,
            features=features or {},
            on_token_refresh=on_token_refresh,
            state=state,
            stats=stats,
        )
        self._registry = registry
        self._max_event_bytes = max_event_bytes
        self._take(self.compile(workspace))
        self._watchers = stats, tracing, logger
        self.add_listener(on_result)
        self._failures = FailureLog(logger)
        self._in_flight = InFlight(services.deadlines, logger)
        self.claim = self._in_flight.claim  # for an outbox, before it delivers

    def __repr__(self) -> str:
        return f"<Engine {', '.join(self.instances)}>"

    @classmethod
    def from_file(cls, path: str | Path, **options: Unpack[Options]) -> Engine:
        """Make an engine for the workspace in a file, with the options that `Engine` takes."""
        from actions_core.engine.workspace import Workspace

        return cls(Workspace.from_file(path, lenient=True), **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def compile(self, workspace: Workspace) -> Compiled:
        """Compile a workspace, with what goes on of the present one; nothing changes yet.

        Raises `WorkspaceError` with every problem.
        """
        from actions_core.engine.instances import compile_instances

        previous = None if self._compiled is None else self.instances
        instances, found = compile_instances(workspace, self._registry, self._services, previous)
        problems = workspace.with_problems(found)
        if any(problem.is_error for problem in problems):
            raise WorkspaceError(f"{workspace.source} is faulty:", problems=problems)
        return Compiled(workspace, {instance.id: instance for instance in instances}, tuple(problems))

    def replace(self, workspace: Workspace | Compiled) -> None:
        """Take up a changed workspace, all or nothing: raises `WorkspaceError` with every problem.

        Instances that have not changed stay as they are. The others are made anew, and what is in progress
        in the old ones ends there; where the settings are the same, tokens, breaker and budget go on.
        """
        self._in_flight.claim()
        self._take(workspace if isinstance(workspace, Compiled) else self.compile(workspace))
        if self._observer is not None:
            self._observer.learn(self.instances.values())

    def _take(self, compiled: Compiled) -> None:
        for problem in compiled.problems:
            self._services.logger.warning("%s: %s", compiled.workspace.source, problem)
        self._compiled = compiled
        self.workspace = compiled.workspace
        self.warnings = compiled.problems
        self.instances = compiled.instances
        self._enabled = tuple(instance for instance in compiled.instances.values() if instance.enabled)

    def add_listener(self, listener: ResultListener | None) -> None:
        """Tell one more plain function of every result from now on, before those that are told already."""
        from actions_core.engine.executor import deliver_event
        from actions_core.engine.observers import both, observer_for

        told = self._on_result = both(listener, self._on_result)
        observer = self._observer = observer_for(self.instances.values(), *self._watchers, told)
        self._deliver: _Deliver = deliver_event if observer is None else observer.deliver
        self._attempt: _Deliver = deliver_event if observer is None else observer.attempt

    async def send(self, event: Json) -> Report:
        """Deliver one event to every instance and subscription that it is meant for.

        Raises `EventError` when it is not an event; what goes wrong later is in the report.
        """
        return await self._run(self.check(event), 0)

    def send_many(
        self,
        events: Iterable[Json] | AsyncIterable[Json],
        *,
        concurrency: int | None = None,
        hold: Hold | None = None,
    ) -> AsyncIterator[Report]:
        """Deliver events as they come, and yield the report of each when it is done.

        Reports come in the order in which events are done; `Report.index` counts them as they went in.
        At most `concurrency` events are held at once; no more are taken in while that many are in progress
        or while reports wait to be fetched. Input that is not an event gets a report with an `error`.
        `hold` is asked before each delivery, and may give its result instead of it.
        """
        from actions_core.engine.send_many import stream

        if concurrency is None:
            concurrency = sum(instance.lane.concurrency for instance in self._enabled)
            if len(self._enabled) > 1:
                concurrency += _WAITING_ROOM
        report = self._report if hold is None else partial(self._report, hold=hold)
        return stream(events, report, concurrency, self._services.deadlines.closing, self._in_flight.claim)

    async def send_batch(self, events: Sequence[Json], *, hold: Hold | None = None) -> BatchReport:
        """Deliver events together, where a destination takes batches, and one by one elsewhere.

        Each subscription has one node for each event, in the order of `events`: also for one that is not an
        event, that does not match, or whose payload is not valid. `hold` is asked before each delivery, and
        may give its result instead of it.
        """
        from actions_core.engine.send_batch import EventBatch, deliver_events

        deliver = deliver_events if self._observer is None else self._observer.deliver_events
        with self._in_flight:
            checked = [self._checked(event) for event in events]
            deletes = any(isinstance(event, dict) and event["type"] == "delete" for event in checked)
            ways = [
                (instance, pipeline)
                for instance in self._enabled
                for pipeline in (instance.with_deletion() if deletes else instance.pipelines)
            ]
            ids = [
                _id_of(given) if isinstance(taken, EventError) else message_id_of(taken)
                for given, taken in zip(events, checked, strict=True)
            ]
            batch = EventBatch(checked, tuple(ids), shared=len(ways) > 1, hold=hold)
            results = await asyncio.gather(
                *(deliver(instance, pipeline, batch) for instance, pipeline in ways)
            )
        for result in results:
            if not result.ok:
                self._failures.note_batch(result)
        return BatchReport(tuple(results), batch.message_ids)

    def _checked(self, event: Json) -> JsonObject | EventError:
        try:
            return check_event(event, max_bytes=self._max_event_bytes)
        except EventError as error:
            if self._observer is not None:
                self._observer.note_refused(error)
            return error

    async def explain(self, event: Json) -> Explanation:
        """Explain what `send` would do with the event and why, by the same code up to the network.

        Instances that are disabled are in it too, with that as the reason. Raises `EventError` like `send`.
        """
        from actions_core.engine.explain import Explanation, explain_step

        taken = check_event(event, max_bytes=self._max_event_bytes)
        with self._in_flight:
            # All conditions first, as in `send`: what a handler changes is its own.
            steps = [
                (instance, step) for instance in self.instances.values() for step in instance.route(taken)
            ]
            deliveries = [await explain_step(instance, step, taken) for instance, step in steps]
        return Explanation(message_id_of(taken) or "", tuple(deliveries))

    async def delete(self, *, user_id: str | None = None, anonymous_id: str | None = None) -> Report:
        """Have every destination that can delete a user do so."""
        given = {"userId": user_id, "anonymousId": anonymous_id}
        event = {key: value for key, value in given.items() if value is not None}
        return await self.send({"type": "delete", **event})

    async def run_hook(self, instance_id: str, action: str, hook: str, inputs: Json) -> JsonObject:
        """Run the hook of an action, as when its mapping is saved.

        Returns what the mapping keeps under the hook's name. Raises `PayloadError` when `inputs` do not fit.
        """
        from actions_core.engine import on_demand

        with self._in_flight:
            return await on_demand.run_hook(self._instance(instance_id), action, hook, inputs)

    async def list_choices(
        self,
        instance_id: str,
        action: str,
        field: str,
        *,
        payload: JsonObject | None = None,
        query: str | None = None,
        page: str | None = None,
        hook: str | None = None,
        hook_inputs: JsonObject | None = None,
    ) -> Choices:
        """List the choices of a dynamic field (`field`, `object.child`, `array.[0].child`).

        With `hook`, the field is one of the hook's inputs, and `hook_inputs` are those that are filled in.
        """
        from actions_core.engine import on_demand

        instance = self._instance(instance_id)
        with self._in_flight:
            return await on_demand.list_choices(
                instance,
                action,
                field,
                payload=payload,
                query=query,
                page=page,
                hook=hook,
                hook_inputs=hook_inputs,
            )

    async def create_audience(
        self, instance_id: str, name: str, settings: JsonObject | None = None
    ) -> Audience:
        """Have the destination create an audience. Raises `RequestError` when it does not."""
        from actions_core.engine import on_demand

        with self._in_flight:
            return await on_demand.create_audience(self._instance(instance_id), name, settings or {})

    async def get_audience(
        self, instance_id: str, external_id: str, settings: JsonObject | None = None
    ) -> Audience:
        """Look an audience up. Raises `RequestError` when there is none."""
        from actions_core.engine import on_demand

        with self._in_flight:
            return await on_demand.get_audience(self._instance(instance_id), external_id, settings or {})

    async def account(self, instance_id: str) -> Json:
        """Return what the destination says of the account behind an instance: its quota, what is used.

        The shape is the destination's own. Raises `WorkspaceError` for an unknown instance, `RequestError`
        when the destination does not tell (`NOT_SUPPORTED`), or refuses.
        """
        from actions_core.engine import on_demand

        with self._in_flight:
            return await on_demand.read_account(self._instance(instance_id))

    def _instance(self, instance_id: str) -> Instance:
        instance = self.instances.get(instance_id)
        if instance is None:
            known = ", ".join(self.instances)
            raise WorkspaceError(f"there is no instance {instance_id!r}; there are {known}")
        return instance

    async def test_authentication(self, instance_id: str) -> Result:
        """Ask the destination if the settings of an instance are valid.

        Raises `WorkspaceError` for an unknown instance, `RequestError` when the destination has no test.
        """
        from actions_core.engine import on_demand

        with self._in_flight:
            instance = self._instance(instance_id)
            result = await on_demand.test_settings(instance)
            if result is None:
                raise RequestError(
                    f"{instance.destination.slug} has no test of its authentication", code="NOT_SUPPORTED"
                )
            return result

    async def try_subscription(self, instance_id: str, subscription: SubscriptionSpec, event: Json) -> Result:
        """Deliver one event through a subscription that need not be in the workspace, and through no other.

        Instance and subscription need not be enabled, and there is one try only. An event that does not match
        is skipped. Raises `EventError` like `send`, `WorkspaceError` for an unknown instance and
        `DefinitionError` for a faulty subscription.
        """
        from actions_core.engine import on_demand

        taken = self.check(event)
        with self._in_flight:
            step, lane = on_demand.step_of(self._instance(instance_id), subscription, taken)
            return await self._deliver(lane, step) if step.skipped is None else step.skipped

    def check(self, event: Json) -> JsonObject:
        """Return a checked copy of an event, completed, as it is taken in. Raises `EventError`."""
        try:
            return check_event(event, max_bytes=self._max_event_bytes)
        except EventError as error:
            if self._observer is not None:
                self._observer.note_refused(error)
            raise

    async def attempt(self, lane: Lane, step: Step) -> Result:
        """Deliver the event of a step that matched, for one who may have it delivered again.

        Traces are told, all else only by `note_outcome`.
        """
        self._in_flight.enter()
        try:
            return await self._attempt(lane, step)
        finally:
            self._in_flight.leave()

    async def attempt_batch(
        self,
        lane: Lane,
        pipeline: Pipeline,
        items: Sequence[Item],
        started_job: Callable[[], None] | None = None,
    ) -> BatchAttempt:
        """Do the same for events that go in one batch.

        `started_job` is called when there is nothing left but to wait for the destination's job.
        """
        with self._in_flight:
            if self._observer is None:
                from actions_core.engine.executor.attempt_batch import attempt_batch

                return await attempt_batch(lane, pipeline, items, started_job)
            return await self._observer.attempt_batch(lane, pipeline, items, started_job)

    def note_outcome(self, result: Result) -> None:
        """Tell observers and the log of the final outcome of an event that was delivered by `attempt`."""
        if self._observer is not None:
            self._observer.note(result)
        if result.status is _FAILED:
            self._failures.note(result)

    def note_retry(self, result: Result) -> None:
        """Count and log an attempt that will be followed by another."""
        if self._observer is not None:
            self._observer.note_retry(result)
        self._failures.note_retry(result)

    async def close(self, grace: float = GRACE) -> None:
        """Let what is in progress end within `grace` seconds, then cancel it, and close the transport.

        Nothing is retried or begun from the first moment on; what was not tried says so in its result.
        """
        await self._in_flight.close(grace)
        await close_transport(self._transport, self._services.logger)
        self._failures.flush()

    def _report(self, event: Json, index: int, hold: Hold | None = None) -> Awaitable[Report]:
        checked = self._checked(event)
        if isinstance(checked, EventError):
            self._failures.note_refused(checked, _id_of(event))
            return _refused(event, checked, index)
        return self._run(checked, index, hold)

    async def _run(self, event: JsonObject, index: int, hold: Hold | None = None) -> Report:
        message_id = message_id_of(event)
        self._in_flight.enter()
        try:
            results, matched = self._route(event, index, hold)
            if len(matched) == 1:
                place, lane, step = matched[0]
                results[place] = await self._deliver(lane, step)
            elif matched:
                from actions_core.engine.pipeline import separate_steps

                separate_steps([step for _, _, step in matched[1:]])
                done = await asyncio.gather(*(self._deliver(lane, step) for _, lane, step in matched))
                for (place, *_), result in zip(matched, done, strict=True):
                    results[place] = result
        finally:
            self._in_flight.leave()
        for place, _, _ in matched:
            if results[place].status is _FAILED:
                self._failures.note(results[place])
        report = Report(message_id, tuple(results), None, index)
        if self._observer is not None:
            self._observer.note_skipped(report, {place for place, _, _ in matched})
        return report

    def _route(
        self, event: JsonObject, index: int, hold: Hold | None
    ) -> tuple[list[Any], list[tuple[int, Lane, Step]]]:
        """Return the results of what is skipped, None in the places of the others, and those others."""
        results: list[Any] = []
        matched: list[tuple[int, Lane, Step]] = []
        for instance in self._enabled:
            for step in instance.route(event):
                result = step.skipped
                if result is None and hold is not None:
                    result = hold(index, step)
                if result is None:
                    matched.append((len(results), instance.lane, step))
                results.append(result)
        return results, matched


async def _refused(event: object, error: EventError, index: int) -> Report:
    return Report(_id_of(event), (), error, index)


def _id_of(event: object) -> str | None:
    """Return the messageId of what was refused, where it has one."""
    message_id = event.get("messageId") if isinstance(event, dict) else None
    return message_id if isinstance(message_id, str) else None
