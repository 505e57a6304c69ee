"""What leaves the machine because a person asks for it: one event that is sent, choices that are looked up.

Both go through the engine that delivers here, with its settings and tokens. What is sent is logged, and told
as any other delivery is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from actions_core.apps.console.preview import subscription_of
from actions_core.errors import ActionsError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core.apps.console.desk import Desk
    from actions_core.engine import Engine
    from actions_core.engine.results import Result
    from actions_core.values.types import Json, JsonObject

LOGGER: Final = logging.getLogger("actions_core.console")


def _engine(desk: Desk) -> Engine:
    if desk.engine is None:
        listed = "; ".join(str(problem) for problem in desk.problems if problem.is_error)
        raise WorkspaceError(f"nothing can be sent while the workspace is faulty: {listed}")
    return desk.engine


async def list_choices(
    desk: Desk, instance: str, action: str, field: str, payload: JsonObject
) -> Sequence[JsonObject]:
    """Return what can be chosen for a field, `{label, value}` each, as the destination tells it.

    Raises `ActionsError` where it does not.
    """
    found = await _engine(desk).list_choices(instance, action, field, payload=payload)
    if found.error is not None:
        raise ActionsError(str(found.error.get("message") or "there are no choices"))
    return found.choices


async def send_event(desk: Desk, instance: str, subscription: JsonObject, event: Json) -> Result:
    """Deliver an event through a subscription as it is edited, and through no other.

    Raises `ActionsError` where it could not even be tried.
    """
    engine = _engine(desk)
    taken = engine.check(event)
    desk.feed.ring.remember(taken)
    result = await engine.try_subscription(instance, subscription_of(subscription), taken)
    LOGGER.info(
        "sent by a person: %s, %s, event %s: %s",
        instance,
        result.subscription,
        result.message_id,
        result.status,
    )
    return result
