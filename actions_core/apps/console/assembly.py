"""Make a desk of a workspace, faulty or not, and of what delivers its events."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from actions_core.apps.console.desk import Desk
from actions_core.apps.console.draft import Draft
from actions_core.apps.console.feed import Feeds, Ring
from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from actions_core.delivery.outbox import Outbox
    from actions_core.engine.workspace import Workspace
    from actions_core.errors import Problem


@asynccontextmanager
async def make_desk(
    workspace: Workspace,
    *,
    file: Path | None = None,
    failures: tuple[Path, ...] = (),
    outbox: Outbox | None = None,
    engine: Engine | None = None,
    registry: Registry | None = None,
    load: Callable[[], Workspace] | None = None,
) -> AsyncIterator[Desk]:
    """Make a desk for the time of the block.

    `outbox` or `engine` are those that deliver in this process. Without them the desk has an engine of its
    own, for what is sent by a button; a workspace that is faulty gets none until it has been mended. `load`
    loads the workspace that the file makes once it was saved, where that is more than the file says.
    """
    registry = Registry().discover() if registry is None else registry
    ring = Ring()
    make_engine = partial(Engine, registry=registry, on_result=ring.note)
    given = engine if outbox is None else outbox.engine
    if given is not None:
        # What an outbox delivers is in its file already.
        given.add_listener(ring.note if outbox is None else ring.note_own)
    engine, problems = _engine(workspace, make_engine) if given is None else (given, ())
    kept = workspace.outbox if outbox is None else outbox.spec
    desk = Desk(
        registry,
        file,
        engine,
        outbox,
        outbox_file=None if kept is None else kept.path,
        failures=failures,
        problems=problems,
        make_engine=make_engine,
        loaded=workspace,
    )
    desk.feed = _feeds(desk, ring)
    if file is not None:
        desk.draft = Draft(file, registry, lambda saved: desk.take_up(saved if load is None else load()))
    try:
        async with desk.feed:
            yield desk
    finally:
        if given is None and desk.engine is not None:
            await desk.engine.close(0.0)


def _feeds(desk: Desk, ring: Ring) -> Feeds:
    return Feeds(
        ring=ring,
        outbox_file=desk.outbox_file,
        outbox=desk.outbox,
        failures=desk.failures,
        engine=lambda: desk.engine,
    )


def _engine(
    workspace: Workspace, make: Callable[[Workspace], Engine]
) -> tuple[Engine | None, tuple[Problem, ...]]:
    try:
        return make(workspace), ()
    except WorkspaceError as error:
        return None, tuple(error.problems)
