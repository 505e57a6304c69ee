"""Deliver one event: through the function for single events, or, where there is none, as a batch of one."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from actions_core.engine.executor.batch import Batch
from actions_core.engine.executor.client import let_through
from actions_core.engine.executor.items import Item, make_item, skipped_result
from actions_core.engine.results import Result, Status
from actions_core.errors import RequestError
from actions_core.http.retry import is_retryable

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from actions_core.destination.multistatus import Node
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.pipeline import Step
    from actions_core.errors import ActionsError


def deliver_event(lane: Lane, step: Step) -> Coroutine[Any, Any, Result]:
    """Deliver the event of a step that matched. Raises nothing but `CancelledError`."""
    pipeline = step.pipeline
    if pipeline.handler is None and pipeline.batch_handler is not None:
        return _deliver_batch_of_one(lane, step)
    return lane.deliver(step)


async def _deliver_batch_of_one(lane: Lane, step: Step) -> Result:
    started = perf_counter()
    item = _item(lane, step)
    if not isinstance(item, Item):
        return _result(lane, step, None, item, started)
    if item.skip:
        return skipped_result(item, lane.connection.mask)
    batch = Batch(lane, step.pipeline, [item])
    await batch.deliver()
    (node,) = batch.masked_nodes()
    error = batch.error
    if error is None and not node.ok and not node.skipped and node.errortype != Status.NOT_TRIED.name:
        error = _error_of(node)
    return _result(lane, step, batch, error, started, node, item)


def _item(lane: Lane, step: Step) -> Item | ActionsError:
    try:
        return make_item(0, step)
    except BaseException as failure:  # noqa: BLE001 - as in the lane: nothing may touch the others
        let_through(failure, None, 0)
        return lane.error_of(step.pipeline, failure)


def _error_of(node: Node) -> RequestError:
    """Return the error of a node that a handler made."""
    return RequestError(
        node.errormessage or "", code=node.errortype, status=node.status, retryable=is_retryable(node.status)
    )


def _result(
    lane: Lane,
    step: Step,
    batch: Batch | None,
    error: ActionsError | None,
    started: float,
    node: Node | None = None,
    item: Item | None = None,
) -> Result:
    pipeline, mask = step.pipeline, lane.connection.mask
    status, reason = Status.SENT, ""
    if error is not None:
        status, reason = Status.FAILED, str(error)
    elif node is not None and node.skipped:
        status, reason = Status.SKIPPED, node.errormessage or ""
    elif node is not None and not node.ok:
        status, reason = Status.NOT_TRIED, node.errormessage or ""
    client = None if batch is None else batch.client
    return Result(
        lane.instance,
        pipeline.name,
        pipeline.action,
        status,
        error,
        reason,
        0 if batch is None else batch.tries,
        perf_counter() - started,
        () if item is None else item.warnings,
        None if client is None else client.request,
        None if client is None else client.response,
        mask,
        step.message_id,
    )
