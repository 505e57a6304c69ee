"""Poll asynchronous batch jobs until they finish or time out.

A batch handler that starts such a job returns a `Job`; the function registered with `@destination.poll`
returns its state as a `Poll`.
"""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.multistatus import MultiStatus, Node, failure, failure_of, success
from actions_core.errors import ActionsError
from actions_core.http.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.engine.executor.client import Deadlines
    from actions_core.http.retry import PollPolicy

_FAILED_STATUS: Final = 500


class JobStatus(enum.StrEnum):
    """The state of a job, in a word."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RETRYABLE_ERROR = "RETRYABLE_ERROR"


@attrs.frozen
class Job:
    """A batch that was accepted. `nodes`, where given, say which payloads were refused at once.

    `memo` is handed to each poll as it is: it holds what the function needs to tell the payloads apart.
    """

    job_id: str
    status: int = 202
    nodes: MultiStatus | None = None
    memo: Any = attrs.field(default=None, repr=False)


@attrs.frozen
class Poll:
    """The state of a job. Without `nodes` its status decides for all of its payloads."""

    status: JobStatus
    nodes: MultiStatus | None = None
    message: str = ""


def warn_of_more_nodes(nodes: MultiStatus | None, count: int, warn: Callable[[str, str], None]) -> None:
    """Warn of nodes that are for no payload: they are ignored."""
    if nodes is not None and len(nodes) > count:
        warn("$", f"the handler returned {len(nodes)} nodes for {count} payloads; the last are ignored")


async def await_job(
    job: Job,
    count: int,
    poll: Callable[[Job, int], Awaitable[Poll]],
    policy: PollPolicy,
    deadlines: Deadlines,
    warn: Callable[[str, str], None],
) -> list[Node]:
    """Poll the job until it is done, and return one node for each of its `count` payloads.

    When the outcome cannot be had, the payloads that the job accepted failed for that reason; those that
    were refused at once keep their nodes.
    """
    first = [success(job.status)] * count if job.nodes is None else job.nodes.spread(count)
    accepted = [index for index, node in enumerate(first) if node.ok]
    if not accepted:
        return first
    try:
        found = await _poll_until_done(job, len(accepted), poll, policy, deadlines)
        warn_of_more_nodes(found.nodes, len(accepted), warn)
        outcome = _outcome(found, len(accepted))
    except ActionsError as error:
        outcome = [failure_of(error)] * len(accepted)
    for index, node in zip(accepted, outcome, strict=True):
        first[index] = node
    return first


async def _poll_until_done(
    job: Job,
    upload_count: int,
    poll: Callable[[Job, int], Awaitable[Poll]],
    policy: PollPolicy,
    deadlines: Deadlines,
) -> Poll:
    clock = asyncio.get_running_loop().time
    started, pause = clock(), policy.base
    while True:
        await _pause(job, pause, deadlines)
        pause = min(pause * 2, policy.cap)
        found = await poll(job, upload_count)
        if found.status is not JobStatus.IN_PROGRESS:
            return found
        if clock() - started + pause > policy.within:
            raise TransportError(
                f"the job {job.job_id} was not done within {policy.within:g} s",
                code="SELF_TIMEOUT",
                status=408,
            )


async def _pause(job: Job, seconds: float, deadlines: Deadlines) -> None:
    try:
        async with asyncio.timeout(seconds):
            await deadlines.closing.wait()
    except TimeoutError:
        return
    raise TransportError(
        f"interrupted while the job {job.job_id} was in progress: its outcome is not known",
        code="INTERRUPTED",
    )


def _outcome(poll: Poll, count: int) -> list[Node]:
    if poll.nodes is not None:
        return poll.nodes.spread(count)
    if poll.status is JobStatus.SUCCEEDED:
        return [success()] * count
    retryable = poll.status is JobStatus.RETRYABLE_ERROR
    message = poll.message or "the destination's job failed"
    kind = "RETRYABLE_ERROR" if retryable else None
    return [failure(_FAILED_STATUS, message, errortype=kind, reporter="DESTINATION")] * count
