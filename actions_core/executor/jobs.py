"""Batches that a destination works off later: asked for until they are done or the time is up.

A batch handler that starts such a job answers `Job`; the function noted with `@destination.poll` says
how it is doing with a `Poll`.
"""

from __future__ import annotations

import asyncio
import enum
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import TransportError
from actions_core.multistatus import MultiStatus, Node, failure, success

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.client import Deadlines

_FAILED_STATUS: Final = 500


class JobStatus(enum.StrEnum):
    """How a job is doing."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RETRYABLE_ERROR = "RETRYABLE_ERROR"


@attrs.frozen
class Job:
    """A batch that was taken in. `nodes`, where given, tell the payloads that were refused at once."""

    job_id: str
    status: int = 202
    nodes: MultiStatus | None = None


@attrs.frozen
class Poll:
    """How a job is doing. Without `nodes` its status decides for all of its payloads."""

    status: JobStatus
    nodes: MultiStatus | None = None
    message: str = ""


@attrs.frozen
class PollPolicy:
    """How often and how long a job is asked for, in seconds; the pause doubles from `base` up to `cap`."""

    base: float = 1.0
    cap: float = 30.0
    within: float = 600.0


async def await_job(
    job: Job,
    count: int,
    ask: Callable[[str, int], Awaitable[Poll]],
    policy: PollPolicy,
    deadlines: Deadlines,
) -> list[Node]:
    """Ask for the job until it is done, and give one node for each of its `count` payloads."""
    first = [success(job.status)] * count if job.nodes is None else job.nodes.spread(count)
    taken = [index for index, node in enumerate(first) if node.ok]
    if not taken:
        return first
    clock = asyncio.get_running_loop().time
    started, pause = clock(), policy.base
    while True:
        await _pause(job, pause, deadlines)
        pause = min(pause * 2, policy.cap)
        poll = await ask(job.job_id, len(taken))
        if poll.status is not JobStatus.IN_PROGRESS:
            break
        if clock() - started + pause > policy.within:
            raise TransportError(
                f"the job {job.job_id} was not done within {policy.within:g} s",
                code="SELF_TIMEOUT",
                status=408,
            )
    for index, node in zip(taken, _outcome(poll, len(taken)), strict=True):
        first[index] = node
    return first


async def _pause(job: Job, seconds: float, deadlines: Deadlines) -> None:
    try:
        async with asyncio.timeout(seconds):
            await deadlines.closing.wait()
    except TimeoutError:
        return
    raise TransportError(
        f"interrupted while the job {job.job_id} was under way: its outcome is not known", code="INTERRUPTED"
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
