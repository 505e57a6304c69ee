"""The contact of an event, which the company of the same event is associated with.

Both are subscriptions of one instance, which run at the same time: so the one for the company waits a moment
for the one for the contact to begin, and longer for it to end. What comes later finds the contact's ID.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from actions_core import RequestError

if TYPE_CHECKING:
    from actions_core import Context

#: How long the contact of an event is remembered, in seconds.
_REMEMBERED: Final = 3600.0
_PAUSE: Final = 0.01
#: How often is looked for a contact that nobody writes, and for one that is being written.
_LOOKS: Final = 10
_MOST_LOOKS: Final = 500
_FAILED_DEPENDENCY: Final = 424


def contact_starts(context: Context) -> None:
    """Note that the contact of an event is being written, unless it is known already."""
    if not context.state.get(_key(context)):
        context.state.set(_key(context), "", _REMEMBERED)


def contact_is(context: Context, contact: str) -> None:
    """Remember the contact of an event; an empty ID is forgotten."""
    context.state.set(_key(context), contact, _REMEMBERED if contact else 0)


def contact_fails(context: Context) -> None:
    """Forget a contact that could not be written, so that nobody waits for it."""
    contact_is(context, "")


async def contact_of(context: Context) -> str:
    """Return the contact of an event. Raises `RequestError` where there is none, to be tried again."""
    for look in range(_MOST_LOOKS):
        found = context.state.get(_key(context))
        if isinstance(found, str) and found:
            return found
        if found is None and look >= _LOOKS:
            break
        await asyncio.sleep(_PAUSE)
    message = (
        "There is no contact of this event to associate the company with: a subscription of the same "
        "instance has to send the event to Upsert Contact, or associateContact has to be false."
    )
    raise RequestError(message, code="CONTACT_MISSING", status=_FAILED_DEPENDENCY, retryable=True)


def _key(context: Context) -> str:
    return f"contact of {context.event.get('messageId')}"
