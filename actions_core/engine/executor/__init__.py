"""Runs handlers: a lane for each instance, so that none has to wait for another's troubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.values.lazy import lazy_names

if TYPE_CHECKING:
    from actions_core.engine.executor.batch import Item, chunks, deliver_batch, is_batched
    from actions_core.engine.executor.breaker import Breaker
    from actions_core.engine.executor.call import HandlerError, call_handler, limit
    from actions_core.engine.executor.deliver import deliver_event
    from actions_core.engine.executor.jobs import Job, JobStatus, Poll
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.executor.rate_budget import RateBudget
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Breaker": "breaker",
            "HandlerError": "call",
            "Item": "batch",
            "Job": "jobs",
            "JobStatus": "jobs",
            "Lane": "lane",
            "Poll": "jobs",
            "RateBudget": "rate_budget",
            "call_handler": "call",
            "chunks": "batch",
            "deliver_batch": "batch",
            "deliver_event": "deliver",
            "is_batched": "batch",
            "limit": "call",
        },
    )

__all__ = [
    "Breaker",
    "HandlerError",
    "Item",
    "Job",
    "JobStatus",
    "Lane",
    "Poll",
    "RateBudget",
    "call_handler",
    "chunks",
    "deliver_batch",
    "deliver_event",
    "is_batched",
    "limit",
]
