"""The bounds of one rendering of a Liquid template: its deadline, its values, its output."""

from __future__ import annotations

from io import StringIO
from typing import Final

from liquid.exceptions import ResourceLimitError

from actions_core.mapping.deadline import Deadline
from actions_core.mapping.liquid.values import MAX_OPERAND
from actions_core.mapping.runtime import weigh

MAX_SECONDS: Final = 0.5
MAX_OUTPUT: Final = 100_000
#: The seconds that a step takes at most for each item of its operands, and for each character.
_FOR_AN_ITEM: Final = 2e-6
_FOR_A_CHARACTER: Final = 2e-7


class Bounds:
    """The deadline of one rendering, and the limits of its values."""

    __slots__ = ("_kept_alive", "_weights", "deadline", "written")

    def __init__(self) -> None:
        self.deadline = Deadline(MAX_SECONDS)
        self.written = 0
        self._weights: dict[int, int] = {}
        self._kept_alive: list[object] = []

    def check(self, *values: object) -> None:
        """Raise an error where a value is too large, or time is up before they are worked on."""
        cost = 0.0
        for value in values:
            size = self._size(value)
            if size > MAX_OPERAND:
                raise ResourceLimitError(
                    f"a value has more than {MAX_OPERAND:,} characters or items", token=None
                )
            cost += size * (_FOR_A_CHARACTER if isinstance(value, str) else _FOR_AN_ITEM)
        if self.deadline.is_over(cost):
            raise ResourceLimitError(f"it takes longer than {MAX_SECONDS} seconds", token=None)

    def _size(self, value: object) -> int:
        """Count characters or items; those inside a list count as often as they stand there."""
        if isinstance(value, list):
            self._kept_alive.append(value)  # so that no other list gets its identity
            return weigh(value, self._weights)
        return len(value) if isinstance(value, str | range) else 0


class Output(StringIO):
    """A text that is counted as it is written; line ends stay as they are."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(newline="")
        self.bounds = bounds

    def write(self, text: str) -> int:
        """Write a text, unless it makes the whole too long."""
        self.bounds.check()
        self.bounds.written += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self.bounds.written > MAX_OUTPUT:
            raise ResourceLimitError(f"it makes more than {MAX_OUTPUT:,} bytes of text", token=None)
        return super().write(text)
