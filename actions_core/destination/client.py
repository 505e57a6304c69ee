"""Types that handlers are given and return: a client for their requests, new tokens, choices, audiences.

The engine implements the client; the types stand here so that destinations need nothing from above them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from actions_core.errors import DefinitionError
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from actions_core.http.requests import Request, Response
    from actions_core.values.types import JsonObject


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


def _seconds(value: object) -> float | None:
    """Return a life in seconds, as APIs write it: a number, or a str of digits."""
    if value is None:
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type] # see below
    except (TypeError, ValueError):
        seconds = math.nan
    if math.isnan(seconds):
        raise DefinitionError(f"expires_in must be a number of seconds but it is {kind(value)}")
    return seconds


@attrs.frozen(repr=False)
class Tokens:
    """The result of a refresh: a new access token, and a new refresh token where the old one is used up.

    `expires_in` is the life of the access token in seconds, as the API gives it: the token is then renewed
    before it ends. Without it, or with 0, a token is renewed when a request with it is refused.
    """

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = attrs.field(default=None, converter=_seconds)


@attrs.frozen
class Choices:
    """The choices of a dynamic field: `{label, value, description?, type?}` each, and the next page's token.

    `error` is `{message, code}` where the choices could not be had.
    """

    choices: tuple[JsonObject, ...] = ()
    next_page: str | None = None
    error: JsonObject | None = None

    def to_dict(self) -> JsonObject:
        """Return the choices as JSON, in Segment's spelling."""
        shown: JsonObject = {"choices": list(self.choices)}
        if self.next_page is not None:
            shown["nextPage"] = self.next_page
        if self.error is not None:
            shown["error"] = dict(self.error)
        return shown


@attrs.frozen
class Audience:
    """An audience as the destination knows it."""

    external_id: str
