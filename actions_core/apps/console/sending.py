"""Send one event through an edited subscription, because a person asks for it.

This is the only thing on a mapping's page that leaves the machine. It is logged, and it goes through the
engine that delivers here, with its settings and tokens, and is told as any other delivery is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from actions_core.apps.console.preview import subscription_of
from actions_core.errors import WorkspaceError

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk
    from actions_core.engine.results import Result
    from actions_core.values.types import Json, JsonObject

LOGGER: Final = logging.getLogger("actions_core.console")


async def send_event(desk: Desk, instance: str, subscription: JsonObject, event: Json) -> Result:
    """Deliver an event through a subscription as it is edited, and through no other.

    Raises `ActionsError` where it could not even be tried.
    """
    if desk.engine is None:
        listed = "; ".join(str(problem) for problem in desk.problems if problem.is_error)
        raise WorkspaceError(f"nothing can be sent while the workspace is faulty: {listed}")
    taken = desk.engine.check(event)
    desk.feed.ring.remember(taken)
    result = await desk.engine.try_subscription(instance, subscription_of(subscription), taken)
    LOGGER.info(
        "sent by a person: %s, %s, event %s: %s",
        instance,
        result.subscription,
        result.message_id,
        result.status,
    )
    return result
