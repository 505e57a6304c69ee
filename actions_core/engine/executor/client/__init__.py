"""How a request gets its answer: prepared, tried, tried again, judged; and how expired tokens are renewed."""

from __future__ import annotations

from actions_core.engine.executor.client.client import Client, DryRunClient, Line, Rehearsed, unprepared
from actions_core.engine.executor.client.deadlines import Deadlines
from actions_core.engine.executor.client.tokens import TokenKeeper, Tokens
from actions_core.engine.executor.client.waiting import Gate, Switch
from actions_core.http.retry import DEFAULT_TIMEOUT

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
