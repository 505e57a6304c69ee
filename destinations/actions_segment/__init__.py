"""Segment: events forwarded to its tracking API, all of it in JSON."""

from __future__ import annotations

from actions_core import Destination

__all__ = ["destination"]

destination = Destination.from_package(__package__)
