"""Send the requests of an instance: prepared, tried, retried, judged; and renew expired tokens."""

from __future__ import annotations

from actions_core.engine.executor.client.admission import Admission, ClosedBeforeTurnError
from actions_core.engine.executor.client.client import (
    Connection,
    DryRunClient,
    DryRunEnd,
    EventClient,
    unprepared,
)
from actions_core.engine.executor.client.tokens import TokenKeeper
from actions_core.engine.executor.client.waiting import (
    Deadlines,
    LimitExpired,
    OneShotEvent,
    Semaphore,
    current_task,
    let_through,
)

__all__ = [
    "Admission",
    "ClosedBeforeTurnError",
    "Connection",
    "Deadlines",
    "DryRunClient",
    "DryRunEnd",
    "EventClient",
    "LimitExpired",
    "OneShotEvent",
    "Semaphore",
    "TokenKeeper",
    "current_task",
    "let_through",
    "unprepared",
]
