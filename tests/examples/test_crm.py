"""The example destination, with every feature, against its server on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from actions_core import Engine, Registry, RequestError, Workspace
from actions_core.testing import make_event

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    """A module of the example, which is no part of the installed packages."""
    full = f"example_{name.replace('.', '_')}"
    if full not in sys.modules:
        path = EXAMPLES / "crm" / ("__init__.py" if name == "crm" else f"{name}.py")
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


def with_crm(
    scenario: Callable[[Engine, Any], Awaitable[Any]],
    action: str,
    mapping: dict[str, Any] | None = None,
    subscribe: str = 'type = "identify"',
) -> Any:
    """Run a scenario with an engine whose one subscription goes to the server."""

    async def run() -> Any:
        registry = Registry()
        registry.register(load("crm").destination)
        async with load("server").CrmServer() as server:
            subscription: dict[str, Any] = {"partnerAction": action, "subscribe": subscribe}
            if mapping is not None:
                subscription["mapping"] = mapping
            instance = {
                "id": "crm",
                "destination": "example-crm",
                "settings": {"baseUrl": server.url, "oauth": server.oauth},
                "subscriptions": [subscription],
                "delivery": {"poll": {"base": 0.01}, "retry": {"tries": 1}},
            }
            workspace = Workspace.from_dict({"destinations": [instance]})
            async with Engine(workspace, registry=registry) as engine:
                return await scenario(engine, server)

    return asyncio.run(run())


def person(number: int, **traits: Any) -> dict[str, Any]:
    """An identify event."""
    traits = {"email": f"Person{number}@Example.com", **traits}
    return make_event(type="identify", userId=f"u{number}", traits=traits, event=None, messageId=str(number))


CONTACT = {
    "email": {"@path": "$.traits.email"},
    "properties": {"@path": "$.traits"},
    "reason": {"@path": "$.traits.reason"},
    "__segment_internal_sync_mode": "upsert",
    "onMappingSave": {"inputs": {"name": "VIP"}, "outputs": {"listId": "list-4"}},
}


def test_an_expired_token_under_a_hundred_events_is_renewed_once() -> None:
    """A hundred events at once that meet an expired token: exactly one refresh, all contacts there."""

    async def scenario(engine: Engine, server: Any) -> None:
        assert (await engine.test_authentication("crm")).ok
        server.expire()
        reports = await asyncio.gather(*(engine.send(person(number)) for number in range(100)))
        assert all(report.ok for report in reports)
        assert server.refreshes == 1
        assert len(server.contacts) == 100

    with_crm(scenario, "syncContact", CONTACT)


def test_contacts_are_hashed_listed_and_deleted_by_sync_mode() -> None:
    """The email is hashed, the hook's list is in the request, and the sync mode chooses what happens."""

    async def scenario(engine: Engine, server: Any) -> list[Any]:
        report = await engine.send(person(1, reason="asked"))
        assert report.ok, report.results[0].reason
        return list(server.contacts)

    (contact,) = with_crm(scenario, "syncContact", CONTACT)
    assert contact["email_sha256"] == hashlib.sha256(b"person1@example.com").hexdigest()
    assert contact["list"] == "list-4"
    (contact,) = with_crm(scenario, "syncContact", {**CONTACT, "__segment_internal_sync_mode": "delete"})
    assert contact["reason"] == "asked"


def test_a_required_field_may_depend_on_the_sync_mode() -> None:
    """Without a reason a contact cannot be deleted, but it can be changed."""

    async def scenario(engine: Engine, _server: Any) -> Any:
        return (await engine.send(person(1))).results[0]

    assert with_crm(scenario, "syncContact", CONTACT).ok
    result = with_crm(scenario, "syncContact", {**CONTACT, "__segment_internal_sync_mode": "delete"})
    assert not result.ok
    assert "reason" in result.reason


def test_a_batch_with_mixed_outcomes() -> None:
    """Each event of a batch has the outcome that the API gave its contact, in the caller's order."""
    kinds = ["good", "bad", "busy", None, "good"]

    async def scenario(engine: Engine, server: Any) -> Any:
        events = [person(n, kind=kind) if kind else make_event() for n, kind in enumerate(kinds)]
        report = await engine.send_batch([*events, person(9, email="none")])
        assert [request.url.rpartition("/")[2] for request in server.requests] == ["batch"]
        return report.results[0].nodes

    nodes = with_crm(scenario, "syncContact", CONTACT)
    assert [node.status for node in nodes] == [201, 422, 429, 400, 201, 400]
    assert [node.errorreporter for node in nodes] == [
        None,
        "DESTINATION",
        "DESTINATION",
        "INTEGRATIONS",
        None,
        "INTEGRATIONS",
    ]
    assert nodes[1].errormessage == "the contact is not valid"


def test_a_job_is_polled_to_its_end() -> None:
    """An import is polled until it is done; what the CRM refused is refused in its place."""

    async def scenario(engine: Engine, server: Any) -> Any:
        report = await engine.send_batch([person(1), person(2, email="nowhere"), person(3)])
        assert server.polls == 3
        return report.results[0].nodes

    assert [node.status for node in with_crm(scenario, "importContacts")] == [200, 400, 200]


def test_a_hook_makes_a_list_and_fields_have_choices() -> None:
    """The hook's outputs are what the mapping keeps; choices come page by page, keys and values too."""

    async def scenario(engine: Engine, server: Any) -> None:
        kept = await engine.run_hook("crm", "syncContact", "onMappingSave", {"name": "VIP"})
        assert kept == {"inputs": {"name": "VIP"}, "outputs": {"listId": "list-4"}}
        assert server.lists[-1] == "VIP"
        first = await engine.list_choices("crm", "syncContact", "listId")
        assert [choice["value"] for choice in first.choices] == ["first", "second"]
        second = await engine.list_choices("crm", "syncContact", "listId", page=first.next_page)
        assert [choice["value"] for choice in second.choices] == ["third", "vip"]
        keys = await engine.list_choices("crm", "syncContact", "properties.__keys__")
        assert [choice["value"] for choice in keys.choices] == ["color", "size"]
        values = await engine.list_choices("crm", "syncContact", "properties.color")
        assert [choice["value"] for choice in values.choices] == ["red", "green"]

    with_crm(scenario, "syncContact", CONTACT)


def test_audiences_and_their_members() -> None:
    """An audience is created and found; events and batches add members and take them out."""

    def member(number: int, *, inside: bool) -> dict[str, Any]:
        personas = {
            "computation_class": "audience",
            "computation_key": "vip",
            "external_audience_id": "Segments-VIP",
        }
        return {**person(number, vip=inside), "context": {"personas": personas}}

    async def scenario(engine: Engine, server: Any) -> None:
        audience = await engine.create_audience("crm", "VIP")
        assert audience.external_id == "Segments-VIP"
        assert (await engine.get_audience("crm", audience.external_id)) == audience
        with pytest.raises(RequestError, match="no such audience"):
            await engine.get_audience("crm", "gone")
        await engine.send_batch([member(1, inside=True), member(2, inside=True), member(3, inside=False)])
        assert server.members == {"u1", "u2"}
        await engine.send(member(1, inside=False))
        assert server.members == {"u2"}

    with_crm(scenario, "syncAudience")
