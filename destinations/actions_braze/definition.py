"""The destination itself, to which the other modules add their functions, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core import Destination, PayloadError

if TYPE_CHECKING:
    from actions_core import Context, Json, JsonObject

destination: Final = Destination.from_package(__package__)


def sync_mode(context: Context) -> str | None:
    """Return the sync mode of a mapping, the action's default where it names none."""
    spec = destination.spec.actions[context.action].sync_mode
    return None if spec is None else context.sync_mode or spec.default


def alias_of(payload: JsonObject) -> JsonObject | None:
    """Return an alias that has both of its parts, which alone names a user."""
    alias = payload.get("user_alias") or {}
    parts = {key: alias.get(key) for key in ("alias_label", "alias_name")}
    return parts if all(parts.values()) else None


def errors_of(body: Json) -> list[JsonObject]:
    """Return the errors that a response with any status may have: not everything was taken."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def refusal(error: JsonObject) -> PayloadError:
    """Return what one of Braze's errors says."""
    return PayloadError(f"Braze says: {error.get('type') or error.get('message') or 'no reason'}")
