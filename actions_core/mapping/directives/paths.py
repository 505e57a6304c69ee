# ruff: noqa: D102  # the protocol Node says what its methods do
"""Directives that read the event: `@path`, `@template`, `@arrayPath`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.mapping.codegen import (
    EVENT,
    Absent,
    Constant,
    MappingSource,
    Node,
    guard_weight,
    never_missing,
)
from actions_core.mapping.reader import raw_kind
from actions_core.mapping.runtime import (
    MAX_TEXT,
    MAX_WEIGHT,
    check_size,
    fill_template,
    fill_twice,
    placeholders,
    read_dynamic,
    shape_items,
    template_text,
    weigh,
)
from actions_core.values.paths import ANY_ITEM, Steps, format_path, parse_path, read, step_into

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.mapping.reader import Reader
    from actions_core.values.types import Json

#: A template with more placeholders is filled by a function.
_MOST_INLINE: Final = 50
#: A longer path is walked by a function instead of being written out step by step.
LONGEST_INLINE: Final = 12
#: Python allows twenty loops inside each other; item shapes beyond this become functions.
_DEEPEST_LOOP: Final = 10
#: An item shape with so many values of its own needs no look at the number of items.
_LIGHT: Final = 20


@attrs.frozen
class Path:
    """The value at a fixed path."""

    steps: Steps

    def emit(self, source: MappingSource, event: str) -> str:
        if len(self.steps) > LONGEST_INLINE:
            source.use(read)
            value = source.let(f"read({event}, {source.keep(self.steps)})")
        else:
            source.use(step_into)
            value = emit_steps(source, event, self.steps, "step_into({value}, {key})")
        note_read(source, event, self.steps, value)
        return value

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        if base is not None:
            yield base + self.steps

    def repeats(self) -> int:
        return 1


def emit_steps(source: MappingSource, event: str, steps: Steps, otherwise: str) -> str:
    """Write the steps of a path through objects; `otherwise` is the expression for any other value."""
    value = event
    for depth, step in enumerate(steps, 1):
        key = source.constant(step)
        found, way = f"{value}.get({key}, MISSING)", ""
        if value != EVENT:
            way = otherwise
            found += f" if type({value}) is dict else {otherwise.format(value=value, key=key)}"
        value = source.once((event, way, steps[:depth]), found)
    return value


def note_read(source: MappingSource, event: str, steps: Steps, value: str) -> None:
    """Write a note, in a traced mapping, of what was found at a path of the event itself."""
    if source.traced and event == EVENT:
        source.put(f"seen.append(({source.constant(format_path(steps))}, {value}))")


@attrs.frozen
class DynamicPath:
    """The value at a path that another directive gives."""

    path: Node
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(read_dynamic)
        path = self.path.emit(source, event)
        return source.let(f"read_dynamic({event}, {path}, {source.constant(self.place)})")

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        yield from self.path.reads(base)
        if base is not None:
            yield base

    def repeats(self) -> int:
        return 1


def read_path(option: Json, reader: Reader) -> Node:
    """Read `@path`, which takes a path or a directive that gives one."""
    node = reader.directive_or_text(option)
    if isinstance(option, str):
        return Path(parse_path(option))
    return DynamicPath(node, reader.path)


@attrs.frozen
class Template:
    """A text with placeholders for the values of paths."""

    text: str
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(template_text, check_size, fill_template, fill_twice)
        place = source.constant(self.place)
        if self.text.count("{{") > _MOST_INLINE:
            return source.let(f"fill_twice({source.constant(self.text)}, {event}, {place})")
        braces = 3 if next(placeholders(self.text, 3), None) else 2
        result = source.let(source.formatted(self._pieces(source, event, braces)))
        source.put(f"if len({result}) > {MAX_TEXT}: check_size(len({result}), {place})")
        if braces != 2:  # noqa: PLR2004  # what the first pass has put in may contain another placeholder
            source.put(f"if '{{{{' in {result}: {result} = fill_template({result}, {event}, {place}, 2)")
        return result

    def _pieces(self, source: MappingSource, event: str, braces: int) -> Iterator[tuple[str, str]]:
        """Yield each text before a placeholder, with the expression of what stands in its place."""
        at = 0
        place = source.keep(self.place)  # a name: a quoted text inside an f-string ends it before Python 3.12
        for start, end, path in placeholders(self.text, braces):
            value = Path(parse_path(path)).emit(source, event)
            yield self.text[at:start], f"{value} if type({value}) is str else template_text({value}, {place})"
            at = end
        yield self.text[at:], ""

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        if base is None:
            return
        rest = self.text
        for braces in (3, 2):
            for _, _, path in placeholders(rest, braces):
                yield base + parse_path(path)
            rest = _without_placeholders(rest, braces)

    def repeats(self) -> int:
        return 1


def _without_placeholders(text: str, braces: int) -> str:
    """Return what stands around the placeholders of a text."""
    parts, at = [], 0
    for start, end, _ in placeholders(text, braces):
        parts.append(text[at:start])
        at = end
    return "".join([*parts, text[at:]])


@attrs.frozen
class DynamicTemplate:
    """A template that another directive gives."""

    text: Node
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(fill_twice)
        text = self.text.emit(source, event)
        return source.let(f"fill_twice({text}, {event}, {source.constant(self.place)})")

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        yield from self.text.reads(base)
        if base is not None:
            yield base

    def repeats(self) -> int:
        return 1


def read_template(option: Json, reader: Reader) -> Node:
    """Read `@template`, a text with `{{path}}` and `{{{path}}}` in it, or a directive that gives one."""
    node = reader.directive_or_text(option)
    if not isinstance(option, str):
        return DynamicTemplate(node, reader.path)
    if "{{" not in option:
        return Constant(option)
    if "{{" in _without_placeholders(_without_placeholders(option, 3), 2):
        reader.warn("has a {{ that begins no placeholder, such as {{path}}: it stays as it is")
    return Template(option, reader.path)


@attrs.frozen
class ArrayPath:
    """A list of which each item is given a shape; `weight` counts the values in the shape itself."""

    value: Node
    shape: Node | None
    place: str
    weight: int = 1

    def emit(self, source: MappingSource, event: str) -> str:
        value = self.value.emit(source, event)
        if self.shape is None:
            return value
        value = source.assigned(value)
        if self.weight > _LIGHT:
            # Values of the shape itself stand in the result once for each item.
            most, message = MAX_WEIGHT // self.weight, f"makes more than {MAX_WEIGHT:,} values"
            failure = f"fail({source.constant(self.place)}, {source.constant(message)})"
            source.put(f"if isinstance({value}, list) and len({value}) > {most}: raise {failure}")
        if source.loops >= _DEEPEST_LOOP:
            source.use(shape_items)
            return source.let(f"shape_items({value}, {source.shape_function(self.shape)})")
        result = source.let(f"[{value}] if isinstance({value}, dict) else {value}")
        with source.block(f"if isinstance({result}, list):"):
            shaped = source.let("[]")
            item = source.variable()
            with source.loop(f"for {item} in {result}:"):
                new = self.shape.emit(source, item)
                absent = "" if never_missing(self.shape, new) else f"None if {new} is MISSING else "
                source.put(f"{shaped}.append({absent}{new})")
            source.put(f"{result} = {shaped}")
        return guard_weight(source, self, result)

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        yield from self.value.reads(base)
        if self.shape is not None and isinstance(self.value, Path) and base is not None:
            yield from self.shape.reads((*base, *self.value.steps, ANY_ITEM))

    def repeats(self) -> int:
        return self.value.repeats() * (1 if self.shape is None else self.shape.repeats())


def read_array_path(option: Json, reader: Reader) -> Node:
    """Read `@arrayPath`, a path or a directive, and perhaps the shape of an item."""
    if not isinstance(option, list):
        reader.error(f"must be a list but is {raw_kind(option)}")
        return Absent()
    if not option:
        reader.error("must begin with a path or a directive, but is empty")
        return Absent()
    value = reader.directive_or_text(option[0], 0)
    if isinstance(option[0], str):
        value = Path(parse_path(option[0]))
    shape = option[1] if len(option) > 1 else None
    if shape is not None and not isinstance(shape, dict):
        reader.warn(f"must be an object to shape the items but is {raw_kind(shape)}, and is ignored", 1)
    if len(option) > 2:  # noqa: PLR2004  # path and shape
        reader.warn("has more than a path and an item shape")
    if not isinstance(shape, dict) or not shape:
        return ArrayPath(value, None, reader.path)
    node = reader.read(shape, 1)
    return ArrayPath(value, node, reader.path, weigh(shape, {}))
