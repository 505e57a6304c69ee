"""What is handed to a writer, and the groups of it that go into one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.delivery.store import Settlement

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future as ThreadFuture

    from actions_core.delivery.file.store import FileStore
    from actions_core.delivery.store import Acceptance, Arrival, InputPosition, Key

#: At most so many events, and so many outcomes, in one transaction.
_MOST_EVENTS: Final = 4096
_MOST_OUTCOMES: Final = 8192


@attrs.define(eq=False)
class Request:
    """Something that a caller waits for: events to accept, or a function of the store."""

    future: asyncio.Future[Any] | ThreadFuture[Any]
    arrivals: Sequence[Arrival] = ()
    #: called in the event loop with what became of the arrivals, whether or not somebody still waits
    then: Callable[[list[Acceptance] | None], None] | None = None
    position: InputPosition | None = None
    function: Callable[[FileStore], Any] | None = None


@attrs.define(eq=False)
class Task(Request):
    """A request for a function that has transactions of its own."""


@attrs.define(eq=False)
class Group:
    """The contents of one transaction."""

    accepts: list[Request] = attrs.field(factory=list)
    claims: list[Request] = attrs.field(factory=list)
    tasks: list[Task] = attrs.field(factory=list)
    done: list[Key] = attrs.field(factory=list)
    settlements: list[Settlement] = attrs.field(factory=list)
    events: int = 0
    outcomes: int = 0

    def add(self, item: Request | Settlement) -> None:
        """Add what a caller handed in."""
        if isinstance(item, Settlement):
            self.settlements.append(item)
            self.outcomes += len(item)
        elif isinstance(item, Task):
            self.tasks.append(item)
        elif item.function is not None:
            self.claims.append(item)
        else:
            self.accepts.append(item)
            self.events += len(item.arrivals)

    @property
    def is_awaited(self) -> bool:
        """True while a caller waits for something in this group."""
        return bool(self.accepts or self.claims or self.tasks)

    @property
    def is_full(self) -> bool:
        """True once this is enough for one transaction."""
        return self.events >= _MOST_EVENTS or self.outcomes >= _MOST_OUTCOMES

    def settlement(self) -> Settlement:
        """Return all outcomes as one."""
        parts = self.settlements
        if not parts:
            return Settlement(done=self.done)
        return Settlement(
            done=[*self.done, *(key for part in parts for key in part.done)],
            retries=[retry for part in parts for retry in part.retries],
            burials=[burial for part in parts for burial in part.burials],
            released=[key for part in parts for key in part.released],
            recent=[entry for part in parts for entry in part.recent],
        )
