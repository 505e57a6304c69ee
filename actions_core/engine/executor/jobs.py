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
from actions_core.errors import ActionsError, RequestError
from actions_core.http.errors import TransportError, status_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

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


@attrs.frozen
class JobEnd:
    """The end of a job: a node for each payload.

    `error` is set where the payloads at `accepted`, which were not refused at once, share one. Where
    it `is_unknown`, nobody knows what became of these.
    """

    nodes: list[Node]
    accepted: Sequence[int] = ()
    error: ActionsError | None = None
    is_unknown: bool = False


async def await_job(
    job: Job,
    count: int,
    poll: Callable[[Job, int], Awaitable[Poll]],
    policy: PollPolicy,
    deadlines: Deadlines,
    warn: Callable[[str, str], None],
) -> JobEnd:
    """Poll the job until it is done, and return its end, with one node for each of its `count` payloads.

    When the outcome cannot be had, the payloads that the job accepted failed for that reason; those that
    were refused at once keep their nodes.
    """
    first = [success(job.status)] * count if job.nodes is None else job.nodes.spread(count)
    accepted = [index for index, node in enumerate(first) if node.ok]
    if not accepted:
        return JobEnd(first)
    failed: ActionsError | None = None
    is_unknown = False
    try:
        found = await _poll_until_done(job, len(accepted), poll, policy, deadlines)
    except ActionsError as error:
        failed, is_unknown = error, True
        outcome = [failure_of(error)] * len(accepted)
    else:
        warn_of_more_nodes(found.nodes, len(accepted), warn)
        failed = _job_error(found)
        outcome = _outcome(found, len(accepted))
    if len(accepted) == count:
        first = outcome
    else:
        for index, node in zip(accepted, outcome, strict=True):
            first[index] = node
    return JobEnd(first, accepted, failed, is_unknown)


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


def _job_error(poll: Poll) -> ActionsError | None:
    """Return the error of a job that failed as a whole."""
    if poll.nodes is not None or poll.status is JobStatus.SUCCEEDED:
        return None
    retryable = poll.status is JobStatus.RETRYABLE_ERROR
    message = poll.message or "the destination's job failed"
    code = "RETRYABLE_ERROR" if retryable else status_name(_FAILED_STATUS)
    return RequestError(message, code=code, status=_FAILED_STATUS, retryable=retryable)


def _outcome(poll: Poll, count: int) -> list[Node]:
    if poll.nodes is not None:
        return poll.nodes.spread(count)
    error = _job_error(poll)
    if error is None:
        return [success()] * count
    return [failure(_FAILED_STATUS, str(error), errortype=error.code, reporter="DESTINATION")] * count
