"""FullStory (cloud mode): users and events from servers and cloud apps."""

from __future__ import annotations

from destinations.fullstory import imports  # noqa: F401 - notes its functions with the destination
from destinations.fullstory.handlers import destination

__all__ = ["destination"]
