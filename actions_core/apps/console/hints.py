"""What a failure means for a person, and which page helps: by its code, which is stable, not by its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

from actions_core.apps.console import addresses

if TYPE_CHECKING:
    from actions_core.apps.console.desk import Desk

Kind = Literal["mapping", "settings", "destination", "missing", "wait", "event", "code", "none"]

_MAPPING: Final = {
    "PAYLOAD_VALIDATION_FAILED",
    "MAPPING_INVALID",
    "BAD_REQUEST",
    "UNPROCESSABLE_ENTITY",
    "REQUEST_INVALID",
    "NO_USER",
    "PAYLOAD_TOO_LARGE",
}
_SETTINGS: Final = {
    "UNAUTHORIZED",
    "FORBIDDEN",
    "INVALID_AUTHENTICATION",
    "REFRESH_TOKEN_EXPIRED",
    "OAUTH_REFRESH_FAILED",
    "SETTINGS_INVALID",
    "INSTANCE_DISABLED",
    "PAYMENT_REQUIRED",
}
_DESTINATION: Final = {
    "INTERNAL_SERVER_ERROR",
    "BAD_GATEWAY",
    "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
    "TOO_MANY_REQUESTS",
    "REQUEST_TIMEOUT",
    "TIMEOUT",
    "RETRYABLE_ERROR",
    "REQUEST_FAILED",
    "SELF_TIMEOUT",
    "OUTCOME_UNKNOWN",
    "INTERRUPTED",
}
_CODES: Final[dict[Kind, set[str]]] = {
    "mapping": _MAPPING,
    "settings": _SETTINGS,
    "destination": _DESTINATION,
    "missing": {"NOT_FOUND", "GONE"},
    "code": {"HANDLER_FAILED"},
}
_SENTENCES: Final[dict[Kind, str]] = {
    "mapping": "What this mapping makes of the event was not accepted: mend the mapping, then replay.",
    "settings": "The destination did not accept the settings of this instance: check them, then replay.",
    "destination": "The destination did not answer as it should. Events that wait are tried again by "
    "themselves; replay those that were given up once it works.",
    "missing": "The destination does not know what this was meant for, such as a user: see that it is there "
    "and that the mapping names it, and that the address in the settings is right, then replay.",
    "wait": "It is tried again by itself; there is nothing to do.",
    "event": "The event itself is not one: whoever sends it has to mend it.",
    "code": "The destination's own code failed: its author has to look at this.",
    "none": "",
}


@attrs.frozen
class Hint:
    """What to do about a failure: a sentence, and a kind that says which page helps."""

    kind: Kind
    sentence: str


def hint_on(code: str, status: str) -> Hint:
    """Return what to do about a delivery of that status and code."""
    kind: Kind = "none"
    if status == "retrying":
        kind = "wait"
    elif status == "failed":
        kind = _kind_of(code)
    return Hint(kind, _SENTENCES[kind])


def _kind_of(code: str) -> Kind:
    if code.startswith("EVENT_"):
        return "event"
    return next((kind for kind, codes in _CODES.items() if code in codes), "none")


def code_words(code: str) -> str:
    """Return a code as words: `PAYLOAD_VALIDATION_FAILED` is `Payload validation failed`."""
    words = code.replace("_", " ").strip().lower()
    return f"{words[:1].upper()}{words[1:]}" if words else "Failed"


def mapping_address(desk: Desk, instance: str, subscription: str, **state: str | int | None) -> str | None:
    """Return the address of a subscription's mapping, None where the workspace does not have it any more."""
    found = desk.instances.get(instance)
    if found is None:
        return None
    for number, pipeline in enumerate(found.pipelines):
        if pipeline.name == subscription:
            return addresses.mapping(instance, number, **state)
    return None
