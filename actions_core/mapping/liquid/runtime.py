"""What bounds a template while it runs: clock, size of operands, size of output."""

from __future__ import annotations

import time
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from liquid.context import RenderContext
from liquid.exceptions import ResourceLimitError
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap

from actions_core.mapping.liquid.values import MAX_OPERAND, item, plain
from actions_core.mapping.weight import weigh

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from liquid.token import Token

MAX_SECONDS: Final = 0.5
MAX_OUTPUT: Final = 100_000


class Bounds:
    """The deadline of one rendering, and the sizes that it keeps to."""

    __slots__ = ("_held", "_weights", "deadline", "written")

    def __init__(self) -> None:
        self.deadline = time.monotonic() + MAX_SECONDS
        self.written = 0
        self._weights: dict[int, int] = {}
        self._held: list[object] = []

    def check(self, *values: object) -> None:
        """Stop where time is up or a value is too large to be worked on."""
        if time.monotonic() > self.deadline:
            raise ResourceLimitError(f"it takes longer than {MAX_SECONDS} seconds", token=None)
        for value in values:
            if self._size(value) > MAX_OPERAND:
                raise ResourceLimitError(
                    f"a value has more than {MAX_OPERAND:,} characters or items", token=None
                )

    def _size(self, value: object) -> int:
        """Characters or items; those inside a list count as often as they stand there."""
        if isinstance(value, list):
            self._held.append(value)  # so that no other list gets its identity
            return weigh(value, self._weights)
        return len(value) if isinstance(value, str | range) else 0


class Output(StringIO):
    """Text that is counted as it is written; line ends stay as they are."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(newline="")
        self.bounds = bounds

    def write(self, text: str) -> int:
        """Write, unless it is too much in all."""
        self.bounds.check()
        self.bounds.written += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self.bounds.written > MAX_OUTPUT:
            raise ResourceLimitError(f"it makes more than {MAX_OUTPUT:,} bytes of text", token=None)
        return super().write(text)


class Context(RenderContext):
    """The variables of one rendering: the event's keys and the template's own, nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bounds = Bounds()
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:  # noqa: ARG002  # the library's form
        """The filter of that name, within bounds; an unknown one changes nothing, as in Segment."""
        function = self.env.filters.get(name)
        if function is None:
            return _unchanged
        return self._bounded(function)

    def _bounded(self, function: Callable[..., object]) -> Callable[..., object]:
        def call(value: object, *args: object, **named: object) -> object:
            self.bounds.check(value, *args)
            operands = [plain(operand) for operand in (value, *args)]
            result = function(*operands, **{key: plain(operand) for key, operand in named.items()})
            self.bounds.check(result)
            return result

        return call

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:  # noqa: ARG002  # the count is this rendering's
        """Where a captured text is written; it counts as output too."""
        return Output(self.bounds)

    def get_item(self, obj: Any, key: Any) -> Any:
        """What stands under a key or index of a value."""
        if isinstance(obj, Undefined):
            return None
        return item(plain(obj), plain(key))


def _unchanged(value: object, *_args: object, **_named: object) -> object:
    return value
