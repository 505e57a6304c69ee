"""What a destination sent and got, as the tester shows it: exchanges, and faults. Secrets are masked.

Headers that carry credentials lose their values, whatever these are; in bodies and addresses, secrets are
found by their values.
"""

from __future__ import annotations

import re
from http.client import responses as status_texts
from typing import TYPE_CHECKING, Final

from actions_core.errors import PayloadError, SettingsError
from actions_core.http.curl import all_headers
from actions_core.http.errors import ResponseError
from actions_core.http.spellings import MASKED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.errors import ActionsError
    from actions_core.http.masking import Mask
    from actions_core.http.requests import Request, Response, Transport
    from actions_core.values.types import Json, JsonObject

REDACTED: Final = "<redacted>"
_REDACTED_HEADERS: Final = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "www-authenticate",
        "proxy-authenticate",
        "x-csrf-token",
        "x-xsrf-token",
        "x-api-key",
        "x-client-id",
        "x-uid",
        "x-requested-with",
        "x-forwarded-for",
        "x-real-ip",
        "x-amz-security-token",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-user-agent",
    }
)
#: The place in a file that the error of a handler names: the folder is nobody's business.
_PLACE: Final = re.compile(r"\((?:[^()\n]*[/\\])([^/\\()\n]+:\d+)\)")
_FAILED: Final = 500


class Recorder:
    """A transport that notes each request which had a response."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._kept: list[tuple[Request, Response]] = []

    async def send(self, request: Request) -> Response:
        """Send a request over the other transport."""
        response = await self._transport.send(request)
        self._kept.append((request, response))
        return response

    async def close(self) -> None:
        """Do nothing: the other transport is shared."""

    def exchanges(self, mask: Mask) -> list[Json]:
        """Return the exchanges so far, in their order."""
        return [_exchange(mask.request(request), mask.response(response)) for request, response in self._kept]


def _exchange(request: Request, response: Response) -> JsonObject:
    body = request.content()[0]
    data: Json = response.json
    return {
        "request": {
            "url": request.url,
            "method": request.method,
            "headers": _headers(all_headers(request)),
            "body": "" if body is None else body.decode("utf-8", "replace"),
        },
        "response": {
            "statusCode": response.status,
            "statusMessage": status_texts.get(response.status, ""),
            "headers": _headers(response.headers),
            "body": response.text if data is None else data,
        },
    }


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.lower(): REDACTED if name.lower() in _REDACTED_HEADERS or MASKED in value else value
        for name, value in headers.items()
    }


def fault(error: ActionsError, mask: Mask | None = None) -> JsonObject:
    """Return an error as an action's response has it."""
    shown: JsonObject = {
        "statusCode": error.status or _FAILED,
        "message": message_of(error, mask),
        "requestError": True,
    }
    fields = fields_of(error)
    return {**shown, "fields": fields} if fields else shown


def message_of(error: ActionsError, mask: Mask | None = None) -> str:
    """Return the words of an error: those of the destination, where it responded."""
    said = error.response.text if isinstance(error, ResponseError) else ""
    text = _PLACE.sub(r"(\1)", said or str(error))
    return text if mask is None else mask.text(text)


def fields_of(error: ActionsError) -> JsonObject:
    """Return what is wrong with each field, where that is the error."""
    if not isinstance(error, PayloadError | SettingsError):
        return {}
    return {problem.path.removeprefix("$."): problem.message for problem in error.problems}
