"""Jobs: how often they are asked for, in orders instead of durations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from actions_core import Job, JobStatus, MultiStatus, Node, Poll
from actions_core.engine.executor import jobs
from actions_core.engine.executor.client import Deadlines
from actions_core.http.retry import PollPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    end = asyncio.run(jobs.await_job(Job("j"), 2, poll, policy, Deadlines(), lambda _path, _message: None))
    nodes = end.nodes
    assert [node.status for node in nodes] == [200, 200]
    assert pauses == [1, 2, 4, 5, 5, 5]


def awaited(
    job: Job,
    count: int,
    polls: Iterable[Poll],
    policy: PollPolicy | None = None,
    warnings: list[str] | None = None,
) -> list[Node]:
    """The nodes of a job whose polls give these states, on a clock that stands still."""
    states = iter(polls)

    async def poll(_job: Job, _upload_count: int) -> Poll:
        return next(states)

    def warn(path: str, message: str) -> None:
        assert warnings is not None
        warnings.append(f"{path}: {message}")

    async def scenario() -> list[Node]:
        end = await jobs.await_job(job, count, poll, policy or PollPolicy(), Deadlines(), warn)
        return end.nodes

    return asyncio.run(scenario())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the event loop, which the pauses move on instead of waiting."""
    now = [1000.0]

    async def pause(_job: Job, seconds: float, _deadlines: Deadlines) -> None:
        now[0] += seconds

    monkeypatch.setattr(jobs, "_pause", pause)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "time", lambda _loop: now[0])
    return now


@pytest.mark.parametrize(("within", "polls"), [(6.0, 2), (7.0, 3), (7.5, 3), (14.0, 3), (15.0, 4)])
def test_a_job_is_polled_as_long_as_the_next_poll_comes_in_time(
    clock: list[float], within: float, polls: int
) -> None:
    """After 1, 2, 4 and 8 s; a poll that would come exactly at the end is still made."""
    asked: list[float] = []

    def states() -> Iterator[Poll]:
        while True:
            asked.append(clock[0] - 1000.0)
            yield Poll(JobStatus.IN_PROGRESS)

    (node,) = awaited(Job("j"), 1, states(), PollPolicy(base=1.0, cap=60.0, within=within))
    assert asked == [1.0, 3.0, 7.0, 15.0][:polls]
    assert (node.status, node.errortype) == (408, "SELF_TIMEOUT")
    assert node.errormessage == f"the job j was not done within {within:g} s"


@pytest.mark.usefixtures("clock")
def test_a_job_of_which_nothing_was_accepted_is_not_polled() -> None:
    """Where every payload was refused at once their nodes are the outcome."""
    refused = MultiStatus()
    refused.add_failure(400, "no")
    assert [node.status for node in awaited(Job("j", nodes=refused), 1, [])] == [400]


@pytest.mark.parametrize(("count", "warned"), [(1, True), (2, False), (3, False)])
@pytest.mark.usefixtures("clock")
def test_nodes_for_no_payload_are_warned_of(count: int, *, warned: bool) -> None:
    """More nodes than there are payloads are a warning, as many or fewer are none."""
    nodes = MultiStatus()
    nodes.add_success(200)
    nodes.add_success(201)
    warnings: list[str] = []
    found = awaited(Job("j"), count, [Poll(JobStatus.SUCCEEDED, nodes)], warnings=warnings)
    assert [node.status for node in found][:2] == [200, 201][:count]
    message = "$: the handler returned 2 nodes for 1 payloads; the last are ignored"
    assert warnings == [message] * warned


@pytest.mark.parametrize(
    ("poll", "status", "errortype", "message"),
    [
        (Poll(JobStatus.FAILED), 500, "INTERNAL_SERVER_ERROR", "the destination's job failed"),
        (Poll(JobStatus.FAILED, message="mine"), 500, "INTERNAL_SERVER_ERROR", "mine"),
        (Poll(JobStatus.RETRYABLE_ERROR), 500, "RETRYABLE_ERROR", "the destination's job failed"),
        (Poll(JobStatus.SUCCEEDED, message="fine"), 200, None, None),
    ],
)
@pytest.mark.usefixtures("clock")
def test_without_nodes_a_state_counts_for_all(
    poll: Poll, status: int, errortype: str | None, message: str | None
) -> None:
    """Its status and message are those of every payload."""
    found = awaited(Job("j"), 2, [poll])
    assert [(node.status, node.errortype, node.errormessage) for node in found] == [
        (status, errortype, message)
    ] * 2


def test_a_job_is_accepted_and_keeps_its_memo_to_itself() -> None:
    """Its status is 202 unless it says otherwise, and what it remembers is not shown."""
    assert Job("j").status == 202
    assert "s3cret" not in repr(Job("j", memo="s3cret"))


def test_closing_ends_the_wait_for_the_next_poll() -> None:
    """An engine that closes does not wait for a job: its outcome is not known."""

    async def poll(_job: Job, _upload_count: int) -> Poll:
        raise AssertionError("it was closed before")

    async def scenario() -> list[Node]:
        deadlines = Deadlines()
        deadlines.closing.set()
        end = await jobs.await_job(
            Job("j"), 1, poll, PollPolicy(base=60.0), deadlines, lambda _path, _message: None
        )
        assert end.is_unknown
        return end.nodes

    (node,) = asyncio.run(scenario())
    assert (node.errortype, node.errormessage) == (
        "INTERRUPTED",
        "interrupted while the job j was in progress: its outcome is not known",
    )


REFUSED = MultiStatus()
REFUSED.add_failure(400, "no")
REFUSED.add_success(202)


@pytest.mark.parametrize(
    ("job", "state", "accepted", "error", "is_unknown"),
    [
        (Job("j"), JobStatus.SUCCEEDED, [0, 1], None, False),
        (Job("j"), JobStatus.FAILED, [0, 1], ("INTERNAL_SERVER_ERROR", 500, False), False),
        (Job("j"), JobStatus.RETRYABLE_ERROR, [0, 1], ("RETRYABLE_ERROR", 500, True), False),
        (Job("j"), JobStatus.IN_PROGRESS, [0, 1], ("SELF_TIMEOUT", 408, True), True),
        (Job("j", nodes=REFUSED), JobStatus.FAILED, [1], ("INTERNAL_SERVER_ERROR", 500, False), False),
        (Job("j", nodes=REFUSED), JobStatus.IN_PROGRESS, [1], ("SELF_TIMEOUT", 408, True), True),
    ],
)
def test_the_end_of_a_job_says_what_its_payloads_share(
    job: Job,
    state: JobStatus,
    accepted: list[int],
    error: tuple[str, int, bool] | None,
    is_unknown: bool,  # noqa: FBT001 - a case
) -> None:
    """An error of the job is that of the payloads that it accepted; without an end nobody knows theirs."""

    async def poll(_job: Job, upload_count: int) -> Poll:
        assert upload_count == len(accepted)
        return Poll(state)

    policy = PollPolicy(base=0.001, cap=0.001, within=0.0)
    end = asyncio.run(jobs.await_job(job, 2, poll, policy, Deadlines(), lambda _path, _message: None))
    assert (list(end.accepted), end.is_unknown) == (accepted, is_unknown)
    assert (end.error and (end.error.code, end.error.status, end.error.retryable)) == error
    assert [node.status for node in end.nodes] == [
        (200 if error is None else error[1]) if place in accepted else 400 for place in range(2)
    ]


def test_a_job_of_which_nothing_was_accepted_has_no_error_of_its_own() -> None:
    """Each payload has its node, and nothing is unknown."""
    refused = MultiStatus()
    refused.add_failure(400, "no")

    async def poll(_job: Job, _upload_count: int) -> Poll:
        raise AssertionError("there is nothing to ask for")

    job = Job("j", nodes=refused)
    end = asyncio.run(jobs.await_job(job, 1, poll, PollPolicy(), Deadlines(), lambda _path, _message: None))
    assert (list(end.accepted), end.error, end.is_unknown) == ([], None, False)
