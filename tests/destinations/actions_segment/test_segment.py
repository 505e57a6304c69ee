"""Segment: what is asked to try a write key, and how large a batch becomes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from actions_segment import destination

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport, make_response

if TYPE_CHECKING:
    from actions_core import Request, Response

KEY = "w/k?1"
MAPPING = {
    "user_id": {"@path": "$.userId"},
    "event_name": {"@path": "$.event"},
    "properties": {"@path": "$.properties"},
}


def engine_with(transport: RecordingTransport) -> Engine:
    """An engine with one instance, which sends each track event."""
    registry = Registry()
    registry.register(destination)
    instance: dict[str, Any] = {
        "id": "segment",
        "destination": "segment",
        "settings": {"source_write_key": KEY},
        "subscriptions": [{"partnerAction": "sendTrack", "subscribe": 'type = "track"', "mapping": MAPPING}],
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry, transport=transport)


@pytest.mark.parametrize("status", [200, 404])
def test_a_write_key_is_tried_where_browsers_read_the_settings_of_their_source(status: int) -> None:
    """A key that Segment does not know is refused, and the hint says what to compare."""

    def respond(_request: Request) -> Response:
        return make_response(status, json={})

    transport = RecordingTransport(respond)

    async def scenario() -> Any:
        async with engine_with(transport) as engine:
            return await engine.test_authentication("segment")

    result = asyncio.run(scenario())
    asked = transport.requests[0]
    assert (asked.method, asked.url) == ("GET", "https://cdn.segment.com/v1/projects/w%2Fk%3F1/settings")
    assert "Authorization" not in asked.headers
    assert result.ok is (status == 200)
    assert result.ok or "source_write_key" in str(result.error)


def test_a_batch_stays_below_what_segment_takes() -> None:
    """Events of 30 KB each go in requests of at most 500 KB, and none is lost."""
    events = [
        {
            "type": "track",
            "userId": "u",
            "event": "Upload",
            "properties": {"number": number, "text": "x" * 30_000},
        }
        for number in range(40)
    ]
    transport = RecordingTransport()

    async def scenario() -> Any:
        async with engine_with(transport) as engine:
            return await engine.send_batch(events)

    assert asyncio.run(scenario()).ok
    sizes = [len(request.content()[0] or b"") for request in transport.requests]
    assert max(sizes) <= 500_000
    sent = [item["properties"]["number"] for request in transport.requests for item in request.json["batch"]]
    assert sorted(sent) == list(range(40))
