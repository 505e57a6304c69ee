"""The engine: events go in, reports come out."""

from __future__ import annotations

from actions_core.engine.engine import Engine
from actions_core.engine.explain import Delivery, Explanation

__all__ = ["Delivery", "Engine", "Explanation"]
