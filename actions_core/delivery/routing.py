"""Which subscriptions an event is stored for, and how each of them is delivered from an outbox.

An event is matched when it is accepted, by the subscriptions of the workspace then; it is filtered, matched
again and mapped by those of the workspace that delivers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.delivery.rules import DurableRetry
from actions_core.delivery.store import Arrival, NewDelivery
from actions_core.errors import Problem, WorkspaceError
from actions_core.http.retry import RetryPolicy
from actions_core.values.events import message_id_of
from actions_core.values.javascript import to_text
from actions_core.values.json_bytes import stored_text
from actions_core.values.paths import parse_path, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions_core.engine import Engine
    from actions_core.engine.executor import Lane
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline
    from actions_core.engine.workspace import DeliverySpec
    from actions_core.values.types import JsonObject

#: An asynchronous handler repeats a request itself for a moment, so that a failure of its second one does
#: not at once repeat its first. A plain handler has one request, and what is waited for would hold a place.
_ASYNC_RETRY: Final = RetryPolicy(tries=3, within=5.0)
_ONCE: Final = RetryPolicy(tries=1)


@attrs.frozen(eq=False)
class Target:
    """A subscription with the lane by which an outbox delivers its events."""

    instance: Instance
    pipeline: Pipeline
    lane: Lane
    retry: DurableRetry
    ordered_by: tuple[str, ...] | None
    enabled: bool

    @property
    def name(self) -> tuple[str, str]:
        """The names by which a store knows it."""
        return self.instance.id, self.pipeline.name

    def key(self, event: JsonObject) -> str | None:
        """Return the key by which its instance delivers events in order, None for an event that has none."""
        if self.ordered_by is None:
            return None
        value = read(event, self.ordered_by)
        if isinstance(value, str):
            return value or None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return to_text(value) if is_number else None


def find_targets(engine: Engine) -> list[Target]:
    """Return every subscription of the engine's workspace.

    Raises `WorkspaceError` where two of one instance share a name, since they would share their deliveries,
    and for what an outbox does not do.
    """
    specs = {spec.id: spec for spec in engine.workspace.destinations}
    targets: list[Target] = []
    problems: list[Problem] = []
    for place, instance in enumerate(engine.instances.values()):
        spec = specs[instance.id]
        disabled = set()
        if spec.subscriptions != "presets":
            disabled = {each.name for each in spec.subscriptions if not each.enabled}
        if spec.delivery.batch_age is not None:
            message = "an outbox delivers events one by one so far: leave this out"
            problems.append(Problem(f"$.destinations[{place}].delivery.batch", message))
        known: set[str] = set()
        for pipeline in instance.with_deletion():
            if pipeline.name in known:
                message = (
                    f"{pipeline.name!r} is the name of another subscription of this instance: with an outbox "
                    "each needs its own"
                )
                problems.append(Problem(f"$.destinations[{place}].subscriptions", message))
            known.add(pipeline.name)
            enabled = instance.enabled and pipeline.name not in disabled
            targets.append(_target(instance, pipeline, spec.delivery, enabled=enabled))
    if problems:
        raise WorkspaceError(f"{engine.workspace.source} is faulty:", problems=problems)
    return targets


def _target(instance: Instance, pipeline: Pipeline, delivery: DeliverySpec, *, enabled: bool) -> Target:
    handler = pipeline.handler or pipeline.batch_handler
    policy = _ASYNC_RETRY if handler is not None and handler.is_async else _ONCE
    # The pump asks breaker and budget before it takes an event out of the file.
    connection = attrs.evolve(instance.lane.connection, policy=policy, admission=None)
    given = {key: getattr(delivery.retry, key) for key in delivery.retry_keys}
    by_status = instance.lane.connection.tries_by_status
    return Target(
        instance,
        pipeline,
        instance.lane.with_connection(connection),
        DurableRetry(**given, tries_by_status=by_status),
        None if delivery.ordered_by is None else parse_path(delivery.ordered_by),
        enabled,
    )


class Router:
    """Finds the rows of an event. `numbers` are those that the store gave to the targets."""

    def __init__(self, targets: Sequence[Target], numbers: Mapping[tuple[str, str], int]) -> None:
        self.targets = {numbers[target.name]: target for target in targets}
        self._numbers: dict[int, int] = {id(target.pipeline): numbers[target.name] for target in targets}
        instances = {target.instance.id: target.instance for target in targets if target.instance.enabled}
        self._instances = tuple(instances.values())

    def arrival(
        self,
        event: JsonObject,
        *,
        made_id: bool,
        reserve: Callable[[int], bool] | None = None,
        wanted: Callable[[tuple[str, str]], bool] | None = None,
    ) -> Arrival:
        """Return a checked event as it is stored.

        `reserve` says which rows this process delivers at once, `wanted` by their names which are stored.
        """
        body = stored_text(event)
        rows = []
        for instance in self._instances:
            for step in instance.route(event):
                if step.skipped is None:
                    number = self._numbers[id(step.pipeline)]
                    if wanted is not None and not wanted(self.targets[number].name):
                        continue
                    key = self.targets[number].key(event)
                    owned = key is None and reserve is not None and reserve(number)
                    rows.append(NewDelivery(number, owned, 0, key, len(body)))
        return Arrival(None if made_id else message_id_of(event), body, tuple(rows))
