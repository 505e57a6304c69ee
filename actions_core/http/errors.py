"""Errors of requests: no response came, the destination refused, or the credentials are not valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.errors import RequestError

if TYPE_CHECKING:
    from actions_core.http.requests import Request, Response

# Statuses that HTTP does not define but servers do send.
_OTHER_STATUS_NAMES: Final = {529: "SITE_IS_OVERLOADED"}


def status_name(status: int) -> str:
    """The stable word for an HTTP status, such as `TOO_MANY_REQUESTS`; `UNKNOWN_ERROR` if it has none."""
    from http import HTTPStatus  # costly, and only what fails needs it

    try:
        return HTTPStatus(status).name
    except ValueError:
        return _OTHER_STATUS_NAMES.get(status, "UNKNOWN_ERROR")


class TransportError(RequestError):
    """No answer came: the connection was refused, cut, or too slow."""

    default_code = "RETRYABLE_ERROR"
    default_retryable = True


class ResponseError(RequestError):
    """An answer came, and it was a refusal.

    `response` holds it; `hint` says what to do, where that is known.
    """

    def __init__(
        self,
        request: Request,
        response: Response,
        *,
        hint: str = "",
        code: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        code = status_name(response.status) if code is None else code
        super().__init__("", code=code, status=response.status, retryable=retryable)
        self.request = request
        self.response = response
        self.hint = hint

    def __str__(self) -> str:
        said = self.response.text[:500].strip()
        text = f"the destination answered {self.response.status}"
        if said:
            text += f": {said}"
        return f"{text}. {self.hint}" if self.hint else text


class AuthenticationError(RequestError):
    """The credentials are not, or no longer, good."""

    default_code = "INVALID_AUTHENTICATION"
    default_status = 401
