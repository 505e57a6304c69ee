"""Instances, subscriptions and filters in our form, from the forms in which they are exported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.segment_import.settings import default_settings, find_secrets
from actions_core.authoring.segment_import.shapes import find_parts
from actions_core.errors import Problem, child_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

#: The keys of a subscription in the forms that exist: Segment's Public API, and a destination's settings.
_KEYS: Final = {
    "partnerAction": ("partnerAction", "actionSlug"),
    "subscribe": ("subscribe", "trigger"),
    "mapping": ("mapping", "settings"),
}
#: What says that the rows of a warehouse start a subscription, not the events of a source.
_REVERSE_ETL: Final = ("reverseETLModelId", "modelId", "reverseETLSchedule")
#: What the Public API says of each subscription and filter, and means nothing here.
_API_KEYS: Final = frozenset(
    {
        "id",
        "actionId",
        "destinationId",
        "sourceId",
        "workspaceId",
        "createdAt",
        "updatedAt",
        "description",
        *_REVERSE_ETL,
    }
)
_KNOWN: Final = _API_KEYS | {"name", "enabled", *(name for names in _KEYS.values() for name in names)}


@attrs.frozen
class Imported:
    """A part of a workspace, and notes on what could not be imported, with paths in the source."""

    value: Json
    notes: tuple[Problem, ...] = ()


def import_definition(destination: Destination) -> Imported:
    """Return an instance of a destination with its presets as subscriptions."""
    spec = destination.spec
    notes: list[Problem] = []
    subscriptions: list[JsonObject] = []
    for index, preset in enumerate(spec.presets):
        subscription: JsonObject = {
            "name": preset.name,
            "partnerAction": preset.partner_action,
            "subscribe": preset.subscribe or _by_slug(preset.event_slug or ""),
            "mapping": spec.preset_mapping(preset),
        }
        if preset.subscribe is None:
            subscription["enabled"] = False
            reason = (
                f"{preset.name!r} is for {preset.event_slug!r}, an event that Segment itself makes: "
                "it is imported disabled; give it a condition of your own to use it"
            )
            notes.append(Problem(f"$.presets[{index}]", reason, "warning"))
        subscriptions.append(subscription)
    instance: JsonObject = {"id": spec.slug, "destination": spec.slug}
    settings = default_settings(destination)
    if settings:
        instance["settings"] = settings
    return Imported({**instance, "subscriptions": subscriptions}, tuple(notes))


def _by_slug(slug: str) -> str:
    """Return the condition nearest to an event that Segment makes; its slug ends with the event's type."""
    return f'type = "{"identify" if slug.endswith("_identify") else "track"}"'


def import_subscriptions(data: Json) -> Imported | None:
    """Return the subscriptions in an export, whatever its form; None where there are none."""
    found = [part for part in find_parts(data) if part.kind == "subscription"]
    if not found and not (isinstance(data, list) or _has_list(data, "subscriptions")):
        return None
    notes: list[Problem] = []
    imported = [import_subscription(part.value, part.path, notes) for part in found]
    return Imported([item for item in imported if item is not None], tuple(notes))


def import_filters(data: Json) -> Imported | None:
    """Return the filters in an export of the Public API; None where there are none."""
    found = [part for part in find_parts(data) if part.kind == "filter"]
    if not found:
        return None
    notes: list[Problem] = []
    imported = [import_filter(part.value, part.path, notes) for part in found]
    return Imported([item for item in imported if item is not None], tuple(notes))


def _has_list(data: Json, key: str) -> bool:
    return isinstance(data, dict) and (
        isinstance(data.get(key), list)
        or any(_has_list(data.get(step), key) for step in ("data", "settings"))
    )


def import_filter(item: Json, path: str, notes: list[Problem]) -> JsonObject | None:
    """Return a filter in our form; None, with a note, for what is not a filter."""
    if not isinstance(item, dict):
        notes.append(Problem(path, "is not a filter: left out", "warning"))
        return None
    imported = {key: item[key] for key in ("if", "actions", "enabled") if item.get(key) is not None}
    title = item.get("title") or item.get("name")
    return {"name": title, **imported} if isinstance(title, str) else imported


def import_subscription(
    item: Json, path: str, notes: list[Problem], action_keys: Mapping[str, str] | None = None
) -> JsonObject | None:
    """Return a subscription in our form; None, with a note, for what cannot be one.

    `action_keys` has the key of each action by its id, for exports that name the id alone.
    """
    if not isinstance(item, dict):
        notes.append(Problem(path, "is not a subscription: left out", "warning"))
        return None
    imported: JsonObject = {}
    if isinstance(item.get("name"), str) and item["name"]:
        imported["name"] = item["name"]
    by_id = (action_keys or {}).get(str(item.get("actionId")))
    for key, names in _KEYS.items():
        value = next((item[name] for name in names if item.get(name) is not None), None)
        if key == "partnerAction" and value is None:
            value = by_id
        if key == "mapping" and isinstance(value, str):
            value = _parsed(value, path, notes)
        if value is not None:
            imported[key] = value
    missing = [key for key in ("partnerAction", "subscribe") if not isinstance(imported.get(key), str)]
    if missing:
        wanted = " and ".join(" or ".join(repr(name) for name in _KEYS[key]) for key in missing)
        notes.append(Problem(path, f"has no {wanted}: left out", "warning"))
        return None
    if item.get("enabled") is False:
        imported["enabled"] = False
    _note_oddities(item, imported, path, notes)
    place = next((name for name in _KEYS["mapping"] if item.get(name) is not None), "mapping")
    for found in find_secrets(imported.get("mapping"), child_path(path, place)):
        message = (
            "looks like a secret, and stands in the workspace as it stands here: keep that file safe, or "
            'write {"$env": "NAME"} in its place, with the name of an environment variable'
        )
        notes.append(Problem(found, message, "warning"))
    return imported


def _parsed(text: str, path: str, notes: list[Problem]) -> Json:
    """Return a mapping that was exported as the text of its JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        notes.append(Problem(path, "its mapping is text that is not JSON: left out", "warning"))
        return None


def _note_oddities(item: JsonObject, imported: JsonObject, path: str, notes: list[Problem]) -> None:
    source = next((key for key in _REVERSE_ETL if item.get(key)), None)
    if source is not None:
        name = imported.get("name") or imported["partnerAction"]
        if imported.get("enabled") is not False:
            imported["enabled"] = False
            reason = (
                f"{name!r} is for the rows of a warehouse ({source}), which do not come as events: "
                "it is imported disabled"
            )
            notes.append(Problem(path, reason, "warning"))
    dropped = sorted(key for key in set(item) - _KNOWN if item[key] is not None)
    if dropped:
        notes.append(Problem(path, f"has {', '.join(dropped)}, which mean nothing here", "warning"))
