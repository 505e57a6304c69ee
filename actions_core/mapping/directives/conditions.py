# ruff: noqa: D102  # the protocol Node says what its methods do
"""Directives that choose a value or change a text: `@if`, `@case`, `@replace`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from actions_core.errors import child_path
from actions_core.mapping.codegen import Absent
from actions_core.mapping.reader import quoted
from actions_core.mapping.runtime import Substitution, is_filled, searched_text
from actions_core.values.javascript import truthy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core.mapping.codegen import MappingSource, Node
    from actions_core.mapping.reader import Reader
    from actions_core.values.paths import Steps
    from actions_core.values.types import Json, JsonObject


@attrs.frozen
class If:
    """One of two values, chosen by whether a third is there, or is not blank."""

    condition: Node
    blank: bool
    then: Node
    otherwise: Node

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(is_filled)
        result = source.variable()
        with source.untraced():
            value = source.assigned(self.condition.emit(source, event))
        test = f"is_filled({value})" if self.blank else f"{value} is not MISSING and {value} is not None"
        for header, branch in ((f"if {test}:", self.then), ("else:", self.otherwise)):
            with source.block(header):
                source.put(f"{result} = {branch.emit(source, event)}")
        return result

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        for node in (self.condition, self.then, self.otherwise):
            yield from node.reads(base)

    def repeats(self) -> int:
        return max(self.then.repeats(), self.otherwise.repeats())


_IF: Final[tuple[str, ...]] = ("exists", "blank", "then", "else")


def read_if(option: Json, reader: Reader) -> Node:
    """Read `@if`, with `exists` or `blank`, `then` and `else`."""
    options = reader.options(option, known=_IF)
    if options is None:
        return Absent()
    nodes = {key: reader.read(options[key], key) for key in _IF if key in options}
    condition = next((key for key in ("exists", "blank") if truthy(options.get(key))), None)
    if condition is None:
        return reader.always_fails(
            "has neither an 'exists' nor a 'blank' that is not empty, and fails without them"
        )
    otherwise = nodes["else"] if truthy(options.get("else")) else Absent()
    return If(nodes[condition], condition == "blank", nodes.get("then", Absent()), otherwise)


@attrs.frozen
class Case:
    """A text in lower or upper case."""

    operator: str
    value: Node
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        value = source.assigned(self.value.emit(source, event))
        if self.operator in _OPERATORS:
            return source.let(f"{value}.{self.operator}() if type({value}) is str else {value}")
        place = source.constant(self.place)
        message = source.constant(_unknown_operator(self.operator))
        source.put(f"if type({value}) is str: raise fail({place}, {message})")
        return value

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        return self.value.reads(base)

    def repeats(self) -> int:
        return self.value.repeats()


_CASE: Final = ("operator", "value")
_OPERATORS: Final = ("lower", "upper")


def _unknown_operator(operator: str) -> str:
    return f"must be lower or upper but is {quoted(operator)}, and fails on any text"


def read_case(option: Json, reader: Reader) -> Node:
    """Read `@case`, with `operator` and `value`."""
    options = reader.options(option, known=_CASE)
    if options is None:
        return Absent()
    operator = reader.text(options.get("operator", ""), "operator")
    value = reader.directive_or_text(options["value"], "value") if "value" in options else Absent()
    if not operator:
        return reader.always_fails("must have an operator, and fails without one", "operator")
    if operator not in _OPERATORS:
        reader.warn(_unknown_operator(operator), "operator")
    if not options.get("value"):
        return Absent()
    return Case(operator, value, f"{reader.path}.operator")


@attrs.frozen
class InvalidReplacement:
    """A replacement that cannot be made: it fails on any value that has a text."""

    place: str
    message: str


@attrs.frozen
class Replace:
    """A text in which one or two others are replaced."""

    value: Node
    steps: tuple[Substitution | InvalidReplacement, ...]

    def emit(self, source: MappingSource, event: str) -> str:
        source.use(searched_text)
        value = source.assigned(self.value.emit(source, event))
        expression = f"{value} if type({value}) is str else searched_text({value})"
        for step in self.steps:
            if isinstance(step, Substitution):
                expression = f"{source.keep(step.apply)}({expression})"
            else:
                failure = f"fail({source.constant(step.place)}, {source.constant(step.message)})"
                source.put(f"if isinstance({value}, (str, int, float)): raise {failure}")
        return source.let(expression)

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        return self.value.reads(base)

    def repeats(self) -> int:
        return self.value.repeats()


_REPLACE: Final = (
    "pattern",
    "replacement",
    "ignorecase",
    "global",
    "pattern2",
    "replacement2",
    "value",
)
_LONGEST_PATTERN: Final = 10


def read_replace(option: Json, reader: Reader) -> Node:
    """Read `@replace`, which replaces plain text by plain text, at most twice."""
    options = reader.options(option, known=_REPLACE, required=("pattern", "value"))
    if options is None:
        return Absent()
    ignore_case = reader.boolean(options, "ignorecase", default=False)
    every = reader.boolean(options, "global", default=True)
    pairs = (_read_first(options, reader), _read_second(options, reader))
    value = reader.directive_or_text(options["value"], "value")
    if not options["value"]:
        return Absent()
    steps = [
        Substitution(*pair, ignore_case, every, reader.path) if isinstance(pair, tuple) else pair
        for pair in pairs
        if pair is not None
    ]
    return Replace(value, tuple(steps))


def _read_first(options: JsonObject, reader: Reader) -> tuple[str, str] | None:
    pattern = reader.text(options["pattern"], "pattern")
    replacement = reader.text(options.get("replacement", ""), "replacement")
    for key, message in _too_long(pattern, replacement, ("pattern", "replacement")):
        reader.error(message, key)
    return None if pattern is None or replacement is None else (pattern, replacement)


def _read_second(options: JsonObject, reader: Reader) -> tuple[str, str] | InvalidReplacement | None:
    """Read the second pair, which Segment ignores unless it is text, and measures only when it runs."""
    pattern, replacement = options.get("pattern2"), options.get("replacement2")
    for key, value in (("pattern2", pattern), ("replacement2", replacement)):
        if value is not None and not isinstance(value, str):
            reader.warn("is not a string; the second replacement is ignored", key)
            return None
    if not pattern:
        return None
    for key, message in _too_long(pattern, replacement, ("pattern2", "replacement2")):
        reader.warn(f"{message}, and fails on any text", key)
        return InvalidReplacement(child_path(reader.path, key), message)
    return pattern, replacement or ""


def _too_long(
    pattern: str | None, replacement: str | None, keys: tuple[str, str]
) -> Iterator[tuple[str, str]]:
    if pattern is not None and not 1 <= len(pattern) <= _LONGEST_PATTERN:
        yield keys[0], f"must have 1 to {_LONGEST_PATTERN} characters but has {len(pattern)}"
    if replacement is not None and len(replacement) > _LONGEST_PATTERN:
        yield keys[1], f"must have at most {_LONGEST_PATTERN} characters but has {len(replacement)}"
