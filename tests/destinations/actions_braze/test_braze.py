"""Braze: its cases, its definition, large batches, and what is asked for when a mapping is made."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_braze import destination

from actions_core import Engine, Registry, Workspace, load_destination
from actions_core.authoring.comparison import Level, compare_definitions
from actions_core.authoring.docs_page import destination_page
from actions_core.testing import RecordingTransport, conformance, make_event, make_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core import Json, JsonObject, Request, Response

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "destinations" / "braze.md"
CATALOGS = {"catalogs": [{"name": "shoes", "fields": [{"name": "id"}, {"name": "price"}]}, {"name": "hats"}]}

test_braze = conformance(destination, cases=HERE / "cases")


def engine_with(transport: RecordingTransport, action: str, mapping: JsonObject) -> Engine:
    """An engine with one subscription to Braze."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "destination": "braze",
        "settings": {"api_key": "key-1", "endpoint": "https://rest.fra-01.braze.eu"},
        "subscriptions": [{"partnerAction": action, "subscribe": 'type = "track"', "mapping": mapping}],
        "delivery": {"retry": {"tries": 1, "base": 0}},
    }
    return Engine(Workspace.from_dict({"destinations": [instance]}), registry=registry, transport=transport)


def purchases_of(sizes: Sequence[int], responses: Sequence[Response] = ()) -> tuple[list[int], list[int]]:
    """How many purchases each request has, and the statuses of events with so many products."""
    transport = RecordingTransport(list(responses))
    mapping = {
        "external_id": {"@path": "$.userId"},
        "time": {"@path": "$.timestamp"},
        "products": {"@path": "$.properties.products"},
        "batch_size": 75,
    }
    events = [
        make_event(properties={"products": [{"product_id": f"p-{n}", "price": 1} for n in range(size)]})
        for size in sizes
    ]

    async def scenario() -> list[int]:
        async with engine_with(transport, "trackPurchase", mapping) as engine:
            return [node.status for node in (await engine.send_batch(events)).results[0].nodes]

    statuses = asyncio.run(scenario())
    return [len(_json(request)["purchases"]) for request in transport.requests], statuses


def _json(request: Request) -> Any:
    return request.json


def ask(action: str, question: str, responses: Sequence[Response], **given: Any) -> tuple[Any, list[Request]]:
    """What the engine gives for a question about a mapping, and the requests for it."""
    transport = RecordingTransport(list(responses))

    async def scenario() -> Any:
        async with engine_with(transport, action, {}) as engine:
            return await getattr(engine, question)("braze", action, **given)

    return asyncio.run(scenario()), list(transport.requests)


def test_workspaces_of_the_published_one_work() -> None:
    """Settings, actions, fields, defaults, hooks and presets are Segment's."""
    published = load_destination(HERE / "published_definition.json").spec
    changes = compare_definitions(published, destination.spec)
    known = "$.urlsFromUsers"  # says where requests in JSON may go; the published ones are functions
    assert [str(c) for c in changes if c.level != Level.NOTE and c.path != known] == []


def test_the_page() -> None:
    """The committed page is what `actions docs` writes now."""
    assert PAGE.read_text(encoding="utf-8") == destination_page(destination.spec)


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [([25, 25, 25], [75]), ([40, 30, 10], [70, 10]), ([80, 1], [80, 1]), ([1, 80, 1], [1, 80, 1])],
)
def test_a_request_has_at_most_75_objects(sizes: list[int], requests: list[int]) -> None:
    """Products of one event stay together; where there are more than Braze takes, Braze refuses that event."""
    assert purchases_of(sizes) == (requests, [200] * len(sizes))


def test_a_request_that_fails_fails_its_own_events() -> None:
    """The others of the batch have arrived."""
    responses = [make_response(201, json={}), make_response(400, json={"message": "no"})]
    assert purchases_of([40, 30, 10], responses) == ([70, 10], [201, 201, 400])
