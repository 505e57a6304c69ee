"""Many events at once: sorted by what may go together, and every outcome put back in its event's place."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import attrs

from actions_core.destination.multistatus import Node, failure, failure_of, skipped, success
from actions_core.engine.executor import (
    Item,
    chunks,
    deliver_batch,
    deliver_event,
    is_batched,
    make_item,
)
from actions_core.engine.executor.client import let_through
from actions_core.engine.pipeline import separate_steps
from actions_core.engine.results import BatchResult, Status
from actions_core.errors import EventError
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.engine.executor import Lane
    from actions_core.engine.instances import Instance
    from actions_core.engine.pipeline import Hold, Pipeline
    from actions_core.engine.results import Result
    from actions_core.values.types import JsonObject

#: After how many events others get a turn in the event loop while a batch is prepared.
_TURN = 200


@attrs.frozen
class EventBatch:
    """The events of a batch, an error for each that is none, and their messageIds.

    `shared` says that other subscriptions see the same events; `hold` is asked before each delivery.
    """

    events: Sequence[JsonObject | EventError]
    message_ids: tuple[str | None, ...]
    shared: bool
    hold: Hold | None = None


async def deliver_events(instance: Instance, pipeline: Pipeline, batch: EventBatch) -> BatchResult:
    """Take the events of a batch through one subscription."""
    started = perf_counter()
    nodes: list[Node | None] = [None] * len(batch.events)
    together: list[Item] = []
    alone: list[Item] = []
    unsent: list[Item] = []
    for place, event in enumerate(batch.events):
        if place % _TURN == _TURN - 1:
            await asyncio.sleep(0)
        outcome = _prepare(instance, pipeline, event, place, batch)
        if isinstance(outcome, Item):
            if outcome.skip:
                nodes[place] = skipped(outcome.skip)
                unsent.append(outcome)
            elif pipeline.batch_handler is not None and is_batched(outcome.payload):
                together.append(outcome)
            else:
                alone.append(outcome)
        elif isinstance(outcome, Node):
            nodes[place] = outcome
        else:
            nodes[place] = skipped(outcome)
    parts = list(chunks(together, pipeline.batch))
    found = await asyncio.gather(
        *(deliver_batch(instance.lane, pipeline, part) for part in parts),
        *(_deliver_alone(instance.lane, item) for item in alone),
    )
    for part, outcomes in zip([*parts, *([item] for item in alone)], found, strict=True):
        for item, node in zip(part, outcomes, strict=True):
            nodes[item.place] = node
    done = tuple(node for node in nodes if node is not None)
    duration = perf_counter() - started
    warnings = {item.place: item.warnings for item in [*together, *alone, *unsent] if item.warnings}
    return BatchResult(
        instance.id,
        pipeline.name,
        pipeline.action,
        done,
        duration,
        frozenset([place for place, node in enumerate(done) if node.skipped]),
        warnings,
        batch.message_ids,
        instance.lane.connection.mask,
    )


def _prepare(
    instance: Instance, pipeline: Pipeline, event: JsonObject | EventError, place: int, batch: EventBatch
) -> Item | Node | str:
    """Return the payload of an event, the node of one that has none, or why the event is skipped."""
    if isinstance(event, EventError):
        return failure_of(event)
    (step,) = instance.route(event, only=pipeline)
    if step.skipped is not None:
        return step.skipped.reason
    held = None if batch.hold is None else batch.hold(place, step)
    if held is not None:
        return held.reason if held.status is Status.SKIPPED else _node(held)
    if batch.shared:
        separate_steps((step,))
    try:
        return make_item(place, step)
    except BaseException as failed:  # noqa: BLE001 - as in the lane: one payload must not touch the others
        let_through(failed, None, 0)
        return failure_of(instance.lane.error_of(pipeline, failed))


async def _deliver_alone(lane: Lane, item: Item) -> list[Node]:
    result = await deliver_event(lane, item.step)
    item.warnings = result.notes
    return [_node(result)]


def _node(result: Result) -> Node:
    request, response = result.request, result.response
    sent = MISSING if request is None else request.json
    if result.error is not None:
        node = failure_of(result.error)
        return (
            node
            if node.body is MISSING
            else failure(
                node.status, str(result.error), errortype=result.error.code, body=node.body, sent=sent
            )
        )
    if result.status is Status.SKIPPED:
        return skipped(result.reason)
    if not result.ok:
        return failure(503, result.reason, errortype=Status.NOT_TRIED.name)
    if response is None:
        return success()
    body = response.json
    return success(response.status, body=response.text if body is None else body, sent=sent)
