"""Nodes of batches: one event spoils no other, surplus ones are ignored, one event goes as a batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import (
    AuthenticationError,
    Client,
    Context,
    Destination,
    Engine,
    Job,
    JobStatus,
    MultiStatus,
    Poll,
    Registry,
    Request,
    Response,
    Result,
    Tokens,
    Workspace,
)
from actions_core.testing import RecordingTransport, make_event

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[..., Any]

FIELD = {"label": "L", "description": "D", "type": "string", "default": {"@path": "$.event"}}


def destination_of(answer: Answer, poll: Answer | None = None) -> Destination:
    """A destination whose only action has a function for batches, and none for single events."""
    made = Destination.from_definition(
        {
            "slug": "many",
            "name": "Many",
            "authentication": {"scheme": "oauth2", "fields": {}},
            "actions": {"add": {"title": "T", "description": "D", "fields": {"name": FIELD}}},
        }
    )
    made.batch("add")(answer)
    if poll is not None:
        made.poll("add")(poll)

    @made.refresh_access_token
    def refresh() -> Tokens:
        return Tokens("fresh")

    assert not [problem for problem in made.check() if problem.is_error]
    return made


def engine_of(destination: Destination, *responses: Response) -> Engine:
    """An engine with one instance whose transport responds with these, then with 200."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "id": "one",
        "destination": "many",
        "settings": {"oauth": {"access_token": "old"}},
        "subscriptions": [{"partnerAction": "add", "subscribe": 'type = "track"'}],
        "delivery": {"retry": {"tries": 2, "base": 0}, "poll": {"base": 0.001, "within": 0.1}},
    }
    return Engine(
        Workspace.from_dict({"destinations": [instance]}),
        registry=registry,
        transport=RecordingTransport(responses),
    )


def send(engine: Engine) -> Result:
    """Send one event, and return its result."""
    (result,) = asyncio.run(engine.send(make_event())).results
    return result


def post(payloads: list[Any]) -> Request:
    """Make one request of a batch."""
    return Request("POST", "https://m.test/", json=payloads)


# -- one event as a batch of one ---------------------------------------------------------------------


def test_a_single_event_goes_as_a_batch_of_one() -> None:
    """Where there is a function for batches only, `send` delivers through it, and `explain` shows it."""
    engine = engine_of(destination_of(post), Response(503), Response(202))
    result = send(engine)
    assert (result.status, result.tries) == ("sent", 2)
    assert result.message_id == "message-1"
    assert result.request is not None
    assert result.request.json == [{"name": "Test Event"}]
    assert result.response is not None
    assert result.response.status == 202
    (explained,) = asyncio.run(engine.explain(make_event())).deliveries
    assert explained.request is not None
    assert (explained.request.json, explained.note) == ([{"name": "Test Event"}], "")


def test_the_node_of_a_single_event_decides() -> None:
    """A failed node is the event's failure, with its code, its status, and whether it may be tried again."""

    def answer(payloads: list[Any]) -> MultiStatus:
        nodes = MultiStatus()
        nodes.add_failure(429, "slow down")
        return nodes

    result = send(engine_of(destination_of(answer)))
    assert result.error is not None
    assert (result.error.code, result.error.status, result.error.retryable) == (
        "TOO_MANY_REQUESTS",
        429,
        True,
    )
    assert result.reason == "slow down"


def test_a_refused_single_event_is_sent_with_a_new_token() -> None:
    """A node of 401 renews the token, and the event goes once more."""
    seen: list[str | None] = []

    def answer(payloads: list[Any], context: Context) -> MultiStatus:
        seen.append(context.auth.access_token)
        nodes = MultiStatus()
        if context.auth.access_token == "old":
            nodes.add_failure(401, "expired")
        else:
            nodes.add_success()
        return nodes

    assert send(engine_of(destination_of(answer))).ok
    assert seen == ["old", "fresh"]


def test_a_single_event_may_start_a_job() -> None:
    """The job of a batch of one is polled until it is done."""

    async def start(payloads: list[Any], client: Client) -> Job:
        await client.send(post(payloads))
        return Job("j")

    def poll(job_id: str) -> Poll:
        return Poll(JobStatus.FAILED, message=f"{job_id} is lost")

    result = send(engine_of(destination_of(start, poll)))
    assert (result.status, result.reason) == ("failed", "j is lost")


def test_a_single_event_whose_handler_raises_fails() -> None:
    """The error is the one that the handler raised."""

    def answer(payloads: list[Any]) -> Request:
        raise AuthenticationError("no")

    result = send(engine_of(destination_of(answer)))
    assert isinstance(result.error, AuthenticationError)
    assert (result.status, result.reason) == ("failed", "no")


def test_a_single_event_is_not_tried_once_the_engine_is_closed() -> None:
    """The result says so, as everywhere."""
    engine = engine_of(destination_of(post))
    asyncio.run(engine.close())
    result = send(engine)
    assert (result.status, result.error) == ("not_tried", None)
    assert "closed" in result.reason


def test_a_single_event_without_a_payload_is_not_sent() -> None:
    """A payload that is not valid is the event's failure, and the function is not called."""
    made = destination_of(post)
    engine = engine_of(made)
    (result,) = asyncio.run(engine.send(make_event(event={"no": "str"}))).results
    assert result.error is not None
    assert (result.error.code, result.tries) == ("PAYLOAD_VALIDATION_FAILED", 0)


# -- nodes -------------------------------------------------------------------------------------------


def test_surplus_nodes_are_ignored_with_a_warning() -> None:
    """Nodes are read in the order of the payloads; those that are for none are said, and change nothing."""

    def answer(payloads: list[Any]) -> MultiStatus:
        nodes = MultiStatus()
        for number in range(len(payloads) + 1):
            nodes.add_success(200 + number)
        return nodes

    report = asyncio.run(engine_of(destination_of(answer)).send_batch([make_event()] * 3))
    (result,) = report.results
    assert [node.status for node in result.nodes] == [200, 201, 202]
    assert [[str(one) for one in result.warnings[place]] for place in range(3)] == [
        ["$: the handler returned 4 nodes for 3 payloads; the last are ignored"]
    ] * 3


def test_surplus_nodes_of_a_poll_are_ignored_with_a_warning() -> None:
    """The same holds for the nodes that a poll gives."""

    def start(payloads: list[Any]) -> Job:
        return Job("j")

    def poll() -> Poll:
        nodes = MultiStatus()
        nodes.add_success(201)
        nodes.add_success(202)
        return Poll(JobStatus.SUCCEEDED, nodes)

    (result,) = asyncio.run(engine_of(destination_of(start, poll)).send_batch([make_event()])).results
    assert [node.status for node in result.nodes] == [201]
    assert "returned 2 nodes for 1 payloads" in str(result.warnings[0][0])


def test_one_response_or_none_says_what_was_sent() -> None:
    """A node of a batch with one response, or without any, has status, body, and its payload as sent."""
    engine = engine_of(destination_of(post), Response(202, {}, b'{"ok": 1}'))
    events = [make_event(event="a"), make_event(event="b")]
    (result,) = asyncio.run(engine.send_batch(events)).results
    assert [node.to_dict() for node in result.nodes] == [
        {"status": 202, "body": {"ok": 1}, "sent": {"name": name}} for name in "ab"
    ]
    (result,) = asyncio.run(engine_of(destination_of(lambda payloads: None)).send_batch(events)).results
    assert [node.to_dict() for node in result.nodes] == [
        {"status": 200, "body": {}, "sent": {"name": name}} for name in "ab"
    ]


@pytest.mark.parametrize("count", [2, 3, 17])
def test_one_payload_that_a_plain_function_cannot_take_spoils_no_other(count: int) -> None:
    """A plain function that raises for one of several payloads fails that one: the others are sent."""

    def answer(payloads: list[Any]) -> Request:
        return post([{"number": 6 / (payload["name"] != "odd")} for payload in payloads])

    engine = engine_of(destination_of(answer))
    events = [make_event(event="odd" if place == count - 1 else "even") for place in range(count)]
    (result,) = asyncio.run(engine.send_batch(events)).results
    assert [node.ok for node in result.nodes] == [True] * (count - 1) + [False]
    assert result.nodes[-1].errortype == "HANDLER_FAILED"


def test_one_payload_that_cannot_be_written_spoils_no_other() -> None:
    """Of a request that cannot be written for one of its payloads, the others are sent in another."""

    async def answer(payloads: list[Any], client: Client) -> Response:
        odd = any(payload["name"] == "odd" for payload in payloads)
        return await client.send(Request("POST", "https://m.test/", json={1, 2} if odd else payloads))  # type: ignore[arg-type] # on purpose

    engine = engine_of(destination_of(answer))
    (result,) = asyncio.run(engine.send_batch([make_event(event=name) for name in ("a", "odd", "b")])).results
    assert [node.ok for node in result.nodes] == [True, False, True], result.nodes


def test_what_an_asynchronous_function_began_is_not_done_twice() -> None:
    """An asynchronous function that raises an error of its own is not called again: it may have done half."""
    calls: list[int] = []

    async def answer(payloads: list[Any], client: Client) -> None:
        calls.append(len(payloads))
        raise KeyError("odd")

    (result,) = asyncio.run(engine_of(destination_of(answer)).send_batch([make_event()] * 3)).results
    assert (calls, [node.status for node in result.nodes]) == ([3], [500] * 3)


def test_a_function_for_batches_that_blocks_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain function that keeps the event loop waiting is warned of with each of its events."""
    monkeypatch.setattr("actions_core.engine.executor.lane._SLOW_HANDLER", 0)
    (result,) = asyncio.run(engine_of(destination_of(post)).send_batch([make_event()] * 2)).results
    assert [str(one) for place in range(2) for one in result.warnings[place]] == [
        "$: post() blocked the event loop for more than 0 s"
    ] * 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda payloads, _context: payloads.clear(),
        lambda payloads, _context: payloads.append({}),
        lambda _payloads, context: context.events.clear(),
        lambda _payloads, context: context.each[0].event.clear(),
        lambda _payloads, context: context.memberships.clear(),
    ],
    ids=["fewer payloads", "more payloads", "no events", "no event", "no memberships"],
)
@pytest.mark.parametrize("raises", [False, True])
def test_a_function_may_do_what_it_likes_with_its_lists(
    spoil: Callable[[Any, Any], object],
    raises: bool,  # noqa: FBT001 - the rule in question
) -> None:
    """Whatever a function takes out of the lists that it is handed, each event of the batch gets its node."""

    def add(payloads: list[Any], context: Context) -> Request:
        request = post([*payloads])
        spoil(payloads, context)
        if raises:
            raise ValueError("spoilt")
        return request

    events = [make_event(event=name) for name in "abc"]
    report = asyncio.run(engine_of(destination_of(add)).send_batch(events))
    nodes = report.results[0].nodes
    assert len(nodes) == 3
    assert report.ok is not (raises or nodes[0].errortype == "HANDLER_FAILED")
    if report.ok:
        assert [node.sent for node in nodes] == [{"name": name} for name in "abc"]
