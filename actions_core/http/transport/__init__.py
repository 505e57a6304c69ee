"""The transport over the network, made when the first request needs it.

The one over the network is in `http` and what that imports, apart, because they alone import aiohttp and that
costs more than all the rest of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable

    from actions_core.http.requests import Request, Response, Transport


def public_only(transport: Transport) -> Transport:
    """Return the transport for what may reach public addresses only."""
    make: Callable[[], Transport] | None = getattr(transport, "public_only", None)
    return transport if make is None else make()


async def close_transport(transport: Transport, logger: logging.Logger) -> None:
    """Close a transport. What it raises is logged: whoever closes it has other things to close."""
    try:
        await transport.close()
    except Exception as error:  # an application's own transport may raise anything
        logger.error("the transport could not be closed: %s", type(error).__name__)  # noqa: TRY400 - it comes at DEBUG
        logger.debug("the traceback", exc_info=error)


class LazyTransport:
    """Make the transport over the network at the first request: an engine that only explains needs none."""

    __slots__ = ("_guarded", "_public_only", "_transport", "send")

    def __init__(self, *, public_only: bool = False) -> None:
        self._public_only = public_only
        self._guarded: LazyTransport | None = None
        self._transport: Transport | None = None
        self.send: Callable[[Request], Awaitable[Response]] = self._first

    def public_only(self) -> LazyTransport:
        """Return the transport for public addresses only, which is closed together with this one."""
        if self._guarded is None:
            self._guarded = LazyTransport(public_only=True)
        return self._guarded

    async def _first(self, request: Request) -> Response:
        if self._transport is None:
            from actions_core.http.transport.http import AiohttpTransport

            self._transport = AiohttpTransport(public_only=self._public_only)
            # From here on the call goes straight there.
            self.send = self._transport.send
        return await self._transport.send(request)

    async def close(self) -> None:
        """Close what was made."""
        try:
            if self._guarded is not None:
                await self._guarded.close()
        finally:
            if self._transport is not None:
                try:
                    await self._transport.close()
                finally:
                    self._transport = None
                    self.send = self._first
