"""Batches on their way through engine and network to the stand-in, and what becomes of each event."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any, Literal

import pytest
from actions_fullstory import destination
from actions_fullstory.sandbox import FullStorySandbox, Limits

from actions_core import Engine, Registry
from tests.destinations.actions_fullstory.batches import identify, nodes_of, too_long, track, workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core import Request

ADMIN = FullStorySandbox.admin_key
STANDARD = FullStorySandbox.api_key
FULL = "1:2"


def refused(number: int) -> dict[str, Any]:
    """An event that FullStory refuses though nothing is wrong with it: its session is full."""
    return track(number, context={"session": f"https://app.fullstory.com/ui/ORG/session/{FULL}"})


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
