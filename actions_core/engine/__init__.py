"""The engine: events go in, reports come out."""

from __future__ import annotations

from actions_core.engine.asking import Audience, Choices
from actions_core.engine.engine import Engine
from actions_core.engine.explain import Delivery, Explanation
from actions_core.engine.watch import Tracing

__all__ = ["Audience", "Choices", "Delivery", "Engine", "Explanation", "Tracing"]
