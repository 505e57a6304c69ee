"""Batches of one subscription: put together, delivered through the lane, and one node for each payload.

Payloads go together that share the values of `batch_keys`, in chunks of a bounded size. `batch_size`,
`batch_bytes` and `batch_keys` are fields of the action like any other, so a payload has their mapped
values; where it has none, the definition's defaults hold.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.destination.context import Context
from actions_core.destination.multistatus import MultiStatus, Node, failure, failure_of, spread
from actions_core.engine.executor.client import EventClient
from actions_core.engine.executor.jobs import Job, Poll, await_job
from actions_core.engine.executor.lane import NOT_TRIED, HandlerError
from actions_core.engine.results import Status
from actions_core.http.errors import UNAUTHORIZED, AuthenticationError
from actions_core.http.requests import Request
from actions_core.http.retry import PollPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions_core.destination.specs import BatchSpec
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.pipeline import Pipeline, Step
    from actions_core.errors import ActionsError, Problem
    from actions_core.values.types import Json, JsonObject

MOST_KEYS: Final = 3


@attrs.frozen
class Item:
    """A payload, its step, and the place of its event in what the caller handed in.

    `warnings` fills while the item is delivered.
    """

    place: int
    step: Step
    payload: JsonObject
    warnings: list[Problem] = attrs.field(factory=list)


def chunks(items: Iterable[Item], spec: BatchSpec) -> Iterator[list[Item]]:
    """Yield the items in batches: equal in the values of their keys, within count and bytes, in their order.

    A payload that alone is larger than `batch_bytes` makes a batch of its own: whether it is too large
    for the destination only the destination can say.
    """
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(_group(item.payload, spec), []).append(item)
    for group in groups.values():
        yield from _split(group, _positive(group[0].payload, "batch_size", spec.size), spec)


def is_batched(payload: JsonObject) -> bool:
    """Tell if the payload may go in a batch: it may unless its mapping says no."""
    return payload.get("enable_batching") is not False


def _group(payload: JsonObject, spec: BatchSpec) -> str:
    keys = payload.get("batch_keys")
    names: Iterable[str] = spec.keys
    if isinstance(keys, list):
        names = [key for key in keys if isinstance(key, str)]
    values = [[name, payload.get(name)] for name in list(names)[:MOST_KEYS]]
    sizes = [payload.get("batch_size"), payload.get("batch_bytes")]
    return json.dumps([values, sizes], sort_keys=True, default=str)


def _split(group: list[Item], most: int, spec: BatchSpec) -> Iterator[list[Item]]:
    most_bytes = _positive(group[0].payload, "batch_bytes", spec.bytes)
    chunk: list[Item] = []
    size = 0
    for item in group:
        more = _bytes(item.payload)
        if chunk and (len(chunk) >= most or size + more > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += more
    if chunk:
        yield chunk


def _positive(payload: JsonObject, key: str, default: int) -> int:
    value = payload.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default


def _bytes(payload: Json) -> int:
    return len(json.dumps(payload, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))


async def deliver_batch(
    lane: Lane, pipeline: Pipeline, items: Sequence[Item], policy: PollPolicy | None = None
) -> list[Node]:
    """Deliver items together, and return one node for each, secrets masked.

    Those that were refused with a 401 are delivered once more with a renewed token. Raises nothing but
    `CancelledError`.
    """
    batch = _Batch(lane, pipeline, items, policy or PollPolicy())
    tokens = lane.connection.tokens
    try:
        await (batch.attempt() if tokens is None else tokens.retry_once(batch.attempt))
    except _ItemsRefusedError:
        pass  # their nodes say so
    except AuthenticationError as error:
        batch.fail_refused(error)
    return batch.masked_nodes()


class _ItemsRefusedError(AuthenticationError):
    """Some items of a batch were refused with a 401."""


class _Batch:
    """Items on their way; an attempt delivers all at first, then those that were refused with a 401."""

    def __init__(self, lane: Lane, pipeline: Pipeline, items: Sequence[Item], policy: PollPolicy) -> None:
        self._lane = lane
        self._pipeline = pipeline
        self._items = items
        self._policy = policy
        self._nodes: dict[int, Node] = {}
        self._left = list(range(len(items)))

    async def attempt(self) -> None:
        """Deliver the items that are left. Raises `AuthenticationError` where some are refused with a 401."""
        step = _BatchStep(self._pipeline, [self._items[index] for index in self._left])
        events = [item.step.event for item in step.items]
        context = Context(self._pipeline.scope, events[0], events=events)
        client = EventClient(self._lane.connection, context, self._pipeline.hints)
        found = await self._lane.run(step, context, client, _call_batch, _outcome)
        nodes = found.nodes
        if found.job is not None:
            # Outside of the lane: a job that is waited for takes no place.
            poll = partial(_poll, self._lane, self._pipeline, context, client)
            nodes = await await_job(
                found.job, len(step.items), poll, self._policy, self._lane.connection.deadlines
            )
        self._nodes.update(zip(self._left, nodes, strict=True))
        self._left = [self._left[index] for index in found.refused]
        if self._left:
            raise _ItemsRefusedError("items of the batch were refused")

    def fail_refused(self, error: AuthenticationError) -> None:
        """Give the items that were refused the error as their outcome."""
        self._nodes.update(dict.fromkeys(self._left, failure_of(error)))

    def masked_nodes(self) -> list[Node]:
        """Return the nodes without secrets, in the order of the items."""
        mask = self._lane.connection.mask
        return [self._nodes[index].masked(mask) for index in range(len(self._items))]


@attrs.frozen
class _BatchStep:
    """The steps of a batch together."""

    pipeline: Pipeline
    items: Sequence[Item]

    def payload(self) -> JsonObject:
        return {"payloads": [item.payload for item in self.items]}


@attrs.frozen
class _Outcome:
    """The outcome of one call: a node for each item, or the job that was started.

    `refused` are the indices of the items that were refused with a 401. What a job accepted is never
    among them, whatever its polls come across: it would be uploaded once more.
    """

    nodes: list[Node]
    job: Job | None = None
    refused: Sequence[int] = ()


async def _call_batch(
    lane: Lane, pipeline: Pipeline, payload: JsonObject, context: Context, client: EventClient
) -> _Outcome:
    handler, count = pipeline.batch_handler, len(payload["payloads"])
    if handler is None:
        raise HandlerError(f"the action {pipeline.action!r} has no handler for batches")
    answer = handler.call(payload, context, client)
    if handler.is_async:
        answer = await lane.limit(answer)
    if isinstance(answer, Request):
        answer = await client.send(answer)
    if isinstance(answer, Job):
        if pipeline.poll_handler is None:
            raise HandlerError(f"{pipeline.action} started a job, but no function polls it")
        return _Outcome([], answer, _refused(answer.nodes or ()))
    if isinstance(answer, MultiStatus) and len(answer) > count:
        raise HandlerError(f"{handler.name}() returned {len(answer)} nodes for {count} payloads")
    nodes = spread(answer, count)
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
    for item, one in zip(step.items, context.each, strict=True):
        item.warnings[:] = [*context.warnings, *one.warnings]
    if error is not None:
        return _Outcome([failure_of(error)] * len(step.items))
    if answer is None:
        return _Outcome([failure(503, NOT_TRIED, errortype=Status.NOT_TRIED.name)] * len(step.items))
    return answer


async def _poll(
    lane: Lane, pipeline: Pipeline, context: Context, client: EventClient, job: Job, upload_count: int
) -> Poll:
    handler = pipeline.poll_handler
    assert handler is not None  # noqa: S101 - `_call_batch` made sure; the type checker cannot know
    given = {"job_id": job.job_id, "upload_count": upload_count, "memo": job.memo}
    try:
        poll = handler.call(given, context, client)
        if handler.is_async:
            poll = await lane.limit(poll)
    except Exception as failed:  # noqa: BLE001 - a handler may raise anything
        raise lane.error_of(pipeline, failed) from None
    if not isinstance(poll, Poll):
        raise HandlerError(f"{handler.name}() returned {type(poll).__name__}; a poll returns a Poll")
    return poll


def _refused(nodes: Iterable[Node]) -> list[int]:
    return [index for index, node in enumerate(nodes) if node.status == UNAUTHORIZED]
