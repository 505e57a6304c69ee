"""Jobs: how often they are asked for, in orders instead of durations."""

from __future__ import annotations

import asyncio

import pytest

from actions_core import Job, JobStatus, Poll
from actions_core.engine.executor import jobs
from actions_core.engine.executor.client import Deadlines
from actions_core.http.retry import PollPolicy


def test_a_job_is_asked_for_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause before each poll doubles from `base` up to `cap`."""
    pauses: list[float] = []

    async def pause(_job: Job, seconds: float, _deadlines: Deadlines) -> None:
        pauses.append(seconds)

    async def poll(_job: Job, upload_count: int) -> Poll:
        assert upload_count == 2
        return Poll(JobStatus.IN_PROGRESS if len(pauses) < 6 else JobStatus.SUCCEEDED)

    monkeypatch.setattr(jobs, "_pause", pause)
    policy = PollPolicy(base=1, cap=5, within=60)
    nodes = asyncio.run(jobs.await_job(Job("j"), 2, poll, policy, Deadlines(), lambda _path, _message: None))
    assert [node.status for node in nodes] == [200, 200]
    assert pauses == [1, 2, 4, 5, 5, 5]
