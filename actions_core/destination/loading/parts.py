"""The parts of a definition that are compared with each other, as far as each of them can be read.

A definition that does not fit its schema is compared all the same, so that one look shows every fault:
a part that cannot be read is left out or cut down to what can, but its name still counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

from actions_core.destination.specs import ActionSpec, DestinationSpec, PresetSpec
from actions_core.validation.fields import FieldSpec, structure

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from actions_core.values.types import Json, JsonObject

    T = TypeVar("T")


@attrs.frozen
class Parts:
    """What of a definition can be compared.

    `field_keys` has every field of every action, readable or not; `requests` those of no action, by key.
    """

    slug: Json
    aliases: Sequence[Json]
    actions: Mapping[str, ActionSpec]
    presets: Mapping[int, PresetSpec]
    settings: Mapping[str, FieldSpec]
    audience_fields: Mapping[str, FieldSpec]
    field_keys: Mapping[str, Collection[str]]
    requests: Mapping[str, JsonObject]


def parts_of(spec: DestinationSpec) -> Parts:
    """Return the parts of a definition that fits its schema."""
    return Parts(
        slug=spec.slug,
        aliases=spec.aliases,
        actions=spec.actions,
        presets=dict(enumerate(spec.presets)),
        settings=spec.settings,
        audience_fields={} if spec.audience is None else spec.audience.fields,
        field_keys={key: list(action.fields) for key, action in spec.actions.items()},
        requests={key: raw for key, raw in _requests_of(spec).items() if raw is not None},
    )


def _requests_of(spec: DestinationSpec) -> dict[str, JsonObject | None]:
    """Return the requests that belong to no action, by their key in the definition."""
    return {
        "request": spec.request,
        "testAuthentication": spec.test_authentication,
        "onDelete": spec.on_delete,
    }


def readable_parts(data: Json) -> Parts:
    """Return the readable parts of any JSON value."""
    definition = _object(data)
    actions = _object(definition.get("actions"))
    authentication = _object(definition.get("authentication"))
    audience = _object(definition.get("audienceConfig"))
    presets = definition.get("presets")
    listed = enumerate(presets) if isinstance(presets, list) else ()
    least = {"name": "", "type": "automatic", "partnerAction": ""}
    aliases = definition.get("aliases")
    return Parts(
        slug=definition.get("slug"),
        aliases=aliases if isinstance(aliases, list) else (),
        actions={key: _action(_object(raw)) for key, raw in actions.items()},
        presets={index: _read(PresetSpec, raw, least) for index, raw in listed if isinstance(raw, dict)},
        settings=_fields(authentication.get("fields")),
        audience_fields=_fields(audience.get("audienceFields")),
        field_keys={key: list(_object(_object(raw).get("fields"))) for key, raw in actions.items()},
        requests={
            key: definition[key]
            for key in ("request", "testAuthentication", "onDelete")
            if isinstance(definition.get(key), dict)
        },
    )


def _action(raw: JsonObject) -> ActionSpec:
    rest = {key: value for key, value in raw.items() if key != "fields"}
    spec = _read(ActionSpec, rest, {"title": ""})
    return attrs.evolve(spec, fields=_fields(raw.get("fields")))


def _fields(raw: Json) -> dict[str, FieldSpec]:
    return {key: _read(FieldSpec, _object(field), {"type": "string"}) for key, field in _object(raw).items()}


def _read(cls: type[T], raw: JsonObject, least: JsonObject) -> T:
    """Structure a spec; where that fails, fall back to `least` and each further key that can be read."""
    try:
        return structure(raw, cls)
    except Exception:  # noqa: BLE001 - what no schema has let through may fail in any way
        kept = structure(least, cls)
    for key, value in raw.items():
        try:
            kept = structure({**least, key: value}, cls)
        except Exception:  # noqa: BLE001, S112 - the fault of this key is known from the schema
            continue
        least = {**least, key: value}
    return kept


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
