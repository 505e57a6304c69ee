# ruff: noqa: D102  # the protocol Node says what `emit` and `reads` do
"""The plain parts of a mapping: what is not a directive, and what a faulty directive leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.mapping.codegen import MappingSource, Node
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json


@attrs.frozen
class Constant:
    """A value that is the same for every event; each gets its own copy of what could be changed."""

    value: Json

    def emit(self, source: MappingSource, event: str) -> str:  # noqa: ARG002  # the form of every node
        constant = source.constant(self.value)
        return source.let(constant) if isinstance(self.value, list | dict) else constant

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1


@attrs.frozen
class Absent:
    """Nothing."""

    def emit(self, source: MappingSource, event: str) -> str:  # noqa: ARG002  # the form of every node
        return "MISSING"

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1


@attrs.frozen
class Object:
    """An object with directives somewhere in it; keys whose value is missing are left out."""

    entries: dict[str, Node]

    def emit(self, source: MappingSource, event: str) -> str:
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

    def emit(self, source: MappingSource, event: str) -> str:
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

    def emit(self, source: MappingSource, event: str) -> str:  # noqa: ARG002  # the form of every node
        source.put(f"raise fail({source.constant(self.path)}, {source.constant(self.message)})")
        return "MISSING"

    def reads(self, base: Steps | None) -> Iterator[Steps]:  # noqa: ARG002  # as above
        return iter(())

    def repeats(self) -> int:
        return 1
