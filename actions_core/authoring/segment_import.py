"""Parts of a workspace from what Segment exports: published definitions, subscriptions, filters.

Mappings and conditions are copied as they are, because they run unchanged. Secrets are not: where a
setting needs one, the workspace names an environment variable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import Problem, child_path
from actions_core.values.naming import snake_case
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.destination import Destination
    from actions_core.values.types import Json, JsonObject

#: The keys of a subscription in the forms that exist: Segment's public API, and a destination's settings.
_KEYS: Final = {
    "partnerAction": ("partnerAction", "actionSlug"),
    "subscribe": ("subscribe", "trigger"),
    "mapping": ("mapping", "settings"),
}
_KNOWN: Final = frozenset({"name", "enabled", *(name for names in _KEYS.values() for name in names)})


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


def default_settings(destination: Destination) -> JsonObject:
    """Return the settings of a new instance: defaults, and variables for what is required."""
    settings: JsonObject = {}
    for key, field in destination.spec.settings.items():
        if field.default is not MISSING:
            settings[key] = field.default
        elif field.required is True:
            # Optional settings are left out, because a variable that is not set prevents a start.
            settings[key] = {"$env": variable_name(destination.slug, key)}
    return settings


def variable_name(slug: str, key: str) -> str:
    """Return the environment variable for a setting, such as `FULLSTORY_CLOUD_API_KEY`."""
    words = f"{slug.removeprefix('actions-')}_{snake_case(key)}"
    return re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()


def import_subscriptions(data: Json) -> Imported | None:
    """Return the subscriptions in an export, whatever its form; None where there are none.

    It may be a list, or an object with a list under `subscriptions`, also below `data`.
    """
    raw, path = _find_list(data, "subscriptions")
    if raw is None:
        return None
    subscriptions: list[JsonObject] = []
    notes: list[Problem] = []
    for index, item in enumerate(raw):
        place = f"{path}[{index}]"
        imported = _subscription(item, place, notes)
        if imported is not None:
            subscriptions.append(imported)
    return Imported(subscriptions, tuple(notes))


def import_filters(data: Json) -> Imported | None:
    """Return the filters in an export of the public API; None where there are none."""
    raw, path = _find_list(data, "filters")
    if not raw:
        return None
    known = ("if", "actions", "enabled")
    filters: list[JsonObject] = []
    notes: list[Problem] = []
    for index, item in enumerate(raw):
        if not isinstance(item, dict):
            notes.append(Problem(f"{path}[{index}]", "is not a filter: left out", "warning"))
            continue
        imported = {key: item[key] for key in known if item.get(key) is not None}
        title = item.get("title") or item.get("name")
        filters.append({"name": title, **imported} if isinstance(title, str) else imported)
    return Imported(filters, tuple(notes))


def _find_list(data: Json, key: str) -> tuple[list[Any] | None, str]:
    """Return the list under `key`, wherever the export has it, and its path."""
    if isinstance(data, list):
        return (data, "$") if key == "subscriptions" else (None, "")
    path = "$"
    for _ in range(4):
        if not isinstance(data, dict):
            break
        if isinstance(data.get(key), list):
            return data[key], child_path(path, key)
        step = next((name for name in ("data", "destination", "settings") if name in data), None)
        if step is None:
            break
        data, path = data[step], child_path(path, step)
    return None, ""


def _subscription(item: Json, path: str, notes: list[Problem]) -> JsonObject | None:
    if not isinstance(item, dict):
        notes.append(Problem(path, "is not a subscription: left out", "warning"))
        return None
    imported: JsonObject = {}
    if isinstance(item.get("name"), str) and item["name"]:
        imported["name"] = item["name"]
    for key, names in _KEYS.items():
        value = next((item[name] for name in names if item.get(name) is not None), None)
        if value is not None:
            imported[key] = value
    missing = [key for key in ("partnerAction", "subscribe") if not isinstance(imported.get(key), str)]
    if missing:
        wanted = " and ".join(" or ".join(repr(name) for name in _KEYS[key]) for key in missing)
        notes.append(Problem(path, f"has no {wanted}: left out", "warning"))
        return None
    if item.get("enabled") is False:
        imported["enabled"] = False
    dropped = sorted(set(item) - _KNOWN)
    if dropped:
        notes.append(Problem(path, f"has {', '.join(dropped)}, which mean nothing here", "warning"))
    return imported
