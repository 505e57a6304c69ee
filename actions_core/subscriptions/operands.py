"""What the larger FQL of destination filters compares: fields, literals, lists and calls of functions.

An operand is data, as terms are. A `FilterTerm` is a comparison of two of them, or one alone that has to be
true. What they mean is the business of `verdicts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import attrs

from actions_core.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = str | int | float | bool | None
FilterOperator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "is true"]

FILTER_OPERATORS: Final = frozenset(get_args(FilterOperator))
#: How many arguments each function takes.
FUNCTIONS: Final = {
    "contains": 2,
    "match": 2,
    **dict.fromkeys(
        (
            "bool", "kebabcase", "length", "lowercase", "number", "snakecase", "string", "titlecase",
            "typeof", "uppercase",
        ),
        1,
    ),
}  # fmt: skip


@attrs.frozen
class Field:
    """A field of the event, key by key."""

    path: tuple[str, ...]


@attrs.frozen
class Constant:
    """A text, a number, true, false or null."""

    value: Value


@attrs.frozen
class Items:
    """A list in brackets."""

    items: tuple[Operand, ...]


@attrs.frozen
class Call:
    """A call of a function of FQL."""

    function: str
    arguments: tuple[Operand, ...]

    def __attrs_post_init__(self) -> None:
        if FUNCTIONS.get(self.function) != len(self.arguments):
            raise DefinitionError(f"FQL has no function {self.function} of {len(self.arguments)} arguments")


Operand: TypeAlias = Field | Constant | Items | Call


@attrs.frozen
class FilterTerm:
    """A comparison of two operands in a filter, or one operand alone (`is true`)."""

    left: Operand
    operator: FilterOperator
    right: Operand = Constant(None)

    def __attrs_post_init__(self) -> None:
        if self.operator not in FILTER_OPERATORS:
            raise DefinitionError(f"unknown operator {self.operator!r}")

    def paths(self) -> Iterator[tuple[str, ...]]:
        """Yield the path of each field that the test reads, in the order of its text."""
        stack = [self.right, self.left]
        while stack:
            operand = stack.pop()
            if isinstance(operand, Field):
                yield operand.path
            elif isinstance(operand, Call):
                stack += reversed(operand.arguments)
            elif isinstance(operand, Items):
                stack += reversed(operand.items)


def write_filter_term(test: FilterTerm) -> str:
    """Return the text of a test."""
    left = write_operand(test.left)
    return left if test.operator == "is true" else f"{left} {test.operator} {write_operand(test.right)}"


def write_operand(operand: Operand) -> str:
    """Return the text of an operand."""
    if isinstance(operand, Field):
        return write_path(operand.path)
    if isinstance(operand, Constant):
        return write_value(operand.value)
    if isinstance(operand, Items):
        return f"[{', '.join(map(write_operand, operand.items))}]"
    return f"{operand.function}({', '.join(map(write_operand, operand.arguments))})"


def write_path(path: tuple[str, ...]) -> str:
    """Return a field as FQL spells it, its unusual characters escaped."""
    return ".".join(map(_write_key, path))


def _write_key(key: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"\\{c}" for c in key)


def write_value(value: Value) -> str:
    """Return a literal as FQL spells it."""
    if isinstance(value, str):
        return f"'{value}'" if '"' in value else f'"{value}"'
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
