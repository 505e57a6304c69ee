"""FullStory (cloud mode): users and events from servers and cloud apps."""

from __future__ import annotations

from actions_fullstory import batch_import  # noqa: F401 - registers its functions with the destination
from actions_fullstory.handlers import destination

__all__ = ["destination"]
