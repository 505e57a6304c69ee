"""Items of batches: made of each payload before the batch is, and an outcome for each of them."""

# ruff: noqa: D103 - functions that stand for those of authors

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
    Items,
    Job,
    JobStatus,
    Json,
    MultiStatus,
    Node,
    Outbox,
    Payload,
    PayloadError,
    Poll,
    Problem,
    Registry,
    Request,
    RequestError,
    Response,
    Skip,
    Status,
    Workspace,
)
from actions_core.destination.context import Scope
from actions_core.destination.items import BatchItem
from actions_core.testing import LoopbackServer, RecordingTransport, make_event
from tests.actions_core.delivery.support import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Function = Callable[..., Any]

FIELD = {"label": "L", "description": "D", "type": "string", "default": {"@path": "$.event"}}


def item(payload: Payload, context: Context) -> Json | Skip:
    name = payload["name"]
    if name == "bad":
        raise PayloadError(problems=[Problem("$.name", "Nobody is called that.")])
    if name == "bug":
        return {"name": payload["no such key"]}
    if name == "noise":
        return Skip("noise is not kept")
    if name == "odd":
        context.warn("$.name", "That is odd.")
    return {"name": name, "id": context.event["messageId"]}


def destination_of(whole: Function, each: Function = item, **more: Function) -> Destination:
    """A destination whose actions `add` and `put` send items together."""
    actions = {key: {"title": "T", "description": "D", "fields": {"name": FIELD}} for key in ("add", "put")}
    made = Destination.from_definition({"slug": "many", "name": "Many", "actions": actions})
    made.batch("add", "put", each=each)(whole)
    if "single" in more:
        made.action("add", "put")(more["single"])
    if "poll" in more:
        made.poll("add", "put")(more["poll"])
    assert not [problem for problem in made.check() if problem.is_error], made.check()
    return made


def engine_of(
    destination: Destination, transport: RecordingTransport | None = None, **mapping: Any
) -> Engine:
    registry = Registry()
    registry.register(destination)
    subscription = {
        "partnerAction": "add",
        "subscribe": 'type = "track"',
        "mapping": {"name": {"@path": "$.event"}, **mapping},
    }
    instance = {
        "id": "one",
        "destination": "many",
        "subscriptions": [subscription],
        "delivery": {
            "retry": {"tries": 1},
            "poll": {"base": 0.001, "within": 5},
        },
    }
    return Engine(
        Workspace.from_dict({"destinations": [instance]}),
        registry=registry,
        transport=transport or RecordingTransport(),
    )


def events(*names: str) -> list[dict[str, Any]]:
    return [{**make_event(), "event": name, "messageId": f"m-{place}"} for place, name in enumerate(names)]


async def send(items: Items, client: Client) -> MultiStatus:
    response = await client.send(Request("POST", "https://many.test/add", json=items.values))
    assert isinstance(response.json, dict)
    return items.results(response, {int(place): text for place, text in response.json["refused"].items()})


def reply(text: str) -> RecordingTransport:
    return RecordingTransport([Response(200, {}, text.encode())])


def test_each_event_has_its_own_outcome() -> None:
    """What `each` refuses or skips never goes out; what the API refuses goes by places in what was sent."""
    transport = reply('{"refused": {"1": "no"}}')

    async def scenario() -> None:
        async with engine_of(destination_of(send), transport) as engine:
            report = await engine.send_batch(events("a", "bad", "noise", "b", "bug", "odd"))
        (result,) = report.results
        (request,) = transport.requests
        assert request.json == [
            {"name": "a", "id": "m-0"},
            {"name": "b", "id": "m-3"},
            {"name": "odd", "id": "m-5"},
        ]
        assert [result.status_of(place).value for place in range(6)] == [
            "sent", "failed", "skipped", "failed", "failed", "sent",
        ]  # fmt: skip
        assert [node.errormessage for node in result.nodes[1:4]] == [
            "Nobody is called that.", "noise is not kept", "no",
        ]  # fmt: skip
        assert (result.nodes[3].status, result.nodes[3].sent) == (400, {"name": "b", "id": "m-3"})
        assert result.nodes[0].sent == {"name": "a", "id": "m-0"}
        assert result.nodes[4].errortype == "HANDLER_FAILED"
        assert "KeyError: 'no such key'" in str(result.nodes[4].errormessage)
        assert result.skipped == {2}
        assert {place: str(told[0]) for place, told in result.warnings.items()} == {5: "$.name: That is odd."}
        shown = result.to_dict()["nodes"]
        assert isinstance(shown, list)
        assert isinstance(shown[2], dict)
        assert (shown[2]["outcome"], shown[2]["skipped"]) == ("skipped", True)

    asyncio.run(scenario())


def test_a_batch_of_nothing_is_not_sent() -> None:
    """Where no item is left, the function is not called; a batch of skipped events is a good one."""
    transport = RecordingTransport()

    async def scenario() -> None:
        async with engine_of(destination_of(send), transport) as engine:
            report = await engine.send_batch(events("noise", "noise"))
        assert report.ok
        assert report.results[0].skipped == {0, 1}
        assert transport.requests == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("a", Status.SENT, ""),
        ("bad", Status.FAILED, "Nobody is called that."),
        ("noise", Status.SKIPPED, "noise is not kept"),
        ("odd", Status.SENT, ""),
    ],
)
def test_a_single_event_is_a_batch_of_one(name: str, status: Status, reason: str) -> None:
    """An action with a function for batches alone makes one item of a single event, explained alike."""
    transport = reply('{"refused": {}}')

    async def scenario() -> None:
        async with engine_of(destination_of(send), transport) as engine:
            (event,) = events(name)
            (explained,) = (await engine.explain(event)).deliveries
            assert explained.reason == reason
            assert (explained.request is None) is (status is not Status.SENT)
            assert len(explained.warnings) == int(name == "odd")
            (result,) = (await engine.send(event)).results
        assert (result.status, result.reason, result.message_id) == (status, reason, "m-0")
        assert [request.json for request in transport.requests] == (
            [[{"name": name, "id": "m-0"}]] if status is Status.SENT else []
        )
        assert len(result.warnings) == int(name == "odd")

    asyncio.run(scenario())


def test_an_event_that_goes_alone_makes_no_item() -> None:
    """With `enable_batching` false, and a function for single events, `each` is not asked."""
    asked: list[str] = []

    def each(name: str | None = None) -> Json:
        asked.append(str(name))
        return name

    def single(name: str | None = None) -> Request:
        return Request("POST", "https://many.test/one", json=name)

    transport = RecordingTransport()

    async def scenario() -> None:
        made = destination_of(send, each, single=single)
        async with engine_of(made, transport, enable_batching=False) as engine:
            assert (await engine.send_batch(events("a", "b"))).ok
        assert (asked, [request.json for request in transport.requests]) == ([], ["a", "b"])

    asyncio.run(scenario())


def test_the_action_of_a_function_for_many_is_known() -> None:
    """`context.action` says for which of its actions a function is called, for items and for what is sent."""

    def each(context: Context, payload: Payload) -> Json:
        return [context.action, payload["name"]]

    async def whole(items: Items, context: Context, client: Client) -> None:
        await client.send(Request("POST", f"https://many.test/{context.action}", json=items.values))

    transport = RecordingTransport()

    async def scenario() -> None:
        async with engine_of(destination_of(whole, each), transport) as engine:
            assert (await engine.send_batch(events("a"))).ok
        (request,) = transport.requests
        assert (request.url, request.json) == ("https://many.test/add", [["add", "a"]])

    asyncio.run(scenario())


def test_a_plain_function_may_return_one_request() -> None:
    """Its response then counts for all items."""

    def whole(items: Items) -> Request:
        return Request("POST", "https://many.test", json=items.values)

    transport = RecordingTransport([Response(200), Response(503)])

    async def scenario() -> None:
        async with engine_of(destination_of(whole), transport) as engine:
            good, down = [(await engine.send_batch(events("a", "bad", "b"))).results[0] for _ in range(2)]
        assert [node.status for node in good.nodes] == [200, 400, 200]
        assert [node.status for node in down.nodes] == [503, 400, 503]
        assert down.nodes[2].sent == {"name": "b", "id": "m-2"}

    asyncio.run(scenario())


def test_a_job_takes_items() -> None:
    """A job is started with the items, and polled with their number."""

    async def whole(items: Items, client: Client) -> Job:
        await client.send(Request("POST", "https://many.test", json=items.values))
        return Job("j", memo=items)

    def poll(memo: Items, upload_count: int) -> Poll:
        assert upload_count == len(memo) == 2
        return Poll(JobStatus.SUCCEEDED, memo.results(errors={0: "no"}))

    async def scenario() -> None:
        async with engine_of(destination_of(whole, poll=poll)) as engine:
            report = await engine.send_batch(events("a", "noise", "b"))
        assert [report.results[0].status_of(place).value for place in range(3)] == [
            "failed", "skipped", "sent",
        ]  # fmt: skip

    asyncio.run(scenario())


def test_items_travel_through_an_outbox(tmp_path: Path) -> None:
    """With an outbox refused items become dead letters alone, and skipped ones are done."""
    seen: list[Json] = []

    async def handle(request: Request) -> Response:
        seen.append(request.json)
        return Response(200, {}, b'{"refused": {}}')

    async def whole(items: Items, client: Client, context: Context) -> MultiStatus:
        return items.results(await client.send(Request("POST", context.settings["url"], json=items.values)))

    actions = {"add": {"title": "T", "description": "D", "fields": {"name": FIELD}}}
    url = {"label": "L", "description": "D", "type": "string", "required": True}
    made = Destination.from_definition(
        {
            "slug": "many",
            "name": "Many",
            "authentication": {"scheme": "custom", "fields": {"url": url}},
            "actions": actions,
        }
    )
    made.batch("add", each=item)(whole)
    registry = Registry()
    registry.register(made)

    async def scenario() -> None:
        async with LoopbackServer(handle) as server:
            instance = {
                "id": "one",
                "destination": "many",
                "settings": {"url": server.url},
                "subscriptions": [
                    {
                        "partnerAction": "add",
                        "subscribe": 'type = "track"',
                        "mapping": {"name": {"@path": "$.event"}},
                    }
                ],
                "delivery": {"batch": {"age": 0.05}},
            }
            workspace = Workspace.from_dict({"destinations": [instance]})
            results: list[Any] = []
            engine = Engine(workspace, registry=registry, on_result=results.append)
            async with Outbox(engine, tmp_path / "events.db") as outbox:
                for event in events("a", "bad", "noise", "b"):
                    await outbox.enqueue(event)
                await until(lambda: len(results) == 4)
                assert await outbox.dead_letters.count() == 1
            assert sorted((result.message_id, result.status.value) for result in results) == [
                ("m-0", "sent"), ("m-1", "failed"), ("m-2", "skipped"), ("m-3", "sent"),
            ]  # fmt: skip
            skipped = next(result for result in results if result.status is Status.SKIPPED)
            assert skipped.reason == "noise is not kept"
            assert sorted(one["name"] for sent in seen if isinstance(sent, list) for one in sent) == [
                "a",
                "b",
            ]

    asyncio.run(scenario())


def items_of(*values: Json) -> Items:
    context = Context(Scope("one"), {})
    return Items([BatchItem(place, value, {"v": value}, context) for place, value in enumerate(values)])


def test_results_say_what_became_of_each_item() -> None:
    """A message is a refusal for good; nodes, skips and errors say more; the rest is as the response."""
    items = items_of("a", "b", "c", "d", "e")
    found = items.results(
        Response(207, {}, b'{"ok": 4}'),
        {
            0: "not this one",
            1: Node(429, errormessage="later"),
            2: Skip("twice"),
            3: RequestError("not now", status=503, retryable=True),
        },
    )
    assert [(node.status, node.ok, node.skipped) for node in found] == [
        (400, False, False), (429, False, False), (400, False, True), (503, False, False), (207, True, False),
    ]  # fmt: skip
    assert [node.sent for node in found if not node.skipped] == ["a", "b", "d", "e"]
    assert found[4].body == {"ok": 4}
    assert {node.status for node in items.results()} == {200}
    assert {node.errortype for node in items.results(AuthenticationError("who?"))} == {
        "INVALID_AUTHENTICATION"
    }


def test_parts_of_a_batch_share_their_results() -> None:
    """Groups go out apart; places of errors are those of the group, and all outcomes end up in one."""
    items = items_of(1, 2, 3, 4, 5)
    outcomes = MultiStatus(len(items))
    groups = items.groups(lambda one: bool(one.value % 2))
    assert [(key, part.values) for key, part in groups.items()] == [(True, [1, 3, 5]), (False, [2, 4])]
    groups[True].results(errors={1: "three"}, into=outcomes)
    groups[False].results(RequestError("down", status=500), into=outcomes)
    assert [node.status for node in outcomes] == [200, 500, 400, 500, 200]
    part = items.where(lambda one: one.value > 3)
    assert (part.values, len(part), part[0].payload, repr(part)) == ([4, 5], 2, {"v": 4}, "<Items 2 of 5>")
    assert [node.status for node in part.results()] == [500, 500, 500, 200, 200]


@pytest.mark.parametrize("place", [2, -1, "0", True, None])
def test_an_error_needs_an_item(place: Any) -> None:
    """An error at a place that no item has is a bug of the function: no item is taken for accepted then."""
    with pytest.raises(IndexError, match="no item has the place"):
        items_of("a", "b").results(errors={place: "no"})


def no_items(payloads: list[Any]) -> None: ...
def asks_for_payloads(payloads: list[Any], items: Items) -> None: ...
async def waits(name: str | None = None) -> Json: ...
def sends(name: str | None, client: Client) -> Json: ...
def lacks() -> Json: ...
def unmarked(payload: dict[str, Any]) -> Json: ...
def whole_of(batch: Items) -> None: ...


@pytest.mark.parametrize(
    ("whole", "each", "message"),
    [
        (no_items, item, "has a parameter 'payloads' that is not given to a batch of items"),
        (asks_for_payloads, item, "has a parameter 'payloads' that is not given to a batch of items"),
        (whole_of, waits, "must be a plain function: items are made before anything is sent"),
        (whole_of, sends, "asks for the client with its parameter 'client': an item of a batch is not given"),
        (whole_of, lacks, "has no parameter 'name': the field 'name' never reaches it"),
        (whole_of, unmarked, "for the whole payload, annotate it with 'Payload'"),
        (
            whole_of,
            None,
            "asks for the items of a batch with its parameter 'batch', but no function makes them",
        ),
    ],
    ids=["payloads", "both", "async", "client", "field", "unmarked", "without-each"],
)
def test_functions_of_items_are_checked(whole: Function, each: Function | None, message: str) -> None:
    """Both are compared with the definition when the destination is checked, each under its own name."""
    made = Destination.from_definition(
        {"slug": "many", "name": "Many", "actions": {"add": {"title": "T", "fields": {"name": FIELD}}}}
    )
    made.batch("add", each=each)(whole)
    assert any(message in str(problem) for problem in made.check()), made.check()


@pytest.mark.parametrize("value", [None, Request("GET", "https://x.test"), PayloadError("no")])
def test_an_item_is_a_value(value: Any) -> None:
    """What cannot be an item is told of, and fails its event alone."""

    def each(payload: Payload) -> Any:
        return value if payload["name"] == "a" else "item"

    async def scenario() -> None:
        async with engine_of(destination_of(send, each), reply('{"refused": {}}')) as engine:
            report = await engine.send_batch(events("a", "b"))
        bad, good = report.results[0].nodes
        assert good.ok
        assert "each() returned" in str(bad.errormessage)

    asyncio.run(scenario())
