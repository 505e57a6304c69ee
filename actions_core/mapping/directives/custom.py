# ruff: noqa: D102  # the protocol Node says what `emit` and `reads` do
"""Directives that an embedding program has registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from actions_core.errors import ActionsError
from actions_core.mapping.codegen import MappingSource, Node, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions_core.values.paths import Steps
    from actions_core.values.types import Json, JsonObject, Missing


@attrs.frozen
class Custom:
    """A call of a registered function."""

    name: str
    option: Node
    function: Callable[[Json | Missing, JsonObject], Json | Missing]
    place: str

    def emit(self, source: MappingSource, event: str) -> str:
        option = self.option.emit(source, event)
        return source.let(f"{source.keep(self.call)}({option}, {event})")

    def call(self, option: Json | Missing, event: JsonObject) -> Json | Missing:
        """Run the function; what it raises is this mapping's error."""
        try:
            return self.function(option, event)
        except ActionsError:
            raise
        except Exception as error:
            raise fail(self.place, f"{self.name} failed: {error!r}") from error

    def reads(self, base: Steps | None) -> Iterator[Steps]:
        yield from self.option.reads(base)
        if base is not None:
            yield base  # the function may look anywhere in the event

    def repeats(self) -> int:
        return self.option.repeats()
