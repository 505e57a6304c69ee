"""`expect`: which responses of an API are a success, and what a refusal says.

Conditions and mappings of an expectation are written over the response: `status`, `headers` (names in lower
case) and `body`, which is JSON where it can be read as such, else text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from actions_core.errors import ActionsError
from actions_core.http.requests import Refusal
from actions_core.mapping import compile_mapping
from actions_core.subscriptions import parse_filter
from actions_core.values.javascript import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions_core.http.requests import Response
    from actions_core.values.types import Json, JsonObject

    #: Tells if a response is a success; a `Refusal` says why it is none, False leaves that to its status.
    Judge: TypeAlias = Callable[[Response], bool | Refusal]

#: What there is of a response.
RESPONSE: Final[Mapping[str, None]] = {"status": None, "headers": None, "body": None}
_LONGEST_SAID: Final = 500


def response_scope(response: Response) -> JsonObject:
    """Return what expectations and results are written over."""
    body = response.json
    return {
        "status": response.status,
        "headers": dict(response.headers),
        "body": response.text if body is None else body,
    }


def compile_judge(raw: JsonObject | None) -> Judge | None:
    """Compile the checked `expect` of a request; None where it has none."""
    if not raw:
        return None
    also = frozenset(raw.get("status") or ())
    holds = None if raw.get("if") is None else parse_filter(raw["if"]).matches
    retry = None if raw.get("retry") is None else parse_filter(raw["retry"]).matches
    expired = None if raw.get("unauthorized") is None else parse_filter(raw["unauthorized"]).matches
    message = None if raw.get("message") is None else compile_mapping({"message": raw["message"]}).resolve

    def judge(response: Response) -> bool | Refusal:
        accepted = response.ok or response.status in also
        if accepted and holds is None:
            return True
        scope = response_scope(response)
        if accepted and holds is not None and holds(scope):
            return True
        again = None if retry is None else retry(scope)
        # A refusal in a 2xx has no status that would say what to do.
        retryable = again or (None if not response.ok else False)
        return Refusal(_said(message, scope), retryable, expired is not None and expired(scope))

    return judge


def _said(message: Callable[[JsonObject], Json] | None, scope: JsonObject) -> str:
    """Return what the response says, empty where that cannot be had: its body is shown then."""
    if message is None:
        return ""
    try:
        value = message(scope).get("message")
    except ActionsError:
        return ""
    return to_text(value)[:_LONGEST_SAID] if value is not None else ""
