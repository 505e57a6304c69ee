"""Runs pipelines: a lane for each instance, so that none has to wait for another's troubles."""

from __future__ import annotations

from actions_core.engine.executor.batch import deliver_batch
from actions_core.engine.executor.call import ask
from actions_core.engine.executor.jobs import Job, JobStatus, Poll
from actions_core.engine.executor.lane import HandlerError, Lane
from actions_core.http.retry import PollPolicy

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
