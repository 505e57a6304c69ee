"""Errors of requests: no response came, the destination refused, or the credentials are not valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.errors import RequestError

if TYPE_CHECKING:
    from actions_core.errors import ActionsError
    from actions_core.http.requests import Request, Response

#: The status that says that the credentials are not valid.
UNAUTHORIZED: Final = 401
#: The statuses of credentials that are not valid, or not sufficient.
CREDENTIALS: Final = frozenset({UNAUTHORIZED, 403})
_BAD_REQUEST: Final = 400
_UNAVAILABLE: Final = 503
#: One table of our own: Python names some statuses anew from version to version, and lacks others.
_NAMES: Final = {
    100: "CONTINUE",
    101: "SWITCHING_PROTOCOLS",
    102: "PROCESSING",
    103: "EARLY_HINTS",
    200: "OK",
    201: "CREATED",
    202: "ACCEPTED",
    203: "NON_AUTHORITATIVE_INFORMATION",
    204: "NO_CONTENT",
    205: "RESET_CONTENT",
    206: "PARTIAL_CONTENT",
    207: "MULTI_STATUS",
    208: "ALREADY_REPORTED",
    226: "IM_USED",
    300: "MULTIPLE_CHOICES",
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    304: "NOT_MODIFIED",
    305: "USE_PROXY",
    306: "SWITCH_PROXY",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    402: "PAYMENT_REQUIRED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    407: "PROXY_AUTHENTICATION_REQUIRED",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
    410: "GONE",
    411: "LENGTH_REQUIRED",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    414: "URI_TOO_LONG",
    415: "UNSUPPORTED_MEDIA_TYPE",
    416: "RANGE_NOT_SATISFIABLE",
    417: "EXPECTATION_FAILED",
    418: "IM_A_TEAPOT",
    421: "MISDIRECTED_REQUEST",
    422: "UNPROCESSABLE_ENTITY",
    423: "LOCKED",
    424: "FAILED_DEPENDENCY",
    425: "TOO_EARLY",
    426: "UPGRADE_REQUIRED",
    428: "PRECONDITION_REQUIRED",
    429: "TOO_MANY_REQUESTS",
    431: "REQUEST_HEADER_FIELDS_TOO_LARGE",
    451: "UNAVAILABLE_FOR_LEGAL_REASONS",
    499: "CANCELLED",
    500: "INTERNAL_SERVER_ERROR",
    501: "NOT_IMPLEMENTED",
    502: "BAD_GATEWAY",
    503: "SERVICE_UNAVAILABLE",
    504: "GATEWAY_TIMEOUT",
    505: "HTTP_VERSION_NOT_SUPPORTED",
    506: "VARIANT_ALSO_NEGOTIATES",
    507: "INSUFFICIENT_STORAGE",
    508: "LOOP_DETECTED",
    509: "BANDWIDTH_LIMIT_EXCEEDED",
    510: "NOT_EXTENDED",
    511: "NETWORK_AUTHENTICATION_REQUIRED",
    529: "SITE_IS_OVERLOADED",
}


def status_name(status: int) -> str:
    """Return the stable name of an HTTP status, such as `TOO_MANY_REQUESTS`, else `UNKNOWN_ERROR`."""
    return _NAMES.get(status, "UNKNOWN_ERROR")


class TransportError(RequestError):
    """No response came: the connection was refused, cut, or too slow."""

    default_code = "RETRYABLE_ERROR"
    default_retryable = True


class ResponseError(RequestError):
    """The response is a refusal.

    `response` is the response itself; `hint` says what to do, where that is known, and `said` what the
    response says, where that is not its whole body. The status of one that was judged to be a refusal in
    spite of its 2xx is 400, or 503 where trying again may help.
    """

    def __init__(
        self,
        request: Request,
        response: Response,
        *,
        hint: str = "",
        code: str | None = None,
        retryable: bool | None = None,
        said: str = "",
    ) -> None:
        status = response.status
        if response.ok:
            status = _UNAVAILABLE if retryable else _BAD_REQUEST
        code = status_name(status) if code is None else code
        super().__init__("", code=code, status=status, retryable=retryable)
        self.request = request
        self.response = response
        self.hint = hint
        self.said = said

    def __str__(self) -> str:
        said = self.said or self.response.text[:500].strip()
        text = f"the destination answered {self.response.status}"
        if said:
            text += f": {said}"
        return f"{text}. {self.hint}" if self.hint else text


class AuthenticationError(RequestError):
    """The credentials are not, or no longer, valid."""

    default_code = "INVALID_AUTHENTICATION"
    default_status = UNAUTHORIZED


def is_refusal(error: ActionsError | None) -> bool:
    """Return whether an error says that the credentials are not valid, or not sufficient."""
    return error is not None and (isinstance(error, AuthenticationError) or error.status in CREDENTIALS)
