"""Runs handlers: a lane for each instance, so that none has to wait for another's troubles."""

from __future__ import annotations

from actions_core.engine.executor.attempt_batch import BatchAttempt, attempt_batch
from actions_core.engine.executor.batch import deliver_batch
from actions_core.engine.executor.breaker import Breaker
from actions_core.engine.executor.call import HandlerError, call_handler, judge_with, limit
from actions_core.engine.executor.deliver import deliver_event
from actions_core.engine.executor.items import Item, chunks, is_batched, make_item, skipped_result
from actions_core.engine.executor.jobs import Job, JobStatus, Poll
from actions_core.engine.executor.lane import Lane
from actions_core.engine.executor.rate_budget import RateBudget

__all__ = [
    "BatchAttempt",
    "Breaker",
    "HandlerError",
    "Item",
    "Job",
    "JobStatus",
    "Lane",
    "Poll",
    "RateBudget",
    "attempt_batch",
    "call_handler",
    "chunks",
    "deliver_batch",
    "deliver_event",
    "is_batched",
    "judge_with",
    "limit",
    "make_item",
    "skipped_result",
]
