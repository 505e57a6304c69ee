"""Batches: every node in its place, and the handler sees only what may be sent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from actions_core import (
    BatchReport,
    Client,
    Context,
    Destination,
    Engine,
    Job,
    JobStatus,
    MultiStatus,
    Node,
    Poll,
    Registry,
    Request,
    Response,
    Tokens,
    TransportError,
    Workspace,
    load_destination,
)
from actions_core.testing import RecordingTransport, make_event

TRACK = 'type = "track"'
Answer = Callable[..., Any]


def make_destination(answer: Answer, poll: Answer | None = None) -> Destination:
    """A destination with one action whose batches `answer` handles."""
    fields: dict[str, Any] = {
        "name": {
            "label": "Name",
            "description": "D",
            "type": "string",
            "required": True,
            "default": {"@path": "$.event"},
        },
        "region": {"label": "Region", "description": "D", "type": "string"},
        "batch_size": {"label": "Size", "description": "D", "type": "integer", "default": 1000},
        "batch_bytes": {"label": "Bytes", "description": "D", "type": "integer"},
        "batch_keys": {"label": "Keys", "description": "D", "type": "string", "multiple": True},
    }
    actions = {"add": {"title": "Add", "description": "D", "fields": fields}}
    destination = load_destination({"slug": "batches", "name": "B", "mode": "cloud", "actions": actions})

    @destination.action("add")
    def add(name: str, context: Context, region: str | None = None) -> Request:
        if name == "odd":
            context.warn("$.name", "odd")
        return Request("POST", "https://b.test/one", json={"name": name})

    destination.batch("add")(answer)
    if poll is not None:
        destination.poll("add")(poll)
    return destination


def send_batch(
    destination: Destination,
    events: list[Any],
    *,
    mapping: dict[str, Any] | None = None,
    transport: RecordingTransport | None = None,
    **options: Any,
) -> BatchReport:
    """Send the events in one batch."""
    registry = Registry()
    registry.register(destination)
    subscription = {"partnerAction": "add", "subscribe": TRACK, "mapping": {"name": {"@path": "$.event"}}}
    subscription["mapping"] = {**subscription["mapping"], **(mapping or {})}  # type: ignore[dict-item]  # a dictionary there
    delivery = {"retry": {"tries": 2, "base": 0}, "poll": {"base": 0.001, "within": 0.1}}
    instance = {
        "id": "one",
        "destination": "batches",
        "subscriptions": [subscription],
        "delivery": delivery,
        **options,
    }

    async def scenario() -> BatchReport:
        workspace = Workspace.from_dict({"destinations": [instance]})
        async with Engine(
            workspace, registry=registry, transport=transport or RecordingTransport()
        ) as engine:
            return await engine.send_batch(events)

    return asyncio.run(scenario())


def nodes_of(report: BatchReport) -> tuple[Node, ...]:
    """The nodes of the one subscription."""
    (result,) = report.results
    return result.nodes


def test_a_thousand_events_keep_their_places() -> None:
    """Of 1,000 events, 100 invalid and 100 unmatched: each has its node, and the handler saw the 800."""
    seen: list[str] = []

    def answer(payloads: list[dict[str, Any]]) -> MultiStatus:
        found = MultiStatus()
        for payload in payloads:
            seen.append(payload["name"])
            found.add_success(201, body=payload["name"], sent=payload)
        return found

    kinds = ["invalid"] * 100 + ["unmatched"] * 100 + ["good"] * 800
    random.Random(7).shuffle(kinds)
    make = {
        "invalid": lambda number: make_event(event={"n": number}),
        "unmatched": lambda number: make_event(type="page", event=str(number)),
        "good": lambda number: make_event(event=str(number)),
    }
    nodes = nodes_of(send_batch(make_destination(answer), [make[k](n) for n, k in enumerate(kinds)]))
    assert len(nodes) == 1000
    for number, (kind, node) in enumerate(zip(kinds, nodes, strict=True)):
        if kind == "good":
            assert (node.status, node.body, node.ok) == (201, str(number), True)
        else:
            assert (node.status, node.ok, node.errorreporter) == (400, False, "INTEGRATIONS")
            assert node.errortype == ("PAYLOAD_VALIDATION_FAILED" if kind == "invalid" else "BAD_REQUEST")
    assert seen == [str(number) for number, kind in enumerate(kinds) if kind == "good"]


def test_what_is_no_event_has_its_node_too() -> None:
    """An item of a batch that is no event is a 400 in its place; the rest go on."""
    nodes = nodes_of(send_batch(make_destination(lambda payloads: None), [make_event(), 7, make_event()]))
    assert [node.status for node in nodes] == [200, 400, 200]
    assert nodes[1].errortype == "EVENT_INVALID"
    assert send_batch(make_destination(lambda payloads: None), []).results[0].nodes == ()


def test_one_response_counts_for_all() -> None:
    """A handler that gives one request has its answer's status and body for every payload."""

    def answer(payloads: list[dict[str, Any]]) -> Request:
        return Request("POST", "https://b.test/many", json=payloads)

    transport = RecordingTransport([Response(202, {}, b'{"ok":1}')])
    nodes = nodes_of(send_batch(make_destination(answer), [make_event()] * 3, transport=transport))
    sent = {"name": "Test Event"}
    assert [node.to_dict() for node in nodes] == [{"status": 202, "body": {"ok": 1}, "sent": sent}] * 3
    transport = RecordingTransport([Response(422, {}, b'{"no":1}')])
    nodes = nodes_of(send_batch(make_destination(answer), [make_event()] * 2, transport=transport))
    assert [(node.status, node.errortype) for node in nodes] == [(422, "UNPROCESSABLE_ENTITY")] * 2
    assert (nodes[0].body, nodes[0].sent) == ({"no": 1}, sent)
    assert nodes[0].errorreporter == "DESTINATION"


def test_mixed_outcomes_and_missing_nodes() -> None:
    """A MultiStatus counts node by node; a payload without a node is a 500."""

    def answer(payloads: list[dict[str, Any]]) -> MultiStatus:
        found = MultiStatus(3)
        found.put(0, Node(200, body="fine"))
        found.put(2, Node(429, errortype=None, errormessage="slow"))
        return found

    def failing(payloads: list[dict[str, Any]]) -> MultiStatus:
        found = MultiStatus()
        found.add_failure(529, "busy", body={"why": "load"})
        found.add_failure(429, "slow down")
        found.add_failure(799, "odd")
        return found

    nodes = nodes_of(send_batch(make_destination(answer), [make_event()] * 3))
    assert [node.status for node in nodes] == [200, 500, 429]
    nodes = nodes_of(send_batch(make_destination(failing), [make_event()] * 3))
    assert [node.errortype for node in nodes] == ["SITE_IS_OVERLOADED", "TOO_MANY_REQUESTS", "UNKNOWN_ERROR"]
    assert [node.errorreporter for node in nodes] == ["DESTINATION", "INTEGRATIONS", "INTEGRATIONS"]


def test_a_handler_that_raises_fails_its_batch_only() -> None:
    """What a handler raises becomes the node of each of its payloads."""

    def answer(payloads: list[dict[str, Any]]) -> None:
        raise KeyError(payloads[0]["name"])

    nodes = nodes_of(send_batch(make_destination(answer), [make_event()] * 2))
    assert [(node.status, node.errortype) for node in nodes] == [(500, "HANDLER_FAILED")] * 2


def test_sizes_and_keys_divide_a_batch() -> None:
    """Payloads that differ in a key, or are too many, or too large together, go in batches of their own."""
    batches: list[list[str]] = []

    def answer(payloads: list[dict[str, Any]]) -> None:
        batches.append([payload["name"] for payload in payloads])

    events = [make_event(event=name, properties={"r": name[0]}) for name in ("a1", "b1", "a2", "a3", "b2")]
    keyed = {"region": {"@path": "$.properties.r"}, "batch_keys": ["region"]}
    send_batch(make_destination(answer), events, mapping=keyed)
    assert sorted(batches) == [["a1", "a2", "a3"], ["b1", "b2"]]
    batches.clear()
    send_batch(make_destination(answer), events, mapping={"batch_size": 2})
    assert [len(batch) for batch in batches] == [2, 2, 1]
    batches.clear()
    # {"name":"a1","batch_bytes":59} has 30 bytes as it is sent.
    send_batch(make_destination(answer), events, mapping={"batch_bytes": 59})
    assert [len(batch) for batch in batches] == [1, 1, 1, 1, 1]
    batches.clear()
    send_batch(make_destination(answer), events, mapping={"batch_bytes": 60})
    assert [len(batch) for batch in batches] == [2, 2, 1]
    batches.clear()
    # As many as may go together are measured together; where they are too large, one by one.
    events[2] = make_event(event="a" * 60)
    send_batch(make_destination(answer), events, mapping={"batch_size": 2, "batch_bytes": 110})
    assert [len(batch) for batch in batches] == [2, 1, 2]


def test_batching_can_be_switched_off() -> None:
    """An action that takes batches has `enable_batching`; false sends one by one."""
    transport = RecordingTransport()

    def answer(payloads: list[dict[str, Any]]) -> None:
        raise AssertionError

    report = send_batch(
        make_destination(answer), [make_event()] * 3, mapping={"enable_batching": False}, transport=transport
    )
    assert [node.status for node in nodes_of(report)] == [200] * 3
    assert [request.url for request in transport.requests] == ["https://b.test/one"] * 3


def test_a_job_is_polled_until_it_is_done() -> None:
    """A batch that becomes a job is asked for until it is done; its nodes go to the payloads it took."""
    asked: list[tuple[str, int]] = []

    def answer(payloads: list[dict[str, Any]]) -> Job:
        refused = MultiStatus(len(payloads))
        for index in range(len(payloads)):
            refused.put(
                index, Node(200) if index != 1 else Node(400, errortype="BAD_REQUEST", errormessage="x")
            )
        return Job("job-1", nodes=refused)

    def poll(job_id: str, upload_count: int) -> Poll:
        asked.append((job_id, upload_count))
        if len(asked) < 3:
            return Poll(JobStatus.IN_PROGRESS)
        found = MultiStatus()
        found.add_success(200, body="first")
        found.add_failure(500, "third", body="no")
        return Poll(JobStatus.FAILED, found)

    nodes = nodes_of(send_batch(make_destination(answer, poll), [make_event()] * 3))
    assert [node.status for node in nodes] == [200, 400, 500]
    assert asked == [("job-1", 2)] * 3


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (JobStatus.SUCCEEDED, (200, None)),
        (JobStatus.FAILED, (500, "INTERNAL_SERVER_ERROR")),
        (JobStatus.RETRYABLE_ERROR, (500, "RETRYABLE_ERROR")),
        (JobStatus.IN_PROGRESS, (408, "SELF_TIMEOUT")),
    ],
)
def test_without_nodes_the_status_of_a_job_decides(
    status: JobStatus, expected: tuple[int, str | None]
) -> None:
    """A job's status stands for all of its payloads; one that never ends fails at the deadline."""
    destination = make_destination(lambda payloads: Job("j"), lambda job_id: Poll(status))
    nodes = nodes_of(send_batch(destination, [make_event()] * 2))
    assert [(node.status, node.errortype) for node in nodes] == [expected] * 2


def test_a_poll_gets_the_memo_of_its_job() -> None:
    """What the batch handler noted with its job is handed to each poll as it is."""
    seen: list[Any] = []
    note = object()

    def poll(memo: object) -> Poll:
        seen.append(memo)
        return Poll(JobStatus.SUCCEEDED if len(seen) == 2 else JobStatus.IN_PROGRESS)

    destination = make_destination(lambda payloads: Job("j", memo=note), poll)
    assert [node.status for node in nodes_of(send_batch(destination, [make_event()]))] == [200]
    assert seen == [note, note]
    assert "object" not in repr(Job("j", memo=note))


@pytest.mark.parametrize(
    ("poll", "status", "errortype"),
    [
        (lambda: Poll(JobStatus.IN_PROGRESS), 408, "SELF_TIMEOUT"),
        (lambda: {}["x"], 500, "HANDLER_FAILED"),
        (lambda: None, 500, "HANDLER_FAILED"),
        (lambda: (_ for _ in ()).throw(TransportError("cut", status=503)), 503, "RETRYABLE_ERROR"),
    ],
)
def test_what_was_refused_at_once_stays_refused(poll: Answer, status: int, errortype: str) -> None:
    """When the outcome of a job cannot be had, that is the failure of what the job took, and of no other."""

    def answer(payloads: list[Any]) -> Job:
        nodes = MultiStatus()
        nodes.add_success()
        nodes.add_failure(422, "no")
        return Job("j", nodes=nodes)

    nodes = nodes_of(send_batch(make_destination(answer, poll), [make_event()] * 2))
    assert [(node.status, node.errortype) for node in nodes] == [
        (status, errortype),
        (422, "UNPROCESSABLE_ENTITY"),
    ]


def test_a_poll_that_is_refused_repeats_no_upload() -> None:
    """A 401 to a poll fails what the job took; a new token does not upload that once more."""
    definition = {
        "slug": "batches",
        "name": "B",
        "mode": "cloud",
        "authentication": {"scheme": "oauth2", "fields": {}},
        "actions": {
            "add": {"title": "A", "description": "D", "fields": {"name": {"label": "N", "type": "string"}}}
        },
    }
    destination = load_destination(definition)
    uploads: list[int] = []

    @destination.action("add")
    def add(name: str | None = None) -> Request:
        return Request("POST", "https://b.test/one")

    @destination.refresh_access_token
    async def refresh() -> Tokens:
        return Tokens("new")

    @destination.batch("add")
    async def start(payloads: list[Any]) -> Job:
        uploads.append(len(payloads))
        nodes = MultiStatus()
        for payload in payloads:
            nodes.append(Node(401 if payload["name"] == "late" and len(uploads) == 1 else 200))
        return Job("j", nodes=nodes)

    @destination.poll("add")
    async def poll(client: Client) -> Poll:
        await client.send(Request("GET", "https://b.test/job"))
        return Poll(JobStatus.SUCCEEDED)

    settings = {"settings": {"oauth": {"access_token": "old"}}}
    refusing = RecordingTransport([Response(401)] * 4)
    events = [make_event(event="early")] * 2
    nodes = nodes_of(send_batch(destination, events, transport=refusing, **settings))
    assert [node.status for node in nodes] == [401, 401]
    assert (uploads, len(refusing.requests)) == ([2], 2)
    uploads.clear()
    nodes = nodes_of(send_batch(destination, [*events, make_event(event="late")], **settings))
    assert [node.status for node in nodes] == [200, 200, 200]
    assert uploads == [3, 1]


def test_each_event_of_a_batch_has_a_context_of_its_own() -> None:
    """`each` gives what a handler of single events would get; the batch has a key of all of them."""
    seen: list[list[str]] = []

    def answer(payloads: list[Any], context: Context) -> None:
        assert [one.event for one in context.each] == list(context.events)
        seen.append([context.idempotency_key, *(one.idempotency_key for one in context.each)])

    destination = make_destination(answer)
    first, second = make_event(messageId="1"), make_event(messageId="2")
    for events in ([first, second], [first, second], [second, first], [first]):
        send_batch(destination, events)
    (one, *apart), again, turned, alone = seen
    assert apart == [alone[1], turned[1]]
    assert len({one, turned[0], alone[0], *apart}) == 5
    assert again == [one, *apart]


@pytest.mark.parametrize(
    ("batching", "expected"),
    [(True, {1: ["$: many"], 2: ["$: many", "$.name: odd"]}), (False, {2: ["$.name: odd"]})],
)
def test_warnings_are_of_their_events(batching: Any, expected: dict[int, list[str]]) -> None:
    """What is warned of comes with the result, at the place of its event, sent together or alone."""

    async def answer(payloads: list[Any], context: Context) -> None:
        context.warn("$", "many")
        context.each[1].warn("$.name", "odd")
        raise ValueError

    events = [make_event(type="page"), make_event(), make_event(event="odd")]
    report = send_batch(make_destination(answer), events, mapping={"enable_batching": batching})
    found = {place: [str(one) for one in some] for place, some in report.results[0].warnings.items()}
    assert found == expected


def test_a_batch_handler_sees_its_events_and_memberships() -> None:
    """The context of a batch has the events and memberships in the order of the payloads."""
    seen: list[Any] = []

    async def answer(payloads: list[dict[str, Any]], context: Context, client: Client) -> None:
        seen.append((context.audience_settings, context.memberships, [e["event"] for e in context.events]))

    def member(value: bool) -> dict[str, Any]:  # noqa: FBT001 - the value is what the helper is about
        personas = {
            "computation_class": "audience",
            "computation_key": "vip",
            "audience_settings": {"list": str(value)},
        }
        return make_event(event=str(value), properties={"vip": value}, context={"personas": personas})

    send_batch(make_destination(answer), [member(True), member(False), make_event()])
    assert seen == [({"list": "True"}, [True, False, None], ["True", "False", "Test Event"])]


ODD = [["audience"], {"a": 1}, 5, None, True, [], "\ud800"]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_whatever_stands_in_personas_spoils_no_event(odd: Any) -> None:
    """An event whose `personas` are of another shape is in no audience, alone and among others."""
    personas = {"computation_class": "audience", "computation_key": "vip"}
    traits = {"properties": {"vip": True}}
    odd_ones = [
        make_event(**traits, context=context)
        for context in (
            odd,
            {"personas": odd},
            {"personas": {**personas, "computation_class": odd}},
            {"personas": {**personas, "computation_key": odd}},
        )
    ] + [
        make_event(properties=odd, context={"personas": personas}),
        make_event(properties={"vip": [odd]}, context={"personas": personas}),
    ]
    seen: list[Any] = []

    async def answer(payloads: list[dict[str, Any]], context: Context, client: Client) -> None:
        seen.append((context.memberships, [one.audience_settings for one in context.each]))

    good = make_event(**traits, context={"personas": personas})
    send_batch(make_destination(answer), [good, *odd_ones, good])
    assert seen == [([True, *[None] * len(odd_ones), True], [{}] * (len(odd_ones) + 2))]


def test_a_delete_event_in_a_batch_deletes_its_user() -> None:
    """Deletion is for the `delete` events of a batch alone: the others are no part of it."""
    destination = make_destination(lambda payloads: None)

    @destination.on_delete
    def delete(user_id: str | None) -> Request:
        return Request("DELETE", f"https://b.test/users/{user_id}")

    transport = RecordingTransport()
    events = [make_event(), make_event(type="delete", userId="gone", event=None), make_event(type="page")]
    added, deleted = send_batch(destination, events, transport=transport).results
    assert [node.status for node in added.nodes] == [200, 400, 400]
    assert [node.status for node in deleted.nodes] == [400, 200, 400]
    assert [request.url for request in transport.requests] == ["https://b.test/users/gone"]
