"""How far files of events have been read into an outbox, so that a run goes on where an earlier one ended.

A file is known by its path and its first bytes. One that has grown is read on; one that begins in another
way is another file, and is read from its start; one that has become shorter is refused, since nobody can
tell what of it was read.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.delivery.store import InputPosition
from actions_core.errors import EventError, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from actions_core.apps.cli.events.sources import Source

_HEAD: Final = 4096
#: Of more files than this, no note has a name.
_MOST_NOTES: Final = 3


@attrs.frozen
class FileMark:
    """A file as it was when the run began."""

    path: str
    size: int
    mtime: int
    head: str

    @classmethod
    def of(cls, path: Path) -> FileMark:
        """Look at a file."""
        status = path.stat()
        return cls(str(path.resolve()), status.st_size, status.st_mtime_ns, _head(path, _HEAD))


@attrs.define
class Place:
    """How many events of a file the outbox has stored, -1 for a file that it does not know."""

    mark: FileMark
    position: int

    def at(self, taken: int) -> InputPosition:
        """Return the place after the first `taken` events; nobody else may have changed it meanwhile."""
        mark = self.mark
        return InputPosition(mark.path, mark.size, mark.mtime, mark.head, taken, self.position)


@attrs.frozen
class Resumption:
    """Where a run goes on: how many events of each file it passes over, and the place that is stored."""

    skips: dict[Path, int]
    places: dict[Path, Place]
    notes: tuple[str, ...] = ()


async def resume(
    sources: Sequence[Source], read: Callable[[str], Awaitable[InputPosition | None]], *, again: bool
) -> Resumption:
    """Find where each file is to be read on; `again` reads all of them from their start.

    Raises `EventError` with every file of which that cannot be told.
    """
    found = Resumption({}, {})
    notes: list[str] = []
    problems: list[Problem] = []
    for source in sources:
        if source.path is None or source.size is None:
            continue  # a pipe has no place to go on
        mark = FileMark.of(source.path)
        known = await read(mark.path)
        found.places[source.path] = Place(mark, -1 if known is None else known.position)
        if known is None or again:
            continue
        if not _begins_alike(source.path, known.head):
            notes.append(
                f"{source.name} is not the file that was read before under this name: read from its start"
            )
        elif mark.size < known.size:
            message = (
                f"it is shorter than it was when its first {known.position:,} events were stored: rename "
                "it, or read it from its start with --again"
            )
            problems.append(Problem(source.name, message))
        elif known.position:
            found.skips[source.path] = known.position
    if problems:
        raise EventError("these events cannot be read on:", problems=problems)
    if len(found.skips) > _MOST_NOTES:
        kept = sum(found.skips.values())
        notes.append(f"{len(found.skips):,} files go on after the {kept:,} events that are stored already")
    else:
        notes += [
            f"{path}: goes on after the {taken:,} events that are stored already"
            for path, taken in found.skips.items()
        ]
    return attrs.evolve(found, notes=tuple(notes))


def _head(path: Path, length: int) -> str:
    """Return how many bytes were read from the start, and their digest."""
    with path.open("rb") as file:
        data = file.read(length)
    return f"{len(data)}:{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def _begins_alike(path: Path, head: str) -> bool:
    length, _, _ = head.partition(":")
    return _head(path, int(length)) == head
