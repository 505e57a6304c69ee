"""What of a destination must be as published: keys, types, defaults and presets; words are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions_core import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions_core import FieldSpec
    from actions_core.destination.specs import DestinationSpec

_MARKS = ("required", "multiple", "allow_null", "additional_properties")
_BOUNDS = ("minimum", "maximum")


def facts(spec: DestinationSpec) -> dict[str, Any]:
    """Return the facts of a definition, as `published.json` has those of the published one."""
    return {
        "name": spec.name,
        "slug": spec.slug,
        "settings": _fields(spec.settings),
        "presets": [[one.name, one.type, one.partner_action, one.subscribe] for one in spec.presets],
        "actions": {
            key: {
                "title": action.title,
                "defaultSubscription": action.default_subscription,
                "fields": _fields(action.fields),
            }
            for key, action in spec.actions.items()
        },
    }


def _fields(fields: Mapping[str, FieldSpec]) -> dict[str, Any]:
    return {key: _field(field) for key, field in fields.items()}


def _field(field: FieldSpec) -> dict[str, Any]:
    found: dict[str, Any] = {"type": field.type}
    for name in _MARKS:
        if getattr(field, name):
            first, *others = name.split("_")
            found[first + "".join(map(str.capitalize, others))] = getattr(field, name)
    for name in _BOUNDS:
        if getattr(field, name) is not None:
            found[name] = getattr(field, name)
    if field.default is not MISSING and field.default is not None:
        found["default"] = field.default
    if field.choices:
        found["choices"] = list(field.values)
    if field.properties:
        found["properties"] = _fields(field.properties)
    return found
