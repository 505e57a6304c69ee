"""Braze: users, events and purchases from servers, catalogs, campaigns and Canvases."""

from __future__ import annotations

from actions_braze import catalogs, handlers, tracking  # noqa: F401 - register their functions
from actions_braze.definition import destination

__all__ = ["destination"]
