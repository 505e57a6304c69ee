"""Deliver items together for one who may have them delivered again: an outcome for each of them.

What matters then is more than the nodes say: whether all failed of the same, so that the batch as such was
refused, and of which items nobody knows what became.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import attrs

from actions_core.destination.multistatus import failure_of
from actions_core.engine.executor.batch import Batch
from actions_core.engine.results import Result, Status
from actions_core.errors import RequestError
from actions_core.http.errors import TransportError
from actions_core.http.requests import Response
from actions_core.http.retry import is_retryable
from actions_core.values.json_bytes import json_bytes
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions_core.destination.multistatus import Node
    from actions_core.engine.executor.items import Item
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.pipeline import Pipeline
    from actions_core.errors import ActionsError
    from actions_core.values.types import Json


@attrs.frozen
class BatchAttempt:
    """What became of items: a result for each, in their order, and its node.

    `error` is set where all failed of the same; `response` is what the destination answered then. `unknown`
    are the indices of items of which nobody knows what became.
    """

    results: Sequence[Result]
    nodes: Sequence[Node] = attrs.field(repr=False)
    error: ActionsError | None = None
    response: Response | None = None
    unknown: frozenset[int] = frozenset()

    def sent(self, index: int) -> Json:
        """Return what was sent for an item, secrets masked; `MISSING` where nothing was."""
        return self.nodes[index].sent


async def attempt_batch(
    lane: Lane, pipeline: Pipeline, items: Sequence[Item], started_job: Callable[[], None] | None = None
) -> BatchAttempt:
    """Deliver items together. Raises nothing but `CancelledError`.

    `started_job` is called when there is nothing left but to wait for the destination's job.
    """
    started = perf_counter()
    batch = Batch(lane, pipeline, items, started_job)
    await batch.deliver()
    nodes = batch.masked_nodes()
    error = _shared_error(batch, nodes)
    response = None
    if error is not None and batch.client is not None and not isinstance(error, TransportError):
        response = batch.client.response
    duration = perf_counter() - started
    results = [
        _result(lane, item, node, batch.errors.get(index, error), batch, duration, response)
        for index, (item, node) in enumerate(zip(items, nodes, strict=True))
    ]
    unknown = set(batch.unknown)
    if isinstance(error, TransportError):
        unknown.update(range(len(items)))
    return BatchAttempt(results, nodes, error, response, frozenset(unknown))


def _shared_error(batch: Batch, nodes: Sequence[Node]) -> ActionsError | None:
    """Return the error that all items share: the handler's own, the job's, or that of its last request."""
    candidates = [*batch.errors.values()][:1]
    if batch.client is not None and batch.client.failure is not None:
        candidates.append(batch.lane.connection.mask.error(batch.client.failure))
    for error in candidates:
        expected = failure_of(error)
        if all(
            not node.ok
            and not node.skipped
            and (node.status, node.errortype) == (expected.status, error.code)
            for node in nodes
        ):
            return error
    return None


def _result(
    lane: Lane,
    item: Item,
    node: Node,
    error: ActionsError | None,
    batch: Batch,
    duration: float,
    response: Response | None,
) -> Result:
    status, reason = Status.SENT, ""
    if node.skipped:
        status, reason, error, response = Status.SKIPPED, node.errormessage or "", None, None
    elif node.errortype == Status.NOT_TRIED.name:
        status, reason, error = Status.NOT_TRIED, node.errormessage or "", None
    elif not node.ok:
        reason = node.errormessage or ""
        if error is None:
            error = RequestError(
                reason, code=node.errortype, status=node.status, retryable=is_retryable(node.status)
            )
            response = _answer(node)
        status = Status.FAILED
    else:
        error = None
    return Result(
        lane.instance,
        item.step.pipeline.name,
        item.step.pipeline.action,
        status,
        error,
        reason,
        batch.tries,
        duration,
        item.warnings,
        None,
        response,
        lane.connection.mask,
        item.step.message_id,
    )


def _answer(node: Node) -> Response | None:
    """Return what the destination said of one item."""
    body = node.body
    if body is MISSING:
        return None
    return Response(node.status, {}, body.encode() if isinstance(body, str) else json_bytes(body))
