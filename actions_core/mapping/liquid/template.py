"""Liquid templates, parsed once and rendered within bounds.

A template that would run or grow for ever is stopped in any thread and inside an event loop, without
signals and without a thread of its own:

- There is no loop, no recursion and no partial template: `for`, `tablerow`, `include`, `render`
  and `layout` are refused when the template is parsed, and so is a text of more than 1,000
  characters. What can take long is therefore only a chain of filters whose values grow.
- Before and after every filter, and at every write, the clock is compared with the deadline
  (500 ms), and no filter gets or gives a text or list beyond `MAX_OPERAND`: each single step is
  short, so the deadline is noticed soon after it has passed (`Bounds`).
- The filters are our own (`filters`): each takes time in proportion to its operands, numbers are
  doubles and never grow, and ranges are refused beyond `MAX_OPERAND` before they are made.
- Output is counted as it is written and stops at 100 KB (`Output`).
"""

from __future__ import annotations

import time
from functools import lru_cache
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import attrs
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidInterrupt, ResourceLimitError
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap

from actions_core.mapping.liquid.environment import ENVIRONMENT, prepare
from actions_core.mapping.liquid.values import MAX_OPERAND, item, plain
from actions_core.mapping.runtime import fail, weigh

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from liquid import BoundTemplate
    from liquid.token import Token

    from actions_core.values.paths import Steps
    from actions_core.values.types import Json

MAX_SECONDS: Final = 0.5
MAX_OUTPUT: Final = 100_000


class Bounds:
    """The deadline of one rendering, and the limits of its values."""

    __slots__ = ("_kept_alive", "_weights", "deadline", "written")

    def __init__(self) -> None:
        self.deadline = time.monotonic() + MAX_SECONDS
        self.written = 0
        self._weights: dict[int, int] = {}
        self._kept_alive: list[object] = []

    def check(self, *values: object) -> None:
        """Raise an error where time is up or a value is too large to be worked on."""
        if time.monotonic() > self.deadline:
            raise ResourceLimitError(f"it takes longer than {MAX_SECONDS} seconds", token=None)
        for value in values:
            if self._size(value) > MAX_OPERAND:
                raise ResourceLimitError(
                    f"a value has more than {MAX_OPERAND:,} characters or items", token=None
                )

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


class Context(RenderContext):
    """The variables of one rendering: the event's keys and the template's own, nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bounds = Bounds()
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:  # noqa: ARG002  # the library's form
        """Return the filter of that name, bounded; an unknown one changes nothing, as in Segment."""
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
        """Return a buffer for a captured text, which counts as output too."""
        return Output(self.bounds)

    def get_item(self, obj: Any, key: Any) -> Any:
        """Return the value under a key or index of another."""
        if isinstance(obj, Undefined):
            return None
        return item(plain(obj), plain(key))


def _unchanged(value: object, *_args: object, **_named: object) -> object:
    return value


@attrs.frozen
class Template:
    """A parsed template, and the paths of the event that it reads."""

    parsed: BoundTemplate
    paths: tuple[Steps, ...]

    def render(self, event: Json, place: str) -> str:
        """Return the template's text for an event; what is not an object has no variables."""
        context = Context(self.parsed, globals=event if isinstance(event, dict) else {})
        output = Output(context.bounds)
        try:
            self.parsed.render_with_context(context, output)
        except (LiquidError, LiquidInterrupt) as error:
            raise fail(place, f"failed: {explain(error)}") from error
        except (ArithmeticError, TypeError, ValueError, LookupError) as error:
            raise fail(place, f"failed: {error!r}") from error
        return output.getvalue()


def explain(error: BaseException) -> str:
    """Return the message of an error of the Liquid library on one line."""
    return " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__


@lru_cache(maxsize=256)
def parse(text: str) -> Template | str:
    """Parse a template; return a message where it is invalid."""
    try:
        parsed = ENVIRONMENT.from_string(text)
        return Template(parsed, prepare(parsed))
    except (LiquidError, LiquidInterrupt) as error:
        return f"is not Liquid that a mapping can use: {explain(error.__cause__ or error)}"
    except (RecursionError, ValueError, OverflowError) as error:
        return f"is not Liquid that a mapping can use: {error}"
