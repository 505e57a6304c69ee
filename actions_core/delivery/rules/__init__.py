"""Rules of delivery as plain functions: what follows from an attempt, and which deliveries make a batch.

Nothing here waits, reads a clock or knows a store: the time is handed in.
"""

from __future__ import annotations

from actions_core.delivery.rules.grouping import BatchSize, Candidate, count_ready, halves, split_by_size
from actions_core.delivery.rules.refusals import AGAIN_AFTER_REFUSAL, MOST_REFUSALS, Refusals
from actions_core.delivery.rules.verdict import (
    Again,
    Attempt,
    Dead,
    Done,
    DurableRetry,
    Released,
    Verdict,
    judge,
    judge_batch,
    judge_members,
)

__all__ = [
    "AGAIN_AFTER_REFUSAL",
    "MOST_REFUSALS",
    "Again",
    "Attempt",
    "BatchSize",
    "Candidate",
    "Dead",
    "Done",
    "DurableRetry",
    "Refusals",
    "Released",
    "Verdict",
    "count_ready",
    "halves",
    "judge",
    "judge_batch",
    "judge_members",
    "split_by_size",
]
