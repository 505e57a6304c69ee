# ruff: noqa: D102  # the protocol Node says what its methods do
"""Directives in languages of their own: `@jmespath` and `@liquid`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.mapping.codegen import Absent
from actions_core.mapping.directives.paths import LONGEST_INLINE, emit_steps, note_read
from actions_core.values.paths import Steps, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.mapping.codegen import MappingSource, Node
    from actions_core.mapping.jmespath_bounded import Expression
    from actions_core.mapping.liquid import Template as LiquidTemplate
    from actions_core.mapping.reader import Reader
    from actions_core.values.types import Json, Missing

MAX_LIQUID: Final = 1_000
#: What the texts cost of what a mapping may cost: each its parser, and its characters.
_PARSER_COST: Final = 5
_CHARACTERS_FOR_ONE: Final = 10


@attrs.frozen
class Jmespath:
    """A JMESPath expression that is more than a plain path."""

    expression: Expression
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        return _emit_call(source, event, self.expression.search, self.expression.paths, self.place)

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        if base is not None:
            for steps in self.expression.paths:
                yield base + steps

    def repeats(self) -> int:
        return 1


@attrs.frozen
class FieldPath:
    """A JMESPath expression of names and dots only: a path through objects, on which null is missing."""

    steps: Steps

    def emit(self, source: MappingSource, event: str) -> str:
        found = emit_steps(source, event, self.steps, "MISSING")
        value = source.let(f"MISSING if {found} is None else {found}")
        note_read(source, event, self.steps, value)
        return value

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        if base is not None:
            yield base + self.steps

    def repeats(self) -> int:
        return 1


def _cost(text: str) -> int:
    return _PARSER_COST + len(text) // _CHARACTERS_FOR_ONE


def read_jmespath(option: Json, reader: Reader) -> Node:
    """Read `@jmespath`, an expression of JMESPath."""
    text = reader.text(option)
    if text is None or not reader.claim(_cost(text)):
        return Absent()
    from actions_core.mapping.jmespath_bounded import parse  # its library loads with the first expression

    parsed = parse(text)
    if isinstance(parsed, str):
        reader.error(parsed)
        return Absent()
    if parsed.fields and len(parsed.fields) <= LONGEST_INLINE:
        return FieldPath(parsed.fields)
    return Jmespath(parsed, reader.path)


def parse_liquid(text: str) -> LiquidTemplate | str:
    """Parse a Liquid template, or return what is wrong; the first one loads the library."""
    try:
        from actions_core.mapping.liquid import parse  # costly to import, and seldom needed
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "liquid":
            raise
        return "needs the extra for Liquid: pip install 'actions-core[liquid]'"
    return parse(text)


@attrs.frozen
class Liquid:
    """A Liquid template."""

    template: LiquidTemplate
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        return _emit_call(source, event, self.template.render, self.template.paths, self.place)

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        if base is not None:
            for steps in self.template.paths:
                yield base + steps

    def repeats(self) -> int:
        return 1


def _emit_call(
    source: MappingSource,
    event: str,
    call: Callable[..., Json | Missing],
    paths: tuple[Steps, ...],
    place: str,
) -> str:
    """Write a call of a compiled expression, and in a traced mapping a note of each of its paths."""
    value = source.let(f"{source.keep(call)}({event}, {source.constant(place)})")
    for steps in paths if source.traced else ():
        note_read(source, event, steps, f"read({event}, {source.keep(steps)})")
        source.use(read)
    return value


def read_liquid(option: Json, reader: Reader) -> Node:
    """Read `@liquid`, a template of at most 1,000 characters."""
    text = reader.text(option)
    if text is None:
        return Absent()
    if len(text) > MAX_LIQUID:
        reader.error(f"must have at most {MAX_LIQUID:,} characters but has {len(text):,}")
        return Absent()
    if not reader.claim(_cost(text)):
        return Absent()
    template = parse_liquid(text)
    if isinstance(template, str):
        reader.error(template)
        return Absent()
    for message in template.warnings:
        reader.warn(message)
    return Liquid(template, reader.path)
