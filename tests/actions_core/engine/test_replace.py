"""A changed workspace in a running engine: all or nothing, and what has not changed stays."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from actions_core import Engine, Workspace, WorkspaceError, load_destination
from actions_core.destination.client import Tokens
from actions_core.destination.context import Context
from actions_core.destination.destination import Destination
from actions_core.destination.registry import Registry
from actions_core.engine.results import Status
from actions_core.http.requests import Request, Response
from actions_core.testing import RecordingTransport


def made() -> Destination:
    """A destination with tokens that sends its events to its URL."""
    text = {"label": "L", "description": "D", "type": "string"}
    destination = load_destination(
        {
            "slug": "kept",
            "name": "Kept",
            "mode": "cloud",
            "authentication": {"scheme": "oauth2", "fields": {"url": {**text, "required": True}}},
            "actions": {"send": {"title": "S", "description": "D", "fields": {"name": text}}},
        }
    )

    @destination.action("send")
    def send(context: Context, name: str | None = None) -> Request:
        headers = {"authorization": f"Bearer {context.auth.access_token}"}
        return Request("POST", context.settings["url"], headers=headers, json={"name": name})

    @destination.refresh_access_token
    async def refresh() -> Tokens:
        return Tokens("renewed")

    return destination


def registry() -> Registry:
    """A registry with that destination."""
    found = Registry()
    found.register(made())
    return found


def workspace(*ids: str, url: str = "https://a.test/", **more: Any) -> Workspace:
    """A workspace with an instance for each id."""
    instances = [
        {
            "id": each,
            "destination": "kept",
            "settings": {"url": url, "oauth": {"access_token": "old", "refresh_token": "r"}},
            "subscriptions": [
                {
                    "name": "All",
                    "partnerAction": "send",
                    "subscribe": 'type = "track"',
                    "mapping": {"name": {"@path": "$.event"}},
                }
            ],
            **more,
        }
        for each in ids
    ]
    return Workspace.from_dict({"destinations": instances})


EVENT = {"type": "track", "event": "E", "userId": "u"}


def test_unchanged_instances_are_the_same() -> None:
    """Instances that have not changed stay, others come and go, and events go where they should."""
    transport = RecordingTransport()

    async def main() -> None:
        async with Engine(workspace("a", "b"), registry=registry(), transport=transport) as engine:
            before = dict(engine.instances)
            engine.replace(workspace("a", "c"))
            assert engine.instances.keys() == {"a", "c"}
            assert engine.instances["a"] is before["a"]
            report = await engine.send(EVENT)
            assert [(each.instance, each.status) for each in report.results] == [
                ("a", Status.SENT),
                ("c", Status.SENT),
            ]

    asyncio.run(main())


def test_a_change_of_any_kind_is_one() -> None:
    """A mapping that says true in place of 1, or 1.0, is another one."""

    def with_name(name: Any) -> Workspace:
        (spec,) = workspace("a").destinations
        (subscription,) = spec.subscriptions
        changed = attrs.evolve(subscription, mapping={"name": name})
        return attrs.evolve(workspace("a"), destinations=(attrs.evolve(spec, subscriptions=(changed,)),))

    async def main() -> None:
        async with Engine(with_name(1), registry=registry(), transport=RecordingTransport()) as engine:
            for name in (True, 1.0, 1):
                before = engine.instances["a"]
                engine.replace(with_name(name))
                assert engine.instances["a"] is not before
                engine.replace(with_name(name))
                again = engine.instances["a"]
                engine.replace(with_name(name))
                assert engine.instances["a"] is again

    asyncio.run(main())


def test_what_was_learned_goes_on_where_the_settings_are_the_same() -> None:
    """Tokens, breaker, budget and a 410 stay with another mapping, and go with other settings."""
    transport = RecordingTransport([Response(status) for status in (401, 200, 410, 200)])

    async def main() -> None:
        async with Engine(workspace("a"), registry=registry(), transport=transport) as engine:
            await engine.send(EVENT)
            first = engine.instances["a"]
            engine.replace(workspace("a", delivery={"timeout": 5}))
            second = engine.instances["a"]
            assert second is not first
            assert second.scope.auth.access_token == "renewed"
            assert second.scope.state is first.scope.state
            assert second.lane.connection.admission is first.lane.connection.admission
            assert (await engine.send(EVENT)).results[0].status is Status.FAILED
            engine.replace(workspace("a", delivery={"timeout": 6, "rate": 7}))
            third = engine.instances["a"].lane.connection.admission
            assert third is not None
            assert second.lane.connection.admission is not None
            assert third is not second.lane.connection.admission
            assert third.breaker is second.lane.connection.admission.breaker
            (result,) = (await engine.send(EVENT)).results
            assert result.error is not None
            assert result.error.code == "INSTANCE_DISABLED"
            engine.replace(workspace("a", url="https://b.test/", delivery={"timeout": 6, "rate": 7}))
            assert engine.instances["a"].scope.auth.access_token == "old"
            assert (await engine.send(EVENT)).ok

    asyncio.run(main())


def test_a_faulty_workspace_changes_nothing() -> None:
    """Every problem is said, and the engine goes on with what it had."""
    transport = RecordingTransport()

    async def main() -> None:
        async with Engine(workspace("a"), registry=registry(), transport=transport) as engine:
            before = engine.workspace, engine.instances, engine.warnings
            (spec,) = workspace("b").destinations
            faulty = attrs.evolve(
                workspace("a", settings={}),
                destinations=(attrs.evolve(spec, settings={}), attrs.evolve(spec, id="c", destination="no")),
            )
            with pytest.raises(WorkspaceError) as caught:
                engine.replace(faulty)
            assert {problem.path for problem in caught.value.problems} == {
                "$.destinations[0].settings",
                "$.destinations[1].destination",
            }
            assert (engine.workspace, engine.instances, engine.warnings) == before
            assert (await engine.send(EVENT)).ok

    asyncio.run(main())


def test_what_is_in_progress_ends_in_the_old_instance() -> None:
    """An event that is in progress when its instance goes is delivered, and `on_result` is told of it."""
    told: list[Any] = []
    reached, go = asyncio.Event(), asyncio.Event()

    class Slow(RecordingTransport):
        async def send(self, request: Request) -> Response:
            reached.set()
            await go.wait()
            return await super().send(request)

    async def main() -> None:
        engine = Engine(workspace("a"), registry=registry(), transport=Slow(), on_result=told.append)
        async with engine:
            sending = asyncio.create_task(engine.send(EVENT))
            await reached.wait()
            engine.replace(workspace("b"))
            go.set()
            assert (await sending).ok
            assert [each.instance for each in told] == ["a"]
            assert [each.instance for each in (await engine.send(EVENT)).results] == ["b"]

    asyncio.run(main())


def test_twins_share_an_idempotency_key_and_are_warned_of() -> None:
    """Two subscriptions of one name, action and mapping share their idempotency keys: a warning says so."""
    (spec,) = workspace("a").destinations
    assert spec.subscriptions != "presets"
    (subscription,) = spec.subscriptions
    twin = attrs.evolve(subscription, subscribe='event = "E"')
    other = attrs.evolve(subscription, mapping={"name": "else"})
    found = attrs.evolve(
        workspace("a"), destinations=(attrs.evolve(spec, subscriptions=(subscription, other, twin)),)
    )
    engine = Engine(found, registry=registry(), transport=RecordingTransport())
    (warning,) = [problem for problem in engine.warnings if "idempotency key" in problem.message]
    assert warning.path == "$.destinations[0].subscriptions[2]"
    assert "subscriptions[0]" in warning.message
