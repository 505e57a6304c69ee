"""Mixpanel: requests in parts, ids, browsers, settings that are tested."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_mixpanel import destination
from actions_mixpanel.browsers import read_browser

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport, make_response, run_cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Json, Request, Response

HERE = Path(__file__).parent
SETTINGS = {"projectToken": "p-1", "apiSecret": "s-1"}
MAPPING = {
    "event": {"@path": "$.event"},
    "insert_id": {"@path": "$.messageId"},
    "products": {"@path": "$.properties.products"},
    "generatePurchaseEventPerProduct": True,
}


def engine_for(transport: RecordingTransport) -> Engine:
    """An engine that sends orders to Mixpanel."""
    registry = Registry()
    registry.register(destination)
    subscription = {"partnerAction": "trackPurchase", "subscribe": 'type = "track"', "mapping": MAPPING}
    instance = {
        "id": "mixpanel",
        "destination": "actions-mixpanel",
        "settings": SETTINGS,
        "subscriptions": [subscription],
        "delivery": {"retry": {"tries": 1}},
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry, transport=transport)


def order(number: int, products: int) -> dict[str, Json]:
    """An order of so many products."""
    properties: dict[str, Json] = {"products": [{"sku": str(place)} for place in range(products)]}
    return {"type": "track", "event": "Order", "messageId": f"m-{number}", "properties": properties}


def send_orders(
    orders: list[dict[str, Json]], answer: Callable[[Request], Response]
) -> tuple[list[int], list[list[dict[str, Any]]]]:
    """Send a batch; return the status of each order, and the events of each request."""
    transport = RecordingTransport(answer)

    async def main() -> list[int]:
        async with engine_for(transport) as engine:
            result = (await engine.send_batch(orders)).results[0]
            return [node.status for node in result.nodes]

    return asyncio.run(main()), [request.json for request in transport.requests]


def test_cases() -> None:
    """Each case becomes the requests that it names, or the problems."""
    assert run_cases(destination, HERE / "cases") > 0


def test_a_request_has_no_more_events_than_mixpanel_takes() -> None:
    """Orders stay whole, and each request has at most 2,000 events."""
    statuses, requests = send_orders(
        [order(number, 999) for number in range(5)], lambda _: make_response(200, json={})
    )
    assert [len(events) for events in requests] == [2000, 2000, 1000]
    assert statuses == [200] * 5


def test_a_part_that_fails_leaves_the_others_alone() -> None:
    """What was imported before and after counts as sent."""

    def answer(request: Request) -> Response:
        first = request.json[0]["properties"]["$insert_id"]
        return make_response(503 if first == "m-1" else 200, json={})

    statuses, requests = send_orders([order(number, 1500) for number in range(3)], answer)
    assert len(requests) == 3
    assert statuses == [200, 503, 200]


def test_an_insert_id_is_the_same_at_every_try() -> None:
    """An event without one gets one that Mixpanel takes, and gets it again when it is sent again."""
    orders: list[dict[str, Json]] = [{**order(1, 1), "messageId": "m-1"}]
    ids = []
    for _ in range(2):
        transport = RecordingTransport()

        async def main(transport: RecordingTransport = transport) -> None:
            async with engine_for(transport) as engine:
                await engine.send_batch(orders)

        asyncio.run(main())
        ids.append([event["properties"]["$insert_id"] for event in transport.requests[0].json])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 Chrome/119.0.0.0 Safari/537.36 OPR/105.0.1", ("Opera", "105.0.1")),
        ("Mozilla/5.0 Chrome/70.0.1 OPR/44.1.2 Mini/1.0", ("Opera Mini", None)),
        ("Mozilla/5.0 Chrome/120.0.0 Safari/537.36 Edg/120.0.2210", ("Microsoft Edge", "120.0.2210")),
        ("Mozilla/5.0 (iPhone) Version/17.1 Mobile Safari/604.1", ("Mobile Safari", "17.1")),
        ("Mozilla/5.0 (Macintosh) Version/17.1 Safari/605.1", ("Safari", "17.1")),
        ("Mozilla/5.0 (X11; rv:120.0) Gecko/20100101 Firefox/120.0", ("Firefox", "120.0")),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", ("Internet Explorer", "11.0")),
        ("curl/8.4.0", ("", None)),
    ],
)
def test_browsers(agent: str, browser: tuple[str, str | None]) -> None:
    """A browser that names others as well is known by its own mark."""
    assert read_browser(agent) == browser


def test_settings_are_tested_with_both_credentials() -> None:
    """Token and secret go to where Mixpanel compares them."""
    transport = RecordingTransport()

    async def main() -> None:
        async with engine_for(transport) as engine:
            await engine.test_authentication("mixpanel")

    asyncio.run(main())
    request = transport.requests[0]
    assert (request.method, request.url) == (
        "POST",
        "https://mixpanel.com/api/app/validate-project-credentials/",
    )
    assert request.json == {"api_secret": "s-1", "project_token": "p-1"}
    assert "authorization" not in {name.lower() for name in request.headers}
