"""A change, and how much it matters to a workspace that works today."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

from actions_core.errors import child_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeVar

    T = TypeVar("T")


class Level(enum.StrEnum):
    """What a change does to a workspace that works with the old version."""

    BREAKING = "breaking"  #: it stops working, or what it sent is lost
    WARNING = "warning"  #: it goes on working, but something else may be sent
    NOTE = "note"  #: it cannot tell


@attrs.frozen
class Change:
    """One difference between two versions; `path` is in the new one, for what is gone in the old one."""

    path: str
    message: str
    level: Level

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def breaking(path: str, message: str) -> Change:
    """A change with which live workspaces stop working."""
    return Change(path, message, Level.BREAKING)


def warning(path: str, message: str) -> Change:
    """A change with which live workspaces may send something else."""
    return Change(path, message, Level.WARNING)


def note(path: str, message: str) -> Change:
    """A change that live workspaces cannot tell."""
    return Change(path, message, Level.NOTE)


def gone(old: Mapping[str, T], new: Mapping[str, T], path: str) -> Iterator[tuple[str, T]]:
    """What only the old one has, with its path."""
    return ((child_path(path, key), value) for key, value in old.items() if key not in new)


def kept(old: Mapping[str, T], new: Mapping[str, T], path: str) -> Iterator[tuple[str, T, T]]:
    """What both have: its path, the old and the new one."""
    for key, value in new.items():
        if key in old:
            yield child_path(path, key), old[key], value
