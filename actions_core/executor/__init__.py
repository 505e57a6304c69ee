"""Runs pipelines: a lane for each instance, so that none has to wait for another's troubles."""

from __future__ import annotations

from actions_core.executor.asking import ask
from actions_core.executor.batch import deliver_batch
from actions_core.executor.jobs import Job, JobStatus, Poll, PollPolicy
from actions_core.executor.lane import HandlerError, Lane

__all__ = [
    "HandlerError",
    "Job",
    "JobStatus",
    "Lane",
    "Poll",
    "PollPolicy",
    "ask",
    "deliver_batch",
]
