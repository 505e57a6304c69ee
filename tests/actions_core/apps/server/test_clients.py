"""Segment's client for Python, unmodified, in the same process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from segment.analytics.client import Client

from actions_core.delivery.errors import OutboxError, OutboxFullError

if TYPE_CHECKING:
    from collections.abc import Callable


def send(url: str, key: str, **options: Any) -> list[Any]:
    """Send an event of each type, and return what the client has given up, with the reason."""
    failed: list[Any] = []
    client = Client(key, host=url, on_error=lambda error, batch: failed.append((error, batch)), **options)
    client.identify("u-1", {"plan": "pro"})
    client.track("u-1", "Order Completed", {"total": 42})
    client.page("u-1", "Docs", "Home")
    client.screen("u-1", "App", "Home")
    client.group("u-1", "g-1", {"name": "Group"})
    client.alias("u-1", "u-2")
    client.shutdown()
    return failed


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_every_type(gzip: bool, serve: Callable[..., Any]) -> None:  # noqa: FBT001 - a value of a table
    """All six types arrive, packed or not, with what the client says of itself, and without its write key."""

    async def check(serving: Any) -> None:
        assert await asyncio.to_thread(send, serving.server.url, "wk-backend", gzip=gzip) == []
        stored = serving.stored()
        types = ["identify", "track", "page", "screen", "group", "alias"]
        assert [event["type"] for event in stored] == types
        for event in stored:
            assert event["context"]["library"]["name"] == "analytics-python"
            assert event["receivedAt"] >= event["timestamp"]
            assert not {"writeKey", "sentAt"} & event.keys()

    serve(check)


def test_an_unknown_key_is_reported(serve: Callable[..., Any]) -> None:
    """The client gives up at once, and tells its program why."""

    async def check(serving: Any) -> None:
        ((error, batch),) = await asyncio.to_thread(send, serving.server.url, "wk-wrong")
        assert (error.status, error.code, len(batch)) == (401, "invalid_write_key", 6)
        assert serving.stored() == []

    serve(check)


@pytest.mark.parametrize("error", [OutboxError("busy"), OutboxFullError("full")], ids=["503", "429"])
def test_a_client_that_is_told_to_wait_sends_again(
    error: OutboxError, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be stored is sent again when `Retry-After` says so, and is stored once."""
    monkeypatch.setattr("actions_core.apps.server.intake._RETRY_FULL", 1)

    async def check(serving: Any) -> None:
        enqueue = serving.outbox.enqueue_checked
        refusals = [error]

        async def refuse_once(*given: Any) -> Any:
            if refusals:
                raise refusals.pop()
            return await enqueue(*given)

        serving.outbox.enqueue_checked = refuse_once
        client = Client("wk-backend", host=serving.server.url, upload_interval=0.05)
        client.track("u-1", "Order Completed")
        async with asyncio.timeout(60):
            while not serving.stored():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        await asyncio.to_thread(client.shutdown)
        assert not refusals
        assert len(serving.stored()) == 1

    serve(check)
