"""Liquid templates, parsed once and rendered within bounds.

A template that would run or grow for ever is stopped in any thread and inside an event loop, without
signals and without a thread of its own:

- There is no loop, no recursion and no partial template: `for`, `tablerow`, `include`, `render`
  and `layout` are refused when the template is parsed, and so is a text of more than 1,000
  characters. What can take long is therefore only a chain of filters whose values grow.
- Before and after every filter, comparison, step into a value and write, the clock is compared with the
  deadline (500 ms), and no value beyond `MAX_OPERAND` is worked on. What a step costs is estimated from
  the size of its operands, so that none is begun that would end after the deadline; comparisons of lists
  look at the clock on their way (`Bounds`).
- The filters are our own (`filters`): each takes time in proportion to its operands, numbers are
  doubles and never grow, and ranges are refused beyond `MAX_OPERAND` before they are made.
- Output is counted as it is written and stops at 100 KB (`Output`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LiquidInterrupt
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap

from actions_core.mapping.liquid.bounds import Bounds, Output
from actions_core.mapping.liquid.environment import ENVIRONMENT, prepare
from actions_core.mapping.liquid.values import item, plain
from actions_core.mapping.runtime import fail

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import StringIO
    from typing import TextIO

    from liquid import BoundTemplate
    from liquid.token import Token

    from actions_core.values.paths import Steps
    from actions_core.values.types import Json


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
        self.bounds.check(obj if isinstance(obj, range) else None)
        if isinstance(obj, Undefined):
            return None
        return item(plain(obj), plain(key))


def _unchanged(value: object, *_args: object, **_named: object) -> object:
    return value


@attrs.frozen
class Template:
    """A parsed template, the paths of the event that it reads, and what is odd in it."""

    parsed: BoundTemplate
    paths: tuple[Steps, ...]
    warnings: tuple[str, ...]

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
        return Template(parsed, *prepare(parsed))
    except (LiquidError, LiquidInterrupt) as error:
        return f"is not Liquid that a mapping can use: {explain(error.__cause__ or error)}"
    except (RecursionError, ValueError, OverflowError) as error:
        return f"is not Liquid that a mapping can use: {error}"
