"""The engine: events go in, reports come out."""

from __future__ import annotations

from actions_core.destination.client import Audience, Choices
from actions_core.engine.engine import Engine
from actions_core.engine.explain import Explanation, SubscriptionExplanation
from actions_core.engine.observers import Tracing

__all__ = ["Audience", "Choices", "Engine", "Explanation", "SubscriptionExplanation", "Tracing"]
