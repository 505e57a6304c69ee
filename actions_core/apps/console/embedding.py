"""The console in an application, beside the engine or the outbox that it runs, in the same event loop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from actions_core.apps.console.assembly import make_desk
from actions_core.delivery.outbox import Outbox
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Iterable

    from actions_core.apps.console.server import Console
    from actions_core.destination.registry import Registry
    from actions_core.engine import Engine

_PORT = 8820


@asynccontextmanager
async def open_console(
    running: Engine | Outbox,
    file: str | os.PathLike[str] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = _PORT,
    names: Iterable[str] = (),
    token: str | None = None,
    registry: Registry | None = None,
) -> AsyncIterator[Console]:
    """Serve the console of a running engine, or of an outbox, for the time of the block.

    `file` is the workspace's: it is edited, and the engine takes up what is saved. Without it everything can
    be looked at and tried, and nothing is edited. `entrance` of what is yielded is the address that lets a
    browser in; it contains `token`, or one that is made here. `names` are further names by which browsers
    know this machine. `registry` has the engine's destinations, where they are not the installed ones.
    """
    try:
        from actions_core.apps.console.server import Console
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("nicegui", "fastapi", "uvicorn"):
            raise
        raise ActionsError("the console needs NiceGUI: pip install 'actions-core[console]'") from None

    outbox, engine = (running, running.engine) if isinstance(running, Outbox) else (None, running)
    path = None if file is None else Path(file)
    async with (
        make_desk(engine.workspace, file=path, outbox=outbox, engine=engine, registry=registry) as desk,
        Console(desk, host=host, port=port, names=names, token=token) as console,
    ):
        yield console
