"""Cases of batches, and of what the network responds."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core import Client, Destination, Request, load_destination
from actions_core.testing import make_event
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
