"""Customer.io: people, their events and devices, and objects from servers."""

from __future__ import annotations

from actions_customerio.handlers import destination

__all__ = ["destination"]
