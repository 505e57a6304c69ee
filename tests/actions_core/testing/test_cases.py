"""Cases of batches, and of what the network responds."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import (
    Client,
    Destination,
    Items,
    Json,
    MultiStatus,
    Payload,
    PayloadError,
    Request,
    Skip,
    load_destination,
)
from actions_core.testing import check_destination, make_event
from actions_core.testing.cases import check_case


def shop() -> Destination:
    """A destination whose handlers look something up before they write."""
    destination = load_destination(
        {
            "slug": "shop",
            "name": "Shop",
            "actions": {
                "add": {
                    "title": "Add",
                    "fields": {
                        "id": {"type": "string", "default": {"@path": "$.userId"}},
                        "enable_batching": {"type": "boolean", "default": True},
                    },
                }
            },
        }
    )

    @destination.action("add")
    async def add(client: Client, id: str | None = None) -> None:  # noqa: A002 - the field is called so
        if id == "lost":
            return
        response = await client.send(Request("GET", "https://shop.example/token"))
        await client.send(Request("POST", "https://shop.example/add", json=response.json))

    @destination.batch("add")
    def add_all(payloads: list[dict[str, Any]]) -> Request:
        return Request("POST", "https://shop.example/all", json=[payload["id"] for payload in payloads])

    return destination


CASE: dict[str, Any] = {"action": "add", "expect": {"request": {"method": "GET"}}}


def test_a_batch_is_a_case() -> None:
    """`events` go to the batch handler, and its request is compared."""
    events = [make_event(userId="a", messageId="1"), make_event(userId="b", messageId="2")]
    case = {**CASE, "events": events, "expect": {"request": {"method": "POST", "json": ["a", "b"]}}}
    assert check_case(shop(), case) == []
    case["expect"] = {"request": {"json": ["a"]}}
    assert "json must be" in check_case(shop(), case)[0]


def test_a_body_that_differs_is_told_leaf_by_leaf() -> None:
    """Of a large body only what differs is shown, each leaf with its place in it."""
    actions = {"put": {"title": "Put", "fields": {}}}
    destination = load_destination({"slug": "shop", "name": "Shop", "actions": actions})
    sent = {"user": {"id": "u", "plan": "pro"}, "items": [{"n": 1}, {"n": 2.0}], "at": None, "x": []}

    @destination.action("put")
    def put() -> Request:
        return Request("POST", "https://shop.example/put", json=sent)

    wanted = {"user": {"id": "v", "name": "N"}, "items": [{"n": 1}, {"n": 3}], "at": None, "x": [1]}
    case = {"action": "put", "event": make_event(), "expect": {"request": {"json": wanted}}}
    assert check_case(destination, case) == [
        'json.user.id must be "v" but it is "u"',
        'json.user.name must be "N" but it is missing',
        'json.user.plan must be missing but it is "pro"',
        "json.items[1].n must be 3 but it is 2.0",
        "json.x must be [1] but it is []",
    ]


def test_a_case_gives_the_responses_of_the_network() -> None:
    """The handler gets them in their order; the first request is the one that is compared."""
    event = make_event()
    assert (
        check_case(shop(), {**CASE, "event": event, "responses": [{"status": 200, "json": {"k": 1}}]}) == []
    )
    assert check_case(shop(), {**CASE, "event": make_event(userId="lost")})[0].startswith(
        "no request was made"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"events": []}, "'events' must be a list"),
        ({"events": [{}], "event": {}}, "without 'event' beside it"),
        ({"events": [{}], "expect": {"problems": ["$"]}}, "'problems' are those of one 'event'"),
        ({"event": {}, "responses": [{"staus": 1}]}, "each of 'responses' is an object with"),
        ({}, "lacks event"),
    ],
)
def test_the_form_of_a_case_is_checked(change: dict[str, Any], said: str) -> None:
    """A case that cannot mean anything is named before it runs."""
    assert said in check_case(shop(), {**CASE, **change})[0]


def lists() -> Destination:
    """A destination that looks a list up before it adds to it, and sends items together."""
    fields = {"id": {"type": "string", "default": {"@path": "$.userId"}}}
    destination = load_destination(
        {"slug": "lists", "name": "Lists", "actions": {"add": {"title": "Add", "fields": fields}}}
    )

    @destination.action("add")
    async def add(client: Client, id: str | None = None) -> Skip | None:  # noqa: A002 - the field is called so
        found = await client.send(Request("GET", "https://lists.example/lists", params={"of": id}))
        if not found.json:
            return Skip(f"{id} is on no list")
        await client.send(Request("POST", "https://lists.example/members", json=found.json))
        return None

    def member(payload: Payload) -> Json:
        if payload["id"] == "bad":
            raise PayloadError.at("$.id", "This is a bad one.")
        return payload["id"]

    @destination.batch("add", each=member)
    async def add_all(items: Items, client: Client) -> MultiStatus:
        response = await client.send(Request("POST", "https://lists.example/all", json=items.values))
        refused: dict[str, str] = response.json if isinstance(response.json, dict) else {}
        return items.results(response, {int(place): why for place, why in refused.items()})

    return destination


LISTS = {"to": {"method": "GET", "url": "https://lists.example/lists*"}, "json": ["l-1"]}
GET = {"method": "GET", "url": "https://lists.example/lists?of=user-1"}
POST = {"method": "POST", "json": ["l-1"]}


def users(*ids: str) -> list[dict[str, Any]]:
    """Events of these users."""
    return [make_event(userId=name, messageId=name) for name in ids]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event": make_event(), "responses": [LISTS], "expect": {"requests": [GET, POST]}}, []),
        ({"event": make_event(), "responses": [LISTS], "expect": {"request": GET, "result": "sent"}}, []),
        (
            {
                "event": make_event(),
                "responses": [{"status": 204}, LISTS],
                "expect": {"requests": [GET, POST]},
            },
            [],
        ),
        (
            {"event": make_event(), "responses": [LISTS], "expect": {"requests": [GET]}},
            ["1 requests were expected, but 2 were made: GET https://lists.example/lists?of=user-1, POST"],
        ),
        (
            {"event": make_event(), "responses": [LISTS], "expect": {"requests": [GET, {"json": []}]}},
            ["request 1: json must be []"],
        ),
        (
            {"event": make_event(), "expect": {"result": {"status": "skipped", "reason": "on no list"}}},
            [],
        ),
        (
            {"event": make_event(), "expect": {"result": {"status": "skipped", "reason": "gone"}}},
            ["the reason of the event must contain 'gone' but it is 'user-1 is on no list'"],
        ),
        (
            {"event": make_event(), "expect": {"result": "sent"}},
            ["the event must be sent but it is skipped: user-1 is on no list"],
        ),
        (
            {
                "events": users("a", "bad", "b"),
                "responses": [{"json": {"1": "full"}}],
                "expect": {
                    "request": {"json": ["a", "b"]},
                    "results": ["sent", {"status": "failed", "reason": "bad one"}, "failed"],
                },
            },
            [],
        ),
        (
            {"events": users("a", "bad"), "expect": {"results": ["sent", "sent"]}},
            ["event 1 must be sent but it is failed: This is a bad one."],
        ),
        ({"events": users("a"), "expect": {"results": []}}, ["0 results were expected, but there are 1"]),
        ({"events": users("bad"), "expect": {"requests": []}}, []),
    ],
)
def test_a_case_names_what_it_expects(change: dict[str, Any], said: list[str]) -> None:
    """All requests, responses by the request, and the outcome of each event can be named."""
    found = check_case(lists(), {"action": "add", **change})
    assert len(found) == len(said), found
    assert [text for text, start in zip(found, said, strict=True) if not text.startswith(start)] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expect": {}}, "'expect' must contain some of problems, request, requests, result, results"),
        ({"expect": {"request": {}, "requests": []}}, "only one of 'request', 'requests' and 'problems'"),
        ({"expect": {"request": {}, "problems": []}}, "only one of 'request', 'requests' and 'problems'"),
        ({"expect": {"results": []}}, "'expect' has 'results', but here it is 'result'"),
        ({"expect": {"requests": {}}}, "'expect.requests' must be a list"),
        ({"expect": {"result": "gone"}}, "a result is sent, failed, skipped, or an object"),
        ({"expect": {"result": {"state": "sent"}}}, "a result is sent, failed, skipped, or an object"),
        ({"responses": [{"to": "GET"}]}, "'to' of a response is an object with 'method', 'url', or both"),
        ({"responses": [{"to": {"url": 5}}]}, "'method' and 'url' of a response's 'to' are strings"),
    ],
)
def test_expectations_are_checked(change: dict[str, Any], said: str) -> None:
    """An expectation that cannot mean anything is named before the case runs."""
    case = {"action": "add", "event": make_event(), "expect": {"result": "sent"}, **change}
    assert said in check_case(lists(), case)[0]


def test_functions_of_items_conform() -> None:
    """Items are made of sample payloads as they are of events: what is not pure is found there too."""
    assert [problem for problem in check_destination(lists()) if problem.is_error] == []
    times: list[int] = []

    def numbered(payload: Payload) -> Json:
        times.append(1)
        return len(times)

    impure = load_destination(
        {"slug": "lists", "name": "Lists", "actions": {"add": {"title": "Add", "fields": {}}}}
    )

    @impure.batch("add", each=numbered)
    def send(items: Items) -> Request:
        return Request("POST", "https://lists.example/all", json=items.values)

    assert any("another request for the same payload" in str(found) for found in check_destination(impure))
