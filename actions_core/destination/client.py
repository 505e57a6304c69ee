"""Types that asynchronous handlers are given and return: a client for their requests, and new tokens.

The engine implements the client; the types stand here so that destinations need nothing from above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from actions_core.http.requests import Request, Response


class Client(Protocol):
    """Sends the requests of one event in one subscription: `response = await client.send(request)`."""

    __slots__ = ()

    def send(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Send `request` and return its successful response.

        Raises `TransportError` when there is no response, `AuthenticationError` for a 401 and
        `ResponseError` for any other status but 2xx, each after as many tries as the instance's policy
        allows.
        """
        ...


@attrs.frozen(repr=False)
class Tokens:
    """The result of a refresh: a new access token, and a new refresh token where the old one is used up."""

    access_token: str
    refresh_token: str | None = None
