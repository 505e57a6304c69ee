"""One batch through one instance: its handler, its job where it starts one, and one node for each payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.destination.context import Context
from actions_core.destination.multistatus import MultiStatus, Node, failure, failure_of, spread
from actions_core.engine.executor.client import Client
from actions_core.engine.executor.jobs import Job, Poll, await_job
from actions_core.engine.executor.lane import HandlerError
from actions_core.errors import ActionsError
from actions_core.http.errors import UNAUTHORIZED, AuthenticationError
from actions_core.http.requests import Request
from actions_core.http.retry import PollPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actions_core.engine.executor.batching import Item
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.pipeline import Pipeline


async def deliver_batch(
    lane: Lane, pipeline: Pipeline, items: Sequence[Item], policy: PollPolicy | None = None
) -> list[Node]:
    """One node for each item, secrets masked. Raises nothing but `CancelledError`."""
    try:
        nodes = await _with_new_tokens(lane, pipeline, items, policy or PollPolicy())
    except ActionsError as error:
        lane.note(error)
        nodes = [failure_of(error)] * len(items)
    except Exception as error:  # noqa: BLE001 - a handler may raise anything; it must not touch the others
        nodes = [failure_of(lane.unexpected(pipeline, error))] * len(items)
    return [node.masked(lane.line.mask) for node in nodes]


async def _with_new_tokens(
    lane: Lane, pipeline: Pipeline, items: Sequence[Item], policy: PollPolicy
) -> list[Node]:
    """The nodes; those of items that were refused with a 401 are of a second try with a renewed token."""
    tokens = lane.line.tokens
    used = pipeline.scope.auth.access_token
    nodes, refused = await _run(lane, pipeline, items, policy)
    if tokens is None or not refused:
        return nodes
    try:
        await tokens.renew(used)
    except AuthenticationError as error:
        again = [failure_of(error)] * len(refused)
    else:
        again, _ = await _run(lane, pipeline, [items[index] for index in refused], policy)
    for index, node in zip(refused, again, strict=True):
        nodes[index] = node
    return nodes


async def _run(
    lane: Lane, pipeline: Pipeline, items: Sequence[Item], policy: PollPolicy
) -> tuple[list[Node], list[int]]:
    """The nodes, and the indices of the items that were refused with a 401.

    What a job took is not among those, whatever its polls meet: it would be uploaded once more.
    """
    context = Context(pipeline.scope, items[0].event, events=[item.event for item in items])
    client = Client(lane.line, context, pipeline.hints)
    try:
        async with lane.free:
            if lane.line.deadlines.closing.is_set():
                message = "the engine was closed before its turn came"
                return [failure(503, message, errortype="NOT_TRIED")] * len(items), []
            lane.refuse_if_disabled()
            answer = await _answer(lane, pipeline, items, context, client)
    finally:
        for item, one in zip(items, context.each, strict=True):
            item.warnings[:] = [*context.warnings, *one.warnings]
    if isinstance(answer, Job):
        nodes = await _job(lane, pipeline, answer, len(items), context, client, policy)
        return nodes, _refused(answer.nodes or ())
    nodes = spread(answer, len(items))
    return nodes, _refused(nodes)


def _refused(nodes: Iterable[Node]) -> list[int]:
    return [index for index, node in enumerate(nodes) if node.status == UNAUTHORIZED]


async def _answer(
    lane: Lane, pipeline: Pipeline, items: Sequence[Item], context: Context, client: Client
) -> Any:
    handler = pipeline.batch_handler
    if handler is None:
        raise HandlerError(f"the action {pipeline.action!r} has no handler for batches")
    answer = handler.call({"payloads": [item.payload for item in items]}, context, client)
    if handler.is_async:
        answer = await lane.limited(answer)
    if isinstance(answer, Request):
        answer = await client.send(answer)
    if isinstance(answer, MultiStatus) and len(answer) > len(items):
        raise HandlerError(f"{handler.name}() gave {len(answer)} nodes for {len(items)} payloads")
    return answer


async def _job(
    lane: Lane,
    pipeline: Pipeline,
    job: Job,
    count: int,
    context: Context,
    client: Client,
    policy: PollPolicy,
) -> list[Node]:
    handler = pipeline.poll_handler
    if handler is None:
        raise HandlerError(f"{pipeline.action} started a job, but no function polls it")

    async def ask(upload_count: int) -> Poll:
        given = {"job_id": job.job_id, "upload_count": upload_count, "memo": job.memo}
        try:
            poll = handler.call(given, context, client)
            if handler.is_async:
                poll = await lane.limited(poll)
        except ActionsError as error:
            lane.note(error)
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            raise lane.unexpected(pipeline, error) from None
        if not isinstance(poll, Poll):
            raise HandlerError(f"{handler.name}() gave {type(poll).__name__}; a poll gives a Poll")
        return poll

    return await await_job(job, count, ask, policy, lane.line.deadlines)
