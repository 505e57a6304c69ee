"""The broker that a command looks into: one that is named, or the one of a workspace."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import typer

from actions_core.engine.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from actions_core.delivery.letters import DeadLetters
    from actions_core.delivery.store import Backlog


def find_broker(workspace: Path | None, outbox: Path | None, broker: str | None) -> Workspace | None:
    """Return the workspace whose broker is meant; None where an outbox is meant.

    A workspace that has both means its outbox, unless a broker is named.
    """
    if broker is None and (workspace is None or outbox is not None):
        return None
    if outbox is not None:
        raise typer.BadParameter("name one of --outbox and --broker", param_hint="--broker")
    if workspace is None:
        message = "give the workspace too: its name says where in the broker to look"
        raise typer.BadParameter(message, param_hint="--broker")
    loaded = Workspace.from_file(workspace)
    return loaded if broker is not None or (loaded.outbox is None and loaded.broker is not None) else None


@asynccontextmanager
async def open_broker_letters(workspace: Workspace, url: str | None) -> AsyncIterator[DeadLetters]:
    """Open the dead letters in a broker."""
    from actions_core.delivery.jetstream.broker import Broker

    async with await Broker.open(workspace, url, client="actions dlq") as broker:
        yield broker.dead_letters


async def look_into_broker(
    workspace: Workspace, url: str | None
) -> tuple[str, list[Backlog], dict[str, int]]:
    """Return the broker in words, what waits there, and how many dead letters each instance has."""
    from actions_core.delivery.jetstream.broker import Broker

    async with await Broker.open(workspace, url, client="actions outbox") as broker:
        backlog = await broker.backlog()
        letters = {each.instance: await broker.dead_letters.count(instance=each.instance) for each in backlog}
        return f"the broker at {broker.connection.shown}", backlog, letters


async def resume_in_broker(workspace: Workspace, url: str | None, instance: str) -> None:
    """Have workers be handed the deliveries of an instance again."""
    from actions_core.delivery.jetstream.broker import Broker

    async with await Broker.open(workspace, url, client="actions outbox") as broker:
        await broker.resume(instance)
