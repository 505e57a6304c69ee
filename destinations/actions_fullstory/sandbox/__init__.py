"""A stand-in for FullStory's server API: a real server on this machine, for demos and tests."""

from __future__ import annotations

from actions_fullstory.sandbox.batches import Limits
from actions_fullstory.sandbox.faults import Fault
from actions_fullstory.sandbox.server import FullStorySandbox, serve

__all__ = ["Fault", "FullStorySandbox", "Limits", "serve"]
