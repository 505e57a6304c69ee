"""A transport that responds from a list and records its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from actions_core.http.requests import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    #: A response, an error to raise in its place, or a function that makes either from the request.
    PreparedResponse: TypeAlias = Response | Exception | Callable[[Request], Response | Exception]

_EMPTY = Response(200, {"content-type": "application/json"}, b"{}")


class RecordingTransport:
    """Gives each request the next of `responses`, then 200 `{}`; `requests` contains all of them.

    The requests are what a network would get, secrets included: with absolute URLs and a body that can
    be written.
    """

    def __init__(self, responses: Iterable[PreparedResponse] = ()) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._responses = list(responses)

    async def send(self, request: Request) -> Response:
        """Record the request and return its response."""
        request.content()  # what cannot be written must fail here as it would on the wire
        self.requests.append(request)
        reply: PreparedResponse = self._responses.pop(0) if self._responses else _EMPTY
        if not isinstance(reply, (Response, Exception)):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """Record that the transport was closed."""
        self.closed = True
