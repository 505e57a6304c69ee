"""Liquid's filters, written anew.

The library's own filters spell values as Python does, and some grow without bounds. These give
what Segment's give; each takes time in proportion to its operands.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final

from actions_core.mapping.liquid.filters import dates, lists, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Callable


def _forgiving(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, deaf to arguments that it does not take: Segment passes over them."""
    kinds = [parameter.kind for parameter in signature(function).parameters.values()]
    most = None if Parameter.VAR_POSITIONAL in kinds else len(kinds) - kinds.count(Parameter.KEYWORD_ONLY) - 1
    named = Parameter.KEYWORD_ONLY in kinds

    def apply(value: Any, *args: Any, **options: Any) -> Any:
        return function(value, *args[:most], **(options if named else {}))

    return apply


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    **{
        name: _forgiving(function)
        for family in (dates.FILTERS, lists.FILTERS, numbers.FILTERS, texts.FILTERS)
        for name, function in family.items()
    },
    **texts.STRICT,
}
