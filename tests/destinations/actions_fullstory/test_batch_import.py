"""Batches on their way through engine and network to the stand-in, and what becomes of each event."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from actions_fullstory import destination
from actions_fullstory.sandbox import FullStorySandbox, Limits

from actions_core import Engine, Registry, Response, Workspace
from actions_core.testing import RecordingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core import Node, Request

ADMIN = FullStorySandbox.admin_key
STANDARD = FullStorySandbox.api_key
FULL = "1:2"
MAPPINGS: dict[str, dict[str, Any]] = {
    "track": {
        "name": {"@path": "$.event"},
        "userId": {"@path": "$.userId"},
        "properties": {"@path": "$.properties"},
        "timestamp": {"@path": "$.timestamp"},
        "sessionUrl": {"@path": "$.context.session"},
    },
    "identify": {
        "uid": {"@path": "$.userId"},
        "email": {"@path": "$.traits.email"},
        "properties": {"@path": "$.traits"},
    },
}


def track(number: int, **changes: Any) -> dict[str, Any]:
    """An event that FullStory takes."""
    event = {"type": "track", "messageId": f"m-{number}", "userId": f"u{number}", "event": f"Event {number}"}
    return {**event, "timestamp": "2026-01-02T03:04:05.000Z", **changes}


def too_long(number: int) -> dict[str, Any]:
    """An event that is not worth uploading: FullStory is known to refuse its uid."""
    return track(number, userId="u" * 257)


def refused(number: int) -> dict[str, Any]:
    """An event that FullStory refuses though nothing is wrong with it: its session is full."""
    return track(number, context={"session": f"https://app.fullstory.com/ui/ORG/session/{FULL}"})


def identify(number: int, **traits: Any) -> dict[str, Any]:
    """A user that FullStory takes."""
    return {"type": "identify", "messageId": f"i-{number}", "userId": f"u{number}", "traits": traits}


def workspace(url: str, key: str, mapping: dict[str, Any], delivery: dict[str, Any]) -> Workspace:
    """One instance that takes both kinds of events in batches."""
    subscriptions = [
        {
            "name": kind,
            "partnerAction": action,
            "subscribe": f'type = "{kind}"',
            "mapping": {**MAPPINGS[kind], **mapping},
        }
        for kind, action in (("track", "trackEventV2"), ("identify", "identifyUserV2"))
    ]
    quick = {"timeout": 10, "retry": {"base": 0.01}, "poll": {"base": 0.01, "cap": 0.05, "within": 5}}
    instance = {
        "id": "fullstory",
        "destination": destination.slug,
        "settings": {"apiKey": key, "baseUrl": url},
        "subscriptions": subscriptions,
        "delivery": {**quick, **delivery},
    }
    return Workspace.from_dict({"destinations": [instance]})


def deliver(
    check: Callable[[FullStorySandbox, Engine], Awaitable[None]],
    *,
    key: str = ADMIN,
    mapping: dict[str, Any] | None = None,
    delivery: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """Run `check` with a stand-in, made with `options`, and an engine that delivers to it."""

    async def main() -> None:
        registry = Registry()
        registry.register(destination)
        async with FullStorySandbox(**{"batch_seconds": 0.02, **options}) as sandbox:
            sandbox.fill_session(FULL)
            space = workspace(sandbox.url, key, mapping or {}, delivery or {})
            async with Engine(space, registry=registry) as engine:
                await check(sandbox, engine)

    asyncio.run(main())


async def nodes_of(engine: Engine, events: list[dict[str, Any]], kind: str = "track") -> tuple[Node, ...]:
    """What became of each event in the subscription of one kind."""
    report = await engine.send_batch(events)
    (nodes,) = [result.nodes for result in report.results if result.subscription == kind]
    return nodes


def uploads(sandbox: FullStorySandbox) -> list[Request]:
    """The uploads that came."""
    return [request for request in sandbox.requests if request.url.endswith("/batch")]


def test_a_thousand_events() -> None:
    """Of 1,000 events each has its node in its place: taken, not uploaded, refused, or of another kind."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        make = {7: too_long, 8: refused, 9: identify}
        events = [make.get(number % 10, track)(number) for number in range(1000)]
        nodes = await nodes_of(engine, events)
        for number, node in enumerate(nodes):
            if number % 10 == 7:
                assert (node.status, node.errortype) == (400, "PAYLOAD_VALIDATION_FAILED")
                assert node.errorreporter == "INTEGRATIONS"
                assert node.sent is not None
            elif number % 10 == 8:
                assert (node.status, node.errorreporter) == (400, "DESTINATION")
                assert node.body["code"] == "session_page_limit_exceeded"
                assert node.sent["name"] == f"Event {number}"
            elif number % 10 == 9:
                assert "does not match" in (node.errormessage or "")
            else:
                assert (node.ok, node.sent["user"]["uid"]) == (True, f"u{number}")
        assert len(sandbox.events) == 700
        assert sorted(len(request.json["requests"]) for request in uploads(sandbox)) == [100, 800]
        assert sandbox.find("u9") is not None

    deliver(check)


def test_what_is_uploaded_is_what_would_be_sent_alone() -> None:
    """An item of a job is the body that its event alone would have, for both actions."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        events = [track(1, properties={"a b": [1]}), identify(2, email="a@example.com", plan="x")]
        for event in events:
            await engine.send(event)
        alone = [request.json for request in sandbox.requests]
        await engine.send_batch(events)
        assert sorted((request.json["requests"] for request in uploads(sandbox)), key=str) == sorted(
            ([body] for body in alone), key=str
        )

    deliver(check)


def test_a_job_without_errors() -> None:
    """Where nothing failed nothing is asked but the job's status, so any key will do."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [identify(1), identify(2)], "identify")
        assert [(node.status, node.sent) for node in nodes] == [
            (200, {"uid": "u1", "properties": {}}),
            (200, {"uid": "u2", "properties": {}}),
        ]
        assert sandbox.find("u2") is not None
        assert not [request for request in sandbox.requests if request.url.endswith("/errors")]

    deliver(check, key=STANDARD)


def test_warnings() -> None:
    """What FullStory drops of an event comes back as a warning, at the place of the event."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        events = [track(1), track(2, properties={"1st": 1})]
        report = await engine.send_batch(events)
        (found,) = [result.warnings for result in report.results if result.subscription == "track"]
        assert {place: [one.path for one in some] for place, some in found.items()} == {
            1: ["$.properties.1st"]
        }

    deliver(check)


def test_nothing_to_upload() -> None:
    """Where FullStory is known to refuse every event, nothing is uploaded."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [too_long(1), too_long(2)])
        assert [node.status for node in nodes] == [400, 400]
        assert not sandbox.requests

    deliver(check)


@pytest.mark.parametrize("last_page", ["none", "empty", "same"])
def test_pages_of_errors(last_page: Literal["none", "empty", "same"]) -> None:
    """All pages are read, however the last one says that it is the last."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        events = [refused(number) if number % 2 else track(number) for number in range(12)]
        nodes = await nodes_of(engine, events)
        assert [node.status for node in nodes] == [200, 400] * 6
        pages = [request for request in sandbox.requests if "/errors" in request.url]
        assert len(pages) == 3

    deliver(check, limits=Limits(page=2), last_page=last_page)


def test_pages_that_are_longer_than_other_answers() -> None:
    """A page of errors repeats what was uploaded, so it may be large."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        events = [{**refused(number), "properties": {"text": "x" * 8000}} for number in range(300)]
        nodes = await nodes_of(engine, [*events, track(300)])
        assert [node.status for node in nodes] == [400] * 300 + [200]
        assert nodes[0].sent["properties"]["text"] == "x" * 8000

    deliver(check)


def test_same_items_are_told_by_count() -> None:
    """Of several items that are the same as many failed as there are errors."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        same = [refused(number) | {"event": "Same", "userId": "u"} for number in range(3)]
        nodes = await nodes_of(engine, [*same, track(4)])
        assert [node.ok for node in nodes] == [False, False, False, True]

    deliver(check)


def test_a_standard_key_cannot_read_what_failed() -> None:
    """Then no event of the job counts as taken, and each says why; those not uploaded keep their reason."""

    async def partly(_: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1), refused(2), too_long(3)])
        for node in nodes[:2]:
            assert (node.status, node.errortype, node.ok) == (403, "OUTCOME_UNKNOWN", False)
            assert "refused 1 of the 2 items" in (node.errormessage or "")
            assert "Admin or Architect" in (node.errormessage or "")
        assert nodes[2].errortype == "PAYLOAD_VALIDATION_FAILED"

    async def wholly(_: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [refused(1), refused(2)])
        assert [(node.status, node.errortype) for node in nodes] == [(403, "FORBIDDEN")] * 2
        assert "refused all 2 items" in (nodes[0].errormessage or "")

    deliver(partly, key=STANDARD)
    deliver(wholly, key=STANDARD)


def test_a_slow_job() -> None:
    """A job is asked for until it is done."""
    looks = itertools.count(1_700_000_000)  # a clock that goes on by a second whenever somebody looks at it

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1), refused(2)])
        assert [node.status for node in nodes] == [200, 400]
        asked = [request for request in sandbox.requests if request.url.endswith("/job-1")]
        assert 3 <= len(asked) <= 10

    deliver(check, batch_seconds=10, clock=lambda: float(next(looks)))


def test_a_job_that_never_ends() -> None:
    """At the deadline its events fail so that they may be tried again; those not uploaded keep their reason.

    Tried again, the same events are the same job: nothing arrives twice.
    """

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        for _ in range(2):
            nodes = await nodes_of(engine, [track(1), too_long(2)])
            assert [(node.status, node.errortype) for node in nodes] == [
                (408, "SELF_TIMEOUT"),
                (400, "PAYLOAD_VALIDATION_FAILED"),
            ]
        first, second = uploads(sandbox)
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        assert {request.url.rpartition("/")[2] for request in sandbox.requests} == {"batch", "job-1"}

    deliver(check, batch_seconds=3600, delivery={"poll": {"base": 0.01, "within": 0.05}})


def test_the_key_of_an_upload() -> None:
    """It is that of the events that are uploaded: what is not does not change it, another event does."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        for events in ([track(1), track(2)], [track(1), too_long(3), track(2)], [track(1)]):
            await nodes_of(engine, events)
        first, second, third = [request.headers["idempotency-key"] for request in uploads(sandbox)]
        assert first == second != third
        assert len(sandbox.events) == 3

    deliver(check)


def test_lost_answers() -> None:
    """An upload whose answer was lost is made again under its key, and is one job."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        sandbox.fail(cut="after")
        nodes = await nodes_of(engine, [track(1), track(2)])
        assert [node.status for node in nodes] == [200, 200]
        assert len(uploads(sandbox)) == 2
        assert len(sandbox.events) == 2

    deliver(check)


def test_too_many_jobs() -> None:
    """An upload that has to wait for other jobs is tried again when FullStory says."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1), track(2)])
        assert [node.status for node in nodes] == [200, 200]
        assert sandbox.statuses[429] == 1

    deliver(check, mapping={"batch_size": 1}, limits=Limits(open=1), batch_seconds=0.2)


def test_a_refused_upload() -> None:
    """It is the failure of what was uploaded; what was not keeps its reason."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        sandbox.fail(503, times=2)
        nodes = await nodes_of(engine, [track(1), too_long(2)])
        assert [(node.status, node.errortype) for node in nodes] == [
            (503, "SERVICE_UNAVAILABLE"),
            (400, "PAYLOAD_VALIDATION_FAILED"),
        ]

    deliver(check, delivery={"retry": {"base": 0.01, "tries": 2}})


def test_an_unknown_key() -> None:
    """A key that FullStory does not know fails every event, and says which setting to look at."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1), track(2)])
        assert [node.status for node in nodes] == [401, 401]
        assert "apiKey" in (nodes[0].errormessage or "")

    deliver(check, key="na1.unknown")


@pytest.mark.parametrize(("size", "status"), [(0, 400), (50_001, 400), (50_000, 200), ("2", 200)])
def test_batch_size(size: Any, status: int) -> None:
    """A job holds between 1 and 50,000 items."""

    async def check(_: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1)])
        assert nodes[0].status == status

    deliver(check, mapping={"batch_size": size})


def test_more_than_fullstory_takes() -> None:
    """Whoever calls the handler with more items than FullStory takes gets an error, not a refused upload."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1)] * 3)
        assert {node.status for node in nodes} == {400}
        assert "at most 2 at once" in (nodes[0].errormessage or "")
        assert not sandbox.requests

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("actions_fullstory.batch_import.MOST_ITEMS", 2)
        deliver(check)


def test_one_by_one() -> None:
    """A mapping may switch batches off."""

    async def check(sandbox: FullStorySandbox, engine: Engine) -> None:
        nodes = await nodes_of(engine, [track(1), refused(2)])
        assert [node.status for node in nodes] == [200, 400]
        assert not uploads(sandbox)

    deliver(check, mapping={"enable_batching": False})


# -- answers that the stand-in does not give -----------------------------------------------------


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
        space = workspace("https://api.test", ADMIN, {}, {"retry": {"tries": 1}})
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
