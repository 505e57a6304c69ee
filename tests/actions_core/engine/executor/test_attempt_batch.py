"""A batch for one who may have it delivered again: what all share, and of what nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from actions_core import (
    Client,
    Context,
    Job,
    JobStatus,
    MultiStatus,
    Poll,
    Request,
    RequestError,
    Response,
    Status,
    load_destination,
)
from actions_core.destination.context import Scope
from actions_core.engine.executor import Item, Lane
from actions_core.engine.executor.attempt_batch import BatchAttempt, attempt_batch
from actions_core.engine.executor.client import Connection, Deadlines
from actions_core.engine.pipeline import Pipeline, Step
from actions_core.http.errors import ResponseError, TransportError
from actions_core.http.retry import PollPolicy, RetryPolicy
from actions_core.testing import RecordingTransport

REQUEST = Request("POST", "https://x.test/many", json=[])


def attempted(
    batch: Callable[..., Any],
    *replies: Response | Exception,
    poll: Callable[..., Any] | None = None,
    started: list[int] | None = None,
) -> BatchAttempt:
    """The attempt of a batch of three, whose requests get these replies, then 200."""
    action = {"title": "T", "description": "D", "fields": {}}
    destination = load_destination({"slug": "x", "name": "X", "mode": "cloud", "actions": {"go": action}})
    destination.batch("go")(batch)
    if poll is not None:
        destination.poll("go")(poll)
    pipeline = Pipeline(
        name="S",
        action="go",
        scope=Scope("one"),
        handler=None,
        hints={},
        reason="",
        resolve=lambda event: event,
        check=lambda made, _mode: made,
        batch_handler=destination.batch_handlers["go"],
        poll_handler=destination.poll_handlers.get("go"),
    )
    connection = Connection(
        RecordingTransport(replies),
        Deadlines(),
        policy=RetryPolicy(tries=1, within=1.0),
        poll=PollPolicy(base=0.001, cap=0.001, within=5.0),
    )
    steps = [Step(pipeline, {"messageId": f"m{n}", "n": n}) for n in range(3)]
    items = [Item(n, step, {"n": n}, {"n": n}) for n, step in enumerate(steps)]
    told = started if started is not None else []
    return asyncio.run(
        attempt_batch(Lane("one", connection, 2), pipeline, items, lambda: told.append(len(told)))
    )


async def plain(client: Client) -> Response:
    """Send one request for all."""
    return await client.send(REQUEST)


async def caught(client: Client) -> MultiStatus:
    """Send one request for all, and make nodes of its error."""
    nodes = MultiStatus(3)
    try:
        await client.send(REQUEST)
    except RequestError as error:
        for place in range(3):
            nodes.put(place, error)
    return nodes


@pytest.mark.parametrize("batch", [plain, caught])
def test_a_refusal_of_all_is_one_error(batch: Callable[..., Any]) -> None:
    """One response that refuses the batch is its error, whether the handler raises it or words it itself."""
    attempt = attempted(batch, Response(413, {"retry-after": "7"}, b"too large"))
    assert isinstance(attempt.error, ResponseError)
    assert attempt.response is not None
    assert (attempt.error.status, attempt.response.headers["retry-after"]) == (413, "7")
    assert attempt.unknown == frozenset()
    assert [(each.status, each.message_id, each.tries) for each in attempt.results] == [
        (Status.FAILED, f"m{n}", 1) for n in range(3)
    ]
    assert {each.response.text for each in attempt.results if each.response is not None} == {"too large"}


@pytest.mark.parametrize("batch", [plain, caught])
def test_without_a_response_nobody_knows(batch: Callable[..., Any]) -> None:
    """After a cut connection the outcome of all is unknown."""
    attempt = attempted(batch, TransportError("cut"))
    assert isinstance(attempt.error, TransportError)
    assert attempt.response is None
    assert attempt.unknown == frozenset(range(3))


def test_each_item_may_have_its_own_outcome() -> None:
    """Items that fare differently share no error; what was said of one is its response."""

    async def mixed(client: Client) -> MultiStatus:
        await client.send(REQUEST)
        nodes = MultiStatus()
        nodes.add_success(sent={"n": 0})
        nodes.add_failure(400, "bad", body={"code": "x"}, sent={"n": 1})
        nodes.add_failure(503, "later")
        return nodes

    attempt = attempted(mixed)
    assert attempt.error is None
    assert [each.status for each in attempt.results] == [Status.SENT, Status.FAILED, Status.FAILED]
    errors = [each.error for each in attempt.results]
    assert [None if error is None else error.retryable for error in errors] == [None, False, True]
    answers = [None if each.response is None else each.response.text for each in attempt.results]
    assert answers == [None, '{"code":"x"}', None]
    assert attempt.sent(1) == {"n": 1}


def test_all_items_that_fail_alike_are_no_refusal_of_the_batch() -> None:
    """Where the destination took the batch and refused each item, a smaller one would fare no better."""

    async def all_bad(client: Client) -> MultiStatus:
        await client.send(REQUEST)
        nodes = MultiStatus()
        for _ in range(3):
            nodes.add_failure(400, "bad")
        return nodes

    assert attempted(all_bad).error is None


async def job(client: Client) -> Job:
    """Start a job that has refused the first item at once."""
    await client.send(REQUEST)
    nodes = MultiStatus(3)
    nodes.put_failure(0, 400, "not uploaded")
    nodes.put_success(1)
    nodes.put_success(2)
    return Job("j", nodes=nodes)


async def whole_job(client: Client) -> Job:
    """Start a job for all."""
    await client.send(REQUEST)
    return Job("j")


def test_a_job_that_cannot_be_followed_is_unknown() -> None:
    """When a poll fails, nobody knows what became of what the job accepted; what was refused is known."""

    async def poll(context: Context, client: Client) -> Poll:
        raise ResponseError(REQUEST, Response(503), retryable=True)

    started: list[int] = []
    attempt = attempted(job, poll=poll, started=started)
    assert (attempt.error, attempt.unknown, started) == (None, frozenset({1, 2}), [0])
    codes = [each.error.code for each in attempt.results if each.error is not None]
    assert codes == ["BAD_REQUEST", "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"]
    attempt = attempted(whole_job, poll=poll)
    assert isinstance(attempt.error, ResponseError)
    assert attempt.unknown == frozenset(range(3))


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.RETRYABLE_ERROR])
def test_a_job_that_fails_says_whether_it_may_be_tried_again(status: JobStatus) -> None:
    """A job that failed as a whole is final, unless it says that it is not."""

    async def poll(context: Context, client: Client) -> Poll:
        return Poll(status, message="it failed")

    attempt = attempted(whole_job, poll=poll)
    assert attempt.error is not None
    assert attempt.error.retryable is (status is JobStatus.RETRYABLE_ERROR)
    assert attempt.unknown == frozenset()
    assert {each.reason for each in attempt.results} == {"it failed"}
