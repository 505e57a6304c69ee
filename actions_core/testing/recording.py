"""A transport that answers from a list and notes what it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from actions_core.http.requests import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    #: An answer, an error to raise in its place, or a function that makes either from the request.
    Reply: TypeAlias = Response | Exception | Callable[[Request], Response | Exception]

_EMPTY = Response(200, {"content-type": "application/json"}, b"{}")


class RecordingTransport:
    """Answers each request with the next of `responses`, then with 200 `{}`; `requests` holds all of them.

    The requests are what a network would get, secrets included: absolute, with a body that can be
    written.
    """

    def __init__(self, responses: Iterable[Reply] = ()) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._responses = list(responses)

    async def send(self, request: Request) -> Response:
        """Note the request and answer it."""
        request.content()  # what cannot be written must fail here as it would on the wire
        self.requests.append(request)
        reply: Reply = self._responses.pop(0) if self._responses else _EMPTY
        if not isinstance(reply, (Response, Exception)):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True
