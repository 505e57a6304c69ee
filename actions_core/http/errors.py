"""Errors of requests: no response came, the destination refused, or the credentials are not valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.errors import RequestError

if TYPE_CHECKING:
    from actions_core.http.requests import Request, Response

#: The status that says that the credentials are not valid.
UNAUTHORIZED: Final = 401
# Statuses that HTTP does not define, but that servers send.
_OTHER_STATUS_NAMES: Final = {529: "SITE_IS_OVERLOADED"}


def status_name(status: int) -> str:
    """Return the stable name of an HTTP status, such as `TOO_MANY_REQUESTS`, else `UNKNOWN_ERROR`."""
    from http import HTTPStatus  # costly, and only failures need it

    try:
        return HTTPStatus(status).name
    except ValueError:
        return _OTHER_STATUS_NAMES.get(status, "UNKNOWN_ERROR")


class TransportError(RequestError):
    """No response came: the connection was refused, cut, or too slow."""

    default_code = "RETRYABLE_ERROR"
    default_retryable = True


class ResponseError(RequestError):
    """The response is a refusal.

    `response` is the response itself; `hint` says what to do, where that is known.
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
    """The credentials are not, or no longer, valid."""

    default_code = "INVALID_AUTHENTICATION"
    default_status = UNAUTHORIZED
