"""Numbers of a server, for whoever collects them: what is not asked for is not counted."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Counts what comes in. It is called in the event loop, for every request: it must not wait."""

    def note_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request to a route, and how long it took."""

    def note_events(self, source: str, outcome: str, count: int) -> None:
        """Count events of a source by what became of them: accepted, duplicate, or a code of a rejection."""


class NoMeter:
    """Counts nothing."""

    def note_request(self, route: str, status: int, seconds: float) -> None:
        """Do nothing."""

    def note_events(self, source: str, outcome: str, count: int) -> None:
        """Do nothing."""
