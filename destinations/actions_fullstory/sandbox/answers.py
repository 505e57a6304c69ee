"""Responses of the stand-in: FullStory's successes and its documented errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from actions_core import MISSING, Response

if TYPE_CHECKING:
    from actions_core import Json

_JSON: Final = {"content-type": "application/json"}


class Refusal(Exception):  # noqa: N818 - FullStory refuses, nothing went wrong here
    """A refusal in FullStory's form: a status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    @property
    def response(self) -> Response:
        """Return the refusal as a response."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return answer({"message": self.message, "code": self.code}, self.status, headers)


def answer(body: Json = MISSING, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Make a response with a JSON body, or without a body."""
    content = b"" if body is MISSING else json.dumps(body).encode()
    return Response(status, {**_JSON, **(headers or {})}, content)


def missing(name: str) -> Refusal:
    """Refuse a request that lacks something required."""
    return Refusal(400, "required_field", f"{name} is required")


def invalid(message: str) -> Refusal:
    """Refuse an invalid value."""
    return Refusal(400, "invalid_argument", message)


def unauthorized() -> Refusal:
    """Refuse a key that is not known."""
    return Refusal(401, "unauthorized", "access is unauthorized")


def forbidden() -> Refusal:
    """Refuse what the key's role does not allow."""
    return Refusal(403, "forbidden", "insufficient permissions")


def not_found() -> Refusal:
    """Refuse a request for something unknown."""
    return Refusal(404, "resource_not_found", "Requested resource does not exist")


def user_not_found() -> Refusal:
    """Refuse a request for an unknown user."""
    return Refusal(404, "user_not_found", "user not found")


def too_many(message: str, retry_after: int) -> Refusal:
    """Refuse a request over a limit that time lifts."""
    return Refusal(429, "too_many_requests", message, retry_after=retry_after)


def server_error() -> Refusal:
    """Fail with a server error."""
    return Refusal(500, "server_error", "internal server error")
