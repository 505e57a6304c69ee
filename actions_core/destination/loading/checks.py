"""What no schema can say: the parts of a definition against each other.

Presets name actions and fields that exist, subscriptions parse, default mappings compile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.destination.loading.request_checks import check_requests
from actions_core.destination.specs import BATCH_FIELDS, INTERNAL_PREFIX, MAPPING_EXTRAS
from actions_core.errors import FqlError, Problem, child_path
from actions_core.mapping import validate_mapping
from actions_core.subscriptions import parse_fql
from actions_core.validation.fields import field_problems
from actions_core.values.types import MISSING
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from actions_core.destination.loading.parts import Parts
    from actions_core.destination.specs import PresetSpec
    from actions_core.validation.fields import FieldSpec
    from actions_core.values.types import Json

    Fields = Mapping[str, FieldSpec]


def cross_check(parts: Parts) -> Iterator[Problem]:
    """Yield every problem between the parts of a definition."""
    yield from field_problems(parts.settings, "$.authentication.fields")
    yield from field_problems(parts.audience_fields, "$.audienceConfig.audienceFields")
    for key in parts.actions:
        yield from _action(child_path("$.actions", key), key, parts)
    for index, preset in parts.presets.items():
        yield from _preset(f"$.presets[{index}]", preset, parts)
    yield from check_requests(parts)
    for index, alias in enumerate(parts.aliases):
        if alias == parts.slug:
            yield Problem(
                f"$.aliases[{index}]", f"{shown(alias)} is the slug itself: an alias is another name"
            )


def _action(path: str, key: str, parts: Parts) -> Iterator[Problem]:
    action = parts.actions[key]
    yield from _subscription(f"{path}.defaultSubscription", action.default_subscription)
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


def _preset(path: str, preset: PresetSpec, parts: Parts) -> Iterator[Problem]:
    yield from _subscription(f"{path}.subscribe", preset.subscribe)
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


def _subscription(path: str, text: str | None) -> Iterator[Problem]:
    if text is None:
        return
    try:
        parse_fql(text)
    except FqlError as error:
        yield Problem(path, str(error))


def _mapping(path: str, mapping: Json) -> Iterator[Problem]:
    for problem in validate_mapping(mapping):
        yield problem.below(path)


def _unknown(path: str, what: str, key: str, known: Collection[str]) -> Problem:
    return Problem(path, f"there is no {what} {shown(key)}{suggestion(key, known)}")
