"""Runs handlers: a lane for each instance, so that none has to wait for another's troubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.values.lazy import lazy_names

if TYPE_CHECKING:
    from actions_core.engine.executor.batch import deliver_batch
    from actions_core.engine.executor.breaker import Breaker
    from actions_core.engine.executor.call import HandlerError, call_handler, judge_with, limit
    from actions_core.engine.executor.deliver import deliver_event
    from actions_core.engine.executor.items import Item, chunks, is_batched, make_item, skipped_result
    from actions_core.engine.executor.jobs import Job, JobStatus, Poll
    from actions_core.engine.executor.lane import Lane
    from actions_core.engine.executor.rate_budget import RateBudget
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Breaker": "breaker",
            "HandlerError": "call",
            "Item": "items",
            "Job": "jobs",
            "JobStatus": "jobs",
            "Lane": "lane",
            "Poll": "jobs",
            "RateBudget": "rate_budget",
            "call_handler": "call",
            "chunks": "items",
            "deliver_batch": "batch",
            "deliver_event": "deliver",
            "is_batched": "items",
            "judge_with": "call",
            "limit": "call",
            "make_item": "items",
            "skipped_result": "items",
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
    "judge_with",
    "limit",
    "make_item",
    "skipped_result",
]
