"""A transport that responds from a list, or by a function of the request, and records its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from actions_core.http.requests import Request, Response
from actions_core.values.json_bytes import json_bytes
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actions_core.values.types import Json

    #: A response, an error to raise in its place, or a function that makes either from the request.
    PreparedResponse: TypeAlias = Response | Exception | Callable[[Request], Response | Exception]

_EMPTY = Response(200, {"content-type": "application/json"}, b"{}")


def make_response(
    status: int = 200,
    *,
    json: Json = MISSING,
    body: bytes | str = b"",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response as an API would send it, with `json` or another `body`."""
    known = {name.lower(): value for name, value in (headers or {}).items()}
    if json is not MISSING:
        return Response(status, {"content-type": "application/json", **known}, json_bytes(json))
    return Response(status, known, body.encode() if isinstance(body, str) else body)


class RecordingTransport:
    """Gives each request the next of `responses`, then 200 `{}`; `requests` contains all of them.

    A function in place of the list responds to every request by what it is. The requests are what a
    network would get, secrets included: with absolute URLs and a body that can be written.
    """

    def __init__(
        self,
        responses: Iterable[PreparedResponse] | Callable[[Request], Response | Exception] = (),
    ) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._respond = responses if callable(responses) else None
        self._responses = [] if callable(responses) else list(responses)

    async def send(self, request: Request) -> Response:
        """Record the request and return its response."""
        request.content()  # what cannot be written must fail here as it would on the wire
        self.requests.append(request)
        reply: PreparedResponse = self._responses.pop(0) if self._responses else _EMPTY
        if self._respond is not None:
            reply = self._respond
        if not isinstance(reply, (Response, Exception)):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """Record that the transport was closed."""
        self.closed = True
