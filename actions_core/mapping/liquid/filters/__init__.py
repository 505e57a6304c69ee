"""Liquid's filters, written anew.

The library's own filters spell values as Python does, and some grow without bounds. These give
what Segment's give; each takes time in proportion to its operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core.mapping.liquid.filters import dates, lists, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Callable

FILTERS: Final[dict[str, Callable[..., Any]]] = {
    **dates.FILTERS,
    **lists.FILTERS,
    **numbers.FILTERS,
    **texts.FILTERS,
}
