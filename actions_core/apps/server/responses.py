"""Responses as both protocols write them: JSON, and errors with a code and a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.http.requests import Response
from actions_core.values.json_bytes import json_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.values.types import Json

_JSON: Final = {"Content-Type": "application/json"}
_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}


def json_response(value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a value as JSON."""
    return Response(status, {**_JSON, **headers} if headers else _JSON, json_bytes(value))


#: The response to everything that was accepted.
SUCCESS: Final = json_response({"success": True})


def text_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with plain text."""
    return Response(status, {**_TEXT, **(headers or {})}, text.encode())


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error as clients read it; with `retry_after`, they send again after so many seconds."""
    more = dict(headers or {})
    if retry_after is not None:
        more["Retry-After"] = str(retry_after)
    return json_response({"success": False, "code": code, "message": message}, status, more)
