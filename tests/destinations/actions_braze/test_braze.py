"""Braze: its cases, large batches, and what is asked for when a mapping is made."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_braze import destination
from actions_braze.catalogs import catalog_names

from actions_core import Engine, Registry, Workspace
from actions_core.testing import RecordingTransport, make_event, make_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from actions_core import JsonObject, Request, Response

HERE = Path(__file__).parent
CATALOGS = {"catalogs": [{"name": "shoes", "fields": [{"name": "id"}, {"name": "price"}]}, {"name": "hats"}]}


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


def with_engine(ask: Callable[[Engine], Awaitable[Any]], *responses: Response) -> tuple[Any, list[Request]]:
    """What an engine gives, and the requests that it makes for that."""
    transport = RecordingTransport(list(responses))

    async def scenario() -> Any:
        async with engine_with(transport, "upsertCatalogItem", {"item_id": "a"}) as engine:
            return await ask(engine)

    return asyncio.run(scenario()), list(transport.requests)


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [([25, 25, 25], [75]), ([40, 30, 10], [70, 10]), ([80, 1], [80, 1]), ([1, 80, 1], [1, 80, 1])],
)
def test_a_request_has_at_most_75_objects(sizes: list[int], requests: list[int]) -> None:
    """Products of one event stay together; an event with more of them than Braze takes goes alone."""
    assert purchases_of(sizes) == (requests, [200] * len(sizes))


def test_a_request_that_fails_fails_its_own_events() -> None:
    """The others of the batch have arrived."""
    responses = [make_response(201, json={}), make_response(400, json={"message": "no"})]
    assert purchases_of([40, 30, 10], responses) == ([70, 10], [201, 201, 400])


def test_a_key_is_tested_with_a_request_that_changes_nothing() -> None:
    """Braze responds to an empty one with 400 where the key is good, and with 401 where it is not."""
    for status, ok in ((400, True), (401, False)):
        response = make_response(status)
        result, (request,) = with_engine(lambda engine: engine.test_authentication("braze"), response)
        assert result.ok is ok
        assert (request.method, request.json) == ("POST", {})
        assert request.url == "https://rest.fra-01.braze.eu/users/track"


def test_a_user_is_deleted() -> None:
    """Only those with an id of the customer's can be."""
    report, (request,) = with_engine(lambda engine: engine.delete(user_id="u-1"))
    assert report.results[-1].ok
    assert (request.url.rpartition("braze.eu")[2], request.json) == (
        "/users/delete",
        {"external_ids": ["u-1"]},
    )
    report, requests = with_engine(lambda engine: engine.delete(anonymous_id="a-1"))
    assert (report.results[-1].ok, requests) == (False, [])


def test_a_catalog_is_selected() -> None:
    """What a mapping keeps is the catalog's name."""
    inputs = {"operation": "select", "selected_catalog_name": "shoes"}
    kept, requests = with_engine(
        lambda engine: engine.run_hook("braze", "upsertCatalogItem", "onMappingSave", inputs)
    )
    assert (kept["outputs"], requests) == ({"catalog_name": "shoes"}, [])


def test_a_catalog_is_created() -> None:
    """Its first field is the id, which nobody need name."""
    columns = [{"name": "id", "type": "string"}, {"name": "price", "type": "number"}]
    inputs = {"operation": "create", "created_catalog_name": "shoes", "columns": columns}
    kept, (request,) = with_engine(
        lambda engine: engine.run_hook("braze", "upsertCatalogItem", "onMappingSave", inputs)
    )
    assert kept["outputs"] == {"catalog_name": "shoes"}
    assert request.json == {"catalogs": [{"name": "shoes", "description": "", "fields": columns}]}


@pytest.mark.parametrize(
    ("asked", "response", "values", "page"),
    [
        (
            (
                "upsertCatalogItem",
                "item.__keys__",
                {"payload": {"onMappingSave": {"outputs": {"catalog_name": "shoes"}}}},
            ),
            CATALOGS,
            ["price"],
            None,
        ),
        (("triggerCampaign", "campaign_id", {}), {"campaigns": [{"id": "c-1", "name": "Hi"}]}, ["c-1"], "1"),
        (
            ("triggerCanvas", "canvas_id", {"page": "1"}),
            {"canvases": [{"id": "c-2", "name": "Ho"}]},
            ["c-2"],
            "2",
        ),
        (("triggerCanvas", "canvas_id", {"page": "2"}), {"canvases": []}, [], None),
    ],
)
def test_choices(
    asked: tuple[str, str, dict[str, Any]], response: JsonObject, values: list[str], page: str | None
) -> None:
    """Fields of a catalog, campaigns and Canvases are listed; behind the last page there is none."""
    action, field, given = asked
    answered = make_response(200, json=response)
    choices, _ = with_engine(lambda engine: engine.list_choices("braze", action, field, **given), answered)
    assert ([choice["value"] for choice in choices.choices], choices.next_page) == (values, page)


def test_the_hook_lists_the_catalogs() -> None:
    """Those that Braze has can be selected."""

    class Braze:
        async def send(self, request: Request) -> Response:
            assert (request.method, request.url) == ("GET", "/catalogs")
            return make_response(200, json=CATALOGS)

    choices = asyncio.run(catalog_names(Braze()))  # type: ignore[arg-type] # all that it needs of a client
    assert [choice["value"] for choice in choices.choices] == ["shoes", "hats"]
