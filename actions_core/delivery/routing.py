"""Which subscriptions an event is stored for, and how each of them is delivered from an outbox.

An event is matched when it is accepted, by the subscriptions of the workspace then; it is filtered, matched
again and mapped by those of the workspace that delivers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.delivery.rules import BatchSize, DurableRetry
from actions_core.delivery.store import Arrival, NewDelivery
from actions_core.errors import Problem, WorkspaceError
from actions_core.http.retry import RetryPolicy
from actions_core.values.events import message_id_of
from actions_core.values.javascript import to_text
from actions_core.values.json_bytes import stored_text
from actions_core.values.paths import parse_path, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from actions_core.destination import Handler
    from actions_core.engine.executor import Lane
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.engine.workspace import DeliverySpec, Workspace
    from actions_core.values.types import JsonObject

#: An asynchronous handler repeats a request itself for a moment, so that a failure of its second one does
#: not at once repeat its first. A plain handler has one request, and what is waited for would hold a place.
_ASYNC_RETRY: Final = RetryPolicy(tries=3, within=5.0)
_ONCE: Final = RetryPolicy(tries=1)
_MILLISECONDS: Final = 1000


@attrs.frozen(eq=False)
class Target:
    """A subscription with the lane by which an outbox delivers its events.

    Where they go in batches, `batch` says how large these are, and `batch_lane` is theirs.
    """

    instance: Instance
    pipeline: Pipeline
    lane: Lane
    retry: DurableRetry
    ordered_by: tuple[str, ...] | None
    enabled: bool
    batch: BatchSize | None = None
    batch_lane: Lane | None = None

    @property
    def name(self) -> tuple[str, str]:
        """The names by which a store knows it."""
        return self.instance.id, self.pipeline.name

    def key(self, event: JsonObject) -> str | None:
        """Return the key by which its instance delivers events in order, None for an event that has none."""
        return None if self.ordered_by is None else key_of(event, self.ordered_by)


def key_of(event: JsonObject, path: tuple[str, ...]) -> str | None:
    """Return the key at a path of an event, None where there is none: it must be a str or a number."""
    value = read(event, path)
    if isinstance(value, str):
        return value or None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return to_text(value) if is_number else None


def find_targets(workspace: Workspace, instances: Iterable[Instance]) -> list[Target]:
    """Return every subscription of a workspace's instances.

    With a broker, which orders messages, what is ordered does not go in batches. Raises `WorkspaceError`
    where two of one instance share a name, since they would share their deliveries.
    """
    targets: list[Target] = []
    problems: list[Problem] = []
    for place, instance in enumerate(instances):
        spec = instance.spec
        disabled = set()
        if spec.subscriptions != "presets":
            disabled = {each.name for each in spec.subscriptions if not each.enabled}
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
        raise WorkspaceError(f"{workspace.source} is faulty:", problems=problems)
    if workspace.broker is None:
        return targets
    return [
        target if target.ordered_by is None else attrs.evolve(target, batch=None, batch_lane=None)
        for target in targets
    ]


def _target(instance: Instance, pipeline: Pipeline, delivery: DeliverySpec, *, enabled: bool) -> Target:
    given = {key: getattr(delivery.retry, key) for key in delivery.retry_keys}
    by_status = instance.lane.connection.tries_by_status
    batch = batch_lane = None
    if delivery.batch_age is not None and pipeline.batch_handler is not None and pipeline.may_batch:
        age = int(delivery.batch_age * _MILLISECONDS)
        batch = BatchSize(pipeline.batch.size, pipeline.batch.bytes, age)
        batch_lane = _lane(instance, pipeline.batch_handler)
    return Target(
        instance,
        pipeline,
        _lane(instance, pipeline.handler or pipeline.batch_handler),
        DurableRetry(**given, tries_by_status=by_status),
        None if delivery.ordered_by is None else parse_path(delivery.ordered_by),
        enabled,
        batch,
        batch_lane,
    )


def _lane(instance: Instance, handler: Handler | None) -> Lane:
    policy = _ASYNC_RETRY if handler is not None and handler.is_async else _ONCE
    # The pump asks breaker and budget before it takes an event out of the file.
    connection = attrs.evolve(instance.lane.connection, policy=policy, admission=None)
    return instance.lane.with_connection(connection)


class Router:
    """Finds the rows of an event.

    `numbers` are those that the store gave to the targets, `now` is its time in milliseconds.
    """

    def __init__(
        self, targets: Sequence[Target], numbers: Mapping[tuple[str, str], int], now: Callable[[], int]
    ) -> None:
        self.targets = {numbers[target.name]: target for target in targets}
        self._now = now
        self._ways = {id(target.pipeline): (numbers[target.name], target) for target in targets}
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
        size = len(body)
        rows: list[NewDelivery] = []
        passed = False
        owned_step: Step | None = None
        for instance in self._instances:
            for step in instance.route(event):
                if step.skipped is None:
                    number, target = self._ways[id(step.pipeline)]
                    if wanted is not None and not wanted(target.name):
                        continue
                    key = None if target.ordered_by is None else key_of(event, target.ordered_by)
                    batch = target.batch
                    due = 0 if batch is None else self._now() + batch.age
                    owned = batch is None and key is None and reserve is not None and reserve(number)
                    # Of several, each needs an event of its own: they are read from the body.
                    owned_step = step if owned and not rows else None
                    rows.append(NewDelivery(number, owned, due, key, size))
                elif step is step.pipeline.skipped:
                    passed = True  # it is the condition that did not match
        filtered = not (passed or rows)
        message_id = None if made_id else message_id_of(event)
        return Arrival(message_id, body, tuple(rows), filtered, owned_step)
