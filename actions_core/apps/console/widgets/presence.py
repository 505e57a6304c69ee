"""What happens on a page once its browser is there; whoever only fetches the page keeps nothing waiting."""

from __future__ import annotations

from typing import Final

from nicegui import ui
from nicegui.client import ClientConnectionTimeout

#: Seconds in which a browser connects, or it is none.
_LONGEST: Final = 30.0


async def browser_is_there() -> bool:
    """Wait until the browser has connected; return whether it did."""
    client = ui.context.client
    try:
        await client.connected(timeout=_LONGEST)
    except ClientConnectionTimeout:
        return False
    return not client.is_deleted
