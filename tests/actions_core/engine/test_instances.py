"""What a workspace asks of its destinations is checked at the start, all of it at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actions_core.destination import Destination, load_destination
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.workspace import Workspace
from actions_core.errors import RequestError, WorkspaceError
from actions_core.http.requests import Request, Response
from actions_core.testing import RecordingTransport

TRACK = 'type = "track"'


def made() -> Destination:
    """A destination with a function for one of its two actions."""
    destination = load_destination(
        {
            "slug": "partly",
            "name": "Partly",
            "authentication": {"scheme": "custom", "fields": {"key": {"type": "password"}}},
            "actions": {
                "done": {"title": "Done", "fields": {"id": {"type": "string"}}},
                "undone": {"title": "Undone", "fields": {"id": {"type": "string"}}},
            },
        }
    )

    @destination.action("done")
    def done(id: str | None = None) -> Request:  # noqa: A002 - the field is called so
        return Request("GET", f"https://partly.example/{id}")

    return destination


def engine_of(
    destination: Destination, *subscriptions: dict[str, Any], transport: RecordingTransport | None = None
) -> Engine:
    """An engine with one instance of the destination."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "id": "one",
        "destination": "partly",
        "settings": {"key": "secret-key-1"},
        "subscriptions": list(subscriptions),
        "delivery": {"retry": {"tries": 1}},
    }
    workspace = Workspace.from_dict({"destinations": [instance]})
    return Engine(workspace, registry=registry, transport=transport or RecordingTransport())


def test_a_subscription_to_an_action_without_a_function_is_refused() -> None:
    """An action needs no function until a subscription uses it, which is then an error of the workspace."""
    engine_of(made(), {"partnerAction": "done", "subscribe": TRACK})
    with pytest.raises(WorkspaceError) as caught:
        engine_of(made(), {"partnerAction": "undone", "subscribe": TRACK})
    assert [str(problem) for problem in caught.value.problems] == [
        "$.destinations[0].subscriptions[0].partnerAction: partly has no function for the action 'undone'"
    ]


def test_an_unknown_action_hides_neither_condition_nor_mapping() -> None:
    """All that is wrong with a subscription is said at once."""
    with pytest.raises(WorkspaceError) as caught:
        engine_of(
            made(),
            {"partnerAction": "nothing", "subscribe": "type =", "mapping": {"a": {"@pth": "$.x"}}},
            {"partnerAction": "undone", "subscribe": "type =", "mapping": {"a": {"@pth": "$.x"}}},
        )
    place = "$.destinations[0].subscriptions"
    assert [problem.path for problem in caught.value.problems] == [
        f"{place}[{index}].{part}"
        for index in (0, 1)
        for part in (["partnerAction"] if index == 0 else [])
        + ["subscribe", "mapping.a"]
        + (["partnerAction"] if index == 1 else [])
    ]


@pytest.mark.parametrize("body", [b'{"events": {"used": 5, "of": "secret-key-1"}}', b'[{"used": 5}]'])
def test_an_account_is_told_as_it_comes(body: bytes) -> None:
    """Whatever JSON the destination responds with is returned, secrets masked."""
    destination = made()

    @destination.account
    def account() -> Request:
        return Request("GET", "https://partly.example/quota")

    engine = engine_of(destination, transport=RecordingTransport([Response(200, {}, body)]))
    told = asyncio.run(engine.account("one"))
    assert told in ({"events": {"used": 5, "of": "***"}}, [{"used": 5}])


def test_an_account_that_is_not_told_says_why() -> None:
    """Without a function, with an empty response, and where the destination refuses: a `RequestError`."""
    with pytest.raises(RequestError, match="does not tell of accounts") as caught:
        asyncio.run(engine_of(made()).account("one"))
    assert caught.value.code == "NOT_SUPPORTED"
    destination = made()

    @destination.account
    async def account() -> None:
        return None

    with pytest.raises(RequestError, match="told nothing"):
        asyncio.run(engine_of(destination).account("one"))
    refusing = made()
    refusing.account(lambda: Request("GET", "https://partly.example/quota"))
    engine = engine_of(refusing, transport=RecordingTransport([Response(403)]))
    with pytest.raises(RequestError) as refused:
        asyncio.run(engine.account("one"))
    assert refused.value.status == 403


@pytest.mark.parametrize("mapping", [None, {"enable_batching": False}])
def test_batches_that_nobody_sends_are_warned_of(mapping: dict[str, Any] | None) -> None:
    """`batch` on an instance of which no subscription sends batches does nothing: a warning says so."""
    destination = made()
    if mapping is not None:

        @destination.batch("done")
        def many(payloads: list[dict[str, Any]]) -> Request:
            return Request("POST", "https://partly.example/", json=payloads)

    registry = Registry()
    registry.register(destination)
    instance = {
        "destination": "partly",
        "settings": {"key": "secret-key-1"},
        "subscriptions": [{"partnerAction": "done", "subscribe": TRACK, "mapping": mapping or {}}],
        "delivery": {"batch": {"age": 1}},
    }
    workspace = Workspace.from_dict({"destinations": [instance]})
    engine = Engine(workspace, registry=registry, transport=RecordingTransport())
    assert [problem.path for problem in engine.warnings] == ["$.destinations[0].delivery.batch"]
