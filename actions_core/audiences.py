"""Whether an event says that its user is in an audience, and what it says of the audience.

Two kinds of source say so: Segment's computed audiences, in `context.personas`, and warehouses, by the
name of the event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actions_core.types import Json, JsonObject

_COMPUTED: Final = frozenset({"audience", "journey_step"})
_HOLDERS: Final = {"identify": "traits", "track": "properties"}
#: Under which sync modes a warehouse's event means in, or out.
_IN: Final = {"new": {"add", "upsert", "mirror"}, "updated": {"update", "upsert", "mirror"}}
_OUT: Final = {"deleted": {"delete", "mirror"}}


def membership(event: JsonObject, sync_mode: str | None) -> bool | None:
    """True: the user is in the audience; False: is not, or no longer; None: the event does not say."""
    personas = _personas(event)
    if personas.get("computation_class") in _COMPUTED and personas.get("computation_key"):
        holder = event.get(_HOLDERS.get(str(event.get("type")), ""))
        value = holder.get(personas["computation_key"]) if isinstance(holder, dict) else None
        if isinstance(value, bool):
            return value
    if event.get("type") == "track" and sync_mode is not None:
        name = str(event.get("event"))
        if sync_mode in _IN.get(name, ()):
            return True
        if sync_mode in _OUT.get(name, ()):
            return False
    return None


def audience_settings(event: JsonObject) -> JsonObject:
    """The settings of the audience that the event belongs to; empty where there are none."""
    settings = _personas(event).get("audience_settings")
    return settings if isinstance(settings, dict) else {}


def _personas(event: JsonObject) -> JsonObject:
    context: Json = event.get("context")
    personas = context.get("personas") if isinstance(context, dict) else None
    return personas if isinstance(personas, dict) else {}
