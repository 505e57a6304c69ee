"""Batches of one subscription: delivered through the lane, and one node for each payload."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import attrs

from actions_core.destination.context import Context
from actions_core.destination.multistatus import MultiStatus, Node, failure, failure_of, spread
from actions_core.engine.executor.call import HandlerError, limit
from actions_core.engine.executor.client import EventClient, current_task, let_through
from actions_core.engine.executor.items import batch_payload
from actions_core.engine.executor.jobs import Job, Poll, await_job, warn_of_more_nodes
from actions_core.engine.executor.lane import NOT_TRIED, warn_if_slow
from actions_core.engine.results import Status
from actions_core.errors import PayloadError
from actions_core.http.errors import UNAUTHORIZED, AuthenticationError, ResponseError
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions_core.engine.executor.items import Item
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.pipeline import Pipeline
    from actions_core.errors import ActionsError
    from actions_core.values.types import JsonObject


async def deliver_batch(lane: Lane, pipeline: Pipeline, items: Sequence[Item]) -> list[Node]:
    """Deliver items together, and return one node for each, secrets not masked yet.

    Those that were refused with a 401 are delivered once more with a renewed token. Raises nothing but
    `CancelledError`.
    """
    batch = Batch(lane, pipeline, items)
    await batch.deliver()
    return batch.nodes()


class _ItemsRefusedError(AuthenticationError):
    """Some items of a batch were refused with a 401."""


class Batch:
    """Items on their way; an attempt delivers all at first, then those that were refused with a 401.

    Afterwards `tries` counts the requests, `client` is the last one's, and `error` what the handler raised.
    `errors` are those of items that share one, by index, and `unknown` the indices of those of which nobody
    knows what became: their job could not be followed to its end. `started_job` is called when there is
    nothing left but to wait for a job.
    """

    def __init__(
        self,
        lane: Lane,
        pipeline: Pipeline,
        items: Sequence[Item],
        started_job: Callable[[], None] | None = None,
    ) -> None:
        self.lane = lane
        self._pipeline = pipeline
        self._items = items
        self._nodes: dict[int, Node] = {}
        self._left = list(range(len(items)))
        self.tries = 0
        self.client: EventClient | None = None
        self.error: ActionsError | None = None
        self.errors: dict[int, ActionsError] = {}
        self.unknown: set[int] = set()
        self._started_job = started_job

    async def deliver(self) -> None:
        """Deliver the items, once more where that may help. Raises nothing but `CancelledError`."""
        tokens = self.lane.connection.tokens
        try:
            await (self._attempt() if tokens is None else tokens.retry_once(self._attempt))
        except _ItemsRefusedError:
            pass  # their nodes say so
        except AuthenticationError as error:
            self.error = error
            self.errors.update(dict.fromkeys(self._left, error))
            self._nodes.update(dict.fromkeys(self._left, failure_of(error)))

    def nodes(self) -> list[Node]:
        """Return the nodes in the order of the items, secrets not masked yet."""
        return list(map(self._nodes.__getitem__, range(len(self._items))))

    def masked_nodes(self) -> list[Node]:
        """Return the nodes without secrets, in the order of the items."""
        mask = self.lane.connection.mask
        return [node.masked(mask) for node in self.nodes()]

    async def _attempt(self) -> None:
        """Deliver the items that are left. Raises `AuthenticationError` where some are refused with a 401."""
        refused = await self._deliver(self._left)
        self._left = refused
        if refused:
            raise _ItemsRefusedError("items of the batch were refused")

    async def _deliver(self, indices: list[int]) -> list[int]:
        """Deliver some items with one call, and return those that were refused with a 401.

        Where one of them makes the call fail before anything is sent, each half is delivered apart, so that
        the others do not fail with it.
        """
        step = _BatchStep(self._pipeline, [self._items[index] for index in indices])
        events = [item.step.event for item in step.items]
        context = Context(self._pipeline.scope, events[0], events=events)
        client = self.client = EventClient(self.lane.connection, context, self._pipeline.hints)
        found = await self.lane.run(step, context, client, _call_batch, _outcome)
        self.tries += client.tries
        if len(indices) > 1 and self._is_one_items_fault(found.error, client):
            half = len(indices) // 2
            return [*await self._deliver(indices[:half]), *await self._deliver(indices[half:])]
        self.error = found.error
        nodes = found.nodes
        if self.errors:
            for index in indices:
                self.errors.pop(index, None)
        if found.error is not None:
            self.errors.update(dict.fromkeys(indices, found.error))
        if found.job is not None:
            nodes = await self._await_job(found.job, indices, context, client)
            step.note_warnings(context)
        self._nodes.update(zip(indices, nodes, strict=True))
        return [indices[index] for index in found.refused]

    async def _await_job(
        self, job: Job, indices: list[int], context: Context, client: EventClient
    ) -> list[Node]:
        """Wait for a job, outside of the lane: it takes no place."""
        if self._started_job is not None:
            self._started_job()
        poll = partial(_poll, self.lane, self._pipeline, context, client)
        connection = self.lane.connection
        end = await await_job(job, len(indices), poll, connection.poll, connection.deadlines, context.warn)
        if end.error is not None:
            accepted = [indices[place] for place in end.accepted]
            self.errors.update(dict.fromkeys(accepted, end.error))
            self.unknown.update(accepted if end.is_unknown else ())
        return end.nodes

    def _is_one_items_fault(self, error: ActionsError | None, client: EventClient) -> bool:
        """Tell if a batch failed of what one of its payloads is, and no part of it can have been delivered.

        A plain function does nothing but make a request. What an asynchronous one has done before it raised
        an error of its own, nobody knows; but that its first request could not be written, its client knows.
        """
        handler = self._pipeline.batch_handler
        if handler is None or client.response is not None:
            return False
        if handler.is_async:
            return isinstance(error, PayloadError) and client.tries == 1
        return isinstance(error, (PayloadError, HandlerError))


@attrs.frozen
class _BatchStep:
    """The steps of a batch together."""

    pipeline: Pipeline
    items: Sequence[Item]

    def payload(self) -> JsonObject:
        return {"items": self.items}

    def note_warnings(self, context: Context) -> None:
        """Give each item what was warned of all and of itself."""
        shared = context.notes
        for item, one in zip(self.items, context.each, strict=True):
            notes = (*shared, *item.notes, *one.notes) if shared or item.notes else one.notes
            if notes:
                item.warnings = notes


@attrs.frozen
class _Outcome:
    """The outcome of one call: a node for each item, or the job that was started.

    `refused` are the indices of the items that were refused with a 401. What a job accepted is never
    among them, whatever its polls come across: it would be uploaded once more. `error` is what the handler
    raised.
    """

    nodes: list[Node]
    job: Job | None = None
    refused: Sequence[int] = ()
    error: ActionsError | None = None


async def _call_batch(
    lane: Lane, pipeline: Pipeline, payload: JsonObject, context: Context, client: EventClient
) -> _Outcome:
    handler, items = pipeline.batch_handler, payload["items"]
    if handler is None:
        raise HandlerError(f"the action {pipeline.action!r} has no handler for batches")
    begun = perf_counter()
    values = [item.sent for item in items]
    given = batch_payload(handler, [item.payload for item in items], values, context)
    answer = handler.call(given, context, client)
    warn_if_slow(handler, begun, context)
    if handler.is_async:
        answer = await limit(lane.connection, answer)
    if isinstance(answer, Request):
        answer = await client.send(answer)
        if handler.read is not None:
            answer = handler.read(given, answer)
    if isinstance(answer, Job):
        if pipeline.poll_handler is None:
            raise HandlerError(f"{pipeline.action} started a job, but no function polls it")
        warn_of_more_nodes(answer.nodes, len(items), context.warn)
        return _Outcome([], answer, _refused(answer.nodes or ()))
    if isinstance(answer, MultiStatus):
        warn_of_more_nodes(answer, len(items), context.warn)
    nodes = spread(answer, values)
    return _Outcome(nodes, None, _refused(nodes))


def _outcome(
    _lane: Lane,
    step: _BatchStep,
    context: Context,
    _client: EventClient,
    _status: Status,
    error: ActionsError | None,
    answer: _Outcome | None,
    _started: float,
) -> _Outcome:
    step.note_warnings(context)
    if error is not None:
        node = failure_of(error)
        if isinstance(error, ResponseError):  # one response is the outcome of all, and each was sent
            return _Outcome([attrs.evolve(node, sent=item.sent) for item in step.items], error=error)
        return _Outcome([node] * len(step.items), error=error)
    if answer is None:
        return _Outcome([failure(503, NOT_TRIED, errortype=Status.NOT_TRIED.name)] * len(step.items))
    return answer


async def _poll(
    lane: Lane, pipeline: Pipeline, context: Context, client: EventClient, job: Job, upload_count: int
) -> Poll:
    handler = pipeline.poll_handler
    assert handler is not None  # noqa: S101 - `_call_batch` made sure; the type checker cannot know
    given = {"job_id": job.job_id, "upload_count": upload_count, "memo": job.memo}
    task = current_task()
    cancelled = task.cancelling()
    try:
        poll = handler.call(given, context, client)
        if handler.is_async:
            poll = await limit(lane.connection, poll)
    except BaseException as failed:  # noqa: BLE001 - a handler may raise anything
        let_through(failed, task, cancelled)
        raise lane.error_of(pipeline, failed) from None
    let_through(None, task, cancelled)
    if not isinstance(poll, Poll):
        raise HandlerError(f"{handler.name}() returned {type(poll).__name__}; a poll returns a Poll")
    return poll


def _refused(nodes: Sequence[Node]) -> list[int]:
    return [index for index, node in enumerate(nodes) if node.status == UNAUTHORIZED]
