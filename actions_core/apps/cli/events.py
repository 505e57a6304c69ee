"""Events that a command takes all at once: from a file, from standard input, or written in the command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import typer

from actions_core.apps.cli.run.ndjson import Line
from actions_core.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.values.types import Json


@attrs.frozen
class Given:
    """One event, or what is wrong with it; `place` says where it stands, where there are several."""

    place: str
    event: Json = None
    error: EventError | None = None


def read_events(source: str, *, option: str) -> list[Given]:
    """The events of a source: a file, `-`, or JSON itself; one JSON value, a list of them, or NDJSON."""
    if source == "-":
        text = sys.stdin.buffer.read()
    elif source.lstrip().startswith(("{", "[")):
        text = source.encode("utf-8", "surrogatepass")
    else:
        path = Path(source)
        if path.is_dir() or not path.exists():
            message = f"file {source!r} does not exist or is a folder; an event can also be given as JSON"
            raise typer.BadParameter(message, param_hint=option)
        text = path.read_bytes()
    found = _events(text)
    if not found:
        raise typer.BadParameter(f"{source!r} holds no event", param_hint=option)
    return found if len(found) > 1 else [attrs.evolve(found[0], place="")]


def _events(text: bytes) -> list[Given]:
    whole = _checked(Line(1, text), "")
    if whole.error is None and isinstance(whole.event, list):
        return [Given(f"item {index}", item) for index, item in enumerate(whole.event)]
    if whole.error is None:
        return [whole]
    lines = list(_lines(text))
    # Where no line is JSON, it is one value over many lines, and its own fault says more.
    return lines if any(line.error is None for line in lines) or len(lines) <= 1 else [whole]


def _lines(text: bytes) -> Iterator[Given]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            yield _checked(Line(number, line), f"line {number}")


def _checked(line: Line, place: str) -> Given:
    try:
        return Given(place, line.parse())
    except EventError as error:
        return Given(place, error=error)
