"""What a workspace says of its broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from actions_core.engine.workspace import BrokerSpec, OutboxSpec, resolve_environment
from actions_core.errors import WorkspaceError

if TYPE_CHECKING:
    from actions_core.engine.workspace import Workspace


def broker_of(workspace: Workspace, url: str | None = None) -> BrokerSpec:
    """Return the broker of a workspace with its address; `url` stands in for the workspace's.

    Raises `WorkspaceError` where there is none, or its variable is missing from the environment.
    """
    if url is not None:
        return attrs.evolve(workspace.broker or BrokerSpec(url), url=url)
    if workspace.broker is None:
        raise WorkspaceError(
            f'{workspace.source} has no broker: give it one, such as "broker": "nats://host:4222", '
            "or name its URL"
        )
    resolved, _, problems = resolve_environment({"broker": workspace.broker.url}, "$")
    if problems:
        raise WorkspaceError(f"{workspace.source} is faulty:", problems=problems)
    return attrs.evolve(workspace.broker, url=resolved["broker"])


def kept_for(workspace: Workspace) -> OutboxSpec:
    """Return the options that say how long dead letters, and what was never tried, are kept."""
    return workspace.outbox or OutboxSpec(Path())
