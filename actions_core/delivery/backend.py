"""What takes events for a `BackgroundEngine`: a queue in memory, or what is put in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from concurrent.futures import Future

    from actions_core.engine.results import Report
    from actions_core.values.types import JsonObject


class Backend(Protocol):
    """Takes checked events from any thread of one process, and delivers them."""

    @property
    def pending(self) -> int:
        """How many events were accepted and are not done."""
        ...

    def post(
        self, event: JsonObject, *, timeout: float | None = None, report: Future[Report] | None = None
    ) -> None:
        """Accept the event and return, at most after `timeout` seconds; `report` is told what became of it.

        Raises `ActionsError` when the event is not accepted.
        """
        ...

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all events that were accepted before are done; return False if time ran out."""
        ...

    def close(self, timeout: float) -> bool:
        """Accept nothing more, flush, and end; return False if events were left when time ran out."""
        ...
