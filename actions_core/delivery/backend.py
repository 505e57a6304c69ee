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

    def post(self, event: JsonObject, *, made_id: bool = False, timeout: float | None = None) -> None:
        """Accept the event and return, at most after `timeout` seconds; `made_id` tells that its id is ours.

        Raises `ActionsError` when the event is not accepted.
        """
        ...

    def send(self, event: JsonObject, report: Future[Report], *, timeout: float | None = None) -> None:
        """Deliver the event at once; `report` is told what became of it.

        Raises `ActionsError` when the event is not accepted.
        """
        ...

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all events that were accepted before are done; return False if time ran out."""
        ...

    def close(self, timeout: float, *, waited: float = 0.0) -> bool:
        """Accept nothing more, flush, and end; return False if events were left when time ran out.

        `waited` are the seconds that a flush has already waited, for the log.
        """
        ...
