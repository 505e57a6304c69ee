"""Answers to batches that the stand-in does not give: what becomes of each event all the same."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from actions_fullstory import destination
from actions_fullstory.sandbox import FullStorySandbox

from actions_core import Engine, Registry, Response
from actions_core.testing import RecordingTransport
from tests.destinations.actions_fullstory.batches import identify, nodes_of, too_long, track, workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Node, Request


class Api:
    """Answers uploads with a job, and asks `tell` what to say about it."""

    def __init__(self, tell: Callable[[str, list[Any]], Any]) -> None:
        self.uploaded: list[list[Any]] = []
        self.keys: list[str] = []
        self.tell = tell
        self.transport = RecordingTransport([self.answer] * 50)

    def answer(self, request: Request) -> Response:
        """The answer to one request."""
        path = request.url.removeprefix("https://api.test")
        if request.method == "POST":
            self.uploaded.append(request.json["requests"])
            self.keys.append(request.headers["Idempotency-Key"])
            path = "upload"
        said = self.tell(path, self.uploaded[-1])
        if isinstance(said, int):
            return Response(said)
        return Response(200, {}, json.dumps(said).encode())


def ask(tell: Callable[[str, list[Any]], Any], *batches: list[dict[str, Any]], kind: str = "track") -> Any:
    """The nodes of each batch, and the API."""
    registry = Registry()
    registry.register(destination)
    api = Api(tell)

    async def main() -> list[tuple[Node, ...]]:
        space = workspace("https://api.test", FullStorySandbox.admin_key, {}, {"retry": {"tries": 1}})
        async with Engine(space, registry=registry, transport=api.transport) as engine:
            return [await nodes_of(engine, batch, kind) for batch in batches]

    return asyncio.run(main()), api


JOB = {"job": {"id": "a/b", "status": "PROCESSING"}}


def failing(error: Callable[[Any], Any], count: int = 1) -> Callable[[str, list[Any]], Any]:
    """A job whose first `count` items fail, each with this error."""

    def tell(path: str, uploaded: list[Any]) -> Any:
        if path == "upload":
            return JOB
        if path.endswith("/errors"):
            return {"results": [error(item) for item in uploaded[:count]], "total_records": str(count)}
        return {"imports": "9", "errors": str(count), "job": {"id": "a/b", "status": "FAILED"}}

    return tell


@pytest.mark.parametrize(
    ("code", "status"),
    [("server_error", 500), ("too_many_requests", 429), ("invalid_argument", 400), ("no_such_code", 400)],
)
def test_codes(code: str, status: int) -> None:
    """A user that failed has the status of FullStory's code, which says whether to try again."""
    said = {"message": "because", "code": code}
    ((nodes,), api) = ask(
        failing(lambda item: {**said, "user": item}), [identify(1), identify(2)], kind="identify"
    )
    assert [node.status for node in nodes] == [status, 200]
    assert (nodes[0].errormessage, nodes[0].body, nodes[0].sent["uid"]) == ("because", said, "u1")
    assert api.transport.requests[1].url == "https://api.test/v2/users/batch/a%2Fb"


def test_an_item_in_other_words() -> None:
    """An error that repeats its item not quite as it was is about the one with that user, name and time."""

    def error(item: Any) -> Any:
        other = {**item, "timestamp": "2026-01-02T03:04:05Z", "properties": {"n": 1, "list": None}}
        return {"message": "because", "code": "server_error", "event": other}

    ((nodes,), _) = ask(failing(error), [track(1, properties={"n": 1.0, "list": []}), track(2)])
    assert [node.status for node in nodes] == [500, 200]


def test_nothing_taken_for_certain_is_a_new_job_next_time() -> None:
    """When all items failed, the same events are uploaded under a new key; when some were taken they are not.

    FullStory would answer the old key with the failed job for a day.
    """
    events = [track(1), track(2)]
    for count, keys in ((2, 3), (1, 1)):
        said = failing(lambda item: {"code": "server_error", "event": item}, count)
        _, api = ask(said, events, events, events)
        assert len(api.keys) == 3
        assert len(set(api.keys)) == keys


@pytest.mark.parametrize(
    ("status", "said"),
    [("CANCELED", "ended as 'CANCELED'"), (None, "ended as 'None'"), ([{}], "ended as '[{}]'")],
)
def test_any_other_end_is_a_failure(status: Any, said: str) -> None:
    """A status that is not known never counts as a success."""

    def tell(path: str, uploaded: list[Any]) -> Any:
        return JOB if path == "upload" else {"imports": 2, "errors": 0, "job": {"status": status}}

    ((nodes,), _) = ask(tell, [track(1), too_long(2)])
    assert [node.status for node in nodes] == [500, 400]
    assert said in (nodes[0].errormessage or "")


def test_completed_with_errors_is_not_believed() -> None:
    """A job that is said to be complete and to have errors has its errors read."""

    def tell(path: str, uploaded: list[Any]) -> Any:
        found = failing(lambda item: {"code": "server_error", "event": item})(path, uploaded)
        return {**found, "job": {"id": "a/b", "status": "COMPLETED"}}

    ((nodes,), _) = ask(tell, [track(1), track(2)])
    assert [node.status for node in nodes] == [500, 200]


def test_still_processing() -> None:
    """A 202 means that FullStory is not done yet, whoever says it: the job or its errors."""
    answers = iter([202, {"errors": 1, "job": {"status": "FAILED"}}, 202])

    def tell(path: str, uploaded: list[Any]) -> Any:
        done = failing(lambda item: {"code": "server_error", "event": item})
        return JOB if path == "upload" else next(answers, None) or done(path, uploaded)

    ((nodes,), api) = ask(tell, [track(1), track(2)])
    assert [node.status for node in nodes] == [500, 200]
    assert len(api.transport.requests) == 6


@pytest.mark.parametrize("answer", [{}, {"job": {}}, {"job": {"id": 7}}, [], None])
def test_an_upload_without_a_job(answer: Any) -> None:
    """An answer that names no job leaves nothing to ask for: a failure that may be tried again."""
    ((nodes,), api) = ask(lambda path, uploaded: answer, [track(1), too_long(2)])
    assert [node.status for node in nodes] == [502, 400]
    assert len(api.transport.requests) == 1


def test_errors_that_cannot_be_read_now() -> None:
    """Where the errors cannot be had for another reason than the key, the events may be tried again."""

    def tell(path: str, uploaded: list[Any]) -> Any:
        return 503 if path.endswith("/errors") else failing(lambda item: item)(path, uploaded)

    ((nodes,), _) = ask(tell, [track(1), too_long(2)])
    assert [node.status for node in nodes] == [503, 400]


def test_tokens_in_a_circle() -> None:
    """Pages whose tokens lead back end, and an error that comes twice is one error."""

    def tell(path: str, uploaded: list[Any]) -> Any:
        found = failing(lambda item: {"code": "server_error", "event": item})(
            path.partition("?")[0], uploaded
        )
        turns = {"page_token=1": "2", "page_token=2": "1"}
        return {**found, "next_page_token": turns.get(path.partition("?")[2], "1")}

    ((nodes,), api) = ask(tell, [track(1), track(2)])
    assert [node.status for node in nodes] == [500, 200]
    assert len(api.transport.requests) == 5
