"""What sends requests: a protocol of two methods, so that anything can stand behind it.

The one over the network is in `http`, apart, because it is the only module that imports aiohttp and
that costs more than all the rest of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actions_core.requests import Request, Response


class Transport(Protocol):
    """What sends requests. Give an engine one of your own to put another network, or none, behind it."""

    def send(self, request: Request) -> Awaitable[Response]:
        """Send an absolute request and give the whole answer, whatever its status.

        Raises `TransportError` when no answer came. The time limit is the caller's, who cancels.
        """
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...


class LazyTransport:
    """The transport over the network, made at the first request: an engine that only explains needs none."""

    __slots__ = ("_transport", "send")

    def __init__(self) -> None:
        self._transport: Transport | None = None
        self.send: Callable[[Request], Awaitable[Response]] = self._first

    async def _first(self, request: Request) -> Response:
        if self._transport is None:
            from actions_core.transport.http import AiohttpTransport

            self._transport = AiohttpTransport()
            # From here on the call goes straight there.
            self.send = self._transport.send
        return await self._transport.send(request)

    async def close(self) -> None:
        """Close what was made."""
        if self._transport is not None:
            await self._transport.close()
            self._transport = None
            self.send = self._first
