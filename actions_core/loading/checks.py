"""What no schema can say: the parts of a definition against each other.

Presets name actions and fields that exist, subscriptions parse, default mappings compile, conditions
are on fields that exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.errors import FqlError, Problem, child_path
from actions_core.fields import ConditionSet
from actions_core.names import shown, suggestion
from actions_core.specs import BATCH_FIELDS, INTERNAL_PREFIX, MAPPING_EXTRAS
from actions_core.subscriptions import parse_fql
from actions_core.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions_core.fields import FieldSpec
    from actions_core.specs import ActionSpec, DestinationSpec, PresetSpec
    from actions_core.types import Json

    Fields = Mapping[str, FieldSpec]


def cross_check(spec: DestinationSpec) -> Iterator[Problem]:
    """Everything in which the parts of a definition do not fit each other."""
    if spec.authentication is not None:
        yield from _fields("$.authentication.fields", spec.settings, spec.settings)
    if spec.audience is not None:
        yield from _fields("$.audienceConfig.audienceFields", spec.audience.fields, spec.audience.fields)
    for key, action in spec.actions.items():
        yield from _action(child_path("$.actions", key), action, spec)
    for index, preset in enumerate(spec.presets):
        yield from _preset(f"$.presets[{index}]", preset, spec)


def _action(path: str, action: ActionSpec, spec: DestinationSpec) -> Iterator[Problem]:
    yield from _subscription(f"{path}.defaultSubscription", action.default_subscription)
    yield from _fields(f"{path}.fields", action.fields, action.fields, defaults=True)
    for key, hook in action.hooks.items():
        yield from _fields(f"{path}.hooks.{key}.inputFields", hook.input_fields, hook.input_fields)
    for key in action.dynamic_fields:
        if key not in action.fields:
            yield _unknown(child_path(f"{path}.dynamicFields", key), "field", key, list(action.fields))
    modes = [choice.value for choice in action.sync_mode.choices] if action.sync_mode else []
    if action.sync_mode and action.sync_mode.default not in (None, *modes):
        message = f"the default {shown(action.sync_mode.default)} is not among the choices"
        yield Problem(f"{path}.syncMode.default", message)
    successor = action.superseded_by
    if successor is not None and successor not in spec.actions:
        yield _unknown(f"{path}.supersededBy", "action", successor, list(spec.actions))
    elif successor is not None and spec.actions[successor] is action:
        yield Problem(f"{path}.supersededBy", "an action cannot supersede itself")


def _preset(path: str, preset: PresetSpec, spec: DestinationSpec) -> Iterator[Problem]:
    yield from _subscription(f"{path}.subscribe", preset.subscribe)
    action = spec.actions.get(preset.partner_action)
    if action is None:
        yield _unknown(f"{path}.partnerAction", "action", preset.partner_action, list(spec.actions))
    if preset.mapping is None:
        return
    yield from _mapping(f"{path}.mapping", preset.mapping)
    if action is None:
        return
    for key in preset.mapping:
        extra = key in (*MAPPING_EXTRAS, *BATCH_FIELDS) or key.startswith((INTERNAL_PREFIX, "@"))
        if key not in action.fields and not extra:
            yield _unknown(child_path(f"{path}.mapping", key), "field", key, list(action.fields))


def _fields(path: str, fields: Fields, root: Fields, *, defaults: bool = False) -> Iterator[Problem]:
    """Fields at any depth; conditions are on fields of the root, or beside the one that has them."""
    for key, field in fields.items():
        place = child_path(path, key)
        for name, conditions in (("required", field.required), ("depends_on", field.depends_on)):
            if isinstance(conditions, ConditionSet):
                yield from _conditions(f"{place}.{name}", conditions, {**fields, **root})
        if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
            yield Problem(f"{place}.minimum", f"{field.minimum} is more than the maximum {field.maximum}")
        if defaults and field.default is not MISSING:
            yield from _mapping(f"{place}.default", field.default)
        yield from _fields(f"{place}.properties", field.properties or {}, root, defaults=defaults)


def _conditions(path: str, conditions: ConditionSet, known: Fields) -> Iterator[Problem]:
    for index, condition in enumerate(conditions.conditions):
        key = condition.field_key
        if key is None or condition.type != "field" or key.startswith(INTERNAL_PREFIX):
            continue
        if not _exists(key, known):
            yield _unknown(f"{path}.conditions[{index}].fieldKey", "field", key, list(known))


def _exists(key: str, fields: Fields) -> bool:
    """Whether `key` is a field, or `object.child` a child of one."""
    if key in fields:
        return True
    first, _, rest = key.partition(".")
    if first not in fields or not rest:
        return False
    inside = fields[first].properties
    return inside is None or _exists(rest, inside)


def _subscription(path: str, text: str | None) -> Iterator[Problem]:
    if text is None:
        return
    try:
        parse_fql(text)
    except FqlError as error:
        yield Problem(path, str(error))


def _mapping(path: str, mapping: Json) -> Iterator[Problem]:
    from actions_core.mapping import validate_mapping

    for problem in validate_mapping(mapping):
        yield Problem(path + problem.path.removeprefix("$"), problem.message, problem.severity)


def _unknown(path: str, what: str, key: str, known: list[str]) -> Problem:
    return Problem(path, f"there is no {what} {shown(key)}{suggestion(key, known)}")
