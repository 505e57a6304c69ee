"""Skips: a function has nothing to send, which is a result of its own and no failure."""

# ruff: noqa: D103 - functions that stand for those of authors

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from actions_core import (
    Client,
    DefinitionError,
    Destination,
    Engine,
    MultiStatus,
    Outbox,
    Registry,
    Request,
    Response,
    Result,
    Skip,
    Status,
    Workspace,
)
from actions_core.testing import RecordingTransport, make_event
from tests.actions_core.delivery.support import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIELDS = {"name": {"label": "L", "description": "D", "type": "string", "default": {"@path": "$.event"}}}


def plain(name: str | None = None) -> Request | Skip:
    return Skip(f"{name} is of no use to k3y") if name == "noise" else Request("POST", "https://s.test")


async def after_a_request(client: Client, name: str | None = None) -> Skip | None:
    await client.send(Request("GET", "https://s.test"))
    return Skip("there is no such person") if name == "noise" else None


def engine_of(function: Callable[..., Any], *, batch: bool = False, **options: Any) -> Engine:
    made = Destination.from_definition(
        {
            "slug": "some",
            "name": "Some",
            "authentication": {
                "scheme": "custom",
                "fields": {"key": {"label": "K", "description": "D", "type": "password"}},
            },
            "actions": {"add": {"title": "T", "description": "D", "fields": FIELDS}},
        }
    )
    (made.batch("add") if batch else made.action("add"))(function)

    @made.on_delete
    def delete() -> Skip:
        return Skip("nobody is kept")

    registry = Registry()
    registry.register(made)
    instance = {
        "id": "one",
        "destination": "some",
        "settings": {"key": "k3y"},
        "subscriptions": [{"partnerAction": "add", "subscribe": 'type = "track"'}],
    }
    workspace = Workspace.from_dict({"destinations": [instance]})
    return Engine(workspace, registry=registry, transport=RecordingTransport(), **options)


class Counted:
    """Stats that count by status."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], int] = {}

    def count(self, name: str, amount: int, tags: dict[str, str]) -> None:
        key = name, tags.get("status", "")
        self.found[key] = self.found.get(key, 0) + amount

    def histogram(self, name: str, value: float, tags: dict[str, str]) -> None:
        pass


@pytest.mark.parametrize(
    ("function", "reason", "tries"),
    [(plain, "noise is of no use to ***", 0), (after_a_request, "there is no such person", 1)],
)
def test_a_skip_is_a_result_of_its_own(function: Any, reason: str, tries: int) -> None:
    """Nothing failed: the result is skipped, with the reason, masked, and it is counted as such."""
    told: list[Result] = []
    stats = Counted()

    async def scenario() -> None:
        async with engine_of(function, on_result=told.append, stats=stats) as engine:
            report = await engine.send({**make_event(), "event": "noise"})
            (result,) = report.results
            assert report.ok
            assert (result.status, result.reason, result.tries) == (Status.SKIPPED, reason, tries)
            assert (result.error, result.message_id, result.matched) == (None, report.message_id, True)
            assert result.to_dict()["status"] == "skipped"
            assert (await engine.send(make_event())).results[0].status is Status.SENT
            batch = await engine.send_batch([{**make_event(), "event": "noise"}, make_event()])
            assert batch.ok
            assert batch.results[0].skipped == {0}
            assert batch.results[0].nodes[0].errormessage == reason
        assert [one.status for one in told if isinstance(one, Result)] == [Status.SKIPPED, Status.SENT]
        assert stats.found["actions.results", "skipped"] == 2

    asyncio.run(scenario())


def test_a_skip_is_explained() -> None:
    """An explanation says that the event matches, why nothing would be sent, and shows no request."""

    async def scenario() -> None:
        async with engine_of(plain) as engine:
            (found,) = (await engine.explain({**make_event(), "event": "noise"})).deliveries
        assert (found.matched, found.request, found.problems) == (True, None, ())
        assert found.reason == "noise is of no use to ***"
        assert found.note == "the event matches, but the destination has nothing to send for it"

    asyncio.run(scenario())


def test_a_deletion_may_be_skipped() -> None:
    """What deletes users may have nobody to delete."""

    async def scenario() -> None:
        async with engine_of(plain) as engine:
            report = await engine.send({"type": "delete", "userId": "u"})
        assert report.ok
        assert report.results[-1].reason == "nobody is kept"

    asyncio.run(scenario())


def all_at_once(payloads: list[Any]) -> Skip:
    return Skip("no batch today")


def one_by_one(payloads: list[Any]) -> MultiStatus:
    outcomes = MultiStatus()
    for payload in payloads:
        outcomes.append(Skip("no batch today") if payload["name"] == "noise" else Response(200))
    return outcomes


@pytest.mark.parametrize(("function", "skipped"), [(all_at_once, {0, 1}), (one_by_one, {0})])
def test_a_batch_may_be_skipped(function: Any, skipped: set[int]) -> None:
    """As a whole, or for some of its events; a batch of one is a single event then."""

    async def scenario() -> None:
        noise, other = {**make_event(), "event": "noise"}, make_event()
        async with engine_of(function, batch=True) as engine:
            (result,) = (await engine.send_batch([noise, other])).results
            assert (result.ok, result.skipped) == (True, skipped)
            (single,) = (await engine.send(noise)).results
            assert (single.status, single.reason) == (Status.SKIPPED, "no batch today")

    asyncio.run(scenario())


@pytest.mark.parametrize("batch", [False, True])
def test_a_skip_ends_a_delivery_of_an_outbox(tmp_path: Path, batch: bool) -> None:  # noqa: FBT001 - a case
    """It is done: nothing is tried again, and nothing becomes a dead letter."""
    told: list[Result] = []

    async def scenario() -> None:
        engine = engine_of(all_at_once if batch else plain, batch=batch, on_result=told.append)
        async with Outbox(engine, tmp_path / "events.db") as outbox:
            for number in range(3):
                await outbox.enqueue({**make_event(), "event": "noise", "messageId": f"m-{number}"})
            await until(lambda: len(told) == 3)
            assert await outbox.dead_letters.count() == 0
        assert sorted((one.message_id, one.status.value) for one in told) == [
            (f"m-{number}", "skipped") for number in range(3)
        ]

    asyncio.run(scenario())


@pytest.mark.parametrize("reason", ["", "  ", None, 5])
def test_a_skip_has_a_reason(reason: Any) -> None:
    """A skip that does not say why is refused where it is made."""
    with pytest.raises(DefinitionError, match="says why there is nothing to send"):
        Skip(reason)
