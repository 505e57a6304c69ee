"""What a row is delivered as: the event as it was stored, or the step that was just made of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actions_core import Context, Engine, Registry, Request, Response, Workspace, load_destination
from actions_core.delivery.attempts import _step
from actions_core.delivery.outbox import Outbox
from actions_core.delivery.routing import Target, find_targets
from actions_core.delivery.store import Claimed
from actions_core.engine.pipeline import Step
from actions_core.testing import LoopbackServer
from tests.actions_core.delivery.support import until
from tests.actions_core.delivery.test_outbox import DEFINITION, Server, registry, track, workspace


def targets_of(made: Workspace) -> list[Target]:
    """Return the subscriptions of a workspace, compiled anew."""
    return find_targets(made, Engine(made, registry=registry()).instances.values())


def test_a_step_that_was_just_made_is_delivered() -> None:
    """It is neither read nor routed again, unless the workspace has changed since."""
    made = workspace("http://127.0.0.1:9")
    (target,) = targets_of(made)
    (step,) = target.instance.route(track(1, messageId="just now"))
    row = Claimed(1, 1, 0, None, None, '{"type": "track", "messageId": "stored"}', step)
    assert _step(target, row) is step
    (changed,) = targets_of(made)
    read = _step(changed, row)
    assert isinstance(read, Step)
    assert (read.pipeline, read.message_id) == (changed.pipeline, "stored")


@pytest.mark.parametrize("subscriptions", [("One",), ("One", "Two")])
def test_a_handler_may_change_its_event(subscriptions: tuple[str, ...], tmp_path: Path) -> None:
    """Neither another subscription, nor the next try, nor the receipt sees what a handler does with it."""
    server = Server(lambda _n, times: Response(503 if times == 1 else 200))
    target = load_destination(DEFINITION)

    @target.action("send")
    def send(context: Context, n: int | None = None) -> Request:
        request = Request("POST", context.settings["url"], json={"n": n, "id": context.event["messageId"]})
        context.event.clear()
        return request

    found = Registry()
    found.register(target)

    async def main() -> None:
        async with LoopbackServer(server.handle) as loopback:
            made = workspace(loopback.url, subscriptions=subscriptions)
            async with Outbox(Engine(made, registry=found), tmp_path / "events.db") as outbox:
                await outbox.drain(10)  # nothing is due: the next event is handed over
                receipt = await outbox.enqueue(track(1))
                assert len(receipt.message_id) > 30
                await until(lambda: server.got[1] == len(subscriptions))
                assert server.times[1] == len(subscriptions) + 1
                await outbox.drain(10)

    asyncio.run(main())
