"""How a request gets its answer: prepared, tried, tried again, judged; and how expired tokens are renewed."""

from __future__ import annotations

from actions_core.client.client import (
    DEFAULT_TIMEOUT,
    Client,
    DryRunClient,
    Line,
    Rehearsed,
    unprepared,
)
from actions_core.client.deadlines import Deadlines
from actions_core.client.tokens import TokenKeeper, Tokens
from actions_core.client.waiting import Gate, Switch

__all__ = [
    "DEFAULT_TIMEOUT",
    "Client",
    "Deadlines",
    "DryRunClient",
    "Gate",
    "Line",
    "Rehearsed",
    "Switch",
    "TokenKeeper",
    "Tokens",
    "unprepared",
]
