"""The files that are meant by what stands on the command line: files, folders, patterns, `-`.

A folder stands for the files of events in it and below it, in the order of their names, but not for what
earlier runs could not deliver.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.cli.streams import stdin_was_closed
from actions_core.apps.events.decoding import why_unreadable
from actions_core.errors import EventError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SUFFIXES: Final = {".ndjson", ".jsonl", ".json", ".gz", ".zst"}
#: The names that `run` gives to its files of failures.
_FAILURES: Final = re.compile(r".*\.failures(\.\d+)?\.ndjson")
_STDIN: Final = "-"


@attrs.frozen
class Source:
    """A file to read, or standard input where `path` is None; `size` is None where it cannot be known."""

    path: Path | None
    size: int | None = None

    @property
    def name(self) -> str:
        """The name as it was given."""
        return "standard input" if self.path is None else str(self.path)


@attrs.frozen
class Sources:
    """The files to read, in their order, and what was passed over, in words."""

    files: tuple[Source, ...]
    notes: tuple[str, ...] = ()


def find_sources(arguments: Sequence[str]) -> Sources:
    """Find the files that the arguments mean. Raises `EventError` with every argument that means none."""
    problems: list[Problem] = []
    notes: list[str] = []
    found: dict[object, Source] = {}
    for argument in arguments:
        for path in _paths(argument, problems, notes):
            source, key = _open_source(path, problems)
            if source is None:
                continue
            if key in found:
                notes.append(f"{source.name} is named twice, and read once")
            found.setdefault(key, source)
    if problems:
        raise EventError("these events cannot be read:", problems=problems)
    return Sources(tuple(found.values()), tuple(notes))


def _paths(argument: str, problems: list[Problem], notes: list[str]) -> Iterable[Path | None]:
    if argument == _STDIN:
        return [None]
    path = Path(argument)
    if path.is_dir():
        return _in_folder(path, problems, notes)
    if not path.exists() and glob.has_magic(argument):
        matching = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - pathlib takes no absolute pattern
        if not matching:
            problems.append(Problem(argument, "no file matches this pattern"))
        found: list[Path] = []
        for name in matching:
            inside = Path(name)
            if not inside.is_dir():
                found.append(inside)
            elif "**" not in argument:  # with ** the files in the folder match by themselves
                found += _in_folder(inside, problems, notes)
        return found
    return [path]


def _in_folder(folder: Path, problems: list[Problem], notes: list[str]) -> list[Path]:
    known = len(problems)
    files = [path for path in sorted(_walk(folder, problems)) if not path.name.startswith(".")]
    failures = [path for path in files if _FAILURES.fullmatch(path.name)]
    events = [path for path in files if path.suffix.lower() in _SUFFIXES and path not in failures]
    others = len(files) - len(events) - len(failures)
    if failures:
        named = f"{failures[0].name}{' and others' if len(failures) > 1 else ''}"
        notes.append(f"{folder}: {named} of an earlier run passed over; name a file to run it again")
    if others:
        one = next(path.name for path in files if path not in events and path not in failures)
        kinds = ", ".join(sorted(_SUFFIXES))
        named = f"1 file ({one})" if others == 1 else f"{others:,} files ({one}, …)"
        notes.append(f"{folder}: {named} passed over; files of events end in {kinds}")
    if not events and len(problems) == known:
        problems.append(Problem(str(folder), "there is no file of events in this folder"))
    return events


def _walk(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        problems.append(Problem(str(error.filename), error.strerror or str(error)))

    for parent, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names)


def _open_source(path: Path | None, problems: list[Problem]) -> tuple[Source | None, object]:
    """Return the source, and what tells it from others; see now that it can be opened and read."""
    if path is None:
        if stdin_was_closed():
            problems.append(Problem(_STDIN, "standard input is closed"))
            return None, None
        return Source(None), _STDIN
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Source(path), (status.st_dev, status.st_ino)
        with path.open("rb") as file:
            why = why_unreadable(file.read(8))
    except (OSError, ValueError) as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else _reason(error)
    if why:
        problems.append(Problem(str(path), why))
        return None, None
    return Source(path, status.st_size), (status.st_dev, status.st_ino)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
