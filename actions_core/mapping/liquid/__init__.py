"""The only door to Liquid: templates parsed once, rendered within bounds.

How a template that would run or grow for ever is stopped, in any thread and inside an event loop,
without signals and without a thread of its own:

- There is no loop, no recursion and no partial template: `for`, `tablerow`, `include`, `render`
  and `layout` are refused when the template is parsed, and so is a text of more than 1,000
  characters. What can take long is therefore only a chain of filters whose values grow.
- Before and after every filter, and at every write, the clock is compared with the deadline
  (500 ms), and no filter gets or gives a text or list beyond `MAX_OPERAND`: each single step is
  short, so the deadline is noticed soon after it has passed (`runtime.Bounds`).
- The filters are our own (`filters/`): each takes time in proportion to its operands, numbers are
  doubles and never grow, and ranges are refused beyond `MAX_OPERAND` before they are made.
- Output is counted as it is written and stops at 100 KB (`runtime.Output`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import attrs
from liquid.exceptions import LiquidError, LiquidInterrupt

from actions_core.mapping.codegen import fail
from actions_core.mapping.liquid.environment import ENVIRONMENT, prepare
from actions_core.mapping.liquid.runtime import Context, Output

if TYPE_CHECKING:
    from liquid import BoundTemplate

    from actions_core.values.paths import Steps
    from actions_core.values.types import Json


@attrs.frozen
class Template:
    """A parsed template, and the paths of the event that it reads."""

    parsed: BoundTemplate
    paths: tuple[Steps, ...]

    def render(self, event: Json, place: str) -> str:
        """The template's text for an event; what is no object has no variables."""
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
    """An error of the Liquid library in one line."""
    return " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__


@lru_cache(maxsize=256)
def parse(text: str) -> Template | str:
    """The parsed template, or what is wrong with it."""
    try:
        parsed = ENVIRONMENT.from_string(text)
        return Template(parsed, prepare(parsed))
    except (LiquidError, LiquidInterrupt) as error:
        return f"is not Liquid that can be used here: {explain(error.__cause__ or error)}"
    except (RecursionError, ValueError, OverflowError) as error:
        return f"is not Liquid that can be used here: {error}"
