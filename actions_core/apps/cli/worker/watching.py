"""Watches the file of a workspace, and the definitions that it names, and tells when they have changed.

A change counts once the files look the same twice in a row: an editor may be in the middle of writing them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeAlias

import typer

from actions_core.apps.cli.worker.logs import LOGGER, log
from actions_core.errors import ActionsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from actions_core.engine.workspace import Workspace

    _Look: TypeAlias = tuple[tuple[int, int, int] | None, ...]

#: Seconds between two looks.
_EVERY: Final = 1.0


class WorkspaceWatch:
    """Takes up a workspace when its file changes. A faulty one is told once, and the former one goes on."""

    def __init__(
        self,
        file: Path,
        load: Callable[[], Workspace],
        take_up: Callable[[Workspace], Awaitable[None]],
        present: Workspace,
        *,
        every: float = _EVERY,
    ) -> None:
        self._file = file
        self._load = load
        self._take_up = take_up
        self._present = present
        self._every = every
        self._taken = self._look()

    async def run(self) -> None:
        """Watch until cancelled."""
        before = self._taken
        while True:
            await asyncio.sleep(self._every)
            now = self._look()
            if now != self._taken and now == before:
                self._taken = now
                await self._change()
            before = now

    async def _change(self) -> None:
        try:
            workspace = await asyncio.to_thread(self._load)
            if workspace == self._present:
                return
            await self._take_up(workspace)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next change may be good
            if not isinstance(error, (ActionsError, OSError, typer.BadParameter)):
                LOGGER.exception("taking up a changed workspace failed in a way that is not foreseen")
            said = f"{self._file} has changed and cannot be taken up; the former one goes on: {error}"
            log(said, logging.ERROR)
        else:
            self._present = workspace
            self._taken = self._look()  # with the definitions that it names
            log(f"{self._file} has changed, and is taken up")

    def _look(self) -> _Look:
        return tuple(_look_at(file) for file in (self._file, *self._present.definitions))


def _look_at(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
