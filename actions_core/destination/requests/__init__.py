"""Requests that a definition writes itself, compiled to handlers like any function.

Whatever comes out of such a request comes from events and settings: it is taken only in the form that HTTP
has for it. What it is written over stands in `scope`.
"""

from __future__ import annotations

from actions_core.destination.requests.base import SharedBase
from actions_core.destination.requests.handlers import written_handlers

__all__ = ["SharedBase", "written_handlers"]
