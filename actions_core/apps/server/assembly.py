"""Make a server of a workspace: every error of the file, its sources included, is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.apps.server import metrics
from actions_core.apps.server.server import EventServer
from actions_core.apps.server.sources import resolve_sources
from actions_core.delivery.outbox import Outbox
from actions_core.engine import Engine
from actions_core.errors import Problem

if TYPE_CHECKING:
    from typing import Unpack

    from actions_core.apps.server.listener import Limits
    from actions_core.engine.options import Options
    from actions_core.engine.workspace import Workspace


def make_server(
    workspace: Workspace,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    store_only: bool = False,
    accept_loss: bool = False,
    limits: Limits | None = None,
    grace: float = 10.0,
    **options: Unpack[Options],
) -> tuple[Outbox, EventServer]:
    """Make an outbox, which is to be opened and closed, and the server in front of it.

    `options` are the engine's. Raises `WorkspaceError` with every problem of the workspace.
    """
    sources, found = resolve_sources(workspace, host)
    if workspace.outbox is None:
        message = 'serve needs one: "outbox": "events.db", or the option --outbox'
        found.append(Problem("$.outbox", message))
    numbers = metrics.Metrics() if metrics.is_available() else None
    options.setdefault("stats", numbers)
    engine = Engine(attrs.evolve(workspace, problems=(*workspace.problems, *found)), **options)
    outbox = Outbox(engine, store_only=store_only, accept_loss=accept_loss)
    server = EventServer(outbox, sources, host=host, port=port, limits=limits, numbers=numbers, grace=grace)
    return outbox, server
