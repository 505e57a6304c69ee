"""The destination that an author tries: loaded, and loaded again when its files change.

One that cannot be loaded says so in every response until it is mended, since an author who has just made a
mistake is looking there.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from actions_core.apps.local import (
    find_definition,
    folder_of,
    installed_package,
    load_local,
    package_around,
)
from actions_core.destination.registry import Registry
from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from actions_core.destination import Destination

_LOGGER: Final = logging.getLogger("actions_core")
#: Seconds between two looks at the files.
LOOK: Final = 0.5
#: A file's name, time and size: what is compared.
_Snapshot = dict[str, tuple[int, int]]


class Subject:
    """The destination of a name: a slug or an alias, a definition's file, or a folder that contains one.

    A definition that lies in an import package stands for that package, whether it is installed or not.

    Raises `DefinitionError` where it cannot be loaded at first.
    """

    def __init__(self, name: str) -> None:
        self._file = find_definition(name)
        self._slug = ""
        if self._file is None:
            with _no_bytecode():
                self._slug = Registry().discover().get(name).slug
            self._package: str | None = installed_package(self._slug)
            self.folder = folder_of(self._package)
        else:
            self._package = package_around(self._file)
            self.folder = self._file.parent
        self._error: DefinitionError | None = None
        self._destination = self._loaded()
        self._seen = self._look()

    @property
    def destination(self) -> Destination:
        """The destination as its files are now. Raises `DefinitionError` while it cannot be loaded."""
        if self._error is not None:
            raise self._error
        return self._destination

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Load the destination again when a file changes, and tell of it, for ever."""
        while True:
            await asyncio.sleep(LOOK)
            seen = await asyncio.to_thread(self._look)
            if seen == self._seen:
                continue
            self._seen = seen
            self.reload()
            await changed()

    def reload(self) -> None:
        """Load the destination again."""
        try:
            self._destination = self._loaded()
        except DefinitionError as error:
            self._error = error
            _LOGGER.error("%s", error)  # noqa: TRY400 - its words say all
        else:
            self._error = None
            _LOGGER.warning("%s was loaded again", self._destination.slug)

    def _loaded(self) -> Destination:
        if self._package is not None:
            forget(self._package)
        with _no_bytecode():
            if self._file is None:
                return Registry().discover().get(self._slug)
            destination = load_local(self._file)
        problems = [problem for problem in destination.check() if problem.is_error]
        if problems:
            raise DefinitionError(f"{self._file} is faulty:", problems=problems)
        return destination

    def _look(self) -> _Snapshot:
        files = [self._file] if self._package is None and self._file else sorted(self.folder.rglob("*"))
        found: _Snapshot = {}
        for file in files:
            if "__pycache__" in file.parts:
                continue
            try:
                state = file.stat()
            except OSError:
                continue  # it went away meanwhile
            if not file.is_dir():
                found[str(file)] = state.st_mtime_ns, state.st_size
        return found


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Have imports leave no bytecode: a file that changes twice in a second would not be read again."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def forget(package: str) -> None:
    """Have the next import of a package read its files again."""
    for name in list(sys.modules):
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]
    importlib.invalidate_caches()
