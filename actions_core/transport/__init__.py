"""What sends requests: a protocol of two methods, so that anything can stand behind it.

The one over the network is in `http`, apart, because it is the only module that imports aiohttp and
that costs more than all the rest of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from actions_core.requests import Request, Response


class Transport(Protocol):
    """What sends requests. Give an engine one of your own to put another network, or none, behind it."""

    async def send(self, request: Request) -> Response:
        """Send an absolute request and give the whole answer, whatever its status.

        Raises `TransportError` when no answer came. The time limit is the caller's, who cancels.
        """
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...
