# ruff: noqa: D102  # the protocol Node says what its methods do
"""Directives that build a value from others.

`@literal`, `@flatten`, `@json`, `@merge`, `@transform`, `@excludeWhenNull`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.mapping.codegen import EVENT, Absent, MappingSource, Node, guard_weight, keeping_missing
from actions_core.mapping.directives.paths import Path
from actions_core.mapping.reader import raw_kind
from actions_core.mapping.runtime import decode, drop_nulls, encode, flatten, merge
from actions_core.values.javascript import truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.mapping.reader import Reader
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json


def read_literal(option: Json, reader: Reader) -> Node:
    """Read `@literal`, which takes anything; directives in it run all the same."""
    return reader.value(option)


@attrs.frozen
class Call:
    """A call of a function with the value of a node."""

    function: Callable[..., Json]
    value: Node
    arguments: tuple[tuple[str, Json], ...] = ()
    missing_stays: bool = True

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(self.function)
        arguments = [f", {name}={source.constant(value)}" for name, value in self.arguments]
        value = source.assigned(self.value.emit(source, event))
        call = f"{self.function.__name__}({value}{''.join(arguments)})"
        return source.let(f"MISSING if {value} is MISSING else {call}" if self.missing_stays else call)

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        return self.value.reads(base)

    def repeats(self) -> int:
        return self.value.repeats()


def read_exclude_when_null(option: Json, reader: Reader) -> Node:
    """Read `@excludeWhenNull`, which takes anything and drops its nulls."""
    return Call(drop_nulls, reader.value(option))


_FLATTEN: Final = ("value", "separator", "omitArrays")


def read_flatten(option: Json, reader: Reader) -> Node:
    """Read `@flatten`, which makes an object of one level."""
    options = reader.options(option, known=_FLATTEN, required=("value",))
    if options is None:
        return Absent()
    value = reader.read(options["value"], "value")
    separator = reader.text(options.get("separator", ""), "separator")
    if not separator:
        return reader.always_fails("must have a separator that is not empty, and fails without one")
    omit_arrays = truthy(options.get("omitArrays"))
    if not omit_arrays:  # the key of a missing item is missing too, as in the reference
        value = keeping_missing(value)
    arguments = (("separator", separator), ("place", reader.path), ("omit_arrays", omit_arrays))
    return Call(flatten, value, arguments, missing_stays=False)


_JSON: Final = ("mode", "value")


def read_json(option: Json, reader: Reader) -> Node:
    """Read `@json`, which turns a value into JSON text, or the other way round."""
    options = reader.options(option, known=_JSON, required=_JSON)
    if options is None:
        return Absent()
    mode = reader.choice(options, "mode", ("encode", "decode"))
    value = reader.read(options["value"], "value")
    if not truthy(options["value"]):
        return reader.always_fails("is empty, and @json fails without a value", "value")
    if mode == "encode":
        return Call(encode, value, (("place", reader.path),))
    return Call(decode, value)


@attrs.frozen
class Merge:
    """One object made of several."""

    objects: tuple[Node, ...]
    leftmost_wins: bool

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(merge)
        values = [node.emit(source, event) for node in self.objects]
        return source.let(
            f"merge([{', '.join(values)}], leftmost_wins={source.constant(self.leftmost_wins)})"
        )

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in self.objects:
            yield from node.reads(base)

    def repeats(self) -> int:
        return sum(node.repeats() for node in self.objects)


_MERGE: Final = ("objects", "direction")


def read_merge(option: Json, reader: Reader) -> Node:
    """Read `@merge`, which makes one object of several."""
    options = reader.options(option, known=_MERGE, required=("objects",))
    if options is None:
        return Absent()
    objects = options["objects"]
    if not isinstance(objects, list):
        reader.error(f"must be a list but is {raw_kind(objects)}", "objects")
        return Absent()
    with reader.below("objects"):
        nodes = tuple(reader.directive_or_object(item, index) for index, item in enumerate(objects))
    if "direction" not in options:
        return reader.always_fails("must have the option 'direction', and fails without it")
    direction = reader.choice(options, "direction", ("left", "right"))
    return Merge(nodes, direction == "left")


@attrs.frozen
class Transform:
    """A mapping that gets the result of another as its event."""

    apply: Node
    mapping: Node
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        value = self.apply.emit(source, event)
        result = self.mapping.emit(source, value if value == EVENT else source.let(value))
        return guard_weight(source, self, result)

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        yield from self.apply.reads(base)
        if isinstance(self.apply, Path) and base is not None:
            yield from self.mapping.reads(base + self.apply.steps)

    def repeats(self) -> int:
        return self.apply.repeats() * self.mapping.repeats()


_TRANSFORM: Final = ("apply", "mapping")


def read_transform(option: Json, reader: Reader) -> Node:
    """Read `@transform`, which runs one mapping on the result of another."""
    options = reader.options(option, known=_TRANSFORM, required=_TRANSFORM)
    if options is None:
        return Absent()
    apply = reader.directive_or_object(options["apply"], "apply")
    return Transform(apply, reader.directive_or_object(options["mapping"], "mapping"), reader.path)
