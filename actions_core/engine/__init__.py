"""The engine: events go in, reports come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.values.lazy import lazy_names

if TYPE_CHECKING:
    from actions_core.destination.client import Audience, Choices
    from actions_core.engine.engine import Engine
    from actions_core.engine.explain import Explanation, SubscriptionExplanation
    from actions_core.engine.observers import Tracing
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Audience": "on_demand",
            "Choices": "on_demand",
            "Engine": "engine",
            "Explanation": "explain",
            "SubscriptionExplanation": "explain",
            "Tracing": "observers",
        },
    )

__all__ = [
    "Audience",
    "Choices",
    "Engine",
    "Explanation",
    "SubscriptionExplanation",
    "Tracing",
]
