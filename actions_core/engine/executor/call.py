"""Questions to a destination that come from a person, not from an event: hooks, choices, audiences, tokens.

They go through the same client as events do, so the same rules of trying, timing and masking hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core.destination.context import Context
from actions_core.engine.executor.client import Client
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Handler
    from actions_core.destination.context import Scope
    from actions_core.engine.executor.client import Line
    from actions_core.values.types import JsonObject


async def ask(
    handler: Handler,
    given: JsonObject,
    *,
    line: Line,
    scope: Scope,
    event: JsonObject | None = None,
    hints: Mapping[int, str] | None = None,
) -> Any:
    """What a function of the destination answers; a `Request` that it gives is sent, and answered."""
    context = Context(scope, {} if event is None else event)
    client = Client(line, context, {} if hints is None else hints)
    answer = handler.call(given, context, client)
    if handler.is_async:
        answer = await answer
    if isinstance(answer, Request):
        answer = await client.send(answer)
    return answer
