"""What no schema can say: the parts of a definition against each other.

Presets name actions and fields that exist, subscriptions parse, default mappings compile, and requests
in JSON read only what there will be. A definition that does not fit its schema is compared all the
same, so that one look shows every problem: a part that cannot be read is left out or cut down to what
can, but its name still counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import attrs

from actions_core.destination.specs import (
    BATCH_FIELDS,
    INTERNAL_PREFIX,
    MAPPING_EXTRAS,
    ActionSpec,
    DestinationSpec,
    PresetSpec,
)
from actions_core.errors import FqlError, Problem, child_path
from actions_core.mapping import validate_mapping
from actions_core.subscriptions import parse_fql
from actions_core.validation.fields import FieldSpec, field_problems, structure
from actions_core.values.types import MISSING
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from actions_core.values.types import Json, JsonObject

    T = TypeVar("T")
    Fields: TypeAlias = Mapping[str, FieldSpec]


#: The keys of a definition with requests that belong to no action.
_REQUESTS: Final = (
    "request", "testAuthentication", "onDelete", "refreshAccessToken", "createAudience", "getAudience",
)  # fmt: skip


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
    has_authentication: bool
    has_audience: bool


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
        has_authentication=spec.authentication is not None,
        has_audience=spec.audience is not None,
    )


def _requests_of(spec: DestinationSpec) -> dict[str, JsonObject | None]:
    """Return the requests that belong to no action, by their key in the definition."""
    return {
        "request": spec.request,
        "testAuthentication": spec.test_authentication,
        "onDelete": spec.on_delete,
        "refreshAccessToken": spec.refresh_access_token,
        "createAudience": spec.create_audience,
        "getAudience": spec.get_audience,
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
        actions={key: _readable_action(_object(raw)) for key, raw in actions.items()},
        presets={index: _readable(PresetSpec, raw, least) for index, raw in listed if isinstance(raw, dict)},
        settings=_readable_fields(authentication.get("fields")),
        audience_fields=_readable_fields(audience.get("audienceFields")),
        field_keys={key: list(_object(_object(raw).get("fields"))) for key, raw in actions.items()},
        requests={key: definition[key] for key in _REQUESTS if isinstance(definition.get(key), dict)},
        has_authentication=definition.get("authentication") is not None,
        has_audience=definition.get("audienceConfig") is not None,
    )


def _readable_action(raw: JsonObject) -> ActionSpec:
    rest = {key: value for key, value in raw.items() if key != "fields"}
    spec = _readable(ActionSpec, rest, {"title": ""})
    return attrs.evolve(spec, fields=_readable_fields(raw.get("fields")))


def _readable_fields(raw: Json) -> dict[str, FieldSpec]:
    return {
        key: _readable(FieldSpec, _object(field), {"type": "string"}) for key, field in _object(raw).items()
    }


def _readable(cls: type[T], raw: JsonObject, least: JsonObject) -> T:
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


# -- the parts against each other --------------------------------------------------------------------


def cross_check(parts: Parts, *, strict: bool = False) -> Iterator[Problem]:
    """Yield every problem between the parts of a definition; `strict` is for its author."""
    yield from field_problems(parts.settings, "$.authentication.fields")
    yield from field_problems(parts.audience_fields, "$.audienceConfig.audienceFields")
    for key in parts.actions:
        yield from _action(child_path("$.actions", key), key, parts, strict=strict)
    for index, preset in parts.presets.items():
        yield from _preset(f"$.presets[{index}]", preset, parts, strict=strict)
    yield from _requests(parts)
    for index, alias in enumerate(parts.aliases):
        if alias == parts.slug:
            yield Problem(
                f"$.aliases[{index}]", f"{shown(alias)} is the slug itself: an alias is another name"
            )


def _action(path: str, key: str, parts: Parts, *, strict: bool) -> Iterator[Problem]:
    action = parts.actions[key]
    yield from _condition(f"{path}.defaultSubscription", action.default_subscription, strict=strict)
    yield from _fields(f"{path}.fields", action.fields)
    for name, hook in action.hooks.items():
        yield from field_problems(hook.input_fields, f"{path}.hooks.{name}.inputFields")
    known = parts.field_keys[key]
    for name in action.dynamic_fields:
        if name not in known:
            yield _unknown(child_path(f"{path}.dynamicFields", name), "field", name, known)
    modes = [choice.value for choice in action.sync_mode.choices] if action.sync_mode else []
    if action.sync_mode and action.sync_mode.default not in (None, *modes):
        message = f"the default {shown(action.sync_mode.default)} is not among the choices"
        yield Problem(f"{path}.syncMode.default", message)
    successor = action.superseded_by
    if successor is not None and successor not in parts.actions:
        yield _unknown(f"{path}.supersededBy", "action", successor, list(parts.actions))
    elif key in _successors(key, parts):
        yield Problem(f"{path}.supersededBy", "the action supersedes itself, directly or by way of others")


def _preset(path: str, preset: PresetSpec, parts: Parts, *, strict: bool) -> Iterator[Problem]:
    yield from _condition(f"{path}.subscribe", preset.subscribe, strict=strict)
    known = parts.field_keys.get(preset.partner_action)
    if known is None:
        yield _unknown(f"{path}.partnerAction", "action", preset.partner_action, list(parts.actions))
    if preset.mapping is None:
        return
    yield from _mapping(f"{path}.mapping", preset.mapping)
    for key in preset.mapping if known is not None else ():
        extra = key in (*MAPPING_EXTRAS, *BATCH_FIELDS) or key.startswith((INTERNAL_PREFIX, "@"))
        if key not in (known or ()) and not extra:
            yield _unknown(child_path(f"{path}.mapping", key), "field", key, known or ())


def _requests(parts: Parts) -> Iterator[Problem]:
    from actions_core.destination.loading.request_checks import (  # loads with the first definition
        action_request_problems,
        shared_request_problems,
    )

    settings = list(parts.settings)
    for key, raw in parts.requests.items():
        yield from shared_request_problems(key, raw, settings)
        if key == "refreshAccessToken" and not parts.has_authentication:
            yield Problem(f"$.{key}", "refreshes access tokens, but the definition has no 'authentication'")
        if key in ("createAudience", "getAudience") and not parts.has_audience:
            yield Problem(f"$.{key}", "is for audiences, but the definition has no 'audienceConfig'")
    for key, action in parts.actions.items():
        path = child_path("$.actions", key)
        fields = {*parts.field_keys[key], *BATCH_FIELDS}
        yield from action_request_problems(path, action, fields, settings)


def _successors(key: str, parts: Parts) -> Iterator[str]:
    """Yield the actions that supersede this one, directly or indirectly, each at most once."""
    seen: set[str] = set()
    successor = parts.actions[key].superseded_by
    while successor is not None and successor in parts.actions and successor not in seen:
        yield successor
        seen.add(successor)
        successor = parts.actions[successor].superseded_by


def _fields(path: str, fields: Fields) -> Iterator[Problem]:
    yield from field_problems(fields, path)
    yield from _defaults(path, fields)


def _defaults(path: str, fields: Fields) -> Iterator[Problem]:
    """Check the default mappings of fields and of their children."""
    for key, field in fields.items():
        place = child_path(path, key)
        if field.default is not MISSING:
            # A mapping is an object: the default becomes one under its own key, which gives the path too.
            yield from _mapping(place, {"default": field.default})
        yield from _defaults(f"{place}.properties", field.properties or {})


def _condition(path: str, text: str | None, *, strict: bool) -> Iterator[Problem]:
    """Check the condition that a new subscription starts with.

    One that cannot be read is a warning, because the definition is good without it: published ones have
    such conditions, and whoever subscribes writes another. To its author (`strict`) it is an error.
    """
    if text is None:
        return
    try:
        condition = parse_fql(text)
    except FqlError as error:
        message = f"{error}: as it stands, the condition matches nothing"
        yield Problem(path, message, "error" if strict else "warning")
        return
    for message in condition.warnings:
        yield Problem(path, message, "warning")


def unreadable_conditions(spec: DestinationSpec) -> list[Problem]:
    """Return an error for each default condition that cannot be read; loading only warns of them."""
    parts = parts_of(spec)
    found = [
        problem
        for key, action in parts.actions.items()
        for problem in _condition(
            f"{child_path('$.actions', key)}.defaultSubscription", action.default_subscription, strict=True
        )
    ]
    for index, preset in parts.presets.items():
        found += _condition(f"$.presets[{index}].subscribe", preset.subscribe, strict=True)
    return [problem for problem in found if problem.is_error]


def _mapping(path: str, mapping: Json) -> Iterator[Problem]:
    for problem in validate_mapping(mapping):
        yield problem.below(path)


def _unknown(path: str, what: str, key: str, known: Collection[str]) -> Problem:
    return Problem(path, f"there is no {what} {shown(key)}{suggestion(key, known)}")
