"""Customer.io: its cases, large batches, settings that are tested, and people who are deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actions_customerio import destination
from actions_customerio.operations import operation, size_of

from actions_core import Engine, PayloadError, Registry, Workspace
from actions_core.testing import RecordingTransport, make_context, make_event, make_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from actions_core import Request, Response

HERE = Path(__file__).parent
REGIONS = [("US 🇺🇸", "https://track.customer.io"), ("EU 🇪🇺", "https://track-eu.customer.io")]


def with_engine(
    ask: Callable[[Engine], Awaitable[Any]], *responses: Response, region: str = "US 🇺🇸"
) -> tuple[Any, list[Request]]:
    """Return what an engine gives, and the requests that it makes for that."""
    transport = RecordingTransport(list(responses))
    registry = Registry()
    registry.register(destination)
    mapping = {
        "id": {"@path": "$.userId"},
        "name": {"@path": "$.event"},
        "data": {"@path": "$.properties"},
        "batch_size": 100,
    }
    instance = {
        "destination": "customerio",
        "settings": {"siteId": "site-1", "apiKey": "key-1", "accountRegion": region},
        "subscriptions": [
            {"partnerAction": "trackEvent", "subscribe": 'type = "track"', "mapping": mapping},
        ],
        "delivery": {"retry": {"tries": 1, "base": 0}},
    }

    async def scenario() -> Any:
        workspace = Workspace.from_dict({"destinations": [instance]})
        async with Engine(
            workspace, registry=registry, transport=transport, max_event_bytes=100_000
        ) as engine:
            return await ask(engine)

    return asyncio.run(scenario()), list(transport.requests)


def send_texts(sizes: Sequence[int], *responses: Response) -> tuple[list[int], list[int]]:
    """Return how many events each request has, and the statuses of events whose text has so many bytes."""
    events = [make_event(properties={"text": "x" * size}) for size in sizes]
    report, requests = with_engine(lambda engine: engine.send_batch(events), *responses)
    batches: list[Any] = [request.json for request in requests]
    return [len(batch["batch"]) for batch in batches], [node.status for node in report.results[0].nodes]


def test_a_request_has_no_more_bytes_than_customer_io_takes() -> None:
    """Sixteen events of 30 kB do not fit into 500 kB twice."""
    assert send_texts([30_000] * 40) == ([16, 16, 8], [200] * 40)


def test_every_request_stays_below_the_bytes_that_customer_io_takes() -> None:
    """A batch that just fits is sent whole, and whole is what surrounds its operations too."""
    events = [make_event(properties={"text": "é" * 12_345}) for _ in range(41)]
    _, requests = with_engine(lambda engine: engine.send_batch(events))
    sizes = [len(request.content()[0] or b"") for request in requests]
    assert len(sizes) == 3
    assert max(sizes) <= 500_000


def test_a_request_that_fails_fails_its_own_events() -> None:
    """The others of the batch have arrived."""
    responses = [make_response(200, json={}), make_response(400, json={"errors": []})]
    assert send_texts([30_000] * 18, *responses) == ([16, 2], [200] * 16 + [400] * 2)


def test_an_index_is_one_of_its_request() -> None:
    """What the second request refuses is an event of the second request."""
    refusal = {"errors": [{"batch_index": 0, "message": "no"}, {"batch_index": 0, "message": "again no"}]}
    responses = [make_response(200, json={}), make_response(207, json=refusal)]
    assert send_texts([30_000] * 18, *responses) == ([16, 2], [200] * 16 + [400, 200])


def test_an_event_of_too_many_bytes_fails_alone() -> None:
    """It is not sent, so that the rest of its batch is taken; 32 kB are not too many."""
    assert send_texts([10, 33_000, 32_600]) == ([2], [200, 400, 200])


def test_an_operation_has_32_kib_at_most() -> None:
    """What an operation has beside its data counts, and the last byte is allowed."""
    context = make_context(action="trackEvent")
    payload: dict[str, Any] = {"name": "A", "id": "u-1", "data": {"text": ""}}
    room = 32_768 - size_of(operation(payload, context))
    payload["data"]["text"] = "x" * room
    assert size_of(operation(payload, context)) == 32_768
    payload["data"]["text"] += "x"
    with pytest.raises(PayloadError, match="32769"):
        operation(payload, context)


@pytest.mark.parametrize(("region", "host"), REGIONS)
def test_credentials_are_tested_where_the_account_is(region: str, host: str) -> None:
    """They go to no other region, and the status says whether they are good."""
    for status, ok in ((200, True), (401, False)):
        result, (request,) = with_engine(
            lambda engine: engine.test_authentication("customerio"), make_response(status), region=region
        )
        assert result.ok is ok
        assert (request.method, request.url) == ("GET", f"{host}/auth")
        assert request.headers["Authorization"] == "Basic c2l0ZS0xOmtleS0x"


@pytest.mark.parametrize(("region", "host"), REGIONS)
def test_a_person_is_deleted(region: str, host: str) -> None:
    """An id is quoted, and only those with an id of the customer's can be deleted."""
    report, (request,) = with_engine(lambda engine: engine.delete(user_id="a/b ?"), region=region)
    assert report.results[-1].ok
    assert (request.method, request.url) == ("DELETE", f"{host}/api/v1/customers/a%2Fb%20%3F")
    report, requests = with_engine(lambda engine: engine.delete(anonymous_id="a-1"), region=region)
    assert (report.results[-1].ok, requests) == (False, [])
