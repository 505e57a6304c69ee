# ruff: noqa: D102  # the protocol Node says what `emit` and `reads` do
"""The plain parts of a mapping: what is not a directive, and what a faulty directive leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.mapping.codegen import LARGEST_INT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.mapping.codegen import Node, Source
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json

#: Beyond this many characters a constant is copied by a function, not written out in the source.
_LONGEST_DISPLAY: Final = 1000


def copy_json(value: Json) -> Json:
    """A copy that shares no list and no object with the value."""
    if isinstance(value, dict):
        return {key: copy_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    return value


@attrs.frozen
class Constant:
    """A value that is the same for every event; each gets its own copy of what could be changed."""

    value: Json

    def emit(self, source: Source, event: str) -> str:  # noqa: ARG002  # the form of every node
        if not isinstance(self.value, list | dict):
            return source.constant(self.value)
        display = _display(self.value)
        if display is None or len(display) > _LONGEST_DISPLAY:
            source.names["copy_json"] = copy_json
            display = f"copy_json({source.keep(self.value)})"
        return source.let(display)

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1


def _display(value: Json) -> str | None:
    """The value as Python source, None where that is long or cannot be said."""
    if isinstance(value, list | dict):
        keyed = value.items() if isinstance(value, dict) else enumerate(value)
        parts: list[str] = []
        for key, item in keyed:
            shown = _display(item)
            if shown is None or len(parts) * 4 > _LONGEST_DISPLAY:
                return None
            parts.append(shown if isinstance(value, list) else f"{key!r}: {shown}")
        return f"[{', '.join(parts)}]" if isinstance(value, list) else f"{{{', '.join(parts)}}}"
    if isinstance(value, str):
        return repr(value) if len(value) <= _LONGEST_DISPLAY else None
    plain = value is None or (isinstance(value, int) and abs(value) < LARGEST_INT)
    return repr(value) if plain else None


@attrs.frozen
class Absent:
    """Nothing."""

    def emit(self, source: Source, event: str) -> str:  # noqa: ARG002  # the form of every node
        return "MISSING"

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1


@attrs.frozen
class Object:
    """An object with directives somewhere in it; keys whose value is missing are left out."""

    entries: dict[str, Node]

    def emit(self, source: Source, event: str) -> str:
        result = source.let("{}")
        for key, node in self.entries.items():
            value = node.emit(source, event)
            line = f"{result}[{source.constant(key)}] = {value}"
            source.put(line if always(node, value) else f"if {value} is not MISSING: {line}")
        return result

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in self.entries.values():
            yield from node.reads(base)

    def repeats(self) -> int:
        return sum(node.repeats() for node in self.entries.values())


@attrs.frozen
class List:
    """A list with directives somewhere in it; a missing item is null."""

    items: tuple[Node, ...]

    def emit(self, source: Source, event: str) -> str:
        result = source.let("[]")
        for node in self.items:
            value = node.emit(source, event)
            absent = "" if always(node, value) else f"None if {value} is MISSING else "
            source.put(f"{result}.append({absent}{value})")
        return result

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in self.items:
            yield from node.reads(base)

    def repeats(self) -> int:
        return sum(node.repeats() for node in self.items)


def always(node: Node, value: str) -> bool:
    """Whether the node's value, named so, is never missing."""
    return isinstance(node, Constant | Object | List) or not value.isidentifier()


@attrs.frozen
class Fault:
    """A directive that can never do its work: harmless until an event reaches it."""

    path: str
    message: str

    def emit(self, source: Source, event: str) -> str:  # noqa: ARG002  # the form of every node
        source.put(f"raise fail({source.constant(self.path)}, {source.constant(self.message)})")
        return "MISSING"

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1
